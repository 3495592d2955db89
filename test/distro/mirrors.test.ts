import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { snapshotName } from '../../src/distro/debian/mirrors.ts';
import { SYSTEM_PATH } from '../../src/distro/debian/settings.ts';
import { distribution } from '../../src/distro/distribution.ts';
import type { MachineFiles } from '../../src/distro/distro.ts';
import { temporaryFolder } from '../support/cli.ts';
import { testContext } from '../support/context.ts';

const RESOLVED = '2026-01-31T12:00:00Z';
const ARCHIVE = 'http://snapshot.example/archive/debian';
const SNAPSHOT = `${ARCHIVE}/20260131T120000Z`;
/** What apt of a machine that knows a snapshot archive prints. */
const KNOWS = `Acquire::Snapshots::URI::Origin::Debian "${ARCHIVE}/@SNAPSHOTID@/";\n`;

/** A machine whose apt is configured like this, and whose `apt-config dump` prints that. */
function machine(t: TestContext, files: Readonly<Record<string, string>>, dump = KNOWS): MachineFiles {
  const folder = temporaryFolder(t);
  for (const [name, text] of Object.entries(files)) {
    const file = join(folder, 'apt', name);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  const program = join(folder, 'bin', 'apt-config');
  mkdirSync(dirname(program));
  writeFileSync(join(folder, 'dump'), dump);
  writeFileSync(program, `#!/bin/sh\n[ "$1" = dump ] && cat '${join(folder, 'dump')}'\n`);
  chmodSync(program, 0o755);
  return { configuration: join(folder, 'apt'), path: `${join(folder, 'bin')}:${SYSTEM_PATH}` };
}

async function urls(options: MachineFiles): Promise<readonly string[]> {
  return (await distribution.locate(testContext(), [RESOLVED], options)).urls;
}

const DEB822 = `# a comment
Types: deb
# another
URIs: http://one.example/debian http://two.example/debian/
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://one.example/debian-security
Suites: bookworm-security
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
`;

test('mirrors that the user sets are the only ones, also without the snapshot archive behind them', async (t) => {
  const options = machine(t, { 'sources.list.d/debian.sources': DEB822 });
  const context = testContext({
    mirrors: ['http://mine.example/debian/', 'http://other.example/debian'],
  });
  const found = await distribution.locate(context, [RESOLVED], options);
  assert.deepEqual(found.urls, ['http://mine.example/debian', 'http://other.example/debian']);
  assert.match(found.why, /PROVISION_DEBIAN_MIRROR/);
});

test('deb822 sources: the archive’s own mirrors, in their order, then the snapshot of the lock’s time', async (t) => {
  const options = machine(t, { 'sources.list.d/debian.sources': DEB822 });
  assert.deepEqual(await urls(options), ['http://one.example/debian', 'http://two.example/debian', SNAPSHOT]);
});

test('locks of several times: one snapshot for each time, behind the machine’s own mirrors', async (t) => {
  const options = machine(t, { 'sources.list.d/debian.sources': DEB822 });
  const times = [RESOLVED, '2026-01-01T00:00:00Z', RESOLVED];
  assert.deepEqual((await distribution.locate(testContext(), times, options)).urls, [
    'http://one.example/debian',
    'http://two.example/debian',
    SNAPSHOT,
    `${ARCHIVE}/20260101T000000Z`,
  ]);
});

test('one-line sources, with and without options', async (t) => {
  const list = `
# deb http://commented.example/debian trixie main
deb http://one.example/debian trixie main non-free # the usual
deb [ arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg ] https://two.example/path/debian odd main
deb-src http://source.example/debian trixie main
deb http://one.example/debian-security trixie-security main
deb cdrom:[Debian 13]/ trixie main
`;
  const options = machine(t, { 'sources.list': list });
  assert.deepEqual(await urls(options), [
    'http://one.example/debian',
    'https://two.example/path/debian',
    SNAPSHOT,
  ]);
});

test('third parties, other components, disabled sources and other systems are passed over', async (t) => {
  const options = machine(t, {
    'sources.list.d/a.list':
      'deb [signed-by=/etc/apt/keyrings/tool.gpg] http://tool.example/debian trixie main\n',
    'sources.list.d/b.list': 'deb http://engine.example/linux/debian trixie stable\n',
    'sources.list.d/c.list': 'deb http://archive.example/ubuntu noble main\n',
    'sources.list.d/d.list': 'deb http://flat.example/debian ./\n',
    'sources.list.d/e.sources': DEB822.replace('Types: deb', 'Enabled: no\nTypes: deb'),
    'sources.list.d/f.sources': DEB822.replace('Types: deb\n', 'Types: deb-src\n'),
    'sources.list.d/g.sources': DEB822.replace('main contrib', 'contrib'),
    'sources.list.d/h.sources':
      'Types: deb\nURIs: ftp://x.example/debian\nSuites: trixie\nComponents: main\n',
    'sources.list.d/i.list.disabled': 'deb http://off.example/debian trixie main\n',
  });
  assert.deepEqual(await urls(options), [SNAPSHOT]);
});

test('a mirror list file, as cloud images have it, is read', async (t) => {
  const list = join(temporaryFolder(t), 'mirrors.list');
  writeFileSync(list, '# ours\nhttp://near.example/debian\tpriority:1\nhttp://far.example/debian/\n');
  const sources = `Types: deb\nURIs: mirror+file://${list}\nSuites: trixie\nComponents:\n main\n contrib\n`;
  const options = machine(t, { 'sources.list.d/debian.sources': sources });
  assert.deepEqual(await urls(options), [
    'http://near.example/debian',
    'http://far.example/debian',
    SNAPSHOT,
  ]);
});

test('where apt names no mirror, the snapshot archive of its configuration is used, at the lock’s time', async (t) => {
  const found = await distribution.locate(testContext(), [RESOLVED], machine(t, {}));
  assert.deepEqual(found.urls, [SNAPSHOT]);
  assert.match(found.why, /snapshot/);
  assert.equal(snapshotName('2026-01-31T12:00:00Z'), '20260131T120000Z');
});

test('the snapshot archive is the one that overrides, and must have a place for the time', async (t) => {
  const other =
    'Acquire::Snapshots::URI::Override::Origin::Debian "http://own.example/@SNAPSHOTID@/debian/";\n';
  assert.deepEqual(await urls(machine(t, {}, KNOWS + other)), ['http://own.example/20260131T120000Z/debian']);
  const fixed = 'Acquire::Snapshots::URI::Origin::Debian "http://fixed.example/debian/";\n';
  assert.deepEqual(await urls(machine(t, {}, fixed)), []);
  const none =
    'Acquire::Snapshots::URI::Origin::Debian "no";\nAcquire::Snapshots::URI::Origin::Ubuntu "http://x.example/@SNAPSHOTID@";\n';
  assert.deepEqual(await urls(machine(t, {}, none)), []);
});

test('a mirror that the user sets may be a snapshot archive, as it was when each lock was made', async (t) => {
  const context = testContext({ mirrors: ['http://mine.example/debian', `${ARCHIVE}/@SNAPSHOTID@`] });
  const times = [RESOLVED, '2026-01-01T00:00:00Z', RESOLVED];
  assert.deepEqual((await distribution.locate(context, times, machine(t, {}))).urls, [
    'http://mine.example/debian',
    SNAPSHOT,
    `${ARCHIVE}/20260101T000000Z`,
  ]);
});

test('a machine that names no mirror is told how to name one', async (t) => {
  const found = await distribution.locate(testContext(), [RESOLVED], {
    configuration: join(temporaryFolder(t), 'none'),
    path: '/nowhere',
  });
  assert.deepEqual(found.urls, []);
  const failure = distribution.noMirror(found);
  assert.equal(failure?.code, 'lock/no-mirror');
  assert.match(failure.fix.join(' '), /PROVISION_DEBIAN_MIRROR=<address/);
  assert.equal(distribution.noMirror({ ...found, urls: [SNAPSHOT] }), undefined);
});

test('apt’s own proxy wins over the environment’s, and its exceptions are kept', async (t) => {
  const dump = `APT::Architecture "amd64";
Acquire::http::Proxy "http://cache.example:3142";
Acquire::http::Proxy::direct.example "DIRECT";
Acquire::https::Proxy "DIRECT";
Acquire::http::Proxy-Auto-Detect "";
`;
  const options = machine(t, { 'sources.list.d/debian.sources': DEB822 }, dump);
  const proxies = { HTTP_PROXY: 'http://a.example', https_proxy: 'http://b.example', no_proxy: 'c.example' };
  const found = await distribution.locate(testContext({ proxies }), [RESOLVED], options);
  assert.deepEqual(found.proxies, {
    http_proxy: 'http://cache.example:3142',
    no_proxy: 'c.example,direct.example',
  });
});

test('apt’s proxy is not used for mirrors that the user sets; lower-case names win', async (t) => {
  const options = machine(t, {}, 'Acquire::http::Proxy "http://cache.example:3142";\n');
  const proxies = { HTTP_PROXY: 'http://upper.example', http_proxy: 'http://lower.example' };
  const context = testContext({ proxies, mirrors: ['http://mine.example/debian'] });
  const found = await distribution.locate(context, [RESOLVED], options);
  assert.deepEqual(found.proxies, { http_proxy: 'http://lower.example' });
});
