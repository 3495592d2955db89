import type { FailedStep } from './domain/blocker.ts';
import type { HostStart, Report } from './domain/report.ts';
import type { SampleResult } from './domain/sample.ts';
import type { SystemFacts } from './domain/system.ts';
import type { Failure } from './failure.ts';

/** All stages, in the order of the pipeline; some run side by side. After `host`: those of other commands. */
export const STAGES = [
  'lock',
  'engine',
  'toolchain',
  'sysroot',
  'libraries',
  'cpython',
  'rust-std',
  'reference',
  'rootfs',
  'data',
  'bytecode',
  'packages',
  'expected',
  'build',
  'bundle',
  'snapshot',
  'runtime',
  'precompile',
  'package',
  'run',
  'commands',
  'cargo-test',
  'host',
  'tests',
  'conformance',
  'counters',
] as const;

export type StageName = (typeof STAGES)[number];

/**
 * What a report states of something that is finished: complete in itself, JSON. Later facts add to earlier ones, and
 * replace those of the same name; bytes are summed.
 */
export interface Facts
  extends Partial<
    Pick<Report, 'engine' | 'python' | 'pythonCode' | 'reference' | 'toolchain' | 'sysroot' | 'systemData'>
  > {
  /** Files relative to the artifacts folder. */
  readonly bundle?: NonNullable<Report['bundle']>;
  readonly packages?: NonNullable<Report['packages']>;
  /** Bytes that had to be downloaded. */
  readonly downloaded?: number;
  /** Bytes of a tree that had to be unpacked. */
  readonly unpacked?: number;
  /** Samples and tests that have been run: all those of the run so far. */
  readonly tests?: {
    readonly results: readonly SampleResult[];
    readonly cached: number;
    /** Files written, relative to the artifacts folder. */
    readonly logs: readonly string[];
    /** The samples on further systems. */
    readonly systems: readonly (SystemFacts & {
      readonly results: readonly SampleResult[];
      readonly cached: number;
    })[];
  };
  readonly hostStart?: HostStart;
}

/** What a run is going to make; nothing that was made for an earlier plan counts any more. */
export type PlannedRun = Pick<Report, 'recipe' | 'target' | 'plan' | 'system'>;

export type ProgressUnit =
  | 'bytes'
  | 'packages'
  | 'files'
  | 'crates'
  | 'samples'
  | 'modules'
  | 'iterations'
  | 'configurations';

/** What the stages report; renderers decide what a user sees. `at` is milliseconds since the epoch. */
export type Event =
  | { readonly type: 'planned'; readonly run: PlannedRun }
  | { readonly type: 'facts'; readonly facts: Facts }
  | { readonly type: 'stage-started'; readonly stage: StageName; readonly title: string; readonly at: number }
  | {
      readonly type: 'stage-progress';
      readonly stage: StageName;
      readonly done: number;
      readonly total?: number;
      readonly unit: ProgressUnit;
      /** Units per second, over the last few seconds. */
      readonly rate?: number;
      readonly detail?: string;
    }
  | {
      readonly type: 'stage-output';
      readonly stage: StageName;
      readonly stream: 'stdout' | 'stderr';
      readonly text: string;
    }
  | {
      readonly type: 'command';
      readonly stage: StageName;
      /** Command line as a user could type it inside the sandbox, secrets redacted. */
      readonly line: string;
    }
  | {
      readonly type: 'stage-finished';
      readonly stage: StageName;
      /** `skipped`: nothing was done, and `detail` says why. */
      readonly outcome: 'done' | 'hit' | 'failed' | 'skipped';
      readonly at: number;
      /** e.g. "58 packages, 123 MB". */
      readonly detail?: string;
    }
  /** Emitted at the moment the process ended, before anything else is done about it. */
  | { readonly type: 'step-failed'; readonly step: FailedStep }
  | { readonly type: 'sample-finished'; readonly result: SampleResult; readonly cached: boolean }
  | {
      readonly type: 'notice';
      readonly level: 'info' | 'warning';
      readonly code: string;
      readonly message: string;
    }
  | { readonly type: 'failure'; readonly failure: Failure };

export type Emit = (event: Event) => void;
