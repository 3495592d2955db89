import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type ElfFile, readElf } from '../../src/bundle/elf.ts';
import { checkGlibcFloors, type Floor } from '../../src/bundle/glibc-floor.ts';
import type { Failure } from '../../src/failure.ts';
import { temporaryFolder } from '../support/cli.ts';
import { put } from '../support/crate.ts';
import { makeElf } from '../support/elf.ts';

const AT = { file: 'recipe.yaml', line: 3, column: 11 };
const OLD: Floor = { version: '2.9', system: 'old', at: AT };
const NEWER: Floor = { version: '2.31', system: 'newer' };

const PYTHON = 'lib/libpython.so';

test('what every floor has is no failure; one that a recipe states and no libc here reaches is one, with the way out', async (t) => {
  const check = await bundle(t, { 'bin/program': ['GLIBC_2.2.5'], [PYTHON]: ['GLIBC_2.34'] });
  assert.equal(await check([{ version: '2.34' }, { version: '2.100', system: 'new' }]), undefined);
  const failure = await check([{ version: '2.17' }]);
  assert.equal(failure?.code, 'build/glibc-too-new');
  assert.equal(failure?.what, 'The bundle needs glibc 2.34, and the recipe says `glibc: "2.17"`.');
  assert.deepEqual(failure?.fix, [
    'Use a version of the package whose wheel is for an older glibc, or leave the library out.',
    'Or, where such systems need not be reached, write `glibc: "2.34"`, or leave the key out.',
  ]);
  assert.deepEqual(
    failure?.evidence?.map((line) => line.split(' (')[0]),
    [`${PYTHON}: GLIBC_2.34`],
  );
});

test('systems that are too old are named together, the oldest first, at their place in the recipe', async (t) => {
  const check = await bundle(t, { 'bin/program': ['GLIBC_2.2.5'], [PYTHON]: ['GLIBC_2.34', 'GLIBC_2.10'] });
  const failure = await check([NEWER, OLD, { version: '2.36', system: 'new' }]);
  assert.equal(
    failure?.what,
    'The bundle needs glibc 2.34, and the system `old` has 2.9, the system `newer` has 2.31.',
  );
  assert.deepEqual(failure?.at, AT);
  assert.deepEqual(failure?.fix, [
    'Use a version of the package whose wheel is for an older glibc, or leave the library out.',
    'Or, where it need not run there, leave `old` and `newer` out of `systems`.',
  ]);
  assert.equal(failure?.evidence?.length, 2);
});

test('a file of a Python package is named with the package that installed it', async (t) => {
  const site = 'lib/python3.13/site-packages';
  const [own, loose] = [`${site}/one.libs/libquoted, 1.so`, `${site}/loose.so`];
  const check = await bundle(
    t,
    { 'bin/program': ['GLIBC_2.2.5'], [own]: ['GLIBC_2.34'], [loose]: ['GLIBC_2.34'] },
    {
      [`${site}/other-2.0.dist-info/RECORD`]: 'other/__init__.py,sha256=x,1\r\n',
      [`${site}/one_two-1.5.dist-info/RECORD`]: 'one/__init__.py,,\n"one.libs/libquoted, 1.so",sha256=x,10\n',
    },
  );
  const failure = await check([NEWER]);
  assert.deepEqual(
    failure?.evidence?.map((line) => line.replace(/ \(GLIBC.*|: GLIBC.*/, '')),
    [loose, `${own} (one_two 1.5)`],
  );
});

test('a program that itself asks for more is no matter of its Python', async (t) => {
  const check = await bundle(t, { 'bin/program': ['GLIBC_2.34'], [PYTHON]: ['GLIBC_2.2.5'] });
  const failure = await check([NEWER]);
  assert.match(failure?.why ?? '', /^The program itself/);
  assert.ok(!failure?.fix.some((one) => one.includes('portable')));
});

/** A bundle of files that ask for these versions of symbols. */
async function bundle(
  t: TestContext,
  files: Readonly<Record<string, readonly string[]>>,
  texts: Readonly<Record<string, string>> = {},
) {
  const folder = temporaryFolder(t);
  put(folder, texts);
  const elves = new Map<string, ElfFile>();
  for (const [path, versions] of Object.entries(files)) {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, makeElf({ machine: 62, versions: { 'libc.so.6': versions } }));
    const elf = await readElf(file);
    assert.ok(elf !== undefined);
    elves.set(path, elf);
  }
  return (floors: readonly Floor[]): Promise<Failure | undefined> =>
    checkGlibcFloors({
      ...{ folder, elves, floors, program: 'bin/program' },
    });
}
