// A program and its files in one: what the format writes, for both sizes of addresses and both byte orders, and what a program that
// is linked with the C of it finds. The latter is compiled with this machine's compiler.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { readProgram } from '../../src/bundle/formats/elf-segment.ts';
import { makeImage, readImage, sumOf } from '../../src/bundle/formats/onefile-image.ts';
import { ONEFILE_WRAPPED } from '../../src/env/onefile-library.ts';
import { provision, REPOSITORY, temporaryFolder } from '../support/cli.ts';
import { makeElf } from '../support/elf.ts';

const SOURCE = join(REPOSITORY, 'src', 'env', 'onefile.c');
const FILES = [
  { path: 'lib/python3.13/os.py', bytes: Buffer.from('x = 1\n') },
  { path: 'lib/python3.13/ü/empty.txt', bytes: Buffer.alloc(0) },
  { path: 'lib/python3.13/ü/large.bin', bytes: Buffer.alloc(100_001, 7) },
  { path: 'lib/other.txt', bytes: Buffer.from('other') },
];
const IMAGE = { files: FILES, library: 'lib/python3.13', time: 1_700_000_000 };

/** The files as they are read back, by their names. */
const READ = FILES.map(shortly).sort();

/** Nobody reads 100,001 bytes in a message. */
function shortly({ path, bytes }: { readonly path: string; readonly bytes: Buffer }): string {
  return `${path} ${createHash('sha256').update(bytes).digest('hex')}`;
}

const PT_LOAD = 1;
const PT_NOTE = 4;
const PT_STACK = 0x6474e551;

/** A program of one segment, with the headers in this order; the marker is at 0x800. */
function program(wide: boolean, little: boolean, types = [PT_LOAD, PT_STACK, PT_NOTE]): Buffer {
  const bytes = Buffer.alloc(0x1230);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, little ? 1 : 2, 1]);
  const word = (at: number, value: number): void =>
    wide ? view.setBigUint64(at, BigInt(value), little) : view.setUint32(at, value, little);
  word(wide ? 32 : 28, 0x40);
  view.setUint16(wide ? 54 : 42, wide ? 56 : 32, little);
  view.setUint16(wide ? 56 : 44, types.length, little);
  const at = wide ? [8, 16, 32, 40, 48] : [4, 8, 16, 20, 28];
  for (const [index, type] of types.entries()) {
    const start = 0x40 + index * (wide ? 56 : 32);
    view.setUint32(start, type, little);
    view.setUint32(start + (wide ? 4 : 24), type === PT_LOAD ? 5 : 4, little);
    const values = type === PT_LOAD ? [0, 0x400000, 0x1230, 0x3000, 0x1000] : [0, 0, 0, 0, 4];
    for (const [field, value] of values.entries()) word(start + (at[field] as number), value);
  }
  marker().copy(bytes, 0x800);
  return bytes;
}

/** As the C source has it. */
function marker(): Buffer {
  const [, numbers = ''] =
    /marker = \{\{([^}]*)\}/.exec(readFileSync(SOURCE, 'utf8').replaceAll('\n', ' ')) ?? [];
  const bytes = numbers.split(',').map(Number);
  assert.equal(bytes.length, 16);
  return Buffer.from(bytes);
}

