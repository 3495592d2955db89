// One file of a program whose libraries are in it, too: a program and libraries of this machine's compiler, which stand for a program
// with a libpython, an extension module, and libraries that a package brings.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { type ElfFile, readElf } from '../../src/bundle/elf.ts';
import { makeImage } from '../../src/bundle/formats/onefile-image.ts';
import { linkLibraries } from '../../src/bundle/formats/onefile-libraries.ts';
import { copiesData, unread } from '../../src/bundle/formats/unread.ts';
import { onefileFlags, onefileLinked, onefileMacros } from '../../src/env/onefile-library.ts';
import { REPOSITORY, temporaryFolder } from '../support/cli.ts';

const compiler = ['cc', 'gcc', 'clang'].find((name) => spawnSync(name, ['--version']).status === 0);
const namespaces = spawnSync('unshare', ['--map-root-user', '--mount', 'true']).status === 0;
const skip = process.platform === 'linux' && compiler !== undefined ? false : 'no C compiler for Linux here';
const skipRoot = skip || (namespaces ? false : 'no user namespaces here');

const SOURCES = {
  // Larger than a page of any size: its constants and its code are mapped from the executable.
  'lib/libdeep.so.1':
    'const char large[500000] = {[250000] = 7}; int deep(void) { return large[250000] + large[400000]; }',
  'lib/libwant.so.1': `#include <stdio.h>
int deep(void);
int want(const char *path) { FILE *f = fopen(path, "r"); int first = f ? fgetc(f) : -1; if (f) fclose(f); return deep() * 1000 + first; }`,
  'lib/dep/libdep.so.1': 'static int count; int dep(void) { return ++count; }',
  'lib/python3.13/first.so': 'int dep(void); int module(void) { return 10 + dep(); }',
  'lib/python3.13/second.so': 'int dep(void); int module(void) { return 20 + dep(); }',
} as const;
const NEEDS: Readonly<Record<string, readonly string[]>> = {
  'lib/libwant.so.1': ['lib/libdeep.so.1'],
  'lib/python3.13/first.so': ['lib/dep/libdep.so.1'],
  'lib/python3.13/second.so': ['lib/dep/libdep.so.1'],
};
const MAIN = `#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int want(const char *path);
static int module(const char *at, const char *name) {
  char path[5000];
  void *loaded;
  snprintf(path, sizeof path, "%s/lib/python3.13/%s.so", at, name);
  loaded = dlopen(path, RTLD_NOW);
  if (!loaded) return printf("%s\\n", dlerror()), -1;
  return ((int (*)(void))dlsym(loaded, "module"))();
}
int main(int count, char **words) {
  char at[4096], path[5000];
  if (count > 2) memset(at, 0, sizeof at), strcpy(at, words[2]);
  else at[readlink("/proc/self/exe", at, sizeof at - 1)] = 0, *strrchr(at, '/') = 0;
  snprintf(path, sizeof path, "%s/lib/python3.13/os.py", at);
  printf("%d", want(path));
  for (int i = 0; i < 3; i++) printf(" %d", module(at, i == 1 ? "second" : "first"));
  printf(" %s\\n", count > 1 ? words[1] : "-");
  DIR *folder = opendir("/proc/self/fd");
  for (struct dirent *one; folder && (one = readdir(folder));) {
    ssize_t length = readlinkat(dirfd(folder), one->d_name, path, sizeof path - 1);
    path[length > 0 ? length : 0] = 0;
    if (strstr(path, "memfd")) printf("left open: %s\\n", path);
  }
  return getenv("LD_PRELOAD") != NULL;
}
`;

/** Starts a program that may make no memory files, as some sandboxes have it. */
const REFUSE = `#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(int count, char **words) {
  struct sock_filter filter[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_memfd_create, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {4, filter};
  if (count < 2 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) return 99;
  return execv(words[1], words + 1), 98;
}
`;

let built: Buffer | undefined;
let image: Buffer = Buffer.alloc(0);
let refusing = '';

