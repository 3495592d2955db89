import type { Clock } from './amortization.ts';
import type { TargetTriple } from './ids.ts';
import type { Estimate, MeasuredBy, Timed } from './measured.ts';

/** `artifacts/<recipe>/pyperformance.json`. Schema: docs/bench.schema.json. */
export interface Pyperformance extends MeasuredBy {
  readonly what: 'pyperformance';
  readonly recipe: string;
  readonly target: { readonly name: string; readonly triple: TargetTriple };
  /** File name of the reference interpreter; it runs natively always. */
  readonly reference: string;
  /** `cpu`: user and system time of the process that runs a benchmark. */
  readonly clock: Clock;
  /** Geometric mean of the benchmarks' ratios; absent where none ran. */
  readonly mean?: Estimate;
  /** Upper bound of the mean; absent where there is none. */
  readonly bound?: number;
  readonly benchmarks: readonly MeasuredBenchmark[];
  /** Those that were not measured. */
  readonly left: readonly LeftBenchmark[];
}

export interface MeasuredBenchmark {
  readonly name: string;
  /** Repetitions within a value, as pyperf chose them on the reference. */
  readonly loops: number;
  /** Milliseconds for one repetition, without the start of the process. */
  readonly python: Timed;
  readonly isolate: Timed;
  /** Median of isolate ÷ python of the same iteration. */
  readonly ratio: Estimate;
}

export interface LeftBenchmark {
  readonly name: string;
  /** Which of the two does not run it. */
  readonly by: 'python' | 'isolate';
  readonly reason: string;
}