for (const wide of [true, false]) {
  for (const little of [true, false]) {
    test(`${wide ? 64 : 32} bits, ${little ? 'little' : 'big'}-endian: the note becomes the segment of the files`, () => {
      const original = program(wide, little);
      const image = makeImage({ ...IMAGE, program: original });
      assert.ok(typeof image !== 'string', String(image));
      const view = new DataView(image.buffer, image.byteOffset, image.length);
      const start = 0x40 + 2 * (wide ? 56 : 32);
      const word = (at: number): number =>
        wide ? Number(view.getBigUint64(at, little)) : view.getUint32(at, little);
      const at = wide ? [8, 16, 32, 40] : [4, 8, 16, 20];
      assert.equal(view.getUint32(start, little), PT_LOAD);
      assert.equal(view.getUint32(start + (wide ? 4 : 24), little), 4, 'it can be read and nothing else');
      const size = image.length - 0x1000;
      assert.deepEqual(
        at.map((field) => word(start + field)),
        [0x1000, 0x410000, size, size],
      );
      // From the marker to the header, in memory: the header is at the next multiple of 32 behind the program.
      const distance = Number(view.getBigUint64(0x810, little));
      assert.equal(distance, 0x410000 + 0x1240 - 0x1000 - (0x400000 + 0x800));
      const header = Array.from({ length: 9 }, (_, index) => view.getUint32(0x1240 + index * 4, little));
      assert.deepEqual(header.slice(0, 4), [0x1240, 0x410240 - 0x400000, 0x1000, 1_700_000_000]);
      const [table = 0, tableSize = 0, , entries, library = 0] = header.slice(4);
      assert.equal(table + tableSize, image.length);
      // Four files, `lib`, `lib/python3.13`, and the folder below that.
      assert.equal(entries, 7);
      assert.equal(image.toString('utf8', library, library + 15), 'lib/python3.13\0');
      const sums = Array.from({ length: 8 }, (_, index) => view.getUint32(0x1240 + 36 + index * 4, little));
      const names = sums[6] ?? 0;
      assert.equal(image.toString('utf8', names, names + 4), 'lib\0');
      const expected = [
        [0, 0x1000],
        [0x1000, 0x240],
        // The paths, and the table of them.
        [names, image.length - names],
      ] as const;
      assert.deepEqual(
        sums.slice(0, 6),
        expected.flatMap(([from, bytes]) => sumOf(image, from, bytes, little)),
      );
      assert.deepEqual(image.subarray(0x900, 0x1230), original.subarray(0x900), 'the rest is as it was');
      assert.deepEqual(readImage(image)?.map(shortly), READ);
      assert.ok(readImage(original) === undefined);
      assert.ok(readImage(image.subarray(0, image.length - 32)) === undefined, 'its end is cut off');
    });
  }
}

test('a program that cannot be made one file is told by its reason', () => {
  const reason = (bytes: Buffer) => makeImage({ ...IMAGE, program: bytes });
  assert.match(String(reason(program(true, true, [PT_NOTE, PT_LOAD]))), /no note behind its segments/);
  assert.match(String(reason(program(true, true, [PT_LOAD]))), /no note behind its segments/);
  assert.match(String(reason(Buffer.from('#!/bin/sh\n'))), /linked without/);
  const twice = program(true, true);
  marker().copy(twice, 0xa00);
  assert.match(String(reason(twice)), /contains a program of this kind/);
  assert.equal(readProgram(Buffer.alloc(100)), undefined);
});

test('a sum changes with every bit', () => {
  const bytes = Buffer.alloc(96, 0x5a);
  const sum = sumOf(bytes, 0, 90, true).join();
  for (let bit = 0; bit < 90 * 8; bit += 1) {
    const flipped = Buffer.from(bytes);
    flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
    assert.notEqual(sumOf(flipped, 0, 90, true).join(), sum, `bit ${bit}`);
  }
});

test('a sum changes with the same bit of two words of a column', () => {
  const bytes = Buffer.alloc(32 * 80, 0x5a);
  const sum = sumOf(bytes, 0, bytes.length, true).join();
  for (const bit of [0, 24, 28, 31])
    for (let apart = 1; apart < 80; apart += 1) {
      const damaged = Buffer.from(bytes);
      for (const at of [0, apart * 32])
        damaged[at + (bit >> 3)] = (damaged[at + (bit >> 3)] as number) ^ (1 << (bit & 7));
      assert.notEqual(sumOf(damaged, 0, bytes.length, true).join(), sum, `bit ${bit}, ${apart} rows apart`);
    }
});

const compiler = ['cc', 'gcc', 'clang'].find((name) => spawnSync(name, ['--version']).status === 0);
const skip = process.platform === 'linux' && compiler !== undefined ? false : 'no C compiler for Linux here';

