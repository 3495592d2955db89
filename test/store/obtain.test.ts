import assert from 'node:assert/strict';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { err, ok } from '../../src/domain/result.ts';
import { fingerprint } from '../../src/store/fingerprint.ts';
import { sealed } from '../../src/store/record.ts';
import type { Store } from '../../src/store/store.ts';
import { freshStore, leftovers, never, reopen, StoreProcess } from '../support/stores.ts';

const INPUTS = { label: 'one' };
const KEY = fingerprint(INPUTS);

function obtain(store: Store, text = 'content') {
  return store.obtain(
    'builds',
    INPUTS,
    async (root) => {
      writeFileSync(join(root, 'file'), text);
      return ok({ text });
    },
    never(),
  );
}

function recordOf(store: Store) {
  return JSON.parse(readFileSync(join(store.folder, 'builds', KEY, 'entry.json'), 'utf8'));
}

function changeRecord(store: Store, change: object): void {
  const file = join(store.folder, 'builds', KEY, 'entry.json');
  const { sum: _, ...record } = recordOf(store);
  writeFileSync(file, sealed({ ...record, ...change }));
}

test('a missing entry is made once; then it is a hit, also for another opening of the store', async (t) => {
  const store = await freshStore(t);
  assert.equal(await store.find('builds', KEY), undefined);
  const first = await obtain(store);
  assert.ok(first.ok);
  const { folder } = first.value;
  assert.deepEqual(first.value, {
    kind: 'builds',
    fingerprint: KEY,
    folder,
    meta: { text: 'content' },
    hit: false,
  });
  assert.equal(readFileSync(join(folder, 'file'), 'utf8'), 'content');
  const second = await obtain(await reopen(store.folder), 'other');
  assert.deepEqual(second, { ok: true, value: { ...first.value, hit: true } });
  assert.deepEqual(await store.find('builds', KEY), { ...first.value, hit: true });
  assert.equal(await store.find('trees', KEY), undefined);
  assert.deepEqual(recordOf(store).inputs, INPUTS);
  await store.settled();
  assert.deepEqual(leftovers(store.folder), []);
});

test('a hit starts no process', async (t) => {
  const store = await freshStore(t);
  const run = async (PATH: string) => {
    const child = new StoreProcess(t, store.folder, 'obtain', 'label', { PATH });
    const outcome = await child.outcome<{ ok: boolean; value: { hit: boolean }; error: { code: string } }>();
    await child.end();
    return outcome;
  };
  const nowhere = join(store.folder, 'no programs here');
  assert.equal((await run(nowhere)).error.code, 'store/no-shell');
  assert.equal((await run(process.env.PATH ?? '')).value.hit, false);
  assert.equal((await run(nowhere)).value.hit, true);
});

test('a make that fails or throws leaves nothing', async (t) => {
  const store = await freshStore(t);
  const failure = { code: 'build/test', what: 'It failed.', fix: [] } as const;
  const failed = await store.obtain('builds', INPUTS, async () => err(failure), never());
  assert.deepEqual(failed, { ok: false, error: failure });
  const thrown = store.obtain('builds', INPUTS, () => Promise.reject(new Error('a bug')), never());
  await assert.rejects(thrown, /a bug/);
  assert.equal(await store.find('builds', KEY), undefined);
  assert.deepEqual(leftovers(store.folder), []);
  assert.deepEqual(readdirSync(join(store.folder, 'builds')), []);
  assert.ok((await obtain(store)).ok, 'the lock was released');
});

test('folders that their owner may not write are removed as well', async (t) => {
  const store = await freshStore(t);
  const failure = { code: 'build/test', what: 'It failed.', fix: [] } as const;
  await store.obtain(
    'builds',
    INPUTS,
    async (root) => {
      mkdirSync(join(root, 'a/b'), { recursive: true });
      writeFileSync(join(root, 'a/b/file'), '');
      chmodSync(join(root, 'a/b'), 0o555);
      chmodSync(join(root, 'a'), 0o555);
      return err(failure);
    },
    never(),
  );
  assert.deepEqual(leftovers(store.folder), []);
});

test('an interrupt before the entry is made is the result of the call', async (t) => {
  const store = await freshStore(t);
  const outcome = await store.obtain('builds', INPUTS, async () => ok({}), { signal: AbortSignal.abort() });
  assert.ok(!outcome.ok);
  assert.equal(outcome.error.code, 'interrupted/signal');
});

test('an entry that is damaged counts as absent and is replaced', async (t) => {
  const store = await freshStore(t);
  const entry = join(store.folder, 'builds', KEY);
  const damages: (() => void)[] = [
    () => writeFileSync(join(entry, 'entry.json'), ''),
    () => writeFileSync(join(entry, 'entry.json'), 'null'),
    () => changeRecord(store, { schema: 99 }),
    () => changeRecord(store, { fingerprint: '0'.repeat(64) }),
    () => rmSync(join(entry, 'entry.json')),
    () => rmSync(join(entry, 'root'), { recursive: true }),
    () => {
      rmSync(entry, { recursive: true });
      writeFileSync(entry, 'a file');
    },
  ];
  await obtain(store, 'whole -1');
  for (const [index, damage] of damages.entries()) {
    // The record is written once more when the entry is on the disk: not over the damage.
    assert.ok((await store.settled()).ok);
    damage();
    assert.equal(await store.find('builds', KEY), undefined, `${index}`);
    const again = await obtain(store, `whole ${index}`);
    assert.ok(again.ok, JSON.stringify(again));
    assert.deepEqual([again.value.hit, again.value.meta], [false, { text: `whole ${index}` }]);
  }
  assert.ok((await store.settled()).ok);
  assert.deepEqual(leftovers(store.folder), []);
});

test('an entry counts in a later boot only when it is known to be on the disk', async (t) => {
  const store = await freshStore(t);
  await obtain(store, 'before');
  assert.deepEqual(await store.settled(), { ok: true, value: undefined });
  assert.equal(recordOf(store).durable, true);
  changeRecord(store, { boot: 'another' });
  assert.equal((await store.find('builds', KEY))?.hit, true);
  changeRecord(store, { durable: false, boot: recordOf(await storeAgain(t)).boot });
  assert.equal((await store.find('builds', KEY))?.hit, true, 'not flushed yet, but of this boot');
  changeRecord(store, { durable: false, boot: 'another' });
  assert.equal(await store.find('builds', KEY), undefined);
  const again = await obtain(store, 'after');
  assert.ok(again.ok && !again.value.hit);
  assert.equal(readFileSync(join(again.value.folder, 'file'), 'utf8'), 'after');
});

async function storeAgain(t: { after(done: () => void): void }): Promise<Store> {
  const store = await freshStore(t);
  await obtain(store);
  await store.settled();
  return store;
}

test('a hit marks the entry as used now', async (t) => {
  const store = await freshStore(t);
  await obtain(store);
  await store.settled();
  const file = join(store.folder, 'builds', KEY, 'entry.json');
  utimesSync(file, 1000, 1000);
  await store.find('builds', KEY);
  assert.ok(Date.now() - statSync(file).mtimeMs < 60_000);
});
