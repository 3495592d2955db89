import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  compress,
  type DebCompression,
  debAround,
  file,
  folder,
  hardLink,
  MTIME,
  symlink,
  tar,
} from '../support/deb.ts';
import {
  BARE_LAYOUT,
  names,
  unpackBytes,
  unpackFiles,
  unpackingRoot,
  unpackParts,
} from '../support/unpacking.ts';

for (const compression of ['xz', 'gz', 'zst', 'none'] as const satisfies readonly DebCompression[]) {
  test(`a package with data packed as ${compression} is unpacked`, async (t) => {
    const at = unpackingRoot(t);
    const big = Buffer.alloc(300_001, 'provision ');
    const parts = [
      folder('./'),
      folder('./usr/'),
      file('./usr/small', 'x'),
      file('./usr/big', big),
      file('./empty', ''),
    ];
    const done = await unpackParts(at, [parts], { compression });
    assert.deepEqual(done, { ok: true, value: { files: 3, bytes: 300_002 } });
    assert.equal(readFileSync(join(at.root, 'usr/small'), 'utf8'), 'x');
    assert.deepEqual(readFileSync(join(at.root, 'usr/big')), big);
    assert.equal(statSync(join(at.root, 'empty')).size, 0);
  });
}

/** Nothing is mapped at address 0: read(2) is refused with EIO there (proc(5)). */
const REFUSES_READS = '/proc/self/mem';

test('modes and times are kept; setuid and setgid are not, folders and files stay accessible to their owner', async (t) => {
  const at = unpackingRoot(t);
  const before = process.umask(0o077);
  t.after(() => process.umask(before));
  const done = await unpackParts(at, [
    [
      folder('./', { mode: 0o755 }),
      folder('./shared/', { mode: 0o2775, mtime: MTIME + 1 }),
      folder('./locked/', { mode: 0o555, mtime: MTIME + 2 }),
      folder('./tmp/', { mode: 0o1777 }),
      file('./shared/tool', '', { mode: 0o4755, mtime: MTIME + 3 }),
      file('./shared/group', '', { mode: 0o2755 }),
      file('./locked/secret', '', { mode: 0o640 }),
      file('./locked/no', '', { mode: 0o111 }),
      symlink('./locked/link', 'secret', { mtime: MTIME + 4 }),
    ],
  ]);
  assert.ok(done.ok);
  const facts = Object.fromEntries(
    names(at.root).map((name) => {
      const { mode, mtimeMs } = lstatSync(join(at.root, name));
      return [name, [(mode & 0o7777).toString(8), mtimeMs / 1000 - MTIME]];
    }),
  );
  assert.deepEqual(facts, {
    locked: ['755', 2],
    'locked/link': ['777', 4],
    'locked/no': ['511', 0],
    'locked/secret': ['640', 0],
    shared: ['775', 1],
    'shared/group': ['755', 0],
    'shared/tool': ['755', 3],
    tmp: ['1777', 0],
  });
});

test('links keep their text, hard links share one file', async (t) => {
  const at = unpackingRoot(t);
  const done = await unpackParts(at, [
    [
      folder('./etc/'),
      file('./etc/real', 'content'),
      symlink('./etc/absolute', '/etc/real'),
      symlink('./etc/dangling', '../nowhere/at all'),
      hardLink('./etc/same', './etc/real'),
      hardLink('./link-to-link', './etc/absolute'),
    ],
  ]);
  assert.ok(done.ok, JSON.stringify(done));
  assert.equal(readlinkSync(join(at.root, 'etc/absolute')), '/etc/real');
  assert.equal(readlinkSync(join(at.root, 'etc/dangling')), '../nowhere/at all');
  assert.equal(readlinkSync(join(at.root, 'link-to-link')), '/etc/real');
  assert.equal(statSync(join(at.root, 'etc/real')).ino, statSync(join(at.root, 'etc/same')).ino);
});

