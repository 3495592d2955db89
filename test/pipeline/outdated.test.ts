// What has newer versions, asked of a made-up archive by the machine's own apt: its suite, its security updates, and what their changelogs say.
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext as NodeTest, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MachineFiles } from '../../src/distro/distro.ts';
import type { Outdated, OutdatedReport, UsedPackage } from '../../src/domain/outdated.ts';
import { ok, type Result } from '../../src/domain/result.ts';
import { hostMachine } from '../../src/pipeline/host.ts';
import { findOutdated } from '../../src/pipeline/outdated/outdated.ts';
import { usedByBundle, usedByLocks } from '../../src/pipeline/outdated/used.ts';
import { wheelsOfRecipe } from '../../src/pipeline/outdated/wheels.ts';
import { planRun } from '../../src/pipeline/prepare.ts';
import { outdatedSummary } from '../../src/report/actions/outdated.ts';
import { readListed } from '../../src/sbom/listed.ts';
import { openStore } from '../../src/store/open.ts';
import { archiveContext, withDates } from '../support/archive-context.ts';
import { REPOSITORY, temporaryFolder } from '../support/cli.ts';
import { type TestContext, testContext } from '../support/context.ts';
import { compress, debAround, file, tar } from '../support/deb.ts';
import { type ArchivePackage, type ArchiveSource, debianArchive } from '../support/debian-archive.ts';
import { startMirror } from '../support/mirror.ts';
import { generateSigningKey, type SigningKey } from '../support/openpgp.ts';

const skip = existsSync('/usr/bin/apt-get') ? false : 'apt is not on this machine';
const KEY = generateSigningKey();

const CHANGELOG = `libthing (1.2-1+deb13u2) trixie-security; urgency=high

  * Correct an overflow (CVE-2026-20001, CVE-2026-3000).

 -- Nobody <nobody@example.org>  Sat, 21 Nov 2026 10:00:00 +0000

libthing (1.2-1+deb13u1) trixie; urgency=medium

  * Correct CVE-2026-1000 and CVE-2026-3000.

libthing (1.2-1) unstable; urgency=medium

  * Correct CVE-2020-1000.
`;

/** A package with a changelog in it. */
function withChangelog(name: string, version: string): ArchivePackage {
  const path = `./usr/share/doc/${name}/changelog.Debian.gz`;
  const text = compress(Buffer.from(CHANGELOG.replaceAll('libthing', name)), 'gz');
  return { name, version, content: debAround(compress(tar([file(path, text)]), 'gz'), 'gz') };
}

/** A source package whose archive `debian/` is in. */
function source(name: string, version: string): ArchiveSource {
  const archive = compress(tar([file('debian/changelog', CHANGELOG.replaceAll('libthing', name))]), 'gz');
  return { name, version, files: { [`${name}_${version.replace(/^\d+:/, '')}.debian.tar.gz`]: archive } };
}

interface Suites {
  readonly packages?: readonly ArchivePackage[];
  readonly sources?: readonly ArchiveSource[];
  /** Of the security updates; absent: the mirror has none. */
  readonly security?: readonly ArchivePackage[];
  readonly securityKey?: SigningKey;
  readonly securityUntil?: Date;
}

interface Archive {
  readonly context: TestContext;
  readonly machine: MachineFiles;
  /** Has the mirror serve other suites from now on. */
  readonly serve: (suites: Suites) => void;
  ask(
    used: readonly Partial<UsedPackage>[],
    wheels?: readonly Outdated[],
    unknown?: readonly string[],
  ): Promise<Result<OutdatedReport>>;
}

async function archive(t: NodeTest, suites: Suites): Promise<Archive> {
  const files = filesOf(suites);
  const { context, machine } = await archiveContext(t, files, KEY);
  const serve = (others: Suites): void => {
    files.clear();
    for (const [path, content] of filesOf(others)) files.set(path, content);
  };
  return { context, machine, serve, ask: (...asked) => ask(context, machine, ...asked) };
}

function filesOf(suites: Suites): Map<string, Buffer> {
  const { packages = [], sources = [], security, securityKey = KEY, securityUntil } = suites;
  const files = new Map(debianArchive(packages, ['amd64'], KEY, 'trixie', sources));
  if (security !== undefined)
    for (const [path, content] of debianArchive(
      ...([security, ['amd64'], securityKey, 'trixie-security', [], securityUntil] as const),
    ))
      files.set(`/debian-security/${path}`, content);
  return files;
}

