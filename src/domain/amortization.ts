import type { RuntimeKind, TargetTriple } from './ids.ts';
import type { Estimate, MeasuredBy, Timed } from './measured.ts';

/** `artifacts/<recipe>/amortize.json`. Schema: docs/bench.schema.json. */
export interface Amortization extends MeasuredBy {
  readonly what: 'amortize';
  readonly recipe: string;
  readonly target: { readonly name: string; readonly triple: TargetTriple };
  readonly runner: RuntimeKind;
  /** File name of the reference interpreter; it runs natively always. */
  readonly reference: string;
  /** `wall`: from before the fork to the end; `cpu`: user and system time. */
  readonly clock: Clock;
  readonly warmUp: number;
  readonly points: readonly AmortizationPoint[];
  /** Absent where fewer than two values of M were run. */
  readonly fit?: AmortizationFit;
  /** Whether standard output and status were equal at every M. */
  readonly exact: boolean;
}

export type Clock = 'wall' | 'cpu';

export interface AmortizationPoint {
  /** Repetitions of the workload: AMORT_M. */
  readonly rounds: number;
  readonly python: Timed;
  readonly isolate: Timed;
  /** Milliseconds: median of isolate − python of the same iteration. */
  readonly delta: number;
  /** Median of isolate ÷ python of the same iteration. */
  readonly ratio: number;
  readonly exact: boolean;
  /** Where it is not exact: what each side printed, or how it ended. */
  readonly difference?: { readonly python: string; readonly isolate: string };
}

/** Time of a run = launch + rounds × step, fitted to each side. */
export interface AmortizationFit {
  /** Milliseconds. */
  readonly pythonLaunch: number;
  readonly isolateLaunch: number;
  /** Nanoseconds for one round of the workload. */
  readonly pythonStep: number;
  readonly isolateStep: number;
  /** Milliseconds that the isolate's launch is shorter by. */
  readonly launchSaving: Estimate;
  /** How much longer the isolate takes for a round: 0.25 is a quarter more, −0.05 a twentieth less. */
  readonly tax: Estimate;
  readonly crossover: Crossover;
}

/** Where both take the same time. */
export type Crossover =
  | {
      readonly kind: 'at';
      /** M. */
      readonly rounds: number;
      readonly low: number;
      /** Null: no bound; some resamplings never cross. */
      readonly high: number | null;
      /** Which of them is faster at larger M. */
      readonly beyond: 'python' | 'isolate';
    }
  | { readonly kind: 'isolate-always-faster' }
  | { readonly kind: 'python-always-faster' };
