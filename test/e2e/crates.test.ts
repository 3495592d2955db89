// Unmodified crates that let PyO3 start Python, with four versions of PyO3: shared and static libpython, the stable ABI,
// Python packages, and other `-sys` crates.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { before, type TestContext, test } from 'node:test';
import { provision, REPOSITORY, SHARED_STORE, temporaryFolder } from '../support/cli.ts';

interface Report {
  readonly status: string;
  readonly python: { readonly linkage: string };
  readonly totals: { readonly samples: number; readonly passed: number };
  readonly notices: readonly { readonly code: string; readonly message: string }[];
  readonly bundle: { readonly file: string };
}

let crates = '';

before(() => {
  const folder = temporaryFolder({ after: (done) => process.once('exit', done) }, 'provision crates ü ');
  crates = join(folder, 'crates');
  cpSync(join(REPOSITORY, 'test', 'crates'), crates, { recursive: true });
});

async function run(crate: string, recipe: string): Promise<Report> {
  const cwd = join(crates, crate);
  const ran = await provision(['run'], { cwd, store: SHARED_STORE, timeoutMs: 30 * 60_000 });
  assert.equal(ran.status, 0, ran.stdout + ran.stderr);
  return JSON.parse(readFileSync(join(cwd, 'artifacts', recipe, 'report.json'), 'utf8')) as Report;
}

function notice(report: Report): string {
  return report.notices.find(({ code }) => code === 'build/auto-initialize')?.message ?? '';
}

test('a crate with PyO3 0.22 runs with a shared libpython', async () => {
  const report = await run('pyo3-0.22', 'aarch64');
  assert.equal(report.totals.passed, 1);
  assert.equal(report.python.linkage, 'dynamic');
  assert.match(notice(report), /^PyO3 0\.22\.6 starts Python by itself .*: libpython is shared/);
});

test('a crate with PyO3 0.27 runs with a static libpython, needs no libraries, and its report lists what was linked', async (t) => {
  const report = await run('pyo3-0.27-static', 'musl');
  assert.equal(report.totals.passed, 1);
  assert.equal(report.python.linkage, 'static');
  assert.match(notice(report), /PyO3 refuses that where libpython is static: .* supplies the link lines/);
  const place = temporaryFolder(t, 'provision elsewhere ü ');
  const archive = join(crates, 'pyo3-0.27-static', report.bundle.file);
  assert.equal(spawnSync('tar', ['-xzf', archive, '-C', place]).status, 0);
  const program = join(place, readdirSync(place)[0] as string, 'bin', 'embed');
  const script = join(crates, 'samples', 'standard_library.py');
  const alone = spawnSync(program, [script], { encoding: 'utf8', env: {} });
  assert.equal(alone.stderr, '');
  assert.match(alone.stdout, /^True True __main__$/m);
  // A PYTHONHOME of the caller takes precedence: this one has no library.
  const elsewhere = spawnSync(program, [script], { encoding: 'utf8', env: { PYTHONHOME: '/nowhere' } });
  assert.notEqual(elsewhere.status, 0);
});

test('the crate with PyO3 0.27 runs as a WebAssembly module', async () => {
  const cwd = join(crates, 'pyo3-0.27-static');
  const ran = await provision(['wasm32-wasip1', '--samples', join(crates, 'pure')], {
    cwd,
    store: SHARED_STORE,
    timeoutMs: 30 * 60_000,
  });
  assert.equal(ran.status, 0, ran.stdout + ran.stderr);
  const folder = join(cwd, 'artifacts', 'wasm32-wasip1');
  const report = JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as Report;
  assert.equal(report.totals.passed, 1);
  assert.match(notice(report), /`run` of the bundle passes it the location of the standard library/);
});

test('a crate with PyO3 0.30 and the stable ABI runs beside crates that link zlib, SQLite and OpenSSL', async () => {
  const report = await run('pyo3-0.30-sys', 'musl');
  assert.equal(report.totals.passed, 2);
});

test("exec runs the toolchain's cargo for the target with paths of this machine in its messages", async () => {
  const cwd = join(crates, 'pyo3-0.30-sys');
  const cargo = ['cargo', 'build', '--release', '--locked', '--message-format=json'];
  const ran = await provision(['exec', '--', ...cargo], { cwd, store: SHARED_STORE });
  assert.equal(ran.status, 0, ran.stderr);
  const messages = ran.stdout.split('\n').filter((line) => line.startsWith('{'));
  const artifact = messages
    .map((line) => JSON.parse(line))
    .find(({ executable }) => typeof executable === 'string');
  assert.match(artifact.executable, /x86_64-unknown-linux-musl\/release\/sys$/);
  assert.ok(existsSync(artifact.executable), artifact.executable);
  assert.equal(artifact.target.src_path, join(cwd, 'src', 'main.rs'));
  const failed = await provision(['exec', '--', 'sh', '-c', 'pwd; exit 3'], {
    cwd: join(cwd, 'src'),
    store: SHARED_STORE,
  });
  assert.equal(failed.status, 3);
  assert.equal(failed.stdout.trim(), join(cwd, 'src'));
});

