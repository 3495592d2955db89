import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { readElf } from '../../src/bundle/elf.ts';
import { checkLibrary, checkProgram, distinctive, findPaths, pathLeak } from '../../src/bundle/leaks.ts';
import type { Target } from '../../src/domain/target.ts';
import { temporaryFolder } from '../support/cli.ts';
import { type ElfParts, makeElf } from '../support/elf.ts';

const TARGET = {
  rustTriple: 'aarch64-unknown-linux-gnu',
  pointerWidth: 64,
  endianness: 'little',
  elf: { machine: 'AArch64', number: 183, interpreter: '/lib/ld-linux-aarch64.so.1' },
} as Target;
const STATIC = { ...TARGET, elf: { machine: 'AArch64', number: 183 } } as Target;
const SHARED_PYTHON = { linkage: 'dynamic', libName: 'python3.13', version: '3.13.5' } as const;
const STATIC_PYTHON = { ...SHARED_PYTHON, linkage: 'static' } as const;

const GOOD: ElfParts = {
  machine: 183,
  interpreter: '/lib/ld-linux-aarch64.so.1',
  needed: ['libpython3.13.so.1.0', 'libc.so.6'],
  rpath: '$ORIGIN/../lib',
};

test('readElf reads every class and byte order, and rejects damaged files', async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'file');
  for (const bits of [32, 64] as const) {
    for (const endianness of ['little', 'big'] as const) {
      const versions = { 'libc.so.6': ['GLIBC_2.17', 'GLIBC_2.34'], 'libm.so.6': ['GLIBC_2.29'] };
      const whole = makeElf({ ...GOOD, bits, endianness, soname: 'libme.so', runpath: '$ORIGIN', versions });
      writeFileSync(file, whole);
      assert.deepEqual(await readElf(file), {
        machine: 183,
        bits,
        endianness,
        interpreter: '/lib/ld-linux-aarch64.so.1',
        soname: 'libme.so',
        needed: ['libpython3.13.so.1.0', 'libc.so.6'],
        rpath: '$ORIGIN/../lib',
        runpath: '$ORIGIN',
        versions,
      });
      for (let size = 0; size < whole.length; size += 1) {
        writeFileSync(file, whole.subarray(0, size));
        assert.equal(await readElf(file), undefined, `cut at ${size}`);
      }
    }
  }
});

test('readElf agrees with the programs of this machine', async () => {
  const node = await readElf(process.execPath);
  assert.ok(node?.needed.some((name) => name.startsWith('libc.')));
  assert.equal(node?.bits, readFileSync(process.execPath)[4] === 2 ? 64 : 32);
});

async function codes(t: { after(done: () => void): void }, parts: ElfParts, target = TARGET) {
  const file = join(temporaryFolder(t), 'program');
  writeFileSync(file, makeElf(parts));
  const python = target.elf?.interpreter === undefined ? STATIC_PYTHON : SHARED_PYTHON;
  const failure = checkProgram({ name: 'program', file: await readElf(file), target, python });
  return failure === undefined ? [] : [failure.code, ...(failure.also ?? []).map(({ code }) => code)];
}

test('a program that would not run on its target is rejected with one code for each reason', async (t) => {
  assert.deepEqual(await codes(t, GOOD), []);
  assert.deepEqual(await codes(t, { ...GOOD, machine: 62 }), ['build/wrong-machine']);
  assert.deepEqual(await codes(t, { ...GOOD, bits: 32 }), ['build/wrong-machine']);
  assert.deepEqual(await codes(t, { ...GOOD, endianness: 'big' }), ['build/wrong-machine']);
  assert.deepEqual(await codes(t, { ...GOOD, interpreter: '/lib64/ld-linux-x86-64.so.2' }), [
    'build/wrong-interpreter',
  ]);
  for (const rpath of ['$ORIGIN/../lib:/usr/lib/llvm-19/lib', '/sysroot/usr/lib', '$ORIGIN:', '$ORIGINAL'])
    assert.deepEqual(await codes(t, { ...GOOD, rpath }), ['build/leak-rpath'], rpath);
  assert.deepEqual(await codes(t, { ...GOOD, runpath: '/usr/local/lib' }), ['build/leak-rpath']);
  for (const other of ['libpython3.11.so.1.0', 'libpython3.13t.so.1.0', 'libpython3.so'])
    assert.deepEqual(await codes(t, { ...GOOD, needed: [other] }), ['build/leak-libpython'], other);
  assert.deepEqual(await codes(t, { machine: 183, needed: ['libc.so'] }, STATIC), ['build/leak-library']);
  assert.deepEqual(await codes(t, { ...GOOD, machine: 62, rpath: '/a' }, STATIC), [
    'build/wrong-machine',
    'build/wrong-interpreter',
    'build/leak-rpath',
    'build/leak-library',
    'build/leak-libpython',
  ]);
});

test('a file that is not an ELF program is rejected', async (t) => {
  const file = join(temporaryFolder(t), 'program');
  writeFileSync(file, '#!/bin/sh\nexec something --with "$@" # and so on, longer than an ELF header\n');
  const failure = checkProgram({
    name: 'program',
    file: await readElf(file),
    target: TARGET,
    python: SHARED_PYTHON,
  });
  assert.equal(failure?.code, 'build/not-elf');
});

test('bundled libraries are checked for machine and search path', async (t) => {
  const file = join(temporaryFolder(t), 'lib.so');
  const code = async (parts: ElfParts) => {
    writeFileSync(file, makeElf(parts));
    return checkLibrary('lib.so', await readElf(file), TARGET)?.code;
  };
  assert.equal(await code({ machine: 183, needed: ['libc.so.6'] }), undefined);
  assert.equal(await code({ machine: 62 }), 'build/wrong-machine');
  assert.equal(await code({ machine: 183, runpath: '/opt/lib' }), 'build/leak-rpath');
});

test('a path of the build machine is found anywhere in the program', async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'program');
  const needles = [{ folder: '/home/me/secret project ü', of: 'the project' }];
  const leak = async (rest: string) => {
    writeFileSync(file, makeElf({ ...GOOD, rest }));
    return pathLeak('program', await findPaths(file, needles));
  };
  assert.equal(await leak('/home/me/secret project'), undefined);
  assert.equal(await leak('nothing of it'), undefined);
  const found = await leak('text/home/me/secret project ü/src/main.rs\0more');
  assert.equal(found?.code, 'build/leak-path');
  assert.deepEqual(found?.evidence, ['the project: /home/me/secret project ü/src/main.rs']);
  // Across the boundary of two chunks.
  for (const fill of [(1 << 20) - 700, (1 << 20) - 690, (1 << 20) - 680])
    assert.ok(await leak(`${'x'.repeat(fill)}/home/me/secret project ü/a`), String(fill));
});

test('common folders such as /usr/local are not searched for', () => {
  const folders = ['/app', '/', '/usr/local', '/opt/isolate', '/home/me', '/usr/src/app'];
  assert.deepEqual(
    distinctive(folders.map((folder) => ({ folder, of: 'it' }))).map(({ folder }) => folder),
    ['/home/me', '/usr/src/app'],
  );
});