/** Calls the C library as its arguments say, and prints what came of it. */
const ASKS = `
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
int main(int count, char **words) {
  for (int i = 1; i + 1 < count; i += 2) {
    char *path = words[i + 1], text[64];
    struct stat is;
    errno = 0;
    if (!strcmp(words[i], "stat")) {
      if (stat(path, &is)) printf("stat: %s\\n", strerrorname_np(errno));
      else printf("stat: %o %ld %ld\\n", is.st_mode, (long)is.st_size, (long)is.st_mtime);
    } else if (!strcmp(words[i], "read")) {
      int file = open(path, O_RDONLY), length = file < 0 ? -1 : (int)read(file, text, 63);
      if (length < 0) printf("read: %s\\n", strerrorname_np(errno));
      else text[length] = 0, printf("read: %.*s %d\\n", (int)strcspn(text, "\\n"), text, (int)lseek(file, 0, SEEK_END));
    } else if (!strcmp(words[i], "write")) {
      printf("write: %s\\n", open(path, O_WRONLY | O_CREAT, 0644) < 0 ? strerrorname_np(errno) : "done");
    } else if (!strcmp(words[i], "list")) {
      DIR *folder = opendir(path);
      printf("list:");
      for (struct dirent *one; folder && (one = readdir(folder));) printf(" %s%s", one->d_name, one->d_type == DT_DIR ? "/" : "");
      printf("%s\\n", folder ? "" : strerrorname_np(errno));
    } else if (!strcmp(words[i], "limit")) {
      struct rlimit limit = {(rlim_t)atol(path), (rlim_t)atol(path)};
      printf("limit: %s\\n", setrlimit(RLIMIT_FSIZE, &limit) ? strerrorname_np(errno) : "set");
    } else if (!strcmp(words[i], "change")) {
      struct { const char *name; int failed, error; } all[9];
      int n = 0;
#define TRY(call) (errno = 0, all[n].name = #call, all[n].failed = call != 0, all[n++].error = errno)
      TRY(mkdir(path, 0755)); TRY(rmdir(path)); TRY(unlink(path)); TRY(remove(path)); TRY(rename(path, path)); TRY(chmod(path, 0600));
      TRY(symlink("x", path)); TRY(truncate(path, 1)); TRY(utimensat(AT_FDCWD, path, NULL, 0));
      printf("change:");
      for (int k = 0; k < n; k++) printf(" %.*s=%s", (int)strcspn(all[k].name, "("), all[k].name, all[k].failed ? strerrorname_np(all[k].error) : "done");
      printf("\\n");
    } else if (!strcmp(words[i], "move")) {
      int moved = rename(path, words[i + 2]);
      printf("move: %s\\n", moved ? strerrorname_np(errno) : "done");
      i++;
    } else if (!strcmp(words[i], "real")) {
      char *real = realpath(path, NULL);
      printf("real: %s\\n", real ? real : strerrorname_np(errno));
    }
  }
  return 0;
}
`;

let built = Buffer.alloc(0);

before(() => {
  if (skip !== false) return;
  const folder = temporaryFolder({ after: (done) => process.once('exit', done) }, 'provision onefile ');
  writeFileSync(join(folder, 'asks.c'), ASKS);
  const wrapped = ONEFILE_WRAPPED.map((name) => `-Wl,--wrap=${name}`);
  const flags = [
    '-Os',
    '-Wall',
    '-Wextra',
    '-Werror',
    '-ffunction-sections',
    '-Wl,--gc-sections',
    '-pthread',
  ];
  const program = join(folder, 'asks');
  const made = spawnSync(
    compiler as string,
    [...flags, join(folder, 'asks.c'), SOURCE, ...wrapped, '-o', program, '-ldl'],
    { encoding: 'utf8' },
  );
  assert.equal(made.status, 0, made.stderr);
  built = readFileSync(program);
});

function write(at: string, bytes: Buffer): string {
  writeFileSync(at, bytes);
  chmodSync(at, 0o755);
  return at;
}

function image(): Buffer {
  const made = makeImage({ ...IMAGE, program: built });
  assert.ok(typeof made !== 'string', String(made));
  return made;
}

function ask(program: string, ...words: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(program, words, { encoding: 'utf8' });
  return { status, stderr, lines: stdout.split('\n').slice(0, -1) };
}

