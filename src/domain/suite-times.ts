import type { Clock } from './amortization.ts';
import type { RuntimeKind, TargetTriple } from './ids.ts';
import type { Estimate, MeasuredBy, Timed } from './measured.ts';

/** `artifacts/suite.json`. Schema: docs/bench.schema.json. */
export interface SuiteTimes extends MeasuredBy {
  readonly what: 'suite';
  /** File name of the reference interpreter. */
  readonly reference: string;
  readonly clock: Clock;
  readonly rounds: number;
  readonly warmUp: number;
  readonly recipes: readonly SuiteRecipe[];
  readonly samples: readonly SuiteSample[];
}

export interface SuiteRecipe {
  readonly recipe: string;
  readonly target: { readonly name: string; readonly triple: TargetTriple };
  readonly runner: RuntimeKind;
  /** Over the samples that ran: median of the ratios to the reference, with the middle half of them. */
  readonly ratio?: Estimate;
  /** Where it is emulated: the same against a recipe that runs natively, else against the reference. */
  readonly emulation?: Estimate & { readonly against: string };
}

export interface SuiteSample {
  readonly name: string;
  readonly tier: string;
  readonly reference: Timed;
  /** By recipe. Skipped: what the target lacks. Failed: it ended otherwise than on the reference. */
  readonly times: Readonly<
    Record<string, Timed | { readonly skipped: string } | { readonly failed: string }>
  >;
}
