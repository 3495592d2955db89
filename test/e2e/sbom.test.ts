// The bill of materials of a real bundle: what is in it is what is there, and it can be read back from every form of it.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { PACKAGED_X86_64, provision, REPOSITORY, SHARED_STORE, temporaryFolder } from '../support/cli.ts';
import { type Advisory, grypeDatabase } from '../support/grype-db.ts';
import { assertCycloneDx, assertSpdx } from '../support/sbom-schemas.ts';
import { trivyDatabase } from '../support/trivy-db.ts';

const SAMPLE = join(REPOSITORY, 'runner', 'samples', 'any', 'numeric_tower.py');
const NAME = 'isolate-x86_64-unknown-linux-gnu';

let artifacts = '';
let bundle = '';
let unpacked = '';
let key = '';

before(async () => {
  const folder = temporaryFolder({ after: (done) => process.once('exit', done) }, 'provision sbom ü ');
  artifacts = join(folder, 'artifacts');
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  key = join(folder, 'release.pub');
  writeFileSync(key, publicKey.export({ type: 'spki', format: 'pem' }));
  const sign = join(folder, 'sign.pem');
  writeFileSync(sign, privateKey.export({ type: 'pkcs8', format: 'pem' }));
  const formats = ['--format', 'deb'];
  const run = await provision([PACKAGED_X86_64, ...formats, '--samples', SAMPLE, '--artifacts', artifacts], {
    cwd: folder,
    env: { PROVISION_SIGN_KEY: sign },
    store: SHARED_STORE,
    timeoutMs: 40 * 60_000,
  });
  assert.equal(run.status, 0, run.stdout + run.stderr);
  bundle = join(artifacts, `${NAME}.tar.gz`);
  assert.equal(spawnSync('tar', ['-xzf', bundle, '-C', folder]).status, 0);
  unpacked = join(folder, NAME);
});

interface Listed {
  readonly name: string;
  readonly version: string;
  readonly purl?: string;
  readonly scope?: string;
  readonly type?: string;
}

function components(): readonly Listed[] {
  return JSON.parse(readFileSync(join(artifacts, 'sbom.cdx.json'), 'utf8')).components;
}

test('both documents are valid, beside the bundle and in it, and the program says the same', async () => {
  for (const [file, format] of [
    ['sbom.cdx.json', 'cyclonedx'],
    ['sbom.spdx.json', 'spdx'],
  ] as const) {
    const text = readFileSync(join(artifacts, file), 'utf8');
    if (format === 'cyclonedx') await assertCycloneDx(text);
    else assertSpdx(text);
    assert.equal(readFileSync(join(unpacked, 'share', 'doc', 'isolate', file), 'utf8'), text);
    for (const subject of [bundle, unpacked, join(unpacked, 'bin', 'isolate')]) {
      const read = await provision(['sbom', subject, '--format', format], { store: SHARED_STORE });
      assert.equal(read.stdout, text, subject);
    }
  }
});

test('every shared library of the bundle is of a package that is listed', () => {
  const listed = components().map(({ name }) => name);
  // By the distribution's rules for names, as far as they hold.
  for (const [library, name] of [
    ['libcrypto.so.3', 'libssl3t64'],
    ['libsqlite3.so.0', 'libsqlite3-0'],
    ['libexpat.so.1', 'libexpat1'],
    ['libz.so.1', 'zlib1g'],
    ['libgcc_s.so.1', 'libgcc-s1'],
  ] as const) {
    assert.ok(readdirSync(join(unpacked, 'lib')).includes(library), library);
    assert.ok(listed.includes(name), name);
  }
  assert.ok(!listed.some((name) => name.endsWith('-dev') && name.startsWith('libpython')), listed.join());
  assert.equal(components().find(({ name }) => name === 'glibc')?.scope, 'excluded');
});

test('the crates are those that are linked, and no others of the lock', () => {
  const crates = components().filter(({ purl }) => purl?.startsWith('pkg:cargo/'));
  assert.deepEqual(crates.map(({ name }) => name).sort(), ['libc', 'once_cell', 'pyo3', 'pyo3-ffi']);
});