test('inspect reads the files in one file: libraries, what they need, and the glibc of all of them', {
  skip,
}, async (t) => {
  const folder = temporaryFolder(t, 'one file ü ');
  const versions = { 'libc.so.6': ['GLIBC_2.99'] };
  const needed = ['libodd.so.7', 'libinside.so.1'];
  const libraries = [
    { path: 'lib/libasks.so.1', bytes: makeElf({ machine: 62, needed, versions }) },
    { path: 'lib/libinside.so.1', bytes: makeElf({ machine: 62 }) },
  ];
  const made = makeImage({ ...IMAGE, files: [...FILES, ...libraries], program: built });
  assert.ok(typeof made !== 'string', String(made));
  write(join(folder, 'asks'), made);
  const json = await provision(['inspect', 'asks', '--json'], { cwd: folder });
  assert.equal(json.status, 0, json.stderr);
  const inspected = JSON.parse(json.stdout);
  assert.deepEqual(inspected.libc.neededBy, ['lib/libasks.so.1']);
  assert.equal(inspected.libc.floor, '2.99');
  assert.equal(inspected.files, 6);
  const { brought, needed: ofSystem } = inspected.libraries;
  assert.deepEqual(
    brought.map(({ path }: { readonly path: string }) => path),
    libraries.map(({ path }) => path),
  );
  assert.ok(ofSystem.includes('libodd.so.7') && !ofSystem.includes('libinside.so.1'), ofSystem.join());
  const text = await provision(['inspect', 'asks'], { cwd: folder });
  assert.match(text.stdout, /^files +one file with 6 in it, /m);
  assert.match(text.stdout, /^needs +of the system: .*libodd\.so\.7/m);
});

test('the files are found where a bundle would have them', { skip }, (t) => {
  const folder = temporaryFolder(t, 'one file ü ');
  const program = write(join(folder, 'asks'), image());
  const library = join(folder, 'lib', 'python3.13');
  symlinkSync(folder, join(folder, 'link'));
  const { lines, status, stderr } = ask(
    program,
    ...['stat', join(library, 'os.py'), 'stat', library, 'stat', join(folder, 'lib')],
    ...[
      'read',
      join(library, 'os.py'),
      'read',
      join(folder, 'lib/other.txt'),
      'read',
      join(library, 'ü/large.bin'),
    ],
    ...['list', library, 'list', join(library, 'ü'), 'list', join(folder, 'lib')],
    ...['stat', join(library, 'none.py'), 'write', join(library, 'none.py'), 'write', join(library, 'os.py')],
    ...['read', `${library}/./ü/..//os.py`, 'read', join(folder, 'link/lib/python3.13/os.py')],
    ...['real', join(folder, 'link/lib/python3.13/ü'), 'read', join(library, 'ü/empty.txt'), 'stat', folder],
  );
  assert.deepEqual([status, stderr], [0, '']);
  assert.deepEqual(lines.slice(0, 9), [
    ...['stat: 100644 6 1700000000', 'stat: 40755 0 1700000000', 'stat: 40755 0 1700000000'],
    ...['read: x = 1 6', 'read: other 5', `read: ${'\x07'.repeat(63)} 100001`],
    ...['list: ./ ../ os.py ü/', 'list: ./ ../ empty.txt large.bin', 'list: ./ ../ other.txt python3.13/'],
  ]);
  assert.deepEqual(lines.slice(9, -1), [
    ...['stat: ENOENT', 'write: EROFS', 'write: EROFS', 'read: x = 1 6', 'read: x = 1 6'],
    ...[`real: ${join(library, 'ü')}`, 'read:  0'],
  ]);
  assert.match(lines.at(-1) as string, /^stat: 40/);
});

