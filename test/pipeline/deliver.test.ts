// Bundles and packages are copied from the store into the artifacts.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { deliver, makeArtifacts } from '../../src/pipeline/deliver.ts';
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
  const made = await makeArtifacts(join(file, 'logs'));
  assert.equal(made.ok ? '' : made.error.code, 'usage/artifacts');
});
