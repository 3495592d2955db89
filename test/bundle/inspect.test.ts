import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { packTarGz } from '../../src/archive/pack.ts';
import { minimumGlibc } from '../../src/bundle/glibc-version.ts';
import { provision, temporaryFolder } from '../support/cli.ts';
import { type ElfParts, makeElf } from '../support/elf.ts';

const PROGRAM: ElfParts = {
  machine: 183,
  interpreter: '/lib/ld-linux-aarch64.so.1',
  needed: ['libpython3.13.so.1.0', 'libc.so.6'],
  rpath: '$ORIGIN/../lib',
  versions: { 'libc.so.6': ['GLIBC_2.17', 'GLIBC_2.34'] },
};
const LIBPYTHON: ElfParts = {
  machine: 183,
  soname: 'libpython3.13.so.1.0',
  needed: ['libz.so.1', 'libm.so.6', 'libc.so.6'],
  versions: { 'libm.so.6': ['GLIBC_2.9', 'GLIBC_2.38'], 'libz.so.1': ['ZLIB_1.2.0'] },
  rest: '\n[GCC 14.2.0]\0',
};
const SYSCONFIG = `build_time_vars = {'SOABI': 'cpython-313-aarch64-linux-gnu', 'CONFIG_ARGS': "'--enable-shared'"}\n`;

interface InspectOutput {
  readonly program: { readonly digest: string };
  readonly architecture: Readonly<Record<string, unknown>>;
  readonly libc: { readonly floor: string | null; readonly neededBy: readonly string[] };
  readonly python: Readonly<Record<string, string>>;
  readonly libraries: {
    readonly brought: readonly { readonly path: string }[];
    readonly system: Readonly<Record<string, readonly string[]>>;
  };
  readonly parts: Readonly<Record<string, { readonly files: number; readonly bytes: number }>>;
  readonly files: number;
  readonly archive?: { readonly digest: string };
}

function makeBundle(folder: string, program: Buffer, libpython: ElfParts = LIBPYTHON): string {
  const top = join(folder, 'unpacked', 'mine-aarch64-unknown-linux-gnu');
  const digest = `sha256:${createHash('sha256').update(program).digest('hex')}`;
  const files: Readonly<Record<string, string | Buffer>> = {
    'bin/mine': program,
    'lib/libpython3.13.so.1.0': makeElf(libpython),
    'lib/python3.13/os.py': 'name = 1\n',
    'lib/python3.13/__pycache__/os.cpython-313.pyc': 'compiled',
    'lib/python3.13/lib-dynload/_x.cpython-313-aarch64-linux-gnu.so': makeElf({
      machine: 183,
      needed: ['libz.so.1', 'libc.so.6'],
      versions: { 'libc.so.6': ['GLIBC_2.38'] },
    }),
    'lib/python3.13/_sysconfigdata__aarch64-linux-gnu.py': SYSCONFIG,
    'lib/python3.13/tzdata/zoneinfo/Europe/Vienna': 'TZif2',
    'lib/python3.13/site-packages/pure/__init__.py': '',
    'lib/python3/dist-packages/other.py': '',
    'bundle.json': JSON.stringify({
      schema: 1,
      program: { file: 'bin/mine', digest },
      target: 'aarch64-unknown-linux-gnu',
      python: { implementation: 'CPython', version: '3.13.5', linkage: 'dynamic' },
      stdlib: 'lib/python3.13',
      data: [{ data: 'zoneinfo', package: 'tzdata', version: '2026f-1' }],
    }),
  };
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(top, name)), { recursive: true });
    writeFileSync(join(top, name), content);
  }
  return top;
}

