import type { Estimate, Timed } from '../domain/measured.ts';
import { median } from './measure.ts';

/** Number of bootstrap samples; enough for stable interval bounds. */
const RESAMPLINGS = 1000;

/** Share of values below and above the 95 % interval. */
const TAIL = 0.025;

export function timed(runs: readonly number[]): Timed {
  return { median: median(runs), min: Math.min(...runs), runs };
}

/** Linear interpolation between neighbours; `values` need not be sorted. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const position = (sorted.length - 1) * share;
  const below = sorted[Math.floor(position)] as number;
  const above = sorted[Math.ceil(position)] as number;
  return below === above ? below : below + (above - below) * (position - Math.floor(position));
}

/**
 * A statistic over iterations with its percentile bootstrap interval: the iterations are resampled with replacement.
 * `statistic` gets indices below `iterations`, so both sides of an iteration stay paired. Equal data give equal intervals.
 */
export function bootstrap(iterations: number, statistic: (indices: readonly number[]) => number): Estimate {
  const all = Array.from({ length: iterations }, (_, i) => i);
  const values = resampled((random) => statistic(all.map(() => Math.floor(random() * iterations))));
  return interval(statistic(all), values);
}

export function interval(value: number, values: readonly number[]): Estimate {
  return { value, low: quantile(values, TAIL), high: quantile(values, 1 - TAIL) };
}

/** The results of `once`, called with one sequence of pseudo-random numbers in [0, 1). */
export function resampled<T>(once: (random: () => number) => T): readonly T[] {
  const random = generator(20_260_101);
  return Array.from({ length: RESAMPLINGS }, () => once(random));
}

/** A linear congruential generator of 31 bits (Park and Miller's "minimal standard", 1988). */
function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 48_271) % 2_147_483_647;
    return (state - 1) / 2_147_483_646;
  };
}

/** Sample standard deviation. */
export function deviation(values: readonly number[]): number {
  if (values.length < 2) return 0;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
}

export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}