async function ask(
  context: TestContext,
  machine: MachineFiles,
  used: readonly Partial<UsedPackage>[],
  wheels: readonly Outdated[] = [],
  unknown: readonly string[] = [],
): Promise<Result<OutdatedReport>> {
  const store = await openStore(context.settings.store);
  assert.ok(store.ok);
  const packages = used.map((one) => packageOf(one));
  return findOutdated(
    { context, store: store.value },
    { packages, compared: ['a lock'], unknown, wheels: async () => ok(wheels) },
    machine,
  );
}

function packageOf(one: Partial<UsedPackage>): UsedPackage {
  const name = one.name ?? 'libthing';
  return {
    ...{ name, version: '1.2-1', architecture: 'amd64', suite: 'trixie', source: name, shipped: true },
    ...{ where: 'a lock', ...one },
  };
}

test('a newer version in the suite is found, and nothing is said of what is the newest', {
  skip,
}, async (t) => {
  const { ask } = await archive(t, {
    packages: [
      { name: 'libthing', version: '1.3-1' },
      { name: 'same', version: '1.2-1' },
    ],
    security: [],
  });
  const tools = { shipped: false } as const;
  const report = await ask([tools, { name: 'same', ...tools }, { name: 'lost', ...tools }]);
  assert.ok(report.ok, JSON.stringify(report));
  const { outdated, gone, unknown, lists } = report.value;
  assert.deepEqual(outdated, [
    {
      ...{ kind: 'distribution', name: 'libthing', packages: ['libthing'], version: '1.2-1' },
      ...{ newest: '1.3-1', suite: 'trixie', shipped: false, where: ['a lock'] },
    },
  ]);
  assert.deepEqual(gone, [{ name: 'lost', suite: 'trixie', architecture: 'amd64' }]);
  assert.deepEqual(unknown, []);
  assert.ok(Math.abs(Date.parse(lists[0]?.dated ?? '') - Date.now()) < 600_000, JSON.stringify(lists));
  assert.ok(lists[0]?.security?.dated !== undefined);
});

test('security updates stand apart, and the changelog says what was corrected since', { skip }, async (t) => {
  const { ask } = await archive(t, {
    packages: [withChangelog('libthing', '1.2-1+deb13u1')],
    security: [withChangelog('libthing', '1.2-1+deb13u2')],
  });
  const before = await ask([{ version: '1.2-1+b3' }]);
  assert.ok(before.ok, JSON.stringify(before));
  const [one] = before.value.outdated;
  assert.deepEqual([one?.newest, one?.security], ['1.2-1+deb13u1', '1.2-1+deb13u2']);
  assert.deepEqual(one?.fixes, ['CVE-2026-1000', 'CVE-2026-3000', 'CVE-2026-20001']);

  const after = await ask([{ version: '1.2-1+deb13u1' }]);
  assert.ok(after.ok, JSON.stringify(after));
  const [other] = after.value.outdated;
  assert.deepEqual([other?.newest, other?.security], [undefined, '1.2-1+deb13u2']);
  assert.deepEqual(other?.fixes, ['CVE-2026-3000', 'CVE-2026-20001']);
  const summary = outdatedSummary(after.value);
  assert.match(summary, /1 outdated[\s\S]*libthing[\s\S]*deb13u2[\s\S]*CVE-2026-3000/);

  const newest = await ask([{ version: '1.2-1+deb13u2' }]);
  assert.ok(!newest.ok && newest.error.code === 'lock/old-list', JSON.stringify(newest));
});

test('a source package is compared without the epoch that its files lack', { skip }, async (t) => {
  const { ask } = await archive(t, { sources: [source('openlib', '1:1.2-1+deb13u1')], packages: [] });
  const of = (version: string) => ({ name: 'openlib', architecture: 'source', version });
  const same = await ask([of('1.2-1+deb13u1')]);
  assert.ok(same.ok && same.value.outdated.length === 0, JSON.stringify(same));
  const older = await ask([of('1.2-1')]);
  assert.ok(older.ok, JSON.stringify(older));
  const [one] = older.value.outdated;
  assert.equal(one?.newest, '1:1.2-1+deb13u1');
  // The changelog's first entry is newer than the package, and belongs to it all the same: it is the package's own.
  assert.ok(one?.fixes?.includes('CVE-2026-1000') && !one.fixes.includes('CVE-2020-1000'));
});

test('what is not known is said: no security updates, no changelog', { skip }, async (t) => {
  const { ask } = await archive(t, { packages: [{ name: 'libthing', version: '1.3-1' }] });
  const report = await ask([{ shipped: false }], [], ['something: a reason']);
  assert.ok(report.ok, JSON.stringify(report));
  assert.deepEqual(report.value.unknown, [
    'something: a reason',
    'security updates of trixie for amd64: no mirror has them',
  ]);
  assert.match(outdatedSummary(report.value), /not compared: something/);
});

