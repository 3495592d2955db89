import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { HOME } from '../exec/home.ts';

/**
 * C source that is linked into every program that has its Python inside: what lies behind such a program in one file is found
 * as if it were beside it (`bundle/formats/onefile.ts`). It changes nothing in a program of a bundle.
 */
export function onefileSource(): string {
  return readFileSync(join(HOME, 'src', 'env', 'onefile.c'), 'utf8');
}

/** The functions of the C library that it stands before; a name that no part of a program calls is none of its. */
export const ONEFILE_WRAPPED = [
  'access',
  'closedir',
  'dirfd',
  'dlopen',
  'execv',
  'execve',
  'execvp',
  '_exit',
  '_Exit',
  'faccessat',
  'fexecve',
  'fopen',
  'fopen64',
  'fstatat',
  'fstatat64',
  '__fxstatat',
  '__fxstatat64',
  'getxattr',
  'lgetxattr',
  'listxattr',
  'llistxattr',
  'lstat',
  'lstat64',
  '__lxstat',
  '__lxstat64',
  'open',
  'open64',
  'openat',
  'openat64',
  'opendir',
  'posix_spawn',
  'posix_spawnp',
  'pthread_cancel',
  'pthread_exit',
  'readdir',
  'readdir64',
  'readlink',
  'readlinkat',
  'realpath',
  'rewinddir',
  'seekdir',
  'stat',
  'stat64',
  'statx',
  'telldir',
  '__xstat',
  '__xstat64',
] as const;

/**
 * In the place of gcc's shared unwinder, which is not on every system and which one file cannot have beside it: a linker script
 * (ld(1), "Implicit linker scripts") that names the static one.
 */
export const STATIC_UNWINDER = { file: 'libgcc_s.so', text: 'INPUT(-lgcc_eh -lgcc)\n' } as const;
