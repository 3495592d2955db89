// An archive that lists packages which its mirrors do not serve yet: nothing is locked that cannot be had.
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { SysrootDefinition } from '../../src/domain/definitions.ts';
import type { LockedPackage } from '../../src/domain/packages.ts';
import { unservedPackages } from '../../src/fetch/unserved.ts';
import type { LockedDefinition } from '../../src/lock/checksum.ts';
import { readLock } from '../../src/lock/lockfile.ts';
import { relock } from '../../src/lock/relock.ts';
import { archiveContext, image, tree } from '../support/archive-context.ts';
import { testContext } from '../support/context.ts';
import { type ArchivePackage, type ArchiveSource, debianArchive } from '../support/debian-archive.ts';
import { lockedPackage } from '../support/locked.ts';
import { files, startMirror } from '../support/mirror.ts';
import { generateSigningKey } from '../support/openpgp.ts';
import { value } from '../support/sandboxes.ts';
import { sourceSysroot } from '../support/source-sysroot.ts';

const skip = existsSync('/usr/bin/apt-get') ? false : 'apt is not on this machine';
const KEY = generateSigningKey();

function source(name: string, version: string): ArchiveSource {
  const [upstream = ''] = version.split('-');
  const of = (file: string): Record<string, Buffer> => ({ [file]: Buffer.from(`${file}, a source`) });
  return {
    ...{ name, version },
    files: { ...of(`${name}_${upstream}.orig.tar.xz`), ...of(`${name}_${version}.debian.tar.xz`) },
  };
}

/** An archive of which the mirrors serve all but these paths. */
function archiveOf(
  packages: readonly ArchivePackage[],
  sources: readonly ArchiveSource[],
  lacking: (path: string) => boolean = () => false,
): ReadonlyMap<string, Buffer> {
  const all = debianArchive(packages, ['amd64'], KEY, 'trixie', sources);
  return new Map([...all].filter(([path]) => !lacking(path)));
}

const OLD = [{ name: 'libbase' }, { name: 'libthing', depends: 'libbase' }, { name: 'data' }];
const NEW = OLD.map((one) => ({ ...one, version: '1.1-1' }));
const OLD_SOURCES = [source('python3.13', '3.13.5-1'), source('zlib', '1.3-1')];
const NEW_SOURCES = [source('python3.13', '3.13.5-2'), source('zlib', '1.4-1')];

function definition(packages: readonly string[], sources: readonly string[]): SysrootDefinition {
  const trees = { sysroot: tree('amd64', packages), rootfs: tree('amd64', ['data']) };
  return sourceSysroot(
    { source: 'python3.13' },
    { ...trees, sources: { architecture: 'source', packages: sources } },
  );
}

const DEFINITION = definition(['libthing'], ['python3.13', 'zlib']);