test('wheels are listed behind what is shipped and corrects vulnerabilities', { skip }, async (t) => {
  const { ask } = await archive(t, { packages: [withChangelog('zlib', '1.2-1+deb13u1')], security: [] });
  const wheel: Outdated = {
    ...{ kind: 'python', name: 'attrs', packages: ['attrs'], version: '1.0', newest: '2.0' },
    ...{ shipped: true, where: ['app.python.lock'] },
  };
  const report = await ask([{ name: 'zlib' }], [wheel]);
  assert.ok(report.ok, JSON.stringify(report));
  assert.deepEqual(
    report.value.outdated.map(({ name }) => name),
    ['zlib', 'attrs'],
  );
});

test('a mirror that is gone is a failure, not an answer', { skip }, async (t) => {
  const { context, machine } = await archive(t, { packages: [{ name: 'libthing' }], security: [] });
  const gone = await startMirror(t, () => {});
  await gone.close();
  const settings = { ...context.settings, mirrors: [gone.url] };
  const report = await ask({ ...context, settings }, machine, [{}]);
  assert.ok(!report.ok && report.error.code === 'lock/no-mirror', JSON.stringify(report));
});

test('a list that is older than the lock is refused: the mirror is behind, or replays an old one', {
  skip,
}, async (t) => {
  const { ask } = await archive(t, { packages: [{ name: 'libthing', version: '1.1-1' }], security: [] });
  const report = await ask([{ version: '1.2-1' }]);
  assert.ok(!report.ok && report.error.code === 'lock/old-list', JSON.stringify(report));
  assert.match(report.error.evidence?.[0] ?? '', /a lock: libthing 1\.2-1; listed: 1\.1-1/);
});

test('security updates with another signature are no answer', { skip }, async (t) => {
  const { ask } = await archive(t, {
    packages: [{ name: 'libthing', version: '1.2-1' }],
    security: [{ name: 'libthing', version: '1.2-1+deb13u9' }],
    securityKey: generateSigningKey(),
  });
  const report = await ask([{}]);
  assert.ok(!report.ok && report.error.code === 'lock/untrusted', JSON.stringify(report));
});

test('security updates that are no longer valid are refused: somebody may keep newer ones back', {
  skip,
}, async (t) => {
  const { context, machine } = await archive(t, {
    packages: [{ name: 'libthing', version: '1.2-1' }],
    security: [{ name: 'libthing', version: '1.2-1' }],
    securityUntil: new Date(Date.now() - 30_000),
  });
  const report = await ask(context, withDates(t, machine), [{}]);
  assert.ok(!report.ok && report.error.code === 'lock/old-list', JSON.stringify(report));
});

/** How often apt itself was asked since the last call. */
function updates({ context }: Archive): number {
  const lines = context.events.flatMap((event) => (event.type === 'command' ? [event.line] : []));
  context.events.length = 0;
  return lines.filter((line) => line.startsWith('apt-get update')).length;
}

test('apt is asked again when the mirror has another signed file, and not before', { skip }, async (t) => {
  const before: Suites = { packages: [{ name: 'libthing', version: '1.3-1' }], security: [] };
  const here = await archive(t, before);
  const first = await here.ask([{ shipped: false }]);
  assert.ok(first.ok, JSON.stringify(first));
  assert.equal(updates(here), 2, 'the suite and its security updates');
  assert.deepEqual(await here.ask([{ shipped: false }]), first);
  assert.equal(updates(here), 0);
  // Other packages are looked up in the same lists.
  const other = await here.ask([{ name: 'lost', shipped: false }]);
  assert.ok(other.ok && other.value.gone.length === 1, JSON.stringify(other));
  assert.equal(updates(here), 0);
  here.serve({ ...before, packages: [{ name: 'libthing', version: '1.4-1' }] });
  const changed = await here.ask([{ shipped: false }]);
  assert.ok(changed.ok && changed.value.outdated[0]?.newest === '1.4-1', JSON.stringify(changed));
  assert.ok(updates(here) > 0);
  here.serve({
    ...before,
    security: [{ name: 'libthing', version: '9' }],
    securityKey: generateSigningKey(),
  });
  const forged = await here.ask([{ shipped: false }]);
  assert.ok(!forged.ok && forged.error.code === 'lock/untrusted', JSON.stringify(forged));
});

