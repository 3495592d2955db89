import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ElfFile } from '../../src/bundle/elf.ts';
import { libraryClosure } from '../../src/bundle/libraries.ts';

function elf(needed: readonly string[]): ElfFile {
  return { machine: 183, bits: 64, endianness: 'little', needed, versions: {} };
}

test('the closure includes transitive dependencies and excludes those that libc provides', () => {
  const closure = libraryClosure({
    roots: new Map([['isolate', elf(['liba.so.1', 'libc.so.6'])]]),
    available: new Map([
      ['liba.so.1', 'lib/liba.so.1.2'],
      ['libb.so.1', 'lib/libb.so.1'],
      ['libunused.so', 'lib/libunused.so'],
    ]),
    elf: new Map([
      ['lib/liba.so.1.2', elf(['libb.so.1'])],
      ['lib/libb.so.1', elf(['liba.so.1', 'libc.so.6'])],
    ]),
    provided: new Map([['libc.so.6', 'lib/libc.so.6']]),
  });
  assert.ok(closure.ok);
  assert.deepEqual(
    [...closure.value],
    [
      ['liba.so.1', 'lib/liba.so.1.2'],
      ['libb.so.1', 'lib/libb.so.1'],
    ],
  );
});

test('a library that neither tree has is a failure that names its dependents', () => {
  const closure = libraryClosure({
    roots: new Map([['isolate', elf(['libnowhere.so.3'])]]),
    available: new Map(),
    elf: new Map(),
    provided: new Map(),
  });
  assert.equal(!closure.ok && closure.error.code, 'build/missing-library');
  assert.deepEqual(!closure.ok && closure.error.evidence, ['isolate needs libnowhere.so.3']);
});