test('what no mirror serves stays as it is locked: a source by itself, packages together', {
  skip,
}, async (t) => {
  const { context, machine } = await archiveContext(t, archiveOf(OLD, OLD_SOURCES), KEY);
  const { home } = context.settings;
  const file = {
    ...{ id: 'docker/test', file: join(home, 'image.yaml') },
    ...{ lockFile: join(home, 'image.lock'), lockPath: 'image.lock' },
  };
  const from = async (archive: ReadonlyMap<string, Buffer>, wanted: LockedDefinition = DEFINITION) => {
    const mirror = await startMirror(t, files(archive));
    const here = { ...context, settings: { ...context.settings, mirrors: [mirror.url] } };
    const unserved = (packages: readonly LockedPackage[], resolved: string) =>
      unservedPackages(here, packages, resolved);
    return value(await relock(here, file, wanted, { ...machine, unserved }));
  };
  const first = await from(archiveOf(OLD, OLD_SOURCES));
  assert.deepEqual([first.changed, first.kept, first.lock.kept], [true, [], undefined]);
  const before = readFileSync(file.lockFile, 'utf8');

  // One file of a source that changed, and one package of those that changed.
  const lacking = (path: string): boolean =>
    path.endsWith('zlib_1.4-1.debian.tar.xz') || path.includes('libbase_1.1');
  const partly = await from(archiveOf(NEW, NEW_SOURCES, lacking));
  assert.equal(partly.changed, true);
  assert.deepEqual(
    partly.differences.map(({ name, from: was, to }) => [name, was, to]),
    [['python3.13', '3.13.5-1', '3.13.5-2']],
  );
  assert.deepEqual(
    partly.kept.map(({ set, name, from: was, to }) => [set, name, was, to]),
    [
      ['rootfs', 'data', '1.0-1', '1.1-1'],
      ['sources', 'zlib', '1.3-1', '1.4-1'],
      ['sysroot', 'libbase', '1.0-1', '1.1-1'],
      ['sysroot', 'libthing', '1.0-1', '1.1-1'],
    ],
  );
  const kept = { rootfs: ['data'], sources: ['zlib'], sysroot: ['libbase', 'libthing'] };
  assert.deepEqual(value(await readLock(file, DEFINITION)).kept, kept);
  assert.match(readFileSync(file.lockFile, 'utf8'), /^ {2}"kept": \{ "rootfs": \["data"\], /m);
  assert.deepEqual(
    partly.lock.sets.sources?.map(({ name, version }) => `${name} ${version}`),
    ['python3.13 3.13.5', 'python3.13 3.13.5-2', 'zlib 1.3', 'zlib 1.3-1'],
  );

  // A lock without lists whose packages all stay gets the lists, with what stayed named.
  writeFileSync(file.lockFile, before.replace(/^ {2}"lists": \[\n[^\]]*\],\n/m, ''));
  const listed = await from(archiveOf(NEW, OLD_SOURCES, lacking));
  assert.deepEqual([listed.changed, listed.listed], [false, true]);
  const read = value(await readLock(file, DEFINITION));
  assert.deepEqual(read.kept, { rootfs: ['data'], sysroot: ['libbase', 'libthing'] });
  assert.equal(read.lists?.length, 2);

  // Once they are served, they are taken, and nothing is kept.
  const whole = await from(archiveOf(NEW, NEW_SOURCES));
  assert.deepEqual([whole.changed, whole.kept, whole.lock.kept], [true, [], undefined]);
  assert.ok(whole.lock.sets.sysroot?.every(({ version }) => version === '1.1-1'));

  // Another definition needs what it asks for: the lock names what the archive lists, and fetching says what is not there. A
  // source that it has as before stays.
  const newest = NEW.map((one) => ({ ...one, version: '1.2-1' }));
  const other = await from(
    archiveOf(
      [...newest, { name: 'more' }],
      [source('python3.13', '3.13.6-1'), source('zlib', '1.4-1'), source('expat', '2.9-1')],
      (path) => /libbase_1\.2|python3\.13_3\.13\.6|expat_2\.9/.test(path),
    ),
    definition(['libthing', 'more'], ['python3.13', 'zlib', 'expat']),
  );
  assert.deepEqual(
    [other.changed, other.kept.map(({ name, from: was, to }) => [name, was, to])],
    [true, [['python3.13', '3.13.5-2', '3.13.6-1']]],
  );
  assert.ok(other.lock.sets.sources?.some(({ name }) => name === 'expat'));
  assert.ok(other.lock.sets.sysroot?.some(({ name, version }) => name === 'libbase' && version === '1.2-1'));
});

test('only a mirror that says so lacks a file, and a file must be lacking everywhere', async (t) => {
  const [one, two] = [lockedPackage('one', 5000).locked, lockedPackage('two', 50).locked];
  const full = await startMirror(t, files({ [one.path]: Buffer.alloc(9), [two.path]: Buffer.alloc(9) }));
  const lacking = await startMirror(t, files({ [one.path]: Buffer.alloc(9) }));
  const busy = await startMirror(t, (_, response) => void response.writeHead(503).end());
  const closed = await startMirror(t, files({}));
  await closed.close();
  const asked = async (...mirrors: readonly { readonly url: string }[]) => {
    const context = testContext({ mirrors: mirrors.map(({ url }) => url) });
    const found = value(await unservedPackages(context, [one, two], '2026-11-20T10:00:00Z'));
    return found.map(({ name }) => name);
  };
  assert.deepEqual(await asked(lacking), ['two']);
  assert.deepEqual(await asked(lacking, full), []);
  assert.deepEqual(await asked(lacking, lacking), ['two']);
  assert.deepEqual(await asked(lacking, busy), []);
  assert.deepEqual(await asked(lacking, closed), []);
  // No more than the first bytes are asked for.
  assert.ok(full.requests.every(({ headers }) => headers.range === 'bytes=0-0'));
});

test('a lock that says wrongly what was kept is refused', { skip }, async (t) => {
  const { context, machine } = await archiveContext(t, archiveOf(OLD, []), KEY);
  const { home } = context.settings;
  const file = {
    ...{ id: 'docker/test', file: join(home, 'image.yaml') },
    ...{ lockFile: join(home, 'image.lock'), lockPath: 'image.lock' },
  };
  value(await relock(context, file, image(['data']), machine));
  const text = readFileSync(file.lockFile, 'utf8');
  for (const [kept, right] of [
    ['{ "rootfs": ["data"] }', true],
    ['{ "rootfs": "data" }', false],
    ['{ "rootfs": [1] }', false],
    ['{ "other": ["data"] }', false],
    ['["data"]', false],
  ] as const) {
    writeFileSync(file.lockFile, text.replace('  "sets"', `  "kept": ${kept},\n  "sets"`));
    const read = await readLock(file, image(['data']));
    assert.deepEqual([kept, read.ok ? 'read' : read.error.code], [kept, right ? 'read' : 'lock/malformed']);
  }
});