test('inspect reports the contents of a bundle from a folder and from an archive', async (t) => {
  const folder = temporaryFolder(t, 'provision inspect ü ');
  const top = makeBundle(folder, makeElf(PROGRAM));
  const archive = join(folder, 'bundle.tar.gz');
  assert.ok((await packTarGz({ root: join(folder, 'unpacked'), archive, mtime: 1 })).ok);
  for (const path of [top, archive]) {
    const run = await provision(['inspect', path, '--json']);
    assert.equal(run.status, 0, run.stderr);
    const inspected = JSON.parse(run.stdout) as InspectOutput;
    assert.deepEqual(inspected.architecture, {
      format: 'elf',
      name: 'AArch64',
      machine: 183,
      bits: 64,
      endianness: 'little',
      interpreter: '/lib/ld-linux-aarch64.so.1',
    });
    assert.equal(inspected.libc.floor, '2.38');
    assert.deepEqual(inspected.libc.neededBy, [
      'lib/libpython3.13.so.1.0',
      'lib/python3.13/lib-dynload/_x.cpython-313-aarch64-linux-gnu.so',
    ]);
    assert.equal(inspected.python.version, '3.13.5');
    assert.equal(inspected.python.compiler, 'GCC 14.2.0');
    assert.equal(inspected.python.soabi, 'cpython-313-aarch64-linux-gnu');
    assert.equal(inspected.python.configured, "'--enable-shared'");
    assert.deepEqual(
      inspected.libraries.brought.map((library) => library.path),
      ['lib/libpython3.13.so.1.0'],
    );
    assert.deepEqual(Object.keys(inspected.libraries.system), ['libc.so.6', 'libm.so.6', 'libz.so.1']);
    const files = Object.entries(inspected.parts).map(([name, part]) => [name, part.files]);
    assert.deepEqual(Object.fromEntries(files), {
      program: 1,
      libraries: 1,
      extensions: 1,
      stdlib: 2,
      bytecode: 1,
      data: 1,
      packages: 2,
      other: 1,
    });
    assert.equal(inspected.files, 10);
    assert.equal(inspected.archive !== undefined, path === archive);
  }
  const text = await provision(['inspect', archive]);
  assert.match(text.stdout, /^C library {5}glibc 2\.38 or newer, measured from symbol versions$/m);
  assert.match(text.stdout, /^data {10}zoneinfo, tzdata 2026f-1$/m);
});

test('inspect fails on a bundle that would not run, that was changed, or that is none', async (t) => {
  const folder = temporaryFolder(t);
  const status = async (path: string) => {
    const run = await provision(['inspect', path]);
    return [run.status, /[a-z]+\/[a-z-]+/.exec(run.stderr)?.[0]];
  };
  assert.deepEqual(await status(makeBundle(folder, makeElf({ ...PROGRAM, machine: 62 }))), [
    6,
    'build/wrong-machine',
  ]);
  assert.deepEqual(await status(makeBundle(folder, makeElf({ ...PROGRAM, rpath: '/usr/lib/x' }))), [
    6,
    'build/leak-rpath',
  ]);
  const top = makeBundle(folder, makeElf(PROGRAM), { ...LIBPYTHON, runpath: '/opt/python/lib' });
  assert.deepEqual(await status(top), [6, 'build/leak-rpath']);
  makeBundle(folder, makeElf(PROGRAM));
  writeFileSync(join(top, 'bin/mine'), makeElf({ ...PROGRAM, rest: 'changed' }));
  assert.deepEqual(await status(top), [4, 'archive/changed']);
  // What a script reads has the result and what is wrong with it.
  const json = JSON.parse((await provision(['inspect', top, '--json'])).stdout) as {
    readonly schema: number;
    readonly failure: { readonly code: string };
  };
  assert.deepEqual([json.schema, json.failure.code], [1, 'archive/changed']);
  rmSync(join(top, 'bin/mine'));
  assert.deepEqual(await status(top), [2, 'usage/not-a-bundle']);
  writeFileSync(join(top, 'bundle.json'), '{');
  assert.deepEqual(await status(top), [2, 'usage/not-a-bundle']);
  assert.deepEqual(await status(join(folder, 'nothing')), [2, 'usage/not-a-bundle']);
});

test('inspect rejects a file that is not an archive', async (t) => {
  const file = join(temporaryFolder(t), 'bundle.tar.gz');
  writeFileSync(file, 'no archive\n');
  const run = await provision(['inspect', file]);
  assert.equal(run.status, 2, run.stderr);
  assert.match(run.stderr, /usage\/not-a-bundle/);
  assert.doesNotMatch(run.stderr, /provision clean/, 'the file is not in the store');
});