test('a crate with PyO3 0.24, the stable ABI and numpy gets packages for the target and the reference', async () => {
  const cwd = join(crates, 'pyo3-0.24-numpy');
  const locked = await provision(['lock'], { cwd, store: SHARED_STORE });
  assert.equal(locked.status, 0, locked.stderr);
  const report = await run('pyo3-0.24-numpy', 'aarch64');
  assert.equal(report.totals.passed, 2);
});

/** The shared store without the crates that other builds fetched. */
function withoutCrates(t: TestContext): string {
  const store = mkdtempSync(`${SHARED_STORE} `);
  t.after(() => rmSync(store, { recursive: true }));
  for (const part of ['blobs', 'trees', 'builds', 'results'])
    symlinkSync(join('..', basename(SHARED_STORE), part), join(store, part));
  return store;
}

test('what only the machine that builds needs is fetched as well, and nothing that neither side has', async (t) => {
  const cwd = join(crates, 'sides');
  const store = withoutCrates(t);
  const change = () => appendFileSync(join(cwd, 'src', 'main.rs'), `// ${randomUUID()}\n`);
  change();
  const ran = await provision(['run', '--store', store], { cwd, timeoutMs: 30 * 60_000 });
  assert.equal(ran.status, 0, ran.stdout + ran.stderr);
  const cache = join(store, 'volumes', 'crates-registry', 'cache');
  const fetched = readdirSync(cache).flatMap((registry) => readdirSync(join(cache, registry)));
  const names = fetched.map((file) => file.replace(/-\d.*$/, '')).sort();
  for (const name of ['cfg-if', 'cpufeatures', 'either', 'itoa', 'lazy_static', 'scopeguard', 'sha2'])
    assert.ok(names.includes(name), `${name} of ${names}`);
  assert.ok(!names.includes('windows-link'), `${names}`);
  // Without network, from what was fetched.
  change();
  const again = await provision(['run', '--offline', '--store', store], { cwd });
  assert.equal(again.status, 0, again.stdout + again.stderr);
});

test('SQLite, Zstandard, ring and mimalloc of crates are linked beside a static libpython that has a mimalloc of its own', async () => {
  const cwd = join(crates, 'c-libraries');
  const stdout = 'python 42\nlibsqlite3-sys true\nzstd-sys true\nring ba78\nmimalloc 1000\n';
  const tests = `tests: {commands: [{name: each, stdout: ${JSON.stringify(stdout)}}]}\n`;
  writeFileSync(join(cwd, 'plain.yaml'), `schema: 1\nextends: musl\nproject: {profile: dev}\n${tests}`);
  const ran = await provision(['run', './plain.yaml'], { cwd, store: SHARED_STORE, timeoutMs: 15 * 60_000 });
  assert.equal(ran.status, 0, ran.stdout + ran.stderr);
});

for (const target of ['aarch64', 'x86_64', 'armv7', 'musl'])
  test(`${target}: crates that bring C libraries are compiled for the target and answer there, bindgen with libclang in the toolchain`, {
    skip: process.env.PROVISION_TEST_ALL === '1' ? false : 'PROVISION_TEST_ALL=1 runs it: 5 minutes',
  }, async () => {
    const cwd = join(crates, 'c-libraries');
    const original = readFileSync(join(REPOSITORY, 'test/crates/c-libraries/provision.yaml'), 'utf8');
    const other = original.replace('extends: aarch64', `extends: ${target}`);
    // Debian has no C++ standard library for musl.
    const plain = other
      .replace('tools, cxx, python', 'tools, python')
      .replace(/^(?:python|sysroot): .*\n/gm, '')
      .replace('cxx 3\\nrdkafka-sys 2\\n', '');
    writeFileSync(join(cwd, 'provision.yaml'), target === 'musl' ? plain : other);
    const locked = await provision(['lock'], { cwd, store: SHARED_STORE });
    assert.equal(locked.status, 0, locked.stderr);
    // Its command test states what each of them prints.
    await run('c-libraries', target);
  });
