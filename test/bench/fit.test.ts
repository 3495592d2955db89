import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type FitPoint, fitAmortization, fitLine } from '../../src/bench/fit.ts';
import { bootstrap, deviation, quantile } from '../../src/bench/stats.ts';

const ROUNDS = [1, 10, 100, 1000, 10_000, 100_000, 1_000_000];

/** Errors of a known size, the same in every run of the tests. */
function noise(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 16_807) % 2_147_483_647;
    return (state / 2_147_483_647) * 2 - 1;
  };
}

interface Truth {
  /** Milliseconds, and milliseconds for one round. */
  readonly python: readonly [number, number];
  readonly isolate: readonly [number, number];
}

function measured({ python, isolate }: Truth, relative: number, runs = 15): readonly FitPoint[] {
  const random = noise(11);
  const side = ([launch, step]: readonly [number, number], m: number): number[] =>
    Array.from({ length: runs }, () => (launch + step * m) * (1 + relative * random()));
  return ROUNDS.map((rounds) => ({ rounds, python: side(python, rounds), isolate: side(isolate, rounds) }));
}

test('the fit recovers launch saving, overhead and crossover from noisy times', () => {
  const fit = fitAmortization(measured({ python: [14, 0.0012], isolate: [11, 0.0015] }, 0.05));
  assert.ok(fit);
  near(fit.launchSaving.value, 3, 0.4);
  near(fit.tax.value, 0.25, 0.03);
  near(fit.pythonStep, 1200, 40);
  assert.equal(fit.crossover.kind, 'at');
  if (fit.crossover.kind !== 'at') return;
  near(fit.crossover.rounds, 10_000, 2000);
  assert.equal(fit.crossover.beyond, 'python');
  assert.ok(fit.crossover.low < 10_000 && (fit.crossover.high ?? Infinity) > 10_000 * 0.9);
});

test('the interval contains the true value and grows with the noise', () => {
  const truth = { python: [14, 0.0012], isolate: [11, 0.0015] } as const;
  const [quiet, loud] = [0.02, 0.2].map((relative) => fitAmortization(measured(truth, relative)));
  assert.ok(quiet && loud);
  assert.ok(quiet.tax.low < 0.25 && quiet.tax.high > 0.25, JSON.stringify(quiet.tax));
  assert.ok(loud.tax.high - loud.tax.low > 3 * (quiet.tax.high - quiet.tax.low));
});

test('there is no crossover where one side is faster in launch and step', () => {
  const faster = fitAmortization(measured({ python: [14, 0.0012], isolate: [10, 0.001] }, 0.02));
  const slower = fitAmortization(measured({ python: [10, 0.001], isolate: [14, 0.0012] }, 0.02));
  assert.deepEqual(faster?.crossover, { kind: 'isolate-always-faster' });
  assert.deepEqual(slower?.crossover, { kind: 'python-always-faster' });
});

test('an isolate with slower launch and faster steps is faster beyond the crossover', () => {
  const fit = fitAmortization(measured({ python: [10, 0.0012], isolate: [13, 0.001] }, 0.01));
  assert.equal(fit?.crossover.kind, 'at');
  if (fit?.crossover.kind !== 'at') return;
  assert.equal(fit.crossover.beyond, 'isolate');
  near(fit.crossover.rounds, 15_000, 1500);
});

test('one disturbed median does not change the fitted line', () => {
  const points = ROUNDS.map((m) => [m, 14 + 0.0012 * m] as const);
  const disturbed = points.map(([m, ms], i) => [m, i === 2 ? ms * 3 : ms] as const);
  const line = fitLine(disturbed);
  near(line.launch, 14, 0.5);
  near(line.step, 0.0012, 0.00005);
});

test('a single value of M gives no fit', () => {
  assert.equal(fitAmortization([{ rounds: 1, python: [1, 2], isolate: [1, 2] }]), undefined);
});

test('resampling equal data gives equal intervals', () => {
  const values = [3, 1, 4, 1, 5, 9, 2, 6];
  const mean = (turns: readonly number[]): number =>
    turns.reduce((sum, turn) => sum + (values[turn] as number), 0) / turns.length;
  const [one, other] = [bootstrap(values.length, mean), bootstrap(values.length, mean)];
  assert.deepEqual(one, other);
  assert.equal(one.value, 3.875);
  assert.ok(one.low < one.value && one.value < one.high);
});

test('quantiles are interpolated between neighbours', () => {
  assert.equal(quantile([4, 1, 3, 2], 0.5), 2.5);
  assert.equal(quantile([1, 2, 3, 4, 5], 0.25), 2);
  assert.equal(deviation([2, 4, 4, 4, 5, 5, 7, 9]).toFixed(3), '2.138');
});

function near(value: number, wanted: number, tolerance: number): void {
  assert.ok(Math.abs(value - wanted) <= tolerance, `${value} is not within ${tolerance} of ${wanted}`);
}