before(async () => {
  if (skip !== false) return;
  const folder = temporaryFolder({ after: (done) => process.once('exit', done) }, 'provision shared ');
  const compile = (...words: readonly string[]): void => {
    const made = spawnSync(compiler as string, words, { encoding: 'utf8', cwd: folder });
    assert.equal(made.status, 0, made.stderr);
  };
  const loaded = ['lib/libwant.so.1', 'lib/libdeep.so.1'];
  const files = [];
  for (const [path, source] of Object.entries(SOURCES)) {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, 'one.c'), source);
    const name = path.split('/').at(-1) as string;
    compile(
      ...['-shared', '-fPIC', 'one.c', `-Wl,-soname,${name}`, '-o', path],
      ...(NEEDS[path] ?? []).map((needed) => needed),
    );
    files.push({ path, bytes: readFileSync(join(folder, path)), needs: NEEDS[path] ?? [] });
  }
  writeFileSync(join(folder, 'main.c'), MAIN);
  const env = join(REPOSITORY, 'src', 'env');
  const flags = [
    '-Os',
    '-fPIC',
    '-Wall',
    '-Wextra',
    '-Werror',
    '-ffunction-sections',
    '-Wl,--gc-sections',
    '-pthread',
  ];
  const sources = onefileLinked(false).map((name) => join(env, name));
  compile(
    ...[
      ...flags,
      ...onefileMacros(false),
      'main.c',
      ...sources,
      ...loaded,
      ...onefileFlags(false),
      '-Wl,-rpath,$ORIGIN/lib',
      '-o',
      'tool',
    ],
  );
  built = readFileSync(join(folder, 'tool'));
  const script = { path: 'lib/python3.13/os.py', bytes: Buffer.from('x = 1\n'), needs: [] };
  const made = makeImage({
    program: built,
    files: [...files, script],
    ...{ library: 'lib/python3.13', time: 1_700_000_000, loaded },
  });
  assert.ok(typeof made !== 'string', String(made));
  image = made;
  writeFileSync(join(folder, 'refuse.c'), REFUSE);
  refusing = join(folder, 'refuse');
  compile('refuse.c', '-o', refusing);
});

function write(at: string, bytes: Buffer = image): string {
  writeFileSync(at, bytes);
  chmodSync(at, 0o755);
  return at;
}

function start(program: string, env: NodeJS.ProcessEnv = {}, words: readonly string[] = []) {
  return spawnSync(program, words, { encoding: 'utf8', env: { PATH: process.env.PATH, ...env } });
}

test('it loads its libraries, and what these need, from itself, and leaves no descriptor behind', {
  skip,
}, (t) => {
  const folder = temporaryFolder(t, 'one file ü ');
  const { stdout, stderr, status } = start(write(join(folder, 'tool')));
  assert.deepEqual([stderr, status], ['', 0]);
  assert.equal(stdout, '7120 11 22 13 -\n');
  assert.deepEqual(readdirSync(folder), ['tool'], 'and nothing on the disk');
  symlinkSync('tool', join(folder, 'link'));
  assert.equal(start(join(folder, 'link'), {}, ['word']).stdout, '7120 11 22 13 word\n');
});

test('what a library is not read of before the program begins is not copied', { skip }, () => {
  const library = readFileSync(join(refusing, '..', 'lib/libdeep.so.1'));
  const [from, until] = unread(library);
  assert.ok(from >= 0x10000 && until - from > 300_000 && until <= library.length, `${from}, ${until}`);
  assert.deepEqual([from % 0x10000, until % 0x10000], [0, 0]);
  assert.deepEqual(unread(readFileSync(join(refusing, '..', 'lib/libwant.so.1'))), [0, 0], 'it is small');
  assert.deepEqual(unread(Buffer.from('no library')), [0, 0]);
  // A symbol whose address a function of the library gives (STT_GNU_IFUNC).
  const resolved = Buffer.from(library);
  const symbols = symbolsOf(library);
  const deep = symbols.find(({ type, defined }) => type === 2 && defined);
  resolved[(deep as { info: number }).info] = 0x1a;
  assert.deepEqual(unread(resolved), [0, 0]);
  assert.equal(copiesData(built as Buffer), false);
});

/** The dynamic symbols of a library of 64 bits, with the offset of `st_info` (elf(5)). */
function symbolsOf(library: Buffer) {
  const sections = Array.from({ length: library.readUInt16LE(60) }, (_, index) => {
    const at = Number(library.readBigUInt64LE(40)) + index * 64;
    return {
      type: library.readUInt32LE(at + 4),
      offset: Number(library.readBigUInt64LE(at + 24)),
      size: Number(library.readBigUInt64LE(at + 32)),
    };
  });
  const { offset, size } = sections.find(({ type }) => type === 11) as { offset: number; size: number };
  return Array.from({ length: size / 24 }, (_, index) => {
    const at = offset + index * 24;
    return {
      info: at + 4,
      type: (library[at + 4] as number) & 15,
      defined: library.readUInt16LE(at + 6) !== 0,
    };
  });
}

test('a bundle of the same program takes its libraries from the disk', { skip }, (t) => {
  const folder = temporaryFolder(t);
  const { status, stderr } = start(write(join(folder, 'tool'), built));
  assert.equal(status, 127, 'there are none');
  assert.match(stderr, /libwant\.so\.1/);
});

