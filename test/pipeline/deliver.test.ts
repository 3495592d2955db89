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
import { deliver, makeFolder } from '../../src/pipeline/deliver.ts';
import { temporaryFolder } from '../support/cli.ts';

const TEXT = 'the bundle';
const DIGEST = `sha256:${createHash('sha256').update(TEXT).digest('hex')}`;

function folders(t: TestContext): { readonly store: string; readonly artifacts: string } {
  const base = temporaryFolder(t);
  const [store, artifacts] = [join(base, 'store'), join(base, 'artifacts')];
  mkdirSync(store);
  mkdirSync(artifacts);
  writeFileSync(join(store, 'b.tar.gz'), TEXT);
  return { store, artifacts };
}

test('a file is copied, and the copy replaces another one of the same name', async (t) => {
  const { store, artifacts } = folders(t);
  writeFileSync(join(artifacts, 'b.tar.gz'), 'of an earlier run');
  assert.ok((await deliver(store, DIGEST, artifacts, 'b.tar.gz')).ok);
  assert.equal(readFileSync(join(artifacts, 'b.tar.gz'), 'utf8'), TEXT);
  writeFileSync(join(artifacts, 'b.tar.gz'), 'changed by the user');
  assert.equal(readFileSync(join(store, 'b.tar.gz'), 'utf8'), TEXT, "the store's own stays as it is");
  assert.deepEqual(readdirSync(artifacts), ['b.tar.gz'], 'no temporary file is left');
});

test('a file has the mode that the umask gives now, whatever the first run gave', async (t) => {
  const { store, artifacts } = folders(t);
  const file = join(artifacts, 'b.tar.gz');
  const modeUnder = async (umask: number): Promise<string> => {
    const before = process.umask(umask);
    try {
      assert.ok((await deliver(store, DIGEST, artifacts, 'b.tar.gz')).ok);
    } finally {
      process.umask(before);
    }
    return (statSync(file).mode & 0o777).toString(8);
  };
  // What a first run under umask 077 leaves in the store.
  chmodSync(join(store, 'b.tar.gz'), 0o600);
  assert.equal(await modeUnder(0o077), '600');
  assert.equal(await modeUnder(0o022), '644', 'also of one that is there already');
  assert.equal(await modeUnder(0o002), '664');
  chmodSync(file, 0o755);
  assert.equal(await modeUnder(0o022), '644');
});

test('a file that is there already is not written again', async (t) => {
  const { store, artifacts } = folders(t);
  const file = join(artifacts, 'b.tar.gz');
  writeFileSync(file, TEXT);
  utimesSync(file, 1, 1);
  assert.ok((await deliver(store, DIGEST, artifacts, 'b.tar.gz')).ok);
  assert.equal(statSync(file).mtimeMs, 1000);
});

test('a folder that cannot be written is usage/artifacts', async (t) => {
  const { store, artifacts } = folders(t);
  const file = join(artifacts, 'file');
  writeFileSync(file, '');
  const delivered = await deliver(store, DIGEST, file, 'b.tar.gz');
  assert.equal(delivered.ok ? '' : delivered.error.code, 'usage/artifacts');
  const made = await makeFolder(join(file, 'logs'));
  assert.equal(made.ok ? '' : made.error.code, 'usage/artifacts');
});
