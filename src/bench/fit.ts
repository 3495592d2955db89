import type { AmortizationFit, Crossover } from '../domain/amortization.ts';
import { median } from './measure.ts';
import { interval, resampled } from './stats.ts';

/** The interleaved runs of both sides at one M: equal indices are the same iteration. */
export interface FitPoint {
  readonly rounds: number;
  /** Milliseconds. */
  readonly python: readonly number[];
  readonly isolate: readonly number[];
}

interface Lines {
  readonly python: Line;
  readonly isolate: Line;
}

interface Line {
  /** Milliseconds. */
  readonly launch: number;
  /** Milliseconds for one round. */
  readonly step: number;
}

/**
 * Fits `time = launch + rounds × step` to the medians of each side and derives launch saving, overhead and crossover.
 * Intervals: the iterations at each M are resampled (bootstrap, 95 %). Undefined for fewer than two values of M.
 */
export function fitAmortization(points: readonly FitPoint[]): AmortizationFit | undefined {
  if (new Set(points.map(({ rounds }) => rounds)).size < 2) return undefined;
  const best = fitBoth(points);
  const drawn = resampled((random) => fitBoth(points.map((point) => resampleIterations(point, random))));
  return {
    pythonLaunch: best.python.launch,
    isolateLaunch: best.isolate.launch,
    pythonStep: best.python.step * 1e6,
    isolateStep: best.isolate.step * 1e6,
    launchSaving: interval(savingOf(best), drawn.map(savingOf)),
    tax: interval(overheadOf(best), drawn.map(overheadOf)),
    crossover: crossoverOf(best, drawn),
  };
}

function resampleIterations({ rounds, python, isolate }: FitPoint, random: () => number): FitPoint {
  const iterations = python.map(() => Math.floor(random() * python.length));
  return {
    rounds,
    python: iterations.map((iteration) => python[iteration] as number),
    isolate: iterations.map((iteration) => isolate[iteration] as number),
  };
}

function fitBoth(points: readonly FitPoint[]): Lines {
  return {
    python: fitLine(points.map(({ rounds, python }) => [rounds, median(python)])),
    isolate: fitLine(points.map(({ rounds, isolate }) => [rounds, median(isolate)])),
  };
}

const savingOf = ({ python, isolate }: Lines): number => python.launch - isolate.launch;
const overheadOf = ({ python, isolate }: Lines): number => isolate.step / python.step - 1;

function crossoverOf(best: Lines, drawn: readonly Lines[]): Crossover {
  const saving = savingOf(best);
  const overhead = best.isolate.step - best.python.step;
  if (saving > 0 && overhead <= 0) return { kind: 'isolate-always-faster' };
  if (saving <= 0 && overhead >= 0) return { kind: 'python-always-faster' };
  const beyond = overhead > 0 ? 'python' : 'isolate';
  const [low, high] = ends(drawn.map((lines) => crossing(lines, beyond)));
  return { kind: 'at', rounds: saving / overhead, low, high: Number.isFinite(high) ? high : null, beyond };
}

function ends(values: readonly number[]): readonly [number, number] {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number => sorted[Math.round((sorted.length - 1) * share)] as number;
  return [at(0.025), at(0.975)];
}

/** The M from which `beyond` is faster: 0 where it always is, infinite where it never is. */
function crossing(lines: Lines, beyond: 'python' | 'isolate'): number {
  const sign = beyond === 'python' ? 1 : -1;
  const saving = savingOf(lines) * sign;
  const overhead = (lines.isolate.step - lines.python.step) * sign;
  if (overhead <= 0) return Number.POSITIVE_INFINITY;
  return Math.max(0, saving / overhead);
}

/** Residuals beyond this many standard deviations count less (Huber's estimator; 95 % efficient on normal errors). */
const HUBER = 1.345;
const ITERATIONS = 30;

/**
 * A line through points [rounds, ms] by iteratively reweighted least squares. Residuals are relative, because the times
 * span orders of magnitude: an error of 10 % weighs as much in 15 ms as in 1500. Huber's weights limit the influence of
 * a single disturbed median.
 */
export function fitLine(points: readonly (readonly [number, number])[]): Line {
  let weights = points.map(() => 1);
  let line = weighted(points, weights);
  for (let i = 0; i < ITERATIONS; i++) {
    const residuals = points.map(([x, y]) => (y - line.launch - line.step * x) / y);
    // The median deviation of a normal distribution is 0.6745 of its standard deviation.
    const scale = median(residuals.map(Math.abs)) / 0.6745;
    if (scale < 1e-12) break;
    weights = residuals.map((residual) =>
      Math.min(1, (HUBER * scale) / Math.max(Math.abs(residual), 1e-300)),
    );
    line = weighted(points, weights);
  }
  return line;
}

function weighted(points: readonly (readonly [number, number])[], weights: readonly number[]): Line {
  let [w, wx, wy, wxx, wxy] = [0, 0, 0, 0, 0];
  points.forEach(([x, y], i) => {
    const weight = (weights[i] as number) / y ** 2;
    w += weight;
    wx += weight * x;
    wy += weight * y;
    wxx += weight * x * x;
    wxy += weight * x * y;
  });
  const step = (w * wxy - wx * wy) / (w * wxx - wx ** 2);
  return { launch: (wy - step * wx) / w, step };
}
