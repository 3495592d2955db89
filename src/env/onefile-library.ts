import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HOME } from '../exec/home.ts';

const SOURCE = 'onefile.c';
/** What it shares with the part that starts a program whose Python is a library. */
const PLACE = 'onefile-place.h';
const START = 'onefile-start.c';

/**
 * C source that is linked into every program: what lies behind it in one file is found as if it were beside it
 * (`bundle/formats/onefile.ts`). It changes nothing in a program of a bundle. File name → content. `inside`: the program has all of
 * its Python inside.
 */
export function onefileSources(inside: boolean): Readonly<Record<string, string>> {
  const names = [PLACE, ...onefileLinked(inside)];
  return {
    ...Object.fromEntries(names.map((name) => [name, readFileSync(join(HOME, 'src', 'env', name), 'utf8')])),
    ...(inside ? { [STATIC_UNWINDER.file]: STATIC_UNWINDER.text } : {}),
  };
}

/** Those of them that are compiled and linked. */
export function onefileLinked(inside: boolean): readonly string[] {
  return inside ? [SOURCE] : [SOURCE, START];
}

/** What they are compiled with. */
export function onefileMacros(inside: boolean): readonly string[] {
  return inside ? [] : ['-DONEFILE_SHARED'];
}

/** How its functions are put before those of the C library: by the linker, or, for libraries too, by the loader. */
export function onefileFlags(inside: boolean): readonly string[] {
  if (inside) return ONEFILE_WRAPPED.map((name) => `-Wl,--wrap=${name}`);
  return [
    // Sections that only their beginning and end are named of.
    '-Wl,-z,nostart-stop-gc',
    ...ONEFILE_WRAPPED.map((name) => `-Wl,--export-dynamic-symbol=${name}`),
    ...IN_ARCHIVE.map((name) => `-Wl,--wrap=${name}`),
    '-ldl',
  ];
}

/** Of these, those that older releases of glibc link into each program. */
const IN_ARCHIVE = ['stat', 'lstat', 'fstatat', 'stat64', 'lstat64', 'fstatat64'];

/** The functions of the C library that it stands before; a name that no part of a program calls is none of its. */
export const ONEFILE_WRAPPED = [
  '_Exit',
  'access',
  'chmod',
  'chown',
  'closedir',
  'dirfd',
  'dlopen',
  'execv',
  'execve',
  'execvp',
  '_exit',
  'faccessat',
  'fchmodat',
  'fchownat',
  'fexecve',
  'fopen',
  'fopen64',
  'fstatat',
  'fstatat64',
  '__fstatat64_time64',
  '__fxstatat',
  '__fxstatat64',
  'getxattr',
  'lchown',
  'lgetxattr',
  'link',
  'linkat',
  'listxattr',
  'llistxattr',
  'lstat',
  'lstat64',
  '__lstat64_time64',
  '__lxstat',
  '__lxstat64',
  'mkdir',
  'mkdirat',
  'mkfifo',
  'open',
  'open64',
  '__open64_2',
  '__open_2',
  'openat',
  'openat64',
  '__openat64_2',
  '__openat_2',
  'opendir',
  'posix_spawn',
  'posix_spawnp',
  'PyFile_SetOpenCodeHook',
  'pthread_cancel',
  'pthread_exit',
  'readdir',
  'readdir64',
  'readlink',
  '__readlink_chk',
  'readlinkat',
  '__readlinkat_chk',
  'realpath',
  '__realpath_chk',
  'remove',
  'rename',
  'renameat',
  'rewinddir',
  'rmdir',
  'seekdir',
  'stat',
  'stat64',
  '__stat64_time64',
  'statx',
  'symlink',
  'symlinkat',
  'telldir',
  'truncate',
  'truncate64',
  'unlink',
  'unlinkat',
  'utimensat',
  '__utimensat64',
  'utimes',
  '__utimes64',
  '__xstat',
  '__xstat64',
] as const;

/**
 * In the place of gcc's shared unwinder, which is not on every system and which one file cannot have beside it: a linker script
 * (ld(1), "Implicit linker scripts") that names the static one.
 */
const STATIC_UNWINDER = { file: 'libgcc_s.so', text: 'INPUT(-lgcc_eh -lgcc)\n' } as const;