test('inspect follows a link to an archive, and names what it was given where that is no bundle', async (t) => {
  const folder = temporaryFolder(t, 'provision inspect ü ');
  makeBundle(folder, makeElf(PROGRAM));
  assert.ok(
    (await packTarGz({ root: join(folder, 'unpacked'), archive: join(folder, 'a.tar.gz'), mtime: 1 })).ok,
  );
  symlinkSync('a.tar.gz', join(folder, 'link.tar.gz'));
  const linked = await provision(['inspect', 'link.tar.gz'], { cwd: folder });
  assert.equal(linked.status, 0, linked.stderr);
  mkdirSync(join(folder, 'other'));
  for (const files of [['x'], ['x', 'bundle.json']]) {
    for (const name of files) writeFileSync(join(folder, 'other', name), '{}');
    const archive = join(folder, 'other.tar.gz');
    assert.ok((await packTarGz({ root: join(folder, 'other'), archive, mtime: 1 })).ok);
    const run = await provision(['inspect', 'other.tar.gz'], { cwd: folder });
    assert.equal(run.status, 2, run.stderr);
    assert.match(run.stderr, /^error\[usage\/not-a-bundle\]: other\.tar\.gz is not a bundle/);
    assert.doesNotMatch(run.stderr, /\/tmp\//, 'where it was unpacked is gone');
  }
  writeFileSync(join(folder, 'a.deb'), '!<arch>\n');
  const other = await provision(['inspect', 'a.deb'], { cwd: folder });
  assert.equal(other.status, 2, other.stderr);
  assert.match(other.stderr, /error\[usage\/not-a-bundle\]: a\.deb is[\s\S]* a\.deb ends too early/);
});

test('inspect reads a program alone: its machine, its glibc, what it names and what is inside', async (t) => {
  const folder = temporaryFolder(t);
  const program = makeElf(PROGRAM);
  writeFileSync(join(folder, 'mine'), program);
  const json = await provision(['inspect', 'mine', '--json'], { cwd: folder });
  assert.equal(json.status, 0, json.stderr);
  assert.deepEqual(JSON.parse(json.stdout), {
    schema: 1,
    program: {
      path: 'mine',
      size: program.length,
      digest: `sha256:${createHash('sha256').update(program).digest('hex')}`,
    },
    architecture: {
      ...{ format: 'elf', name: 'AArch64', machine: 183, bits: 64, endianness: 'little' },
      interpreter: '/lib/ld-linux-aarch64.so.1',
    },
    libc: { name: 'gnu', floor: '2.34', neededBy: ['mine'] },
    libraries: { needed: ['libpython3.13.so.1.0', 'libc.so.6'] },
    inside: [],
    crates: [],
  });
  const text = await provision(['inspect', 'mine'], { cwd: folder });
  assert.match(text.stdout, /^inside +no bill of materials$/m);
  assert.match(text.stdout, /^needs +of the system, or beside it: libpython3\.13\.so\.1\.0, libc\.so\.6$/m);
});

test('the minimum glibc is the highest symbol version, compared as numbers', () => {
  const file = (...names: string[]) => ({
    machine: 183,
    bits: 64 as const,
    endianness: 'little' as const,
    needed: [],
    versions: { 'libc.so.6': names },
  });
  assert.equal(minimumGlibc(new Map([['a', file('GLIBC_2.9', 'GLIBC_2.2.5')]]))?.version, '2.9');
  assert.equal(minimumGlibc(new Map([['a', file('GLIBC_2.9', 'GLIBC_2.17')]]))?.version, '2.17');
  assert.equal(minimumGlibc(new Map([['a', file('GLIBC_2.35', 'GLIBC_ABI_DT_RELR')]]))?.version, '2.36');
  assert.equal(minimumGlibc(new Map([['a', file('GLIBC_PRIVATE')]])), undefined);
  assert.deepEqual(
    minimumGlibc(
      new Map([
        ['a', file('GLIBC_2.17')],
        ['b', file('GLIBC_2.34')],
        ['c', file('GLIBC_2.34')],
      ]),
    ),
    { version: '2.34', neededBy: ['b', 'c'] },
  );
});
