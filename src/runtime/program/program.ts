import type { Resolved } from '../../domain/definitions.ts';
import type { Libc } from '../../domain/ids.ts';
import type { PythonDistribution } from '../../domain/python.ts';
import type { SystemData } from '../../domain/system-data.ts';
import type { Target } from '../../domain/target.ts';
import type { Failure } from '../../failure.ts';
import type { Json } from '../../store/store.ts';
import { ELF } from './elf.ts';
import { WASI } from './wasi.ts';

/** What programs of a C library are: how they are linked and checked, and what their bundle holds beside them. */
export interface ProgramFormat {
  /** How their file names end. */
  readonly suffix: '' | '.wasm';
  /** Machine code of the target: a kernel starts it, or an emulator of the processor. */
  readonly machineCode: boolean;
  /** What Python says of its system: variables of dependencies' markers (dependency specifiers, "Environment markers"). */
  readonly markers: Readonly<Record<string, string>>;
  /** They load shared libraries, which the bundle brings. */
  readonly sharedLibraries: boolean;
  /** How a program finds the bundle's standard library where PyO3 starts Python; a sentence of the notice. */
  readonly findsLibrary: string;
  /** Data of a system that no program reads, and why. */
  readonly unreadData: Readonly<Partial<Record<SystemData, string>>>;
  /** What runs a program beside a system's libraries. */
  readonly runsOn: string;
  /** The linker called without a C compiler in front of it; absent: the compiler links. */
  bareLinker?(resolved: Resolved): BareLinker;
  /** What is wrong with a built program that its runtime would refuse at each start. */
  check(file: string, log: string): Promise<Failure | undefined>;
  /** Inputs of a bundle beside those of every bundle. */
  bundleInputs(resolved: Resolved): Readonly<Record<string, Json>>;
  /** Adds to a bundle's folder what its program needs beside the standard library. */
  addToBundle(folder: string, input: BundleExtras): Promise<void>;
}

export interface BareLinker {
  /** Role of the linker among the image's tools. */
  readonly tool: string;
  readonly rustFlags: readonly string[];
  /** Arguments of the linker itself. */
  readonly arguments: readonly string[];
}

export interface BundleExtras {
  readonly resolved: Resolved;
  /** File name of the program. */
  readonly program: string;
  readonly python: PythonDistribution;
}

const FORMATS: Readonly<Record<Libc, ProgramFormat>> = { gnu: ELF, musl: ELF, wasi: WASI };

/** The format of a target's programs: its C library decides. */
export function programFormat({ libc }: Pick<Target, 'libc'>): ProgramFormat {
  return FORMATS[libc];
}

/** File name of a crate's program for a target. */
export function programFile(target: Pick<Target, 'libc'>, bin: string): string {
  return `${bin}${programFormat(target).suffix}`;
}
