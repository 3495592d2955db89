import type { Divergence } from './divergence.ts';

/** A script that is run on the target and on the reference interpreter. Header keys: docs/samples.md. */
export interface Sample {
  /** Unique within a suite: path below the suite's folder without `.py`, e.g. `dynamic/metaclass`. */
  readonly name: string;
  /** Host path of the script. */
  readonly file: string;
  /** Host folder that the script sees itself in, with its helper modules: the folder given, or that of the file given. */
  readonly suite: string;
  /** How `suite` came about: a folder was given, or a file (whose folder may hold anything). */
  readonly given: 'folder' | 'file';
  readonly title: string;
  readonly tier: 'any' | 'dynamic' | 'realworld' | 'user';
  /** What a platform must have: `threads`, `subprocess`, `sockets`, `signals`, … */
  readonly requires: readonly string[];
  /** Versions of Python that it is for, as conditions: `>=3.12, <3.15`; absent: all. */
  readonly python?: string;
  readonly argv: readonly string[];
  readonly stdin: string;
  readonly timeoutSeconds: number;
  readonly knownDifferences: readonly KnownDifference[];
}

/** A declared difference between target and reference, with its reason. */
export interface KnownDifference {
  /** Target names or libc names (`musl`, `wasi`) it applies to. */
  readonly on: readonly string[];
  readonly reason: string;
}

/** What one run of a script left behind. Output is base64 only where it is not UTF-8. */
export interface Observation {
  readonly stdout: string;
  readonly stderr: string;
  readonly encoding: 'utf8' | 'base64';
  /** Exit status, or what ended it: a signal, or `wasm trap: …`. */
  readonly exit: { readonly status: number } | { readonly signal: string };
  /** Milliseconds, wall. */
  readonly ms: number;
  /** Bytes that a stream had, where it is cut here; the whole is among the logs of a failed sample. */
  readonly cut?: { readonly stdout?: number; readonly stderr?: number };
  /** What the emulator itself printed on stderr; not part of `stderr` here. */
  readonly emulator?: readonly string[];
}

export type SampleStatus = 'passed' | 'failed' | 'skipped';

export type SampleFailureKind =
  | 'output-differs'
  | 'exit-differs'
  | 'time-limit'
  | 'output-limit'
  | 'disk-limit'
  | 'emulator-crash'
  | 'reference-failed'
  | 'test-failed';

export interface SampleResult {
  readonly name: string;
  readonly title: string;
  readonly tier: Sample['tier'];
  readonly status: SampleStatus;
  /** The system that it ran on, where that is not the one that all else runs on. */
  readonly system?: string;
  /** What it is where it is no sample: a command of the recipe, or a test of the crate's own. */
  readonly by?: 'command' | 'cargo';
  /** The script, as it was given or found. */
  readonly file: string;
  /** Why it failed or was skipped; absent when passed. */
  readonly reason?: string;
  readonly kind?: SampleFailureKind;
  /** How it differs and why, where the run is to measure that. */
  readonly divergence?: Divergence;
  /** What mends it, where the cause is known: any one of them. */
  readonly cures?: readonly string[];
  /** Declared differences that apply on this target and were seen. */
  readonly declared?: readonly string[];
  /** What was expected against what came, as a unified diff; what a command or a test said on standard error before it. */
  readonly diff?: string;
  readonly target?: Observation;
  readonly reference?: Observation;
  /** Files with everything the two runs printed, relative to the artifacts folder; for samples that differ or fail. */
  readonly logs?: readonly string[];
}