const LONG = `./usr/share/${'lange Ordnernamen mit Ümläuten/'.repeat(9)}datei-ж`;
for (const long of ['gnu', 'pax'] as const) {
  test(`names that are long and not ASCII are read from ${long} headers`, async (t) => {
    const at = unpackingRoot(t);
    const target = `../${'ж'.repeat(120)}`;
    assert.ok(Buffer.byteLength(LONG) > 255);
    const done = await unpackParts(at, [
      [file(LONG, 'long', { long }), file('./ключ', 'short'), symlink('./long-link', target, { long })],
    ]);
    assert.ok(done.ok, JSON.stringify(done));
    assert.equal(readFileSync(join(at.root, LONG), 'utf8'), 'long');
    assert.equal(readFileSync(join(at.root, 'ключ'), 'utf8'), 'short');
    assert.equal(readlinkSync(join(at.root, 'long-link')), target);
  });
}

for (const format of ['gnu', 'pax', 'ustar', 'v7']) {
  test(`what tar(1) writes in its ${format} format is read`, async (t) => {
    const at = unpackingRoot(t);
    const from = join(at.outside, 'from');
    mkdirSync(join(from, 'sub folder'), { recursive: true });
    writeFileSync(join(from, 'sub folder', 'file'), 'text');
    writeFileSync(join(from, 'second'), Buffer.alloc(70_000, 1));
    symlinkSync('sub folder/file', join(from, 'link'));
    if (format === 'gnu' || format === 'pax') writeFileSync(join(from, 'ü'.repeat(110)), 'long');
    const data = execFileSync('tar', [`--format=${format}`, '-C', from, '-c', '.'], { maxBuffer: 1 << 24 });
    const done = await unpackBytes(at, debAround(compress(data, 'xz')));
    assert.ok(done.ok, JSON.stringify(done));
    assert.deepEqual(names(at.root), names(from));
    assert.equal(readFileSync(join(at.root, 'link'), 'utf8'), 'text');
    assert.deepEqual(readFileSync(join(at.root, 'second')), readFileSync(join(from, 'second')));
  });
}

test('a later entry of the same name replaces an earlier one, also with another kind', async (t) => {
  const at = unpackingRoot(t);
  const done = await unpackParts(at, [
    [
      file('./twice', 'first'),
      file('./twice', 'second'),
      file('./turns', 'a file'),
      symlink('./turns', 'one'),
      symlink('./turns', 'other'),
      symlink('./back', 'other'),
      file('./back', 'a file again'),
    ],
  ]);
  assert.deepEqual(done, { ok: true, value: { files: 3, bytes: 5 + 6 + 6 + 12 } });
  assert.equal(readFileSync(join(at.root, 'twice'), 'utf8'), 'second');
  assert.equal(readlinkSync(join(at.root, 'turns')), 'other');
  assert.equal(readFileSync(join(at.root, 'back'), 'utf8'), 'a file again');
});

test('an empty data archive is a package without files', async (t) => {
  const at = unpackingRoot(t);
  const done = await unpackBytes(at, debAround(compress(Buffer.alloc(10_240), 'xz')));
  assert.deepEqual(done, { ok: true, value: { files: 0, bytes: 0 } });
});

test('of a package file of any format, the stretch that `open` finds is unpacked', async (t) => {
  const at = unpackingRoot(t);
  const data = compress(tar([folder('./usr/share/man/'), file('./usr/share/man/tool.1', 'x')]), 'gz');
  const packed = join(at.outside, 'tool.pkg');
  writeFileSync(packed, Buffer.concat([Buffer.from('header'), data, Buffer.from('footer')]));
  const asked: string[] = [];
  const done = await unpackFiles(at.root, [packed], {
    layout: BARE_LAYOUT,
    open: (archive, file) => {
      asked.push(archive);
      return { range: { file, start: 'header'.length, size: data.length }, compression: 'gz' };
    },
  });
  assert.deepEqual(done, { ok: true, value: { files: 1, bytes: 1 } });
  assert.deepEqual(asked, ['tool.pkg']);
  assert.deepEqual(names(at.root), ['usr', 'usr/share', 'usr/share/man', 'usr/share/man/tool.1']);
});

for (const compression of ['xz', 'gz', 'zst'] as const) {
  test(`a device that fails while a ${compression} archive is read is not a damaged archive`, async (t) => {
    const at = unpackingRoot(t);
    const done = await unpackFiles(at.root, [REFUSES_READS], {
      open: () => ({ range: { file: REFUSES_READS, start: 0, size: 100 }, compression }),
    });
    assert.ok(!done.ok);
    assert.equal(done.error.code, 'store/disk-error');
    assert.match(`${done.error.evidence}`, /EIO|Input\/output error/);
  });
}
