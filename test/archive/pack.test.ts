import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync, gzipSync } from 'node:zlib';
import { packTarGz, unpackTarGz } from '../../src/archive/pack.ts';
import { temporaryFolder } from '../support/cli.ts';
import { file, folder, symlink, tar } from '../support/deb.ts';
import { listing, names } from '../support/unpacking.ts';

const LONG = `${'sehr lange Ordnernamen ü/'.repeat(11)}datei`;
const TIME = 1_700_000_000;

/** The same files in another order, with other times, modes and owners' bits. */
function fill(root: string, variant: 0 | 1): void {
  const contents: [string, string | Buffer][] = [
    ['top/b', 'second'],
    ['top/a-b', 'beside a'],
    ['top/a/c', Buffer.alloc(200_000, 'x')],
    ['top/empty', ''],
    ['top/äöü', 'not ASCII'],
    [`top/${LONG}`, 'long'],
    ['top/exactly', Buffer.alloc(1024)],
  ];
  for (const [name, content] of variant === 0 ? contents : contents.toReversed()) {
    mkdirSync(join(root, name, '..'), { recursive: true });
    writeFileSync(join(root, name), content, { mode: variant === 0 ? 0o600 : 0o664 });
    utimesSync(join(root, name), 1000 + variant, 1000 + variant);
  }
  chmodSync(join(root, 'top/b'), variant === 0 ? 0o700 : 0o755);
  chmodSync(join(root, 'top/a'), variant === 0 ? 0o700 : 0o775);
  symlinkSync('../nowhere/äöü', join(root, 'top/link'));
  mkdirSync(join(root, 'top/empty folder'));
  if (variant === 0) linkSync(join(root, 'top/b'), join(root, 'top/hard'));
  else writeFileSync(join(root, 'top/hard'), 'second', { mode: 0o755 });
}

async function pack(place: string, root: string, name: string) {
  const archive = join(place, name);
  const packed = await packTarGz({ root, archive, mtime: TIME });
  assert.ok(packed.ok, JSON.stringify(packed));
  return { archive, packed: packed.value };
}

test('the bytes of an archive depend on names, contents, executable bits and links only', async (t) => {
  const place = temporaryFolder(t, 'pack ü, ');
  for (const variant of [0, 1] as const) fill(join(place, `${variant}`), variant);
  const one = await pack(place, join(place, '0'), 'one.tar.gz');
  const other = await pack(place, join(place, '1'), 'other.tar.gz');
  const bytes = readFileSync(one.archive);
  assert.ok(bytes.equals(readFileSync(other.archive)));
  assert.deepEqual(one.packed, other.packed);
  assert.deepEqual(one.packed, {
    digest: `sha256:${createHash('sha256').update(bytes).digest('hex')}`,
    contentDigest: `sha256:${createHash('sha256').update(gunzipSync(bytes)).digest('hex')}`,
    bytes: bytes.length,
    files: 9,
  });
  assert.equal(bytes.readUInt32LE(4), 0, 'the time in the gzip header');
  assert.deepEqual(readdirSync(place).sort(), ['0', '1', 'one.tar.gz', 'other.tar.gz']);
});

test('what is packed is unpacked again, by us and by tar(1)', async (t) => {
  const place = temporaryFolder(t);
  fill(join(place, '0'), 0);
  const { archive } = await pack(place, join(place, '0'), 'archive.tar.gz');
  const ours = join(place, 'not', 'there yet');
  const unpacked = await unpackTarGz(archive, ours);
  assert.ok(unpacked.ok, JSON.stringify(unpacked));
  assert.equal(unpacked.value.files, 9);
  mkdirSync(join(place, 'theirs'));
  execFileSync('tar', ['-xzf', archive, '-C', join(place, 'theirs')]);
  assert.deepEqual(listing(ours), listing(join(place, 'theirs')));
  assert.deepEqual(names(ours), names(join(place, '0')));
  assert.equal(readFileSync(join(ours, 'top', LONG), 'utf8'), 'long');
  assert.equal(statSync(join(ours, 'top/b')).mode & 0o777, 0o755);
  assert.equal(statSync(join(ours, 'top/empty')).mode & 0o777, 0o644);
  assert.equal(statSync(join(ours, 'top/a')).mtimeMs, TIME * 1000);
  const owners = execFileSync('tar', ['--numeric-owner', '-tvzf', archive], { encoding: 'utf8' });
  assert.deepEqual(new Set(owners.match(/ \d+\/\d+ /g)), new Set([' 0/0 ']));
});

test('an archive that is there is replaced as a whole, and a failure leaves it alone', async (t) => {
  const place = temporaryFolder(t);
  fill(join(place, '0'), 0);
  const { archive } = await pack(place, join(place, '0'), 'archive.tar.gz');
  const before = readFileSync(archive);
  execFileSync('mkfifo', [join(place, '0', 'pipe')]);
  const refused = await packTarGz({ root: join(place, '0'), archive, mtime: TIME });
  assert.ok(!refused.ok);
  assert.equal(refused.error.code, 'archive/device-node');
  assert.ok(readFileSync(archive).equals(before));
  assert.deepEqual(readdirSync(place).sort(), ['0', 'archive.tar.gz']);
  mkdirSync(join(place, 'empty'));
  await pack(place, join(place, 'empty'), 'archive.tar.gz');
  assert.deepEqual(gunzipSync(readFileSync(archive)), Buffer.alloc(1024));
});

test('a .tar.gz is unpacked with the same guards as a package', async (t) => {
  const place = temporaryFolder(t);
  const archive = join(place, 'archive.tar.gz');
  const cases = [
    ['archive/escapes-root', gzipSync(tar([file('../evil')]))],
    ['archive/escapes-root', gzipSync(tar([file('/evil')]))],
    ['archive/conflict', gzipSync(tar([symlink('out', place), file('out/evil')]))],
    ['archive/device-node', gzipSync(tar([{ name: 'null', type: '3' }]))],
    ['archive/truncated', gzipSync(tar([file('a', Buffer.alloc(5000))]).subarray(0, 3000))],
    ['archive/truncated', gzipSync(tar([file('a')])).subarray(0, -10)],
    ['archive/corrupt', Buffer.from('no gzip at all')],
  ] as const;
  for (const [index, [code, bytes]] of cases.entries()) {
    writeFileSync(archive, bytes);
    const done = await unpackTarGz(archive, join(place, 'to', String(index)));
    assert.ok(!done.ok);
    assert.equal(done.error.code, code);
  }
  writeFileSync(archive, gzipSync(tar([symlink('out', place), folder('lib/'), file('lib/x')])));
  const inside = await unpackTarGz(archive, join(place, 'inside'));
  assert.ok(inside.ok);
  assert.deepEqual(readdirSync(place).sort(), ['archive.tar.gz', 'inside', 'to']);
  assert.equal(readFileSync(join(place, 'inside/lib/x'), 'utf8'), 'lib/x');
});

test('unpacking does not replace what is there', async (t) => {
  const place = temporaryFolder(t);
  const archive = join(place, 'archive.tar.gz');
  writeFileSync(archive, gzipSync(tar([file('a', 'new')])));
  mkdirSync(join(place, 'to'));
  writeFileSync(join(place, 'to', 'a'), 'old');
  const done = await unpackTarGz(archive, join(place, 'to'));
  assert.ok(!done.ok);
  assert.equal(done.error.code, 'archive/conflict');
  assert.equal(readFileSync(join(place, 'to', 'a'), 'utf8'), 'old');
});
