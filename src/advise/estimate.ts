import { defined } from '../domain/defined.ts';
import type { Candidate } from './choose.ts';
import { joined, stepsTime, type TierCosts, type Work } from './cost.ts';
import { spreadOf, trialError } from './spread.ts';

/** What one call of a script costs in a tier: milliseconds of CPU time. */
export interface Estimate {
  readonly name: string;
  readonly costs: TierCosts;
  /** From what the script does in the reference alone. */
  readonly predicted: number;
  /** Median of the runs that were made. */
  readonly measured: number;
  /** Both as one, each by how well it is known. */
  readonly perCall: number;
}

/** A tier other than the reference. `runs`: milliseconds of the runs that were made in it; `measured`: their median. */
export function estimate(
  name: string,
  costs: TierCosts,
  script: { readonly work: Work; readonly runs: readonly number[]; readonly measured: number },
  reference: TierCosts,
): Estimate {
  const { work, runs, measured } = script;
  const predicted = costs.launch + stepsTime(costs, work);
  const { ms: perCall } = joined(
    { ms: predicted, error: spreadOf(costs, reference) },
    { ms: measured, error: trialError(runs) },
  );
  return { name, costs, predicted, measured, perCall };
}

/** What is chosen from; `by`: the estimate that counts. */
export function candidateOf(one: Estimate, by: 'perCall' | 'predicted'): Candidate {
  const { name, costs } = one;
  const launch = Math.min(costs.launch, one[by]);
  return { name, launch, work: one[by] - launch, ...defined({ start: costs.start }) };
}
