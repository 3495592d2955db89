import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadTarget } from '../../src/recipe/targets.ts';
import { programFormat } from '../../src/runtime/program/program.ts';
import { wasmImports } from '../../src/runtime/wasm/imports.ts';
import { REPOSITORY, temporaryFolder } from '../support/cli.ts';

const HEAD = [0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0];

/** The part of WebAssembly's JavaScript interface that is used here; the compiler's libraries have it for browsers only. */
interface Engine {
  readonly Module: {
    new (bytes: Uint8Array): object;
    imports(module: object): readonly { readonly module: string; readonly name: string }[];
  };
}

function name(text: string): number[] {
  return [text.length, ...Buffer.from(text)];
}

function section(id: number, content: readonly number[]): number[] {
  // Sizes of two bytes, so that more than one byte of LEB128 is read.
  return [id, (content.length & 0x7f) | 0x80, content.length >> 7, ...content];
}

/** Imports of every kind, one of them no function of WASI, behind a section of types. */
const MODULE = Uint8Array.from([
  ...HEAD,
  ...section(1, [1, 0x60, 0, 0]),
  ...section(2, [
    5,
    ...[...name('env'), ...name('table'), 1, 0x70, 0, 1],
    ...[...name('env'), ...name('memory'), 2, 1, 1, 2],
    ...[...name('env'), ...name('base'), 3, 0x7f, 0],
    ...[...name('env'), ...name('dlopen'), 0, 0],
    ...[...name('wasi_snapshot_preview1'), ...name('proc_exit'), 0, 0],
  ]),
]);

test('imports are read as Node reads them', () => {
  const { Module } = (globalThis as unknown as { readonly WebAssembly: Engine }).WebAssembly;
  const expected = Module.imports(new Module(MODULE)).map((one) => ({
    module: one.module,
    name: one.name,
  }));
  assert.equal(expected.length, 5);
  assert.deepEqual(wasmImports(MODULE), expected);
});

test('a module without imports has none, and other bytes are no module', () => {
  assert.deepEqual(wasmImports(Uint8Array.from(HEAD)), []);
  assert.equal(wasmImports(Buffer.from('\x7fELF and more bytes')), undefined);
  assert.equal(wasmImports(new Uint8Array(3)), undefined);
});

test('a build with an undefined symbol fails and names it', async (t) => {
  const folder = temporaryFolder(t);
  const target = await loadTarget(REPOSITORY, 'wasm32-wasip1');
  assert.ok(target.ok);
  const { check } = programFormat(target.value.value);
  const file = join(folder, 'isolate.wasm');
  writeFileSync(file, MODULE);
  const failure = await check(file, '/log');
  assert.equal(failure?.code, 'build/undefined-symbols');
  assert.match(failure?.what ?? '', /4 undefined symbols: base, dlopen, memory/);
  assert.deepEqual(failure?.evidence?.at(-1), 'import env.dlopen');
  writeFileSync(file, Uint8Array.from(HEAD));
  assert.equal(await check(file, '/log'), undefined);
  writeFileSync(file, 'no module');
  assert.equal((await check(file, '/log'))?.code, 'build/not-wasm');
});
