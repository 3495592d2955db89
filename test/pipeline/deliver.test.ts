// Bundles and packages are copied from the store into the artifacts.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ok } from '../../src/domain/result.ts';
import { deliver, deliverText, makeArtifacts } from '../../src/pipeline/deliver.ts';
import { temporaryFolder } from '../support/cli.ts';
import { freshStore, never } from '../support/stores.ts';

const TEXT = 'the bundle';
const DIGEST = `sha256:${createHash('sha256').update(TEXT).digest('hex')}`;

/** A store with an entry that holds the file, and an empty folder. */
async function folders(t: TestContext) {
  const artifacts = join(temporaryFolder(t), 'artifacts');
  mkdirSync(artifacts);
  const store = await freshStore(t);
  const entry = await store.obtain('builds', { what: 'test' }, write, never());
  assert.ok(entry.ok);
  return { store, entry: entry.value.folder, artifacts };
}

async function write(folder: string) {
  writeFileSync(join(folder, 'b.tar.gz'), TEXT);
  return ok(null);
}

test('a file is copied, and the copy replaces another one of the same name', async (t) => {
  const { store, entry, artifacts } = await folders(t);
  writeFileSync(join(artifacts, 'b.tar.gz'), 'of an earlier run');
  assert.ok((await deliver(store, entry, DIGEST, artifacts, 'b.tar.gz')).ok);
  assert.equal(readFileSync(join(artifacts, 'b.tar.gz'), 'utf8'), TEXT);
  writeFileSync(join(artifacts, 'b.tar.gz'), 'changed by the user');
  assert.equal(readFileSync(join(entry, 'b.tar.gz'), 'utf8'), TEXT, "the store's own stays as it is");
  assert.deepEqual(readdirSync(artifacts), ['b.tar.gz'], 'no temporary file is left');
});

test('a file has the mode that the umask gives now, whatever the first run gave', async (t) => {
  const { store, entry, artifacts } = await folders(t);
  const file = join(artifacts, 'b.tar.gz');
  const modeUnder = async (umask: number): Promise<string> => {
    const before = process.umask(umask);
    try {
      assert.ok((await deliver(store, entry, DIGEST, artifacts, 'b.tar.gz')).ok);
    } finally {
      process.umask(before);
    }
    return (statSync(file).mode & 0o777).toString(8);
  };
  // What a first run under umask 077 leaves in the store.
  chmodSync(join(entry, 'b.tar.gz'), 0o600);
  assert.equal(await modeUnder(0o077), '600');
  assert.equal(await modeUnder(0o022), '644', 'also of one that is there already');
  assert.equal(await modeUnder(0o002), '664');
  chmodSync(file, 0o755);
  assert.equal(await modeUnder(0o022), '644');
});

test('so has a statement that an earlier run wrote', async (t) => {
  const { artifacts } = await folders(t);
  const file = join(artifacts, 'b.tar.gz.intoto.json');
  const modeUnder = async (umask: number, text: string): Promise<string> => {
    const before = process.umask(umask);
    try {
      await deliverText(file, text);
    } finally {
      process.umask(before);
    }
    assert.equal(readFileSync(file, 'utf8'), text);
    return (statSync(file).mode & 0o777).toString(8);
  };
  assert.equal(await modeUnder(0o077, 'one'), '600');
  assert.equal(await modeUnder(0o022, 'one'), '644');
  assert.equal(await modeUnder(0o027, 'two'), '640');
});

test('a file that is there already is not written again', async (t) => {
  const { store, entry, artifacts } = await folders(t);
  const file = join(artifacts, 'b.tar.gz');
  writeFileSync(file, TEXT);
  utimesSync(file, 1, 1);
  assert.ok((await deliver(store, entry, DIGEST, artifacts, 'b.tar.gz')).ok);
  assert.equal(statSync(file).mtimeMs, 1000);
});

test('a folder that cannot be written is usage/artifacts', async (t) => {
  const { store, entry, artifacts } = await folders(t);
  const file = join(artifacts, 'file');
  writeFileSync(file, '');
  const delivered = await deliver(store, entry, DIGEST, file, 'b.tar.gz');
  assert.equal(delivered.ok ? '' : delivered.error.code, 'usage/artifacts');
  const made = await makeArtifacts(join(file, 'logs'));
  assert.equal(made.ok ? '' : made.error.code, 'usage/artifacts');
});

test('a damaged file is not delivered, and its entry is removed', async (t) => {
  const { store, entry, artifacts } = await folders(t);
  writeFileSync(join(artifacts, 'b.tar.gz'), 'of an earlier run');
  writeFileSync(join(entry, 'b.tar.gz'), TEXT.replace('b', 'c'));
  const delivered = await deliver(store, entry, DIGEST, artifacts, 'b.tar.gz');
  assert.equal(delivered.ok ? '' : delivered.error.code, 'store/damaged');
  assert.equal(readFileSync(join(artifacts, 'b.tar.gz'), 'utf8'), 'of an earlier run');
  assert.deepEqual(readdirSync(artifacts), ['b.tar.gz'], 'no temporary file is left');
  const again = await store.obtain('builds', { what: 'test' }, write, never());
  assert.ok(again.ok && !again.value.hit);
  assert.ok((await deliver(store, entry, DIGEST, artifacts, 'b.tar.gz')).ok);
  assert.equal(readFileSync(join(artifacts, 'b.tar.gz'), 'utf8'), TEXT);
});
