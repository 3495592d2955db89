import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { digestOf } from '../support/locked.ts';
import { freshStore } from '../support/stores.ts';

const BYTES = Buffer.from('the bytes of a package');
const DIGEST = digestOf(BYTES);
const KEY = DIGEST.slice('sha256:'.length);

test('a partial becomes a blob, also when another process was first', async (t) => {
  const store = await freshStore(t);
  assert.equal(store.partialPath(DIGEST), join(store.folder, 'partial', KEY));
  assert.equal(store.blobPath(DIGEST), join(store.folder, 'blobs/sha256', KEY));
  assert.equal(await store.hasBlob(DIGEST), false);
  writeFileSync(store.partialPath(DIGEST), BYTES);
  assert.ok((await store.commitBlob(DIGEST)).ok);
  assert.ok((await store.commitBlob(DIGEST)).ok, 'the partial is gone, for the blob is there');
  assert.equal(await store.hasBlob(DIGEST), true);
  assert.deepEqual(readFileSync(store.blobPath(DIGEST)), BYTES);
  assert.equal(existsSync(store.partialPath(DIGEST)), false);
});

test('looking for a blob marks it as used', async (t) => {
  const store = await freshStore(t);
  writeFileSync(store.blobPath(DIGEST), BYTES);
  utimesSync(store.blobPath(DIGEST), 1000, 1000);
  assert.equal(await store.hasBlob(DIGEST), true);
  assert.ok(Date.now() - statSync(store.blobPath(DIGEST)).mtimeMs < 60_000);
});

test('committing a missing partial throws, and so does a malformed digest', async (t) => {
  const store = await freshStore(t);
  await assert.rejects(store.commitBlob(DIGEST), /ENOENT/);
  assert.throws(() => store.blobPath('sha256:../../etc/passwd'), TypeError);
});

test('results are read as they were written; damaged ones count as absent', async (t) => {
  const store = await freshStore(t);
  const value = { status: 'passed', lines: ['ü', null, 1.5] };
  assert.equal(await store.readResult(KEY), undefined);
  assert.ok((await store.writeResult(KEY, { first: true })).ok);
  assert.ok((await store.writeResult(KEY, value)).ok);
  assert.deepEqual(await store.readResult(KEY), value);
  writeFileSync(join(store.folder, 'results', `${KEY}.json`), '{"status":');
  assert.equal(await store.readResult(KEY), undefined);
});

test('a volume is a persistent folder, whatever its name', async (t) => {
  const store = await freshStore(t);
  const folders: string[] = [];
  for (const name of ['cargo', 'a/b', 'a-b', '../../escape', '.', 'ü'.repeat(200)]) {
    const made = await store.volume(name);
    assert.ok(made.ok);
    assert.deepEqual(await store.volume(name), made);
    assert.ok(statSync(made.value).isDirectory());
    assert.equal(join(made.value, '..'), join(store.folder, 'volumes'));
    folders.push(made.value);
  }
  assert.equal(new Set(folders).size, folders.length);
});
