import type { PythonChoice } from './definitions.ts';
import type { Linkage, PythonImplementation } from './ids.ts';

/**
 * Name of the folder that holds the standard library: the free-threaded build has one of its own, the debug build has not
 * (CPython's Makefile, `LIBDEST`: `python$(VERSION)$(ABI_THREAD)`).
 */
export function libraryFolder({ version, abiflags }: Pick<PythonChoice, 'version' | 'abiflags'>): string {
  return `python${version}${abiflags.includes('t') ? 't' : ''}`;
}

/** What comes after `-l` (CPython's Makefile, `LDVERSION`: `$(VERSION)$(ABIFLAGS)`). */
export function libraryName({ version, abiflags }: Pick<PythonChoice, 'version' | 'abiflags'>): string {
  return `python${version}${abiflags}`;
}

/**
 * A CPython as its own build describes it (sysconfigdata). Paths are relative to the root of the tree it is in. Of another
 * implementation no tree has anything: the paths are those of the CPython that it is compared with.
 */
export interface PythonDistribution {
  readonly implementation: PythonImplementation;
  /** The program has its standard library inside, and its bundle none. */
  readonly libraryInside?: true;
  /** Full version, e.g. `3.13.5`, from `patchlevel.h`. */
  readonly version: string;
  /** `3.13`. */
  readonly minor: string;
  /** e.g. `` or `t` or `d`. */
  readonly abiflags: string;
  readonly linkage: Linkage;
  /** What comes after `-l`: `python3.13`. */
  readonly libName: string;
  /** Folder of libpython, e.g. `usr/lib/aarch64-linux-gnu`. */
  readonly libDir: string;
  /** `usr/lib/python3.13`. */
  readonly stdlib: string;
  /** `usr/lib/python3.13/_sysconfigdata__aarch64-linux-gnu.py`. */
  readonly sysconfigdata: string;
  /** `cpython-313-aarch64-linux-gnu`. */
  readonly soabi: string;
  readonly pointerWidth: 32 | 64;
  /** PyO3 build flags: `Py_DEBUG`, `Py_GIL_DISABLED`, … */
  readonly buildFlags: readonly string[];
  /** What a program is linked with, in order; only where libpython is static. */
  readonly link?: StaticLink;
  /** Folder of its standard library compiled, laid out like it, where it was built with one. */
  readonly bytecode?: string;
  /** One sentence: which file it was read from and why it was taken. */
  readonly why: string;
}

/** How a static libpython is linked: as its own build describes it. */
export interface StaticLink {
  /** What comes after `-l`, libpython first. */
  readonly libraries: readonly LinkedLibrary[];
  /** Folders of the static libraries, relative to the root of the tree. */
  readonly folders: readonly string[];
  /** Whether all of libpython goes into the program. */
  readonly whole: boolean;
}

export interface LinkedLibrary {
  readonly name: string;
  readonly linkage: Linkage;
}
