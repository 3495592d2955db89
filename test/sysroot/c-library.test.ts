// The locked C library must be compatible with CPython.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SourceSysroot } from '../../src/domain/definitions.ts';
import type { LockedPackage } from '../../src/domain/packages.ts';
import { checkCLibrary } from '../../src/sysroot/source/c-library.ts';

const definition = (minor: string): SourceSysroot =>
  ({
    name: 'wasi',
    python: { implementation: 'CPython', version: minor },
    source: {
      cLibrary: {
        package: 'wasi-libc',
        ranges: {
          '3.13': { atLeast: '0.0~git20240701', below: '0.0~git20250601' },
          '3.11': { atLeast: '1.0' },
        },
      },
    },
  }) as unknown as SourceSysroot;
const locked = (version: string, name = 'wasi-libc') =>
  [{ name, version }] as unknown as readonly LockedPackage[];

test('a C library in the range of a CPython version is accepted', () => {
  assert.equal(checkCLibrary(definition('3.13'), locked('0.0~git20241209.574b88d-2')), undefined);
  assert.equal(checkCLibrary(definition('3.11'), locked('2.0-1')), undefined);
  const any = { ...definition('3.13'), source: {} } as unknown as SourceSysroot;
  assert.equal(checkCLibrary(any, locked('0')), undefined);
});

test('a C library that is too old, too new or without a known range is rejected with a remedy', () => {
  const old = checkCLibrary(definition('3.13'), locked('0.0~git20230113.4362b18-2'));
  assert.equal(old?.code, 'recipe/c-library');
  assert.match(old?.what ?? '', /^wasi-libc 0\.0~git20230113\.4362b18-2 is too old for CPython 3\.13\.$/);
  const fresh = checkCLibrary(definition('3.13'), locked('0.0~git20250801.1-1'));
  assert.match(fresh?.what ?? '', /is too new/);
  assert.match(fresh?.why ?? '', /0\.0~git20240701 up to, and not with, 0\.0~git20250601/);
  const unknown = checkCLibrary(definition('3.14'), locked('0.0~git20241209.574b88d-2'));
  assert.equal(unknown?.code, 'recipe/c-library-unknown');
  assert.match(unknown?.why ?? '', /3\.1[13], 3\.1[13]/);
  assert.equal(checkCLibrary(definition('3.13'), locked('1', 'musl'))?.code, 'recipe/c-library-unknown');
});
