import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext as NodeTest, test } from 'node:test';
import type { SysrootDefinition } from '../../src/domain/definitions.ts';
import { definitionChecksum } from '../../src/lock/checksum.ts';
import { resolveLock } from '../../src/lock/resolve.ts';
import { type ArchiveContext, archiveContext, image, tree, withDates } from '../support/archive-context.ts';
import { temporaryFolder } from '../support/cli.ts';
import { type ArchivePackage, debianArchive } from '../support/debian-archive.ts';
import { digestOf } from '../support/locked.ts';
import { files, startMirror } from '../support/mirror.ts';
import { generateSigningKey } from '../support/openpgp.ts';

const skip = existsSync('/usr/bin/apt-get') ? false : 'apt is not on this machine';
const KEY = generateSigningKey();

const PACKAGES: readonly ArchivePackage[] = [
  { name: 'program', version: '2:1.5+b1~rc2-3', depends: 'libthing (>= 1.0), data, compiler | other' },
  { name: 'libthing', depends: 'libbase' },
  { name: 'libbase' },
  { name: 'data', architecture: 'all' },
  { name: 'compiler', depends: 'heavy, libbase' },
  { name: 'heavy', depends: 'heavier' },
  { name: 'heavier' },
  { name: 'needs-the-impossible', depends: 'libthing (>= 99)' },
];

function setUp(
  t: NodeTest,
  archive = debianArchive(PACKAGES, ['amd64', 's390x'], KEY),
): Promise<ArchiveContext> {
  return archiveContext(t, archive, KEY);
}

function sysrootOf(
  architecture: string,
  sysroot: readonly string[],
  rootfs: readonly string[],
): SysrootDefinition {
  return {
    kind: 'sysroot',
    name: 'test',
    description: 'A test.',
    suite: 'trixie',
    target: 'far',
    python: { name: 'cpython-3.13', implementation: 'CPython', version: '3.13', abiflags: '' },
    compiler: { flags: [] },
    link: { static: [], dynamic: [], wholePython: false, pie: true, arguments: [] },
    without: {},
    sysroot: tree(architecture, sysroot),
    rootfs: tree(architecture, rootfs),
  };
}

