import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { LockedPackage } from '../../src/domain/packages.ts';
import { readLock, writeLock } from '../../src/lock/lockfile.ts';
import { relock } from '../../src/lock/relock.ts';
import { archiveContext, image, tree } from '../support/archive-context.ts';
import { type ArchivePackage, debianArchive } from '../support/debian-archive.ts';
import { files, startMirror } from '../support/mirror.ts';
import { generateSigningKey } from '../support/openpgp.ts';
import { sourceSysroot } from '../support/source-sysroot.ts';

const skip = existsSync('/usr/bin/apt-get') ? false : 'apt is not on this machine';
const KEY = generateSigningKey();

const PACKAGES: readonly ArchivePackage[] = [
  { name: 'libthing', depends: 'libbase' },
  { name: 'libbase' },
  { name: 'data', architecture: 'all' },
  { name: 'heavier' },
];

test('relock writes a changed lock, returns old and new versions, and leaves an unchanged lock as it is', {
  skip,
}, async (t) => {
  const { context, machine } = await archiveContext(t, debianArchive(PACKAGES, ['amd64'], KEY), KEY);
  const file = join(context.settings.home, 'image.yaml');
  const definitionFile = {
    id: 'docker/test',
    file,
    lockFile: join(context.settings.home, 'image.lock'),
    lockPath: 'docker/test/image.lock',
  };
  const first = await relock(context, definitionFile, image(['libthing', 'data']), machine);
  assert.ok(first.ok && first.value.changed);
  assert.deepEqual(first.value.differences[0], {
    set: 'rootfs',
    name: 'data',
    architecture: 'all',
    to: '1.0-1',
  });

  const text = readFileSync(definitionFile.lockFile, 'utf8').replace(
    /"resolved": ".*"/,
    '"resolved": "2020-01-01T00:00:00Z"',
  );
  writeFileSync(definitionFile.lockFile, text);
  const second = await relock(context, definitionFile, image(['data', 'libthing']), machine);
  assert.ok(second.ok);
  assert.deepEqual([second.value.changed, second.value.differences], [false, []]);
  assert.equal(readFileSync(definitionFile.lockFile, 'utf8'), text);

  const moved = PACKAGES.map((each) => (each.name === 'libthing' ? { ...each, version: '1.1-1' } : each));
  const newer = await startMirror(t, files(debianArchive(moved, ['amd64'], KEY)));
  const later = { ...context, settings: { ...context.settings, mirrors: [newer.url] } };
  const third = await relock(later, definitionFile, image(['libthing', 'heavier']), machine);
  assert.ok(third.ok && third.value.changed);
  assert.deepEqual(third.value.differences, [
    { set: 'rootfs', name: 'data', architecture: 'all', from: '1.0-1' },
    { set: 'rootfs', name: 'heavier', architecture: 'amd64', to: '1.0-1' },
    { set: 'rootfs', name: 'libthing', architecture: 'amd64', from: '1.0-1', to: '1.1-1' },
  ]);
});

test('what a recipe adds to a sysroot is resolved, and its sources stay those of the shipped lock', {
  skip,
}, async (t) => {
  // The archive has no sources at all.
  const { context, machine } = await archiveContext(t, debianArchive(PACKAGES, ['amd64'], KEY), KEY);
  const { home } = context.settings;
  const file = (name: string) => ({
    ...{ id: name, file: join(home, `${name}.yaml`) },
    ...{ lockFile: join(home, `${name}.lock`), lockPath: `${name}.lock` },
  });
  const source: LockedPackage = {
    ...{ name: 'python3.13', version: '3.13.5-1', architecture: 'source', size: 7 },
    ...{ path: 'pool/main/p/python3.13/python3.13_3.13.5.orig.tar.xz', digest: `sha256:${'a'.repeat(64)}` },
  };
  const shipped = sourceSysroot({}, { sysroot: tree('amd64', ['libbase']), rootfs: tree('amd64', ['data']) });
  const first = await relock(context, file('base'), image(['libbase', 'data']), machine);
  assert.ok(first.ok);
  const { rootfs = [] } = first.value.lock.sets;
  const lock = { ...first.value.lock, sets: { rootfs, sources: [source], sysroot: rootfs } };
  assert.ok((await writeLock(file('shipped'), lock)).ok);
  const added = { ...shipped, sysroot: tree('amd64', ['libbase', 'libthing']) };
  const own = { ...file('own'), addsTo: file('shipped') };
  const relocked = await relock(context, own, added, machine);
  assert.ok(relocked.ok, JSON.stringify(relocked));
  const { sets } = relocked.value.lock;
  assert.deepEqual(Object.keys(sets), ['rootfs', 'sources', 'sysroot']);
  assert.deepEqual(sets.sources, [source]);
  assert.deepEqual(
    sets.sysroot?.map(({ name }) => name),
    ['libbase', 'libthing'],
  );
  assert.ok((await readLock(own, added)).ok);
  const again = await relock(context, own, added, machine);
  assert.ok(again.ok && !again.value.changed);
  // Without the shipped lock the archive is asked, which has no sources.
  assert.equal((await relock(context, file('alone'), added, machine)).ok, false);
});