test('cut off, stripped, or with a changed byte, it says so with exit code 5', { skip }, (t) => {
  const folder = temporaryFolder(t);
  const broken = (name: string, bytes: Buffer) => start(write(join(folder, name), bytes));
  for (const length of [image.length - 1, image.length - 9000, (built as Buffer).length + 40]) {
    const { status, stderr } = broken(`cut ${length}`, image.subarray(0, length));
    assert.equal(status, 5, stderr);
    assert.match(stderr, /is damaged\.\n {2}why: the (end of the file .*strip|list of its files .*cut off)/);
  }
  const deep = image.indexOf(readFileSync(join(refusing, '..', 'lib/libdeep.so.1')));
  const module = image.indexOf(readFileSync(join(refusing, '..', 'lib/python3.13/second.so')));
  const places: Readonly<Record<string, readonly [number, RegExp]>> = {
    library: [deep + 100, /why: the library lib\/libdeep\.so\.1 is not as it was made/],
    constants: [deep + 200_000, /why: the library lib\/libdeep\.so\.1 is not as it was made/],
    module: [module + 100, /why: the file lib\/python3\.13\/second\.so is not as it was made/],
    list: [image.length - 40, /the list of its files/],
    program: [0x28, /the beginning of the program/],
  };
  for (const [name, [at, message]] of Object.entries(places)) {
    const bytes = Buffer.from(image);
    bytes[at] = (bytes[at] as number) ^ 0x10;
    const { status, stderr } = broken(name, bytes);
    assert.equal(status, 5, `${name}: ${stderr}`);
    assert.match(stderr, message);
  }
  const stripped = write(join(folder, 'stripped'));
  if (spawnSync('strip', [stripped]).status === 0) {
    const { status, stderr } = start(stripped);
    assert.equal(status, 5, stderr);
    assert.match(stderr, /strip/);
  }
});