test('what would change the files is refused as on a file system that is mounted to be read', {
  skip,
}, (t) => {
  const folder = temporaryFolder(t);
  const program = write(join(folder, 'asks'), image());
  const library = join(folder, 'lib', 'python3.13');
  const own = join(folder, 'own.txt');
  writeFileSync(own, '');
  const { lines } = ask(
    program,
    ...[
      'change',
      join(library, 'os.py'),
      'change',
      join(library, 'new'),
      'change',
      join(library, 'none/new'),
    ],
    ...['change', join(library, 'os.py/new'), 'change', join(folder, 'none/new')],
    ...['move', join(library, 'os.py'), own, 'move', own, join(library, 'new')],
    ...['move', join(library, 'none'), own, 'move', own, join(folder, 'moved.txt')],
  );
  const absent = 'rmdir=ENOENT unlink=ENOENT remove=ENOENT rename=ENOENT chmod=ENOENT';
  const rest = 'truncate=ENOENT utimensat=ENOENT';
  assert.deepEqual(lines, [
    'change: mkdir=EEXIST rmdir=EROFS unlink=EROFS remove=EROFS rename=EROFS chmod=EROFS symlink=EEXIST truncate=EROFS utimensat=EROFS',
    `change: mkdir=EROFS ${absent} symlink=EROFS ${rest}`,
    `change: mkdir=ENOENT ${absent} symlink=ENOENT ${rest}`,
    `change: mkdir=ENOTDIR ${absent} symlink=ENOTDIR ${rest}`,
    `change: mkdir=ENOENT ${absent} symlink=ENOENT ${rest}`,
    ...['move: EXDEV', 'move: EXDEV', 'move: ENOENT', 'move: done'],
  ]);
});

test('a path that leaves the library by `..` leads to what the machine has', { skip }, (t) => {
  const folder = temporaryFolder(t, 'one file ü ');
  const program = write(join(folder, 'asks'), image());
  const library = join(folder, 'lib', 'python3.13');
  writeFileSync(join(folder, 'own.txt'), 'own');
  symlinkSync(folder, join(folder, 'link'));
  const up = (text: string): string => `${library}/ü/${text}`;
  const { lines } = ask(
    program,
    ...['read', up('../../../own.txt'), 'read', `${folder}/link/lib/python3.13/../../own.txt`],
    ...['list', up('../../..'), 'read', up(`../../../../${folder.split('/').at(-1)}/own.txt`)],
    ...['read', up('../../other.txt'), 'read', up('../../../none.txt'), 'write', up('../../../written.txt')],
  );
  assert.deepEqual(lines.slice(0, 2), ['read: own 3', 'read: own 3']);
  assert.match(lines[2] as string, /^list:(?=.* own\.txt)(?=.* asks)/);
  assert.deepEqual(lines.slice(3), ['read: own 3', 'read: other 5', 'read: ENOENT', 'write: done']);
  assert.equal(readFileSync(join(folder, 'written.txt'), 'utf8'), '');
});

test('a process that may write no large files reads them all the same', { skip }, (t) => {
  const folder = temporaryFolder(t);
  const program = write(join(folder, 'asks'), image());
  // In a namespace of its own: root could lift the limit.
  const words = ['limit', '100', 'read', join(folder, 'lib/python3.13/ü/large.bin')];
  const small = ['read', join(folder, 'lib/python3.13/os.py')];
  const { lines, status } = ask('unshare', '--map-root-user', program, ...words, ...small);
  if (status === 1) return t.skip('no user namespaces here');
  // What is read is no file whose end could be asked for.
  assert.deepEqual([status, lines[0], lines[2]], [0, 'limit: set', 'read: x = 1 6']);
  assert.equal(lines[1], `read: ${'\x07'.repeat(63)} -1`);
});

test('what the machine has there is not taken for the library, and is seen beside it', { skip }, (t) => {
  const folder = temporaryFolder(t);
  const program = write(join(folder, 'asks'), image());
  mkdirSync(join(folder, 'lib/python3.13'), { recursive: true });
  writeFileSync(join(folder, 'lib/python3.13/os.py'), 'evil');
  writeFileSync(join(folder, 'lib/python3.13/more.py'), 'evil');
  writeFileSync(join(folder, 'lib/own.txt'), 'own');
  const { lines } = ask(
    program,
    ...['read', join(folder, 'lib/python3.13/os.py'), 'read', join(folder, 'lib/python3.13/more.py')],
    ...['read', join(folder, 'lib/own.txt'), 'list', join(folder, 'lib')],
  );
  assert.deepEqual(lines.slice(0, 3), ['read: x = 1 6', 'read: ENOENT', 'read: own 3']);
  assert.match(lines[3] as string, /own\.txt/);
});

