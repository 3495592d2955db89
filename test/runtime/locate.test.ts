import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadRuntime } from '../../src/recipe/definitions.ts';
import { runtimeFile } from '../../src/recipe/folders.ts';
import { locateWasmtime } from '../../src/runtime/wasmtime/locate.ts';
import { REPOSITORY, temporaryFolder } from '../support/cli.ts';
import { testContext } from '../support/context.ts';

async function definition() {
  const loaded = await loadRuntime(runtimeFile(REPOSITORY, 'wasmtime'), 'x86_64');
  assert.ok(loaded.ok);
  return loaded.value.value;
}

function fakeOnPath(folder: string, says: string): string {
  const bin = join(folder, 'bin with space');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, 'wasmtime'), `#!/bin/sh\n${says}\n`);
  chmodSync(join(bin, 'wasmtime'), 0o755);
  return bin;
}

test('a missing wasmtime is a failure with both fixes', async (t) => {
  const empty = temporaryFolder(t);
  const found = await locateWasmtime(
    testContext({ path: [empty, join(empty, 'nowhere')] }),
    await definition(),
  );
  assert.ok(!found.ok);
  assert.equal(found.error.code, 'engine/wasmtime-missing');
  assert.match(found.error.fix.join('\n'), /wasmtime: pinned/);
});

test('a wasmtime of another major version, or without a version, is rejected', async (t) => {
  const folder = temporaryFolder(t);
  for (const says of ['echo wasmtime 1.0.2 abcdef', 'exit 3', 'echo something else']) {
    const path = [fakeOnPath(folder, says)];
    const found = await locateWasmtime(testContext({ path }), await definition());
    assert.ok(!found.ok);
    assert.equal(found.error.code, 'engine/wasmtime-version');
  }
});

test('the first wasmtime on PATH of the locked major version is used', async (t) => {
  const { version } = await definition();
  const [major] = version.split('.');
  const path = [
    temporaryFolder(t),
    fakeOnPath(temporaryFolder(t), `echo 'wasmtime ${major}.7.9 (0123abc 2026-01-01)'`),
  ];
  const found = await locateWasmtime(testContext({ path }), await definition());
  assert.ok(found.ok);
  assert.equal(found.value.version, `${major}.7.9`);
  assert.equal(found.value.file, join(path[1] as string, 'wasmtime'));
  assert.match(found.value.digest, /^sha256:[0-9a-f]{64}$/);
});

test('a runtime that is locked for other machines is refused, with its place', async () => {
  const file = runtimeFile(REPOSITORY, 'wasmtime');
  const loaded = await loadRuntime(file, 's390x');
  assert.ok(!loaded.ok);
  assert.equal(loaded.error.code, 'recipe/runtime-misfit');
  assert.deepEqual([loaded.error.at?.file, loaded.error.at?.text], [file, 'wheels:']);
  const [one, other] = [await loadRuntime(file, 'x86_64'), await loadRuntime(file, 'aarch64')];
  assert.ok(one.ok && other.ok);
  assert.notEqual(one.value.value.wheel.digest, other.value.value.wheel.digest);
});
