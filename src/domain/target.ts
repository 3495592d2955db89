import type { Libc, RuntimeKind, TargetTriple } from './ids.ts';

/** Platform facts of one target, from `targets/<triple>.yaml`. A new GNU architecture is data, not code. */
export interface Target {
  /** Short name, e.g. `aarch64`: the one used wherever a target is named. */
  readonly name: string;
  readonly rustTriple: TargetTriple;
  /** The platform in words. */
  readonly description: string;
  /** Name of the recipe that it has by itself. */
  readonly recipe: string;
  /** Support tier; the schema defines each one. */
  readonly tier: 1 | 2 | 3;
  /** What clang takes as `--target=`. */
  readonly clangTriple: string;
  /** GNU triple: the multiarch folder below `usr/lib`. */
  readonly multiarch: string;
  /** Debian's architecture name, as in package file names. */
  readonly debianArch: string;
  /** OCI platform, e.g. `linux/arm64`. */
  readonly ociPlatform: string;
  /** As `uname -m` and Node's machine names know it; host equal to this runs natively. */
  readonly machine: string;
  /** Other machines whose kernel and processor may start its programs; whether one does has to be tried. */
  readonly maybeOn: readonly string[];
  /** Kind of its C library. */
  readonly libc: Libc;
  /** Name of the C library's file in `targets/libc/`, e.g. `glibc-2.41`. */
  readonly cLibrary: string;
  /** A C library of an earlier release, which a recipe can ask for by `glibc`. */
  readonly older?: OlderLibrary;
  /** The glibc that programs start with whose recipe asked for that one: `cLibrary` is it then. */
  readonly startsWith?: string;
  /** Linux's name of the architecture, where a C library's definition asks for it. */
  readonly linuxArch?: string;
  readonly pointerWidth: 32 | 64;
  readonly endianness: 'little' | 'big';
  /**
   * ELF `e_machine`, as `readelf -h` prints it and as a number, and the program interpreter, checked on every build;
   * without an interpreter programs are static.
   */
  readonly elf?: { readonly machine: string; readonly number: number; readonly interpreter?: string };
  readonly runtime: RuntimeKind;
  /** For `qemu-user`. */
  readonly emulator?: Emulator;
  /** Label of GitHub's hosted runner of this machine; absent: there is none. */
  readonly actionsRunner?: string;
}

/** An older C library of a target. */
export interface OlderLibrary {
  /** Name of its file in `targets/libc/`. */
  readonly cLibrary: string;
  /** The glibc that a program that is linked with it starts with. */
  readonly glibc: string;
}

/** The user-mode emulator of a target's processor. */
export interface Emulator {
  /** Its program in the toolchain image. */
  readonly program: string;
  /** Model that is emulated, as its option `-cpu` takes it; absent: the emulator's own default. */
  readonly cpu?: string;
}