test('a list that was valid when apt checked it is refused when its time is over', { skip }, async (t) => {
  const until = new Date(Date.now() + 8_000);
  const here = await archive(t, {
    packages: [{ name: 'libthing', version: '1.2-1' }],
    security: [{ name: 'libthing', version: '1.2-1' }],
    securityUntil: until,
  });
  const machine = withDates(t, here.machine);
  const valid = await ask(here.context, machine, [{}]);
  assert.ok(valid.ok, JSON.stringify(valid));
  await sleep(until.getTime() + 1_500 - Date.now());
  const late = await ask(here.context, machine, [{}]);
  assert.ok(!late.ok && late.error.code === 'lock/old-list', JSON.stringify(late));
});

test('keys that apt did not check with count for nothing', { skip }, async (t) => {
  const here = await archive(t, { packages: [{ name: 'libthing', version: '1.3-1' }], security: [] });
  assert.ok((await here.ask([{ shipped: false }])).ok);
  const keyring = join(temporaryFolder(t), 'other.gpg');
  writeFileSync(keyring, generateSigningKey().keyring);
  const other = await ask(here.context, { keyrings: [keyring] }, [{}]);
  assert.ok(!other.ok && other.error.code === 'lock/untrusted', JSON.stringify(other));
});

test('offline nothing is compared', async (t) => {
  const { context, machine } = await archiveContext(t, new Map(), KEY);
  const report = await ask({ ...context, settings: { ...context.settings, offline: true } }, machine, [{}]);
  assert.ok(!report.ok && report.error.code === 'fetch/lists-offline', JSON.stringify(report));
});

test('a bill of materials names the packages of a bundle', () => {
  const purls = {
    zlib: 'pkg:deb/debian/zlib1g@1%3A1.3.1-1%2Bb1?arch=arm64&distro=debian-13&upstream=zlib',
    CPython: 'pkg:deb/debian/python3.13@3.13.5-2?arch=source&distro=debian-13',
    data: 'pkg:deb/debian/tzdata@2026a-0?arch=all&distro=debian-12',
    unreleased: 'pkg:deb/debian/other@1?arch=arm64&distro=debian-sid',
    pyo3: 'pkg:cargo/pyo3@0.30.1',
  };
  const components = Object.entries(purls).map(([name, purl]) => ({ name, version: '1', purl }));
  const document = {
    metadata: { properties: [{ name: 'provision:target', value: 'far' }] },
    components: [...components, { name: 'libc', version: '1', purl: purls.zlib, scope: 'excluded' }],
  };
  const listed = readListed(JSON.stringify(document));
  assert.deepEqual(listed, { components, target: 'far' });
  assert.equal(readListed('{'), undefined);
  const { used, unknown } = usedByBundle('app.tar.gz', components, 'arm64');
  assert.deepEqual(unknown, []);
  assert.deepEqual(
    used.map(({ name, version, architecture, suite, source }) => [
      ...[name, version, architecture, suite, source],
    ]),
    [
      ['zlib1g', '1:1.3.1-1+b1', 'arm64', 'trixie', 'zlib'],
      ['python3.13', '3.13.5-2', 'source', 'trixie', 'python3.13'],
      ['tzdata', '2026a-0', 'arm64', 'bookworm', 'tzdata'],
    ],
  );
  assert.match(usedByBundle('x', components, undefined).unknown[0] ?? '', /^data: /);
});

test('of a recipe everything that is locked is compared, and what gets into the bundle is marked', async () => {
  const context = testContext({ home: REPOSITORY, cwd: REPOSITORY });
  const musl = await planRun(context, 'musl', hostMachine());
  assert.ok(musl.ok, JSON.stringify(musl));
  const used = usedByLocks(musl.value.locks);
  const python = used.filter(({ name }) => name === 'python3.13' && name.length > 0);
  assert.deepEqual(
    python.filter(({ architecture }) => architecture === 'source').map(({ shipped }) => shipped),
    [true],
  );
  // Its version is the distribution's, not that of the upstream archive.
  assert.match(python.find(({ architecture }) => architecture === 'source')?.version ?? '', /-/);
  assert.ok(used.some(({ where, shipped }) => where.startsWith('docker/') && !shipped));
  assert.ok(used.every(({ source, shipped }) => source !== 'linux' || !shipped));
  const wasm = await planRun(context, 'wasm32-wasip1', hostMachine());
  assert.ok(wasm.ok);
  assert.deepEqual(
    wheelsOfRecipe(wasm.value).map(({ kind, name, where }) => [kind, name, where]),
    [['runtime', 'wasmtime', 'runtimes/wasmtime']],
  );
});
