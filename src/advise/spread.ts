import type { TierCosts } from './cost.ts';

/** A prediction is never known better than this. */
const LEAST_MODEL = 0.05;

/** Nor is a median of a few runs. */
const LEAST_TRIAL = 0.02;

/** What a single run is taken to be off by. */
const ONE_RUN = 0.1;

/**
 * How far a prediction for a tier may be off: standard deviation of the logarithms of its steps against the reference's.
 * A tier that is as much faster at each workload is so at a script, too; a just-in-time compiler may be anything.
 */
export function spreadOf({ steps }: TierCosts, reference: TierCosts): number {
  const logs = Object.entries(steps).flatMap(([name, step]) => {
    const other = reference.steps[name];
    return other === undefined || step <= 0 || other <= 0 ? [] : [Math.log(step / other)];
  });
  return Math.max(LEAST_MODEL, deviation(logs));
}

/** How far the median of a few runs may be off: their spread, less for more of them. */
export function trialError(runs: readonly number[]): number {
  if (runs.length < 2) return ONE_RUN;
  const logs = runs.filter((ms) => ms > 0).map(Math.log);
  return Math.max(LEAST_TRIAL, deviation(logs) / Math.sqrt(logs.length));
}

/** Sample standard deviation; 0 of fewer than two. */
function deviation(values: readonly number[]): number {
  if (values.length < 2) return 0;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
}
