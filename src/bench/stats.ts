import type { Estimate, Timed } from '../domain/measured.ts';
import { median } from './measure.ts';

/** Runs that resampling draws anew; enough for ends of an interval that stay where they are. */
const RESAMPLINGS = 1000;

/** Of the values' middle 95 of 100. */
const TAIL = 0.025;

export function timed(runs: readonly number[]): Timed {
  return { median: median(runs), min: Math.min(...runs), runs };
}

/** Linear between neighbours; `values` need not be sorted. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const place = (sorted.length - 1) * share;
  const below = sorted[Math.floor(place)] as number;
  const above = sorted[Math.ceil(place)] as number;
  return below === above ? below : below + (above - below) * (place - Math.floor(place));
}

/**
 * What a statistic of turns comes to, and how far it moves when the turns are drawn anew with replacement (bootstrap,
 * percentile interval). `draw` gives indices below `turns`; both sides of a turn go together. The same data give the same interval.
 */
export function bootstrap(turns: number, statistic: (indices: readonly number[]) => number): Estimate {
  const all = Array.from({ length: turns }, (_, i) => i);
  const values = resampled((random) => statistic(all.map(() => Math.floor(random() * turns))));
  return interval(statistic(all), values);
}

export function interval(value: number, values: readonly number[]): Estimate {
  return { value, low: quantile(values, TAIL), high: quantile(values, 1 - TAIL) };
}

/** The outcomes of `once` with one sequence of random numbers, from 0 to below 1. */
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

/** Root of the mean squared distance from the mean, of a sample. */
export function deviation(values: readonly number[]): number {
  if (values.length < 2) return 0;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
}
