import type { RuntimeKind } from '../domain/ids.ts';
import type { Emulation } from '../engine/emulation.ts';
import type { Mount } from '../engine/engine.ts';
import type { Json } from '../store/store.ts';

/** What programs are executed by: the target's runtimes, and the reference interpreter. */
export type AdapterKind = RuntimeKind | 'reference';

/** A program ready to be started: a root, a command line, and what an outcome depends on beside the script. */
export interface RuntimeInstance {
  /** The adapter that made it, and reads its exits. */
  readonly kind: AdapterKind;
  /** Store tree that becomes `/`. */
  readonly rootfs: string;
  /** What is mounted beside samples and working folder. */
  readonly mounts: readonly Mount[];
  /** Command line up to the script. */
  readonly command: readonly [string, ...string[]];
  /** The same for a run that is shown no suite; absent: no difference. */
  readonly commandWithoutSuite?: readonly [string, ...string[]];
  /** What follows the command line: `{script}` and `{args}` are filled in. Absent: the script, then its arguments. */
  readonly arguments?: readonly string[];
  /** Environment beside the one that every sample gets. */
  readonly env: Readonly<Record<string, string>>;
  /** How programs start that the program starts; absent: the kernel starts them, or there are none. */
  readonly emulation?: Emulation;
  /** How many times the time limit of a script it may take; absent: once. */
  readonly patience?: number;
  /** Name of the emulator or WebAssembly runtime that `command` starts with, when there is one: messages name it. */
  readonly emulator?: string;
  /** Whatever can change what a script prints here: digests of interpreter, root, emulator. */
  readonly key: Json;
}

/** Where every runtime shows the suite, read-only: tracebacks name these paths. */
export const SUITE_AT = '/job/samples';

/** The working folder: empty, writable, gone with the run. */
export const SCRATCH_AT = '/job/scratch';

/**
 * The environment of every sample, on the target and on the reference. Locale, zone and the hash seed are fixed so that a
 * script that is deterministic for its author (the order of a set, a date) is so here.
 */
export const SAMPLE_ENV: Readonly<Record<string, string>> = {
  PATH: '/usr/local/bin:/usr/bin:/bin',
  HOME: SCRATCH_AT,
  TMPDIR: SCRATCH_AT,
  LANG: 'C.UTF-8',
  TZ: 'UTC',
  PYTHONHASHSEED: '0',
};