test('apt resolves packages and all they depend on, exactly', { skip }, async (t) => {
  const { context, machine } = await setUp(t);
  const definition = image(['program']);
  const locked = await resolveLock(context, definition, machine);
  assert.ok(locked.ok, JSON.stringify(locked));
  const { resolved, ...lock } = locked.value;
  assert.ok(Math.abs(Date.parse(resolved) - Date.now()) < 60_000);
  assert.match(resolved, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.deepEqual([lock.schema, lock.suite, lock.definition], [1, 'trixie', definitionChecksum(definition)]);
  assert.deepEqual(
    lock.sets.rootfs?.map((each) => `${each.name}:${each.architecture}`),
    [
      'compiler:amd64',
      'data:all',
      'heavier:amd64',
      'heavy:amd64',
      'libbase:amd64',
      'libthing:amd64',
      'program:amd64',
    ],
  );
  const content = Buffer.from('content of program 2:1.5+b1~rc2-3');
  assert.deepEqual(lock.sets.rootfs?.at(-1), {
    name: 'program',
    version: '2:1.5+b1~rc2-3',
    architecture: 'amd64',
    path: 'pool/main/p/program/program_1.5+b1~rc2-3_amd64.deb',
    digest: digestOf(content),
    size: content.length,
  });
  assert.deepEqual(readdirSync(join(context.settings.store, 'tmp')), []);
});

test('packages left out stay out, with what only they need', { skip }, async (t) => {
  const { context, machine } = await setUp(t);
  const locked = await resolveLock(context, image(['program'], ['compiler']), machine);
  assert.ok(locked.ok, JSON.stringify(locked));
  assert.deepEqual(
    locked.value.sets.rootfs?.map(({ name }) => name),
    ['data', 'libbase', 'libthing', 'program'],
  );
});

test('a package left out that this architecture does not have is passed over where another one has it', {
  skip,
}, async (t) => {
  const both = debianArchive(
    [...PACKAGES, { name: 'elsewhere', architecture: 's390x' }],
    ['amd64', 's390x'],
    KEY,
  );
  const { context, machine } = await setUp(t, both);
  const of = (others: readonly string[], without: readonly string[]) => {
    const definition = image(['libthing'], without);
    return { ...definition, rootfs: { ...definition.rootfs, others } };
  };
  const passed = await resolveLock(context, of(['s390x'], ['elsewhere', 'libbase']), machine);
  assert.ok(passed.ok, JSON.stringify(passed));
  assert.deepEqual(
    passed.value.sets.rootfs?.map(({ name }) => name),
    ['libthing'],
  );
  const alone = await resolveLock(context, of([], ['elsewhere']), machine);
  assert.ok(!alone.ok && alone.error.code === 'lock/unknown-package', JSON.stringify(alone));
  const nowhere = await resolveLock(context, of(['s390x'], ['nowhere']), machine);
  assert.ok(!nowhere.ok && nowhere.error.code === 'lock/unknown-package', JSON.stringify(nowhere));
});

test('a foreign architecture is resolved as its own, each set by itself, from one index', {
  skip,
}, async (t) => {
  const { context, machine } = await setUp(t);
  const definition = sysrootOf('s390x', ['libthing'], ['data']);
  const locked = await resolveLock(context, definition, machine);
  assert.ok(locked.ok, JSON.stringify(locked));
  const { sysroot, rootfs } = locked.value.sets;
  assert.deepEqual(
    sysroot?.map((each) => `${each.name}:${each.architecture}`),
    ['libbase:s390x', 'libthing:s390x'],
  );
  assert.deepEqual(
    rootfs?.map((each) => `${each.name}:${each.architecture}`),
    ['data:all'],
  );
  const commands = context.events.flatMap((event) => (event.type === 'command' ? [event.line] : []));
  assert.equal(commands.filter((line) => line.startsWith('apt-get update')).length, 1);
});

test('a set of an older suite is resolved in that one, and its suite is part of the checksum', {
  skip,
}, async (t) => {
  const older = [{ name: 'libthing', version: '0.5' }];
  const archive = new Map([
    ...debianArchive(PACKAGES, ['amd64'], KEY),
    ...debianArchive(older, ['amd64'], KEY, 'bullseye'),
  ]);
  const { context, machine } = await setUp(t, archive);
  const sysroot = { ...sysrootOf('amd64', ['libthing'], ['libthing']), suite: 'trixie' };
  const definition: SysrootDefinition = {
    ...sysroot,
    sysroot: { ...sysroot.sysroot, suite: 'bullseye' },
  };
  const locked = await resolveLock(context, definition, machine);
  assert.ok(locked.ok, JSON.stringify(locked));
  const versions = (name: string) =>
    locked.value.sets[name]?.map((each) => `${each.name} ${each.version}`).sort();
  assert.deepEqual(versions('sysroot'), ['libthing 0.5']);
  assert.deepEqual(versions('rootfs'), ['libbase 1.0-1', 'libthing 1.0-1']);
  assert.equal(locked.value.suite, 'trixie');
  assert.notEqual(definitionChecksum(definition), definitionChecksum(sysroot));
});

test('an archive that is not signed is refused', { skip }, async (t) => {
  const { context, machine } = await setUp(t, debianArchive(PACKAGES, ['amd64']));
  const locked = await resolveLock(context, image(['program']), machine);
  assert.ok(!locked.ok);
  assert.equal(locked.error.code, 'lock/untrusted');
  assert.match(locked.error.evidence?.join('\n') ?? '', /is not signed/);
});

test('an archive signed by another key is refused, and no other mirror asked', { skip }, async (t) => {
  const { context, machine } = await setUp(t, debianArchive(PACKAGES, ['amd64'], generateSigningKey()));
  const good = await startMirror(t, files(debianArchive(PACKAGES, ['amd64'], KEY)));
  const settings = { ...context.settings, mirrors: [...context.settings.mirrors, good.url] };
  const locked = await resolveLock({ ...context, settings }, image(['program']), machine);
  assert.ok(!locked.ok);
  assert.equal(locked.error.code, 'lock/untrusted');
  assert.equal(good.requests.length, 0);
});

test('an index that was changed after it was signed is not used', { skip }, async (t) => {
  const archive = new Map(debianArchive(PACKAGES, ['amd64'], KEY));
  const index = 'dists/trixie/main/binary-amd64/Packages';
  archive.set(index, Buffer.from(archive.get(index)?.toString().replace('libbase', 'libevil') ?? ''));
  const { context, machine } = await setUp(t, archive);
  const locked = await resolveLock(context, image(['program']), machine);
  assert.ok(!locked.ok);
  assert.match(locked.error.evidence?.join('\n') ?? '', /Hash Sum mismatch/);
});

test('an index that is no longer valid is not used', { skip }, async (t) => {
  const old = debianArchive(PACKAGES, ['amd64'], KEY, 'trixie', [], new Date(Date.now() - 30_000));
  const { context, machine } = await setUp(t, old);
  const locked = await resolveLock(context, image(['program']), withDates(t, machine));
  assert.ok(!locked.ok && locked.error.code === 'lock/old-list', JSON.stringify(locked));
});

test('a mirror that is down or does not have the suite is passed over', { skip }, async (t) => {
  const { context, machine } = await setUp(t);
  const down = await startMirror(t, files({}));
  await down.close();
  const empty = await startMirror(t, files({}));
  const mirrors = [down.url, empty.url, ...context.settings.mirrors];
  const settings = { ...context.settings, mirrors };
  const locked = await resolveLock({ ...context, settings }, image(['data']), machine);
  assert.ok(locked.ok, JSON.stringify(locked));

  const none = { ...context.settings, mirrors: [down.url, empty.url] };
  const failed = await resolveLock({ ...context, settings: none }, image(['data']), machine);
  assert.ok(!failed.ok);
  assert.equal(failed.error.code, 'lock/no-mirror');
  assert.match(failed.error.evidence?.join('\n') ?? '', /Connection refused/);
  assert.match(failed.error.also?.[0]?.evidence?.join('\n') ?? '', /404/);
});

test('every unknown package is named, with the closest known name', { skip }, async (t) => {
  const { context, machine } = await setUp(t);
  const locked = await resolveLock(context, image(['progarm', 'data', 'nothing-like-it']), machine);
  assert.ok(!locked.ok);
  assert.equal(locked.error.code, 'lock/unknown-package');
  assert.match(locked.error.what, /"progarm" for amd64/);
  assert.deepEqual(locked.error.fix, ['Did you mean `program`?']);
  assert.match(locked.error.also?.[0]?.what ?? '', /"nothing-like-it"/);
});

test('a name that packages merely mention is not suggested', { skip }, async (t) => {
  const { context, machine } = await setUp(t);
  for (const [name, fix] of [
    ['heavvy', 'Did you mean `heavy`?'],
    ['othre', 'Check its name in the definition.'],
    ['other', 'Check its name in the definition.'],
  ] as const) {
    const locked = await resolveLock(context, image([name]), machine);
    assert.ok(!locked.ok && locked.error.code === 'lock/unknown-package', JSON.stringify(locked));
    assert.deepEqual(locked.error.fix, [fix]);
    assert.equal(locked.error.entry, name);
  }
});

test('an unknown package among those left out is an error too', { skip }, async (t) => {
  const { context, machine } = await setUp(t);
  for (const without of [['compilre'], ['compiler', 'heavyy']]) {
    const locked = await resolveLock(context, image(['program'], without), machine);
    assert.ok(!locked.ok);
    assert.equal(locked.error.code, 'lock/unknown-package');
  }
});

test('dependencies that conflict fail with apt’s explanation', { skip }, async (t) => {
  const { context, machine } = await setUp(t);
  const locked = await resolveLock(context, image(['needs-the-impossible']), machine);
  assert.ok(!locked.ok);
  assert.equal(locked.error.code, 'lock/unsatisfiable');
  assert.match(locked.error.evidence?.join('\n') ?? '', /libthing \(>= 99\)/);
});

test('without apt the failure names the systems that have it', async (t) => {
  const { context, machine } = await setUp(t);
  const locked = await resolveLock(context, image(['data']), { ...machine, path: temporaryFolder(t) });
  assert.ok(!locked.ok);
  assert.equal(locked.error.code, 'lock/no-apt');
  assert.match(locked.error.fix.join(' '), /Debian or Ubuntu/);
});

test('without the archive’s keys on the machine, those of a locked package are used', { skip }, async (t) => {
  const deb = keyringPackage(t);
  const packages = [...PACKAGES, { name: 'debian-archive-keyring', architecture: 'all', content: deb }];
  const { context } = await setUp(t, debianArchive(packages, ['amd64'], KEY));
  const folder = join(context.settings.home, 'docker', 'keys');
  mkdirSync(folder, { recursive: true });
  const path = 'pool/main/d/debian-archive-keyring/debian-archive-keyring_1.0-1_all.deb';
  const locked = { name: 'debian-archive-keyring', path, digest: digestOf(deb) };
  writeFileSync(join(folder, 'image.lock'), JSON.stringify({ sets: { rootfs: [locked] } }));
  const resolved = await resolveLock(context, image(['data']), { keyrings: ['/nowhere/keyring.gpg'] });
  assert.ok(resolved.ok, JSON.stringify(resolved));

  const other = { ...locked, digest: digestOf(Buffer.from('another')) };
  writeFileSync(join(folder, 'image.lock'), JSON.stringify({ sets: { rootfs: [other] } }));
  const refused = await resolveLock(context, image(['data']), { keyrings: ['/nowhere/keyring.gpg'] });
  assert.ok(!refused.ok);
  assert.equal(refused.error.code, 'lock/no-keyring');
  assert.match(refused.error.evidence?.join('\n') ?? '', /Hash Sum mismatch/);
});

test('without any keys nothing is resolved', { skip }, async (t) => {
  const { context } = await setUp(t);
  const locked = await resolveLock(context, image(['data']), { keyrings: [] });
  assert.ok(!locked.ok);
  assert.equal(locked.error.code, 'lock/no-keyring');
  assert.match(locked.error.fix.join(' '), /debian-archive-keyring/);
});

test('an interrupt ends the resolution', { skip }, async (t) => {
  const { context, machine } = await setUp(t);
  context.abort();
  const locked = await resolveLock(context, image(['data']), machine);
  assert.ok(!locked.ok);
  assert.equal(locked.error.code, 'interrupted/signal');
});

/** A real package that holds the test's keyring. */
function keyringPackage(t: NodeTest): Buffer {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, 'root', 'DEBIAN'), { recursive: true });
  mkdirSync(join(folder, 'root', 'usr', 'share', 'keyrings'), { recursive: true });
  const control =
    'Package: debian-archive-keyring\nVersion: 1.0-1\nArchitecture: all\nMaintainer: N <n@example.org>\nDescription: keys\n';
  writeFileSync(join(folder, 'root', 'DEBIAN', 'control'), control);
  writeFileSync(join(folder, 'root', 'usr', 'share', 'keyrings', 'debian-archive-keyring.gpg'), KEY.keyring);
  execFileSync('dpkg-deb', ['--build', join(folder, 'root'), join(folder, 'keyring.deb')], {
    stdio: 'ignore',
  });
  return readFileSync(join(folder, 'keyring.deb'));
}
