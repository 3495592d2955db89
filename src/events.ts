import type { FailedStep } from './domain/blocker.ts';
import type { SampleResult } from './domain/sample.ts';
import type { Failure } from './failure.ts';

/** The stages in the order of the pipeline; some run side by side. */
export type StageName =
  | 'recipe'
  | 'plan'
  | 'lock'
  | 'engine'
  | 'toolchain'
  | 'sysroot'
  | 'libraries'
  | 'cpython'
  | 'rust-std'
  | 'reference'
  | 'rootfs'
  | 'bytecode'
  | 'packages'
  | 'expected'
  | 'build'
  | 'bundle'
  | 'snapshot'
  | 'package'
  | 'runtime'
  | 'precompile'
  | 'run'
  | 'commands'
  | 'cargo-test'
  | 'tests'
  | 'conformance'
  | 'counters'
  | 'report';

export type ProgressUnit =
  | 'bytes'
  | 'packages'
  | 'files'
  | 'crates'
  | 'samples'
  | 'modules'
  | 'iterations'
  | 'configurations';

/** What the stages tell; renderers decide what a person sees. `at` is milliseconds since the epoch. */
export type Event =
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
      /** Command line as a person could type it inside the sandbox, secrets redacted. */
      readonly line: string;
    }
  | {
      readonly type: 'stage-finished';
      readonly stage: StageName;
      readonly outcome: 'done' | 'hit' | 'failed';
      readonly at: number;
      /** e.g. "58 packages, 123 MB". */
      readonly detail?: string;
    }
  /** Told at the moment the process ended, before anything else is done about it. */
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