test('a program of a bundle is given what the machine has', { skip }, (t) => {
  const folder = temporaryFolder(t);
  const program = write(join(folder, 'asks'), built);
  mkdirSync(join(folder, 'lib/python3.13'), { recursive: true });
  writeFileSync(join(folder, 'lib/python3.13/os.py'), 'real');
  const { lines } = ask(program, 'read', join(folder, 'lib/python3.13/os.py'), 'list', join(folder, 'lib'));
  assert.equal(lines[0], 'read: real 4');
  assert.match(lines[1] as string, / python3\.13\//);
});

test('every place where it is cut off, and every kind of byte that is flipped, is told with exit code 5', {
  skip,
}, (t) => {
  const folder = temporaryFolder(t);
  const whole = image();
  const header = Math.ceil(built.length / 32) * 32;
  const path = join(folder, 'lib/python3.13/os.py');
  const run = (bytes: Buffer) => ask(write(join(folder, `asks${Math.random()}`), bytes), 'read', path);
  for (const length of [whole.length - 1, whole.length - 5000, whole.length - 100_000, header + 10]) {
    const { status, stderr, lines } = run(whole.subarray(0, length));
    assert.equal(status, 5, `${length} of ${whole.length}: ${stderr}`);
    assert.match(
      stderr,
      /this executable is damaged\.\n {2}why: .*cut off.*\n {2}fix: copy or download it again/s,
    );
    assert.deepEqual(lines, []);
  }
  const file = whole.indexOf('x = 1\n');
  const places: Readonly<Record<string, readonly [number, RegExp]>> = {
    'the ELF header': [0x28, /beginning of the program/],
    'the description': [header + 12, /description of its content/],
    'the list': [whole.length - 40, /list of its files/],
    'the symbols of the program': [built.length - 100, /the program/],
    'a file': [file, /the file lib\/python3\.13\/os\.py is not as it was made/],
  };
  for (const [name, [at, message]] of Object.entries(places)) {
    const bytes = Buffer.from(whole);
    bytes[at] = (bytes[at] as number) ^ 0x10;
    const { status, stderr } = run(bytes);
    assert.equal(status, 5, `${name}: ${stderr}`);
    assert.match(stderr, message, name);
  }
});

test('it needs neither its own file nor a name', { skip }, (t) => {
  const folder = temporaryFolder(t);
  const program = write(join(folder, 'asks'), image());
  const path = join(folder, 'lib/python3.13/os.py');
  const script = `p = ${JSON.stringify(program)}
import os
f = os.open(p, os.O_RDONLY)
os.unlink(p)
os.execve(f, ["x", "read", ${JSON.stringify(path)}], {})`;
  if (spawnSync('python3', ['--version']).status !== 0)
    return t.skip('no python3 here, which can start a descriptor');
  const { stdout, stderr } = spawnSync('python3', ['-c', script], { encoding: 'utf8' });
  assert.equal(stdout, 'read: x = 1 6\n', stderr);
});

test('every function that the linker puts before one of the C library is there, and for every C library but those of glibc alone', () => {
  const source = readFileSync(SOURCE, 'utf8');
  const guarded = [...source.matchAll(/#if(?:def __GLIBC__| defined\(__GLIBC__\)[^\n]*)\n(.*?)#endif/gs)]
    .map(([text]) => text)
    .join('');
  const always = source.replace(/#if(?:def __GLIBC__| defined\(__GLIBC__\)[^\n]*)\n.*?#endif/gs, '');
  const defines = (text: string, name: string): boolean =>
    new RegExp(`(WRAPS\\(${name}\\)\\(|^[A-Z_]+\\((?:\\w+, )?${name}[,)])`, 'm').test(text);
  for (const name of ONEFILE_WRAPPED) {
    const ofGlibc = name.endsWith('64') || name.startsWith('__');
    assert.ok(defines(ofGlibc ? guarded : always, name), name);
  }
});