test('the table of licences names every component, and the texts are there', () => {
  const folder = join(unpacked, 'share', 'doc', 'isolate');
  const table = readFileSync(join(folder, 'LICENSES.md'), 'utf8');
  for (const { name, version } of components().filter(({ scope }) => scope === 'required'))
    assert.ok(table.includes(`| ${name} | ${version} |`), name);
  const folders = [...table.matchAll(/`(licenses\/[^`]+)`/g)].map(([, path]) => path as string);
  assert.ok(folders.length > 20);
  for (const path of folders) assert.ok(readdirSync(join(folder, path)).length > 0, path);
});

test('the statements of bundle, package and program are signed, and say what they were made of', async () => {
  const deb = readdirSync(artifacts).find((name) => name.endsWith('.deb')) ?? '';
  const program = join(unpacked, 'bin', 'isolate');
  for (const [file, statement] of [
    [bundle, `${bundle}.intoto.jsonl`],
    [join(artifacts, deb), join(artifacts, `${deb}.intoto.jsonl`)],
    [program, `${bundle}.intoto.jsonl`],
  ] as const) {
    const argv = ['verify', file, '--statement', statement, '--key', key];
    const verified = await provision(argv, { store: SHARED_STORE });
    assert.equal(verified.status, 0, verified.stderr);
    assert.match(
      verified.stdout,
      /digest, statement.* agree; signed by [0-9a-f]{64}; built from the recipe x86_64 /,
    );
  }
  const { payload } = JSON.parse(readFileSync(`${bundle}.intoto.jsonl`, 'utf8'));
  const text = Buffer.from(payload, 'base64').toString('utf8');
  const { predicate } = JSON.parse(text);
  const names = predicate.buildDefinition.resolvedDependencies.map(
    ({ uri, name }: { uri?: string; name?: string }) => uri ?? name,
  );
  for (const wanted of [
    /^project runner$/,
    /^lock sysroots\//,
    /^pkg:deb\/debian\/rustc@/,
    /^pkg:cargo\/pyo3@/,
  ])
    assert.ok(
      names.some((name: string) => wanted.test(name)),
      String(wanted),
    );
  assert.ok(!text.includes(SHARED_STORE), 'a path of this machine');
});

test('inspect shows it', async () => {
  const shown = await provision(['inspect', bundle, '--json'], { store: SHARED_STORE });
  assert.equal(shown.status, 0, shown.stderr);
  const { inside, crates } = JSON.parse(shown.stdout);
  assert.ok(inside.some(({ name }: Listed) => name === 'libssl3t64'));
  assert.deepEqual(
    crates.filter(({ root }: { root?: true }) => root).map(({ name }: Listed) => name),
    ['isolate'],
  );
});

test('a program without it, and one whose sections were removed, say so', async (t) => {
  const none = await provision(['sbom', '/bin/true'], { store: SHARED_STORE });
  assert.equal(none.status, 4);
  assert.match(none.stderr, /error\[archive\/no-sbom\]: true has no bill of materials inside/);
  const removed = join(temporaryFolder(t), 'isolate');
  const argv = ['--remove-section', '.sbom.cdx', join(unpacked, 'bin', 'isolate'), removed];
  const made = spawnSync('objcopy', argv, { encoding: 'utf8' });
  if (made.error !== undefined) return t.diagnostic('no objcopy here');
  assert.equal(made.status, 0, made.stderr);
  const read = await provision(['sbom', removed], { store: SHARED_STORE });
  assert.match(read.stderr, /error\[archive\/no-sbom\]/);
});

/** A scanner of PATH, behind `PROVISION_TEST_ALL`: it takes ten minutes to build one. */
function missing(program: string): string | false {
  if (process.env.PROVISION_TEST_ALL !== '1') return 'PROVISION_TEST_ALL=1 runs it';
  return spawnSync(program, ['--version']).error === undefined ? false : `${program} is not on PATH`;
}

function scanned(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): string {
  const environment = { ...process.env, SYFT_CHECK_FOR_APP_UPDATE: 'false', ...env };
  const run = spawnSync(program, args, { encoding: 'utf8', env: environment, maxBuffer: 1 << 28 });
  assert.equal(run.status, 0, run.stderr);
  return run.stdout;
}

test('syft finds the crates in the executable, and all components in both documents', {
  skip: missing('syft'),
}, () => {
  const found = (text: string): readonly string[] =>
    JSON.parse(text).artifacts.map(({ name, version }: Listed) => `${name} ${version}`);
  const executable = `file:${join(unpacked, 'bin', 'isolate')}`;
  const crates = found(scanned('syft', ['scan', '-q', executable, '-o', 'json']));
  assert.ok(crates.includes('pyo3 0.30.1'), crates.join());
  for (const file of ['sbom.cdx.json', 'sbom.spdx.json']) {
    const all = found(scanned('syft', ['convert', '-q', join(artifacts, file), '-o', 'json']));
    for (const { name, version, type } of components())
      if (type === 'library') assert.ok(all.includes(`${name} ${version}`), name);
  }
});

test('trivy finds all components in both documents and in the unpacked bundle, and the crates in the executable', {
  skip: missing('trivy'),
}, (t) => {
  const folder = temporaryFolder(t);
  // Without vulnerabilities it needs no database of its vendor's.
  const found = (...subject: readonly [string, string]): readonly string[] => {
    const args = ['--cache-dir', join(folder, 'cache'), '--format', 'cyclonedx', '--quiet'];
    const { components: all } = JSON.parse(scanned('trivy', [subject[0], ...args, subject[1]]));
    return all.map(({ name, version }: Listed) => `${name} ${version}`);
  };
  const documents = ['sbom.cdx.json', 'sbom.spdx.json'].map((file) => join(artifacts, file));
  for (const all of [...documents.map((file) => found('sbom', file)), found('rootfs', unpacked)])
    for (const { name, version, scope } of components())
      if (scope !== 'excluded') assert.ok(all.includes(`${name} ${version}`), name);
  const alone = join(folder, 'alone');
  mkdirSync(alone);
  cpSync(join(unpacked, 'bin', 'isolate'), join(alone, 'isolate'));
  const crates = components().filter(({ purl }) => purl?.startsWith('pkg:cargo/'));
  const inside = found('rootfs', alone);
  for (const { name, version } of crates) assert.ok(inside.includes(`${name} ${version}`), inside.join());
});

/** Versions of what is inside, older than which nothing is that was corrected before it was built. */
function versionOf(name: string): string {
  const found = components().find((one) => one.name === name);
  assert.ok(found !== undefined, name);
  return found.version;
}

/** What is planted, and what the distribution has corrected in the versions that are inside. */
function advisories(): readonly Advisory[] {
  return [
    // By the source packages: of libpython, of libssl, and of one whose versions have an epoch.
    { id: 'CVE-2099-0001', of: 'deb', name: 'openssl', fixed: '99:1' },
    { id: 'CVE-2099-0002', of: 'deb', name: 'python3.13', fixed: `${versionOf('libpython3.13')}+later1` },
    { id: 'CVE-2099-0003', of: 'deb', name: 'zlib', fixed: '99:1' },
    { id: 'GHSA-aaaa-aaaa-aaaa', of: 'rust-crate', name: 'once_cell', fixed: '99.0.0' },
    // Corrected by the distribution in the version that is inside, by number far below upstream's correction.
    { id: 'CVE-2099-1001', of: 'deb', name: 'openssl', fixed: versionOf('libssl3t64') },
    { id: 'CVE-2099-1002', of: 'deb', name: 'python3.13', fixed: versionOf('libpython3.13') },
    { id: 'CVE-2099-1003', of: 'deb', name: 'zlib', fixed: '1:1.3.dfsg-3.1' },
    { id: 'GHSA-bbbb-bbbb-bbbb', of: 'rust-crate', name: 'once_cell', fixed: versionOf('once_cell') },
  ];
}

const PLANTED = ['CVE-2099-0001', 'CVE-2099-0002', 'CVE-2099-0003', 'GHSA-aaaa-aaaa-aaaa'];

test('grype reports every planted vulnerability in either document, those of crates in the executable, and no corrected one', {
  skip: missing('grype'),
}, async (t) => {
  const folder = temporaryFolder(t);
  const env = grypeDatabase('grype', join(folder, 'db'), advisories());
  const reported = (subject: string) => reportedBy(env, subject);
  const planted = PLANTED;
  for (const file of ['sbom.cdx.json', 'sbom.spdx.json'])
    assert.deepEqual(reported(`sbom:${join(artifacts, file)}`), planted, file);
  // Packages state their corrections by their versions: there is nothing to add.
  const vex = await openVexOf(bundle, join(folder, 'openvex.json'));
  const beside = reportedBy(env, `sbom:${join(artifacts, 'sbom.cdx.json')}`, '--vex', vex);
  assert.deepEqual(beside, planted);
  const executable = join(unpacked, 'bin', 'isolate');
  assert.deepEqual(reported(`file:${executable}`), ['GHSA-aaaa-aaaa-aaaa']);
});

test('trivy reports every planted vulnerability in either document, and no corrected one', {
  skip: missing('trivy'),
}, (t) => {
  const folder = temporaryFolder(t);
  const options = trivyDatabase(folder, advisories());
  for (const file of ['sbom.cdx.json', 'sbom.spdx.json']) {
    const found = trivyReports(options, join(artifacts, file));
    assert.deepEqual(found, PLANTED, file);
  }
});

/** Each vulnerability once. */
function trivyReports(options: readonly string[], document: string, ...more: readonly string[]) {
  const said = scanned('trivy', ['sbom', ...options, ...more, '--format', 'json', document]);
  const { Results: results } = JSON.parse(said) as {
    readonly Results: readonly {
      readonly Vulnerabilities?: readonly { readonly VulnerabilityID: string }[];
    }[];
  };
  const all = results.flatMap(({ Vulnerabilities: some = [] }) => some);
  return [...new Set(all.map((one) => one.VulnerabilityID))].sort();
}

/** What `provision sbom --format openvex` prints, as a file. */
async function openVexOf(subject: string, file: string): Promise<string> {
  const printed = await provision(['sbom', subject, '--format', 'openvex'], { store: SHARED_STORE });
  assert.equal(printed.status, 0, printed.stderr);
  writeFileSync(file, printed.stdout);
  return file;
}

test('of a static Python grype reports what is planted in CPython and in every library that is inside, and no correction', {
  skip: missing('grype'),
}, async (t) => {
  const folder = temporaryFolder(t);
  const run = await provision(['aarch64', '--no-host', '--samples', SAMPLE, '--artifacts', folder], {
    store: SHARED_STORE,
    timeoutMs: 40 * 60_000,
  });
  assert.equal(run.status, 0, run.stdout + run.stderr);
  const document = join(folder, 'sbom.cdx.json');
  const listed = JSON.parse(readFileSync(document, 'utf8')).components as readonly Listed[];
  const sources = listed.filter(({ purl }) => purl?.includes('?arch=source&'));
  assert.ok(sources.length >= 7, sources.map(({ name }) => name).join());
  const planted = sources.map(
    ({ name }, i) => ({ id: `CVE-2099-1${i}`, of: 'deb', name, fixed: '99:1' }) as const,
  );
  const corrected = sources.map(
    ({ name, version }, i) => ({ id: `CVE-2099-2${i}`, of: 'deb', name, fixed: version }) as const,
  );
  const env = grypeDatabase('grype', join(folder, 'db'), [...planted, ...corrected]);
  const documents = [document, join(folder, 'sbom.spdx.json')];
  for (const file of documents)
    assert.deepEqual(reportedBy(env, `sbom:${file}`), planted.map(({ id }) => id).sort(), file);
  // A list that knows upstream's versions alone: there, what the distribution backported is open, and one that nobody corrected.
  const open = 'CVE-2099-9999';
  const { vulnerabilities } = JSON.parse(readFileSync(document, 'utf8')) as {
    readonly vulnerabilities: readonly {
      readonly id: string;
      readonly affects: readonly { readonly ref: string }[];
    }[];
  };
  const backported = vulnerabilities.flatMap(({ id, affects }) =>
    sources
      .filter(({ purl }) => affects.some(({ ref }) => ref === purl))
      .map(({ name }) => ({ id, of: 'deb', name, fixed: '99:1' }) as const),
  );
  assert.ok(backported.length >= 20, `${backported.length} corrections`);
  const upstream: readonly Advisory[] = [
    ...backported,
    { id: open, of: 'deb', name: sources[0]?.name ?? '', fixed: '99:1' },
  ];
  const unaware = grypeDatabase('grype', join(folder, 'upstream'), upstream);
  const program = join(folder, readdirSync(folder).find((name) => name.endsWith('.tar.gz')) ?? '');
  const vex = await openVexOf(program, join(folder, 'openvex.json'));
  for (const file of documents) {
    const without = reportedBy(unaware, `sbom:${file}`);
    assert.deepEqual(without, [...new Set([...backported.map(({ id }) => id), open])].sort(), file);
    assert.deepEqual(reportedBy(unaware, `sbom:${file}`, '--vex', vex), [open], file);
  }
  if (missing('trivy') !== false) return;
  const options = trivyDatabase(join(folder, 'trivy'), upstream);
  for (const file of documents) {
    assert.ok(trivyReports(options, file).length > 20, file);
    assert.deepEqual(trivyReports(options, file, '--vex', vex), [open], file);
  }
});

interface Match {
  readonly vulnerability: { readonly id: string };
}

/** Each vulnerability once. */
function reportedBy(
  env: Readonly<Record<string, string>>,
  subject: string,
  ...more: readonly string[]
): readonly string[] {
  const { matches } = JSON.parse(scanned('grype', [subject, '-q', '-o', 'json', ...more], env));
  return [...new Set<string>(matches.map((one: Match) => one.vulnerability.id))].sort();
}

test('the reader of cargo-audit finds the crates in the executable', {
  skip: missing('rust-audit-info'),
}, () => {
  const { packages } = JSON.parse(scanned('rust-audit-info', [join(unpacked, 'bin', 'isolate')]));
  assert.deepEqual(
    packages.filter(({ kind }: { kind?: string }) => kind !== 'build').map(({ name }: Listed) => name),
    ['isolate', 'libc', 'once_cell', 'pyo3', 'pyo3-ffi'],
  );
});
