// An archive is compressed in pieces, by several threads, and in part once for many archives: its bytes show none of that.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { packTarGz, unpackTarGz } from '../../src/archive/pack.ts';
import type { Store } from '../../src/store/store.ts';
import { REPOSITORY, temporaryFolder } from '../support/cli.ts';
import { numbers } from '../support/random.ts';
import { freshStore, reopen } from '../support/stores.ts';
import { listing } from '../support/unpacking.ts';

const TIME = 1_700_000_000;
const MIB = 1 << 20;

/** A program and a library whose sizes are around those at which pieces end. */
function fill(root: string, program: string): void {
  const next = numbers(7);
  // Longer than what deflate looks back at.
  const block = Buffer.from(Array.from({ length: 1 << 16 }, () => (next(2) === 0 ? 0x61 : next(256))));
  const bytes = (size: number): Buffer => Buffer.alloc(size, block);
  const files: Readonly<Record<string, Buffer | string>> = {
    'top/bin/program': program,
    'top/bundle.json': '{}',
    'top/lib/exactly': Buffer.alloc(MIB, 'x'),
    'top/lib/fits with its header': bytes(MIB - 512),
    'top/lib/more by a byte': bytes(MIB - 511),
    'top/lib/several': bytes(2 * MIB + 700),
    'top/lib/empty': '',
    ...Object.fromEntries(
      Array.from({ length: 40 }, (_, at) => [`top/lib/small/${at}`, bytes(next(60_000))]),
    ),
    'top/share/after': 'last',
  };
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), content);
  }
}

async function pack(root: string, archive: string, store?: Store): Promise<Buffer> {
  const lasting = store === undefined ? {} : { lasting: { store, folder: 'top/lib' } };
  const packed = await packTarGz({ root, archive, mtime: TIME, ...lasting });
  assert.ok(packed.ok, JSON.stringify(packed));
  const bytes = readFileSync(archive);
  const sha = (content: Buffer) => `sha256:${createHash('sha256').update(content).digest('hex')}`;
  assert.equal(packed.value.digest, sha(bytes));
  assert.equal(packed.value.contentDigest, sha(gunzipSync(bytes)));
  assert.equal(packed.value.bytes, bytes.length);
  return bytes;
}

test('every reader of gzip and tar has the same files of it', async (t) => {
  const place = temporaryFolder(t, 'pieces ü ');
  const root = join(place, 'root');
  fill(root, 'first');
  const archive = join(place, 'archive.tar.gz');
  await pack(root, archive, await freshStore(t));
  execFileSync('gzip', ['-t', archive]);
  const python = `import tarfile,sys; tarfile.open(sys.argv[1]).extractall(sys.argv[2], **({'filter': 'data'} if hasattr(tarfile, 'data_filter') else {}))`;
  for (const [name, command] of [
    ['tar', ['tar', '-xzf', archive, '-C']],
    ['python', ['python3', '-c', python, archive]],
  ] as const) {
    const to = join(place, name);
    mkdirSync(to);
    execFileSync(command[0], [...command.slice(1), to]);
    for (const one of readdirSync(root, { recursive: true, encoding: 'utf8' }))
      if (statSync(join(root, one)).isFile())
        assert.ok(readFileSync(join(root, one)).equals(readFileSync(join(to, one))), `${name}: ${one}`);
  }
  const ours = await unpackTarGz(archive, join(place, 'ours'));
  assert.ok(ours.ok, JSON.stringify(ours));
  assert.deepEqual(listing(join(place, 'ours')), listing(join(place, 'tar')));
});

test('any number of threads makes the same bytes', async (t) => {
  const place = temporaryFolder(t, 'threads ü ');
  const root = join(place, 'root');
  fill(root, 'first');
  const program = `import { packTarGz } from ${JSON.stringify(join(REPOSITORY, 'src/archive/pack.ts'))};
    const [root, archive] = process.argv.slice(1);
    const packed = await packTarGz({ root, archive, mtime: ${TIME} });
    console.log(packed.ok && packed.value.digest);`;
  const digests = ['1', '2', '16'].map((threads) =>
    execFileSync(
      process.execPath,
      ['--input-type=module', '-e', program, root, join(place, `${threads}.tar.gz`)],
      { encoding: 'utf8', env: { ...process.env, UV_THREADPOOL_SIZE: threads } },
    ),
  );
  assert.match(digests[0] as string, /^sha256:[0-9a-f]{64}\n$/);
  assert.equal(new Set(digests).size, 1);
});

test('what lasts is compressed once: the bytes are the same whether the store had it, and an edit changes no others', async (t) => {
  const place = temporaryFolder(t, 'lasting ü ');
  const [root, archive] = [join(place, 'root'), join(place, 'archive.tar.gz')];
  fill(root, 'first');
  const store = await freshStore(t);
  const entries = () => readdirSync(join(store.folder, 'builds'));
  const first = await pack(root, archive, store);
  const [kept, ...more] = entries();
  assert.equal(more.length, 0);
  assert.ok((await pack(root, archive, store)).equals(first));
  assert.ok((await pack(root, archive, await freshStore(t))).equals(first));
  const whole = readFileSync(join(store.folder, 'builds', kept as string, 'root', 'compressed'));
  assert.ok(first.includes(whole));
  fill(root, 'second, and longer');
  const edited = await pack(root, archive, store);
  assert.ok(!edited.equals(first) && edited.includes(whole));
  assert.deepEqual(entries(), [kept]);
  writeFileSync(join(root, 'top/lib/small/7'), 'other');
  const other = await pack(root, archive, store);
  assert.ok(!other.includes(whole));
  assert.equal(entries().length, 2);
  const unpacked = await unpackTarGz(archive, join(place, 'to'));
  assert.ok(unpacked.ok);
  assert.equal(readFileSync(join(place, 'to/top/lib/small/7'), 'utf8'), 'other');
});

test('compressed bytes that the store has damaged are made anew, and none of them comes out', async (t) => {
  const place = temporaryFolder(t, 'damaged ü ');
  const [root, archive] = [join(place, 'root'), join(place, 'archive.tar.gz')];
  fill(root, 'first');
  const store = await freshStore(t);
  const { folder } = store;
  const first = await pack(root, archive, store);
  const [kept] = readdirSync(join(folder, 'builds'));
  const file = join(folder, 'builds', kept as string, 'root', 'compressed');
  const bytes = readFileSync(file);
  const damaged = Buffer.from(bytes);
  damaged[bytes.length >> 1] = (damaged[bytes.length >> 1] as number) ^ 0x10;
  for (const content of [damaged, bytes.subarray(0, -100), Buffer.alloc(0)]) {
    writeFileSync(file, content);
    assert.ok((await pack(root, archive, await reopen(folder))).equals(first));
    assert.ok(readFileSync(file).equals(bytes));
  }
});
