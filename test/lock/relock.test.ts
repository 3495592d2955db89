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

  // As an older provision wrote it: the lists come to it, and nothing else changes.
  const withoutLists = text.replace(/^ {2}"lists": \[\n[^\]]*\],\n/m, '');
  assert.notEqual(withoutLists, text);
  writeFileSync(definitionFile.lockFile, withoutLists);
  const listed = await relock(context, definitionFile, image(['data', 'libthing']), machine);
  assert.ok(listed.ok);
  assert.deepEqual([listed.value.changed, listed.value.listed], [false, true]);
  assert.equal(readFileSync(definitionFile.lockFile, 'utf8'), text);
  writeFileSync(definitionFile.lockFile, withoutLists);

  const moved = PACKAGES.map((each) => (each.name === 'libthing' ? { ...each, version: '1.1-1' } : each));
  const newer = await startMirror(t, files(debianArchive(moved, ['amd64'], KEY)));
  const later = { ...context, settings: { ...context.settings, mirrors: [newer.url] } };
  const third = await relock(later, definitionFile, image(['libthing', 'heavier']), machine);
  assert.ok(third.ok && third.value.changed);
  assert.equal(third.value.listed, undefined);
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

test('an old list that is replayed is an error, and the lock stays; by the lists that it names, else by its versions', {
  skip,
}, async (t) => {
  const at = (date: string, version: string) =>
    debianArchive(
      [{ name: 'data', architecture: 'all', version }],
      ['amd64'],
      KEY,
      'trixie',
      [],
      undefined,
      new Date(date),
    );
  const { context, machine } = await archiveContext(t, at('2026-11-20T10:00:00Z', '1.1-1'), KEY);
  const { home } = context.settings;
  const file = {
    ...{ id: 'docker/test', file: join(home, 'image.yaml') },
    ...{ lockFile: join(home, 'image.lock'), lockPath: 'image.lock' },
  };
  const definition = image(['data']);
  assert.ok((await relock(context, file, definition, machine)).ok);
  const read = await readLock(file, definition);
  assert.ok(read.ok, JSON.stringify(read));
  const [list, ...others] = read.value.lists ?? [];
  assert.deepEqual(
    [list?.suite, list?.architecture, list?.dated, others],
    ['trixie', 'amd64', '2026-11-20T10:00:00Z', []],
  );
  assert.match(list?.digest ?? '', /^sha256:[0-9a-f]{64}$/);
  const text = readFileSync(file.lockFile, 'utf8');

  const relockFrom = async (archive: ReadonlyMap<string, Buffer>) => {
    const mirror = await startMirror(t, files(archive));
    const from = { ...context, settings: { ...context.settings, mirrors: [mirror.url] } };
    return relock(from, file, definition, machine);
  };
  // The same packages a day before: whoever replays it may keep back what that list lacks.
  for (const version of ['1.1-1', '1.0-1']) {
    const older = await relockFrom(at('2026-11-19T10:00:00Z', version));
    assert.ok(!older.ok);
    assert.equal(older.error.code, 'lock/old-list');
    assert.deepEqual(older.error.evidence, [
      'trixie for amd64: of 2026-11-19T10:00:00Z, locked from that of 2026-11-20T10:00:00Z',
    ]);
    assert.equal(readFileSync(file.lockFile, 'utf8'), text);
  }
  // A lock of an older version of provision names no lists.
  const plain = text.replace(/ {2}"lists": \[[\s\S]*?\n {2}\],\n/, '');
  assert.ok(!plain.includes('lists'));
  writeFileSync(file.lockFile, plain);
  const back = await relockFrom(at('2026-11-21T10:00:00Z', '1.0-1'));
  assert.ok(!back.ok);
  assert.deepEqual(
    [back.error.code, back.error.evidence],
    ['lock/old-list', ['data:all: 1.0-1, locked is 1.1-1']],
  );
  assert.equal(readFileSync(file.lockFile, 'utf8'), plain);
  // What is newer is taken, from a list of any date.
  const forward = await relockFrom(at('2026-11-18T10:00:00Z', '1.2-1'));
  assert.ok(forward.ok && forward.value.changed);
});
