import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ok } from '../../src/domain/result.ts';
import { fingerprint } from '../../src/store/fingerprint.ts';
import { prune } from '../../src/store/prune.ts';
import type { Store } from '../../src/store/store.ts';
import { removeTree } from '../../src/store/temporary.ts';
import { storeUsage } from '../../src/store/usage.ts';
import { REPOSITORY } from '../support/cli.ts';
import { digestOf } from '../support/locked.ts';
import { asOrdinaryUser } from '../support/ordinary-user.ts';
import { freshStore, leftovers, never, StoreProcess } from '../support/stores.ts';

const DAY_MS = 24 * 3600 * 1000;

/** A store with one thing of each kind, last used as many days ago as its name states. */
async function filled(t: { after(done: () => unknown): void }, days: number): Promise<Store> {
  const store = await freshStore(t);
  const make = async (root: string) => {
    writeFileSync(join(root, 'file'), Buffer.alloc(100_000, 1));
    return ok(null);
  };
  for (const kind of ['trees', 'builds'] as const) await store.obtain(kind, { kind }, make, never());
  await store.settled();
  const digest = digestOf(Buffer.from('blob'));
  writeFileSync(store.blobPath(digest), Buffer.alloc(50_000, 1));
  writeFileSync(store.partialPath(digest), Buffer.alloc(10_000, 1));
  await store.writeResult('0'.repeat(64), { status: 'passed' });
  const volume = await store.volume('cargo');
  assert.ok(volume.ok);
  writeFileSync(join(volume.value, 'file'), 'x');
  age(store, days);
  return store;
}

/** Sets the last use of everything. */
function age(store: Store, days: number): void {
  const then = (Date.now() - days * DAY_MS) / 1000;
  const hex = digestOf(Buffer.from('blob')).slice('sha256:'.length);
  for (const path of [
    ...(['trees', 'builds'] as const).map((kind) => `${kind}/${fingerprint({ kind })}/entry.json`),
    `blobs/sha256/${hex}`,
    `partial/${hex}`,
    `results/${'0'.repeat(64)}.json`,
    'volumes/cargo',
  ]) {
    utimesSync(join(store.folder, path), then, then);
  }
}

/** What is left, by folder. */
function remaining(store: Store): Record<string, number> {
  const kinds = ['trees', 'builds', 'blobs/sha256', 'partial', 'results', 'volumes'];
  return Object.fromEntries(kinds.map((kind) => [kind, readdirSync(join(store.folder, kind)).length]));
}

const ALL = { trees: 1, builds: 1, 'blobs/sha256': 1, partial: 1, results: 1, volumes: 1 };
const NONE = { trees: 0, builds: 0, 'blobs/sha256': 0, partial: 0, results: 0, volumes: 0 };

test('usage counts bytes and entries by kind', async (t) => {
  const store = await filled(t, 0);
  const usage = await storeUsage(store);
  assert.ok(usage.ok);
  const { kinds, total } = usage.value;
  for (const [kind, { count }] of Object.entries(kinds)) assert.equal(count, kind === 'tmp' ? 0 : 1, kind);
  assert.ok(kinds.trees.bytes >= 100_000 && kinds.trees.bytes < 150_000, `${kinds.trees.bytes}`);
  assert.ok(kinds.blobs.bytes >= 50_000 && kinds.blobs.bytes < 60_000, `${kinds.blobs.bytes}`);
  assert.equal(total.count, 6);
  assert.equal(
    total.bytes,
    Object.values(kinds).reduce((sum, { bytes }) => sum + bytes, 0),
  );
});

test('an entry used lately is kept, one that was not is removed', async (t) => {
  const store = await filled(t, 10);
  assert.deepEqual((await pruned(store, { olderThanMs: 11 * DAY_MS })).removed, { bytes: 0, count: 0 });
  assert.deepEqual(remaining(store), ALL);
  await store.find('trees', fingerprint({ kind: 'trees' }));
  const { removed, kinds, inUse } = await pruned(store, { olderThanMs: 9 * DAY_MS });
  assert.deepEqual(remaining(store), { ...NONE, trees: 1 });
  assert.deepEqual([removed.count, inUse], [5, 0]);
  assert.ok((kinds.builds?.bytes ?? 0) >= 100_000);
  assert.deepEqual(leftovers(store.folder), []);
});

test('`all` removes everything but what is to be kept', async (t) => {
  const store = await filled(t, 0);
  const keep = new Set([fingerprint({ kind: 'trees' }), '0'.repeat(64)]);
  await pruned(store, { all: true, keep });
  assert.deepEqual(remaining(store), { ...NONE, trees: 1, results: 1 });
  await pruned(store, { all: true });
  assert.deepEqual(remaining(store), NONE);
});

test('without a limit only leftovers of dead processes are removed', async (t) => {
  const store = await filled(t, 1000);
  const child = new StoreProcess(t, store.folder, 'obtain', 'other:go');
  await child.until(/making/);
  await child.kill();
  assert.equal(leftovers(store.folder).length, 1);
  await pruned(store, {});
  assert.deepEqual(remaining(store), ALL);
  assert.deepEqual(leftovers(store.folder), []);
});