test('without memory files, libraries are in a cache that is the user’s alone', { skip }, async (t) => {
  const folder = temporaryFolder(t);
  const program = write(join(folder, 'tool'));
  const cache = join(folder, 'cache');
  mkdirSync(cache);
  const env = { XDG_CACHE_HOME: cache };
  // Several first starts at once.
  const started = Array.from({ length: 6 }, async () => {
    const child = spawn(refusing, [program], { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const [out, code] = await Promise.all([
      child.stdout.setEncoding('utf8').toArray(),
      new Promise((resolve) => child.once('close', resolve)),
    ]);
    return [code, out.join('')];
  });
  for (const one of await Promise.all(started)) assert.deepEqual(one, [0, '7120 11 22 13 -\n']);
  const [own = ''] = readdirSync(cache);
  assert.match(own, /^onefile-\d+$/);
  assert.equal(lstatSync(join(cache, own)).mode & 0o7777, 0o700);
  const kept = readdirSync(join(cache, own)).sort();
  assert.deepEqual(
    kept.map((name) => name.split('-').slice(2).join('-')).sort(),
    ['first.so', 'libdeep.so.1', 'libdep.so.1', 'libwant.so.1', 'second.so'],
    'each once, and nothing half made',
  );
  // What is there is compared before it is used, and made again.
  const at = join(cache, own, kept.find((name) => name.endsWith('libdeep.so.1')) as string);
  const inode = lstatSync(at).ino;
  assert.equal(start(refusing, env, [program]).stdout, '7120 11 22 13 -\n');
  assert.equal(lstatSync(at).ino, inode, 'it is used again');
  const bytes = readFileSync(at);
  bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1;
  chmodSync(at, 0o700);
  writeFileSync(at, bytes);
  assert.equal(start(refusing, env, [program]).stdout, '7120 11 22 13 -\n');
  assert.notDeepEqual(readFileSync(at), bytes);
  // A folder that others may write to is not trusted.
  chmodSync(join(cache, own), 0o777);
  const other = join(folder, 'other');
  mkdirSync(other);
  assert.equal(start(refusing, { ...env, TMPDIR: other }, [program]).stdout, '7120 11 22 13 -\n');
  assert.deepEqual(readdirSync(other), [own]);
});

/** A root with the C library alone; `mounts` is what else is done in it before the program is started, which names `/`. */
function inRoot(folder: string, mounts: string, env: NodeJS.ProcessEnv = {}) {
  const root = join(folder, 'root');
  if (!existsSync(root)) {
    for (const name of ['usr', 'proc', 'tmp', 'cache', 'srv', 'dev'])
      mkdirSync(join(root, name), { recursive: true });
    for (const name of ['lib', 'lib64']) {
      if (!existsSync(`/${name}`)) continue;
      if (lstatSync(`/${name}`).isSymbolicLink()) symlinkSync(readlinkSync(`/${name}`), join(root, name));
      else cpSync(`/${name}`, join(root, name), { recursive: true });
    }
    write(join(root, 'srv', 'tool'));
  }
  const script = `set -e; mount --rbind /usr '${root}/usr'; cd '${root}'; ${mounts}; exec chroot . /srv/tool - /srv`;
  const { status, stdout, stderr } = spawnSync(
    'unshare',
    ['--map-root-user', '--mount', 'sh', '-c', script],
    {
      encoding: 'utf8',
      env: { PATH: process.env.PATH, ...env },
    },
  );
  return { status, stdout, stderr };
}

test('without /proc it starts from the cache; a full, a `noexec` or a read-only one is passed over, or told with exit code 5', {
  skip: skipRoot,
}, (t) => {
  const folder = temporaryFolder(t);
  const found = { status: 0, stdout: '7120 11 22 13 -\n', stderr: '' };
  assert.deepEqual(inRoot(folder, 'mount -t tmpfs none tmp'), found);
  const env = { XDG_CACHE_HOME: '/cache' };
  for (const bad of ['-o noexec', '-o size=4k', '-o ro']) {
    const mounts = `mount -t tmpfs ${bad} none cache`;
    assert.deepEqual(inRoot(folder, `${mounts}; mount -t tmpfs none tmp`, env), found, bad);
    const nowhere = inRoot(folder, `${mounts}; mount -t tmpfs -o ro none tmp`, env);
    assert.deepEqual([nowhere.status, nowhere.stdout], [5, ''], bad);
    assert.match(nowhere.stderr, /there is no place for a library of it, lib\/libwant\.so\.1\./);
    const why = { '-o noexec': 'not permitted', '-o size=4k': 'no space left', '-o ro': 'read-only' }[bad];
    assert.match(nowhere.stderr, new RegExp(`\\n {4}/cache: ${why}`));
    assert.match(nowhere.stderr, /\n {4}\/tmp: read-only\n.*\n? {2}fix: mount \/proc .*set TMPDIR/s);
  }
  const none = inRoot(folder, 'rm lib64; mount -t tmpfs none tmp');
  assert.equal(none.status, 127);
  assert.match(none.stderr, /does not have the loader of its C library|cannot be started/);
});

function elf(needed: readonly string[], more: Partial<ElfFile> = {}): ElfFile {
  return { machine: 62, bits: 64, endianness: 'little', needed, versions: {}, ...more };
}

test('which libraries a file needs: where it says they are, and in what order they are loaded', async () => {
  const elves = new Map([
    ['bin/tool', elf(['libpython.so', 'libc.so.6', 'libz.so'])],
    ['lib/libpython.so', elf(['libm.so.6', 'libx.so', 'libz.so'], { soname: 'libpython.so' })],
    ['lib/libx.so', elf(['libc.so.6'], { soname: 'libx.so' })],
    ['lib/libz.so', elf(['libc.so.6'], { soname: 'libz.so' })],
    [
      'lib/site/numpy/core/_multi.so',
      elf(['libblas-1.so', 'libz.so'], { runpath: '$ORIGIN/../../numpy.libs' }),
    ],
    ['lib/site/numpy.libs/libblas-1.so', elf(['libfort.so'], { soname: 'libblas-1.so', rpath: '$ORIGIN' })],
    ['lib/site/numpy.libs/libfort.so', elf([], { soname: 'libfort.so' })],
  ]);
  const found = linkLibraries(elves, 'bin/tool');
  assert.ok(found.ok);
  assert.deepEqual(found.value.loaded, ['lib/libpython.so', 'lib/libz.so', 'lib/libx.so']);
  assert.deepEqual(found.value.needs.get('lib/site/numpy/core/_multi.so'), [
    'lib/site/numpy.libs/libblas-1.so',
    'lib/libz.so',
  ]);
  assert.deepEqual(found.value.needs.get('lib/site/numpy.libs/libblas-1.so'), [
    'lib/site/numpy.libs/libfort.so',
  ]);
  const nameless = linkLibraries(new Map([...elves, ['lib/libz.so', elf([])]]), 'bin/tool');
  assert.ok(!nameless.ok);
  assert.match(nameless.error.why, /DT_SONAME/);
  const circle = new Map([...elves, ['lib/libx.so', elf(['libpython.so'], { soname: 'libx.so' })]]);
  assert.deepEqual(linkLibraries(circle, 'bin/tool').ok, false);
});

test('a library of this machine is read for what it needs', { skip }, async () => {
  const { needed = [], soname } = (await readElf(join(refusing, '..', 'lib/libwant.so.1'))) ?? {};
  assert.deepEqual(
    [needed.includes('lib/libdeep.so.1'), needed[0], soname],
    [false, 'libdeep.so.1', 'libwant.so.1'],
  );
});
