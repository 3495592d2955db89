import type { Shares } from './mixture.ts';

/** What runs cost in a tier: milliseconds of CPU time, as fitted to the workloads. */
export type TierCosts = {
  /** Of a process in which several scripts are run one after the other; absent: each has a process of its own. */
  readonly start?: number;
  /** Of a script that does nothing. */
  readonly launch: number;
  /** Workload → one round of it. */
  readonly steps: Readonly<Record<string, number>>;
};

/**
 * Costs with the steps of workloads in which a tier did other things than the reference, which say nothing: each is taken to be as
 * far from the reference's as the others are in the median.
 */
export function completed(costs: TierCosts, reference: TierCosts, differing: readonly string[]): TierCosts {
  const ratios = Object.entries(costs.steps)
    .filter(([name]) => !differing.includes(name))
    .map(([name, step]) => step / (reference.steps[name] ?? Number.NaN))
    .filter(Number.isFinite)
    .sort((one, other) => one - other);
  const middle = ratios[Math.floor(ratios.length / 2)] ?? 1;
  const guessed = differing.map((name) => [name, middle * (reference.steps[name] ?? 0)]);
  return { ...costs, steps: { ...costs.steps, ...Object.fromEntries(guessed) } };
}

/** What a script does, in rounds of each workload. */
export type Work = Readonly<Record<string, number>>;

/** The rounds of each workload that take as long in the reference as the script does beyond its launch. */
export function workOf(ms: number, shares: Shares, reference: TierCosts): Work {
  const beyond = Math.max(0, ms - reference.launch);
  return Object.fromEntries(
    Object.entries(shares).map(([name, share]) => {
      const step = reference.steps[name] ?? 0;
      return [name, step > 0 ? (beyond * share) / step : 0];
    }),
  );
}

/** Rounds of all workloads. */
export function roundsOf(work: Work): number {
  return Object.values(work).reduce((sum, rounds) => sum + rounds, 0);
}

/** Milliseconds that the script takes in a tier beyond its launch: rounds × step, of each workload. */
export function stepsTime({ steps }: TierCosts, work: Work): number {
  return Object.entries(work).reduce((sum, [name, rounds]) => sum + rounds * (steps[name] ?? 0), 0);
}

/** A value that is known with some relative error. */
export interface Known {
  readonly ms: number;
  /** Standard deviation of its logarithm: 0.1 is about ten per cent. */
  readonly error: number;
}

/** Two estimates of one time as one: each counts by how well it is known (inverse variances, of logarithms). */
export function joined(one: Known, other: Known): Known {
  const [a, b] = [1 / one.error ** 2, 1 / other.error ** 2];
  return {
    ms: Math.exp((a * Math.log(one.ms) + b * Math.log(other.ms)) / (a + b)),
    error: Math.sqrt(1 / (a + b)),
  };
}