test('an entry that a live process uses is kept until it has ended', async (t) => {
  const store = await filled(t, 10);
  const child = new StoreProcess(t, store.folder, 'obtain', 'mine');
  const { value } = await child.outcome<{ value: { folder: string } }>();
  const first = await pruned(store, { all: true });
  assert.deepEqual([remaining(store).trees, first.inUse, first.removed.count], [1, 1, 6]);
  assert.ok(existsSync(join(value.folder, 'whole')));
  await child.end();
  await pruned(store, { all: true });
  assert.deepEqual(remaining(store), NONE);
});

test('an entry that is being made or is locked is kept', async (t) => {
  const store = await filled(t, 10);
  const child = new StoreProcess(t, store.folder, 'obtain', 'slow:go');
  await child.until(/making/);
  const keys = [`builds-${fingerprint({ kind: 'builds' })}`, 'volume-cargo'];
  const locks = await Promise.all(keys.map((key) => store.lock(key, never())));
  const { inUse } = await pruned(store, { all: true });
  assert.deepEqual([remaining(store), inUse], [{ ...NONE, builds: 1, volumes: 1 }, 2]);
  for (const lock of locks) {
    assert.ok(lock.ok);
    await lock.value[Symbol.asyncDispose]();
  }
  writeFileSync(join(store.folder, 'go'), '');
  const outcome = await child.outcome<{ ok: boolean; value: { folder: string } }>();
  assert.ok(outcome.ok && existsSync(join(outcome.value.folder, 'whole')));
});

test('files and folders that are no entries are removed like entries', async (t) => {
  const store = await freshStore(t);
  mkdirSync(join(store.folder, 'trees', 'garbage', 'root'), { recursive: true });
  writeFileSync(join(store.folder, 'builds', 'a file'), 'x');
  await pruned(store, { all: true });
  assert.deepEqual(remaining(store), NONE);
});

async function pruned(store: Store, options: Parameters<typeof prune>[1]) {
  const outcome = await prune(store, options);
  assert.ok(outcome.ok, JSON.stringify(outcome));
  return outcome.value;
}

/** Folders in each other, each of them read-only, to a depth at which no path names the innermost (PATH_MAX, 4096). */
function nestDeep(folder: string): void {
  const script =
    'cd "$1"; name=$2$(printf "\\377"); i=0; while [ $i -lt 60 ]; do mkdir "$name" && cd -P "$name" && i=$((i + 1)) || exit 1; done; : >file; chmod 500 .';
  execFileSync('/bin/sh', ['-c', script, 'sh', folder, 'n'.repeat(100)]);
}

test('folders nested deeper than a path can name are counted as far as they go, and removed', async (t) => {
  const store = await freshStore(t);
  const volume = await store.volume('deep');
  assert.ok(volume.ok);
  nestDeep(volume.value);
  const left = join(store.folder, 'tmp', 'left');
  mkdirSync(left);
  nestDeep(left);
  await removeTree(left);
  assert.ok(!existsSync(left));
  const usage = await storeUsage(store);
  assert.ok(usage.ok && usage.value.kinds.volumes.bytes > 0);
  const then = Date.now() / 1000 - 3600;
  utimesSync(volume.value, then, then);
  const pruned = await prune(store, { all: true });
  assert.ok(pruned.ok, JSON.stringify(pruned));
  assert.equal(pruned.value.removed.count, 1);
  assert.deepEqual(readdirSync(join(store.folder, 'volumes')), []);
  assert.deepEqual(leftovers(store.folder), []);
});

test('a second user of a store cleans what is theirs; what only another may remove is kept and counted', async (t) => {
  const user = asOrdinaryUser(t);
  if (user === undefined || process.getuid?.() !== 0) return t.skip('needs root and an ordinary user');
  const store = join(user.folder, 'store');
  user.execute(
    '/bin/sh',
    [
      '-c',
      'mkdir -p store/tmp store/volumes/mine store/volumes/theirs/inner; : >store/volumes/theirs/inner/file',
    ],
    {
      PATH: process.env.PATH ?? '',
    },
  );
  // Root's, with a folder of mode 0700, among folders that both may write.
  for (const path of ['volumes/theirs', 'volumes/theirs/inner', 'volumes/theirs/inner/file'])
    lchownSync(join(store, path), 0, 0);
  chmodSync(join(store, 'volumes/theirs/inner'), 0o700);
  const left = join(store, 'tmp', '1-1-1-00000000.new-x');
  mkdirSync(left, { mode: 0o700 });
  writeFileSync(join(left, 'file'), '');
  const then = Date.now() / 1000 - 3 * 24 * 3600;
  for (const path of [left, join(store, 'volumes/mine'), join(store, 'volumes/theirs')])
    utimesSync(path, then, then);
  const printed = user.execute(
    user.node,
    [
      '--disable-warning=ExperimentalWarning',
      join(REPOSITORY, 'src', 'bin.ts'),
      'clean',
      '--all',
      '--store',
      store,
    ],
    { PATH: process.env.PATH ?? '', HOME: user.folder, PROVISION_ENGINE: 'namespace' },
  );
  assert.match(printed, /^Removed 1 entries, .*; kept 1 of another user\.$/m);
  assert.ok(statSync(left).isDirectory());
  return undefined;
});
