import type { MeasuredBy } from './measured.ts';

/** How good an advice was. */
export interface Judgement {
  readonly best: string;
  /** How much more the advised tier costs than the best one: 0.05 is a twentieth. */
  readonly regret: number;
  /** Whether it is the best, or within 5 % of it. */
  readonly right: boolean;
}

/** Of several: share of right ones, and mean regret. */
export interface JudgementSummary {
  readonly right: number;
  readonly regret: number;
}

/** A script, what was advised for it, and what its tiers cost when measured anew. */
export interface JudgedScript {
  readonly script: string;
  readonly equal: number;
  /** Milliseconds of CPU time, medians. */
  readonly costs: Readonly<Record<string, number>>;
  readonly advised: Judgement & { readonly take: string };
  /** What the run in the reference alone would have advised. */
  readonly fromReference: Judgement & { readonly take: string };
  /** Without any advice. */
  readonly reference: Judgement;
}

/** `artifacts/advise.json`. Schema: docs/bench.schema.json. */
export interface JudgedAdvice extends MeasuredBy {
  readonly what: 'advise';
  readonly reference: string;
  readonly rounds: number;
  readonly warmUp: number;
  /** Runs in each tier that an advice was given from. */
  readonly trials: number;
  readonly goals: JudgementSummary;
  readonly advised: JudgementSummary;
  readonly fromReference: JudgementSummary;
  readonly withoutAdvice: JudgementSummary;
  /** Always the same tier: those that give the reference's bytes for every script. */
  readonly always: Readonly<Record<string, JudgementSummary>>;
  readonly scripts: readonly JudgedScript[];
}
