import assert from 'node:assert/strict';
import { test } from 'node:test';
import { completed, joined, roundsOf, stepsTime, type TierCosts, workOf } from '../../src/advise/cost.ts';
import { mixtureOf } from '../../src/advise/mixture.ts';
import { spreadOf, trialError } from '../../src/advise/spread.ts';
import { numbers } from '../support/random.ts';

/** Pseudo-random numbers from 0 to 1. */
function shares(seed: number): () => number {
  const below = numbers(seed);
  return () => below(1_000_000) / 1_000_000;
}

const REFERENCE: TierCosts = { launch: 10, steps: { objects: 0.001, text: 0.02 } };
const close = (one: number, other: number, error = 1e-9): void =>
  assert.ok(Math.abs(one - other) <= error * Math.max(1, Math.abs(other)), `${one} is not ${other}`);

test('work is what the reference takes beyond its launch, in rounds of each workload', () => {
  const work = workOf(110, { objects: 0.25, text: 0.75 }, REFERENCE);
  close(work.objects ?? 0, 25_000);
  close(work.text ?? 0, 3750);
  close(roundsOf(work), 28_750);
  // A script that is over sooner than an empty one has no work, rather than less than none.
  assert.deepEqual(workOf(9, { objects: 1 }, REFERENCE), { objects: 0 });
});

test('in the reference itself the prediction is what was measured, whatever the shares', () => {
  const next = shares(20);
  for (let i = 0; i < 200; i += 1) {
    const share = next();
    const ms = 10 + 1000 * next();
    const work = workOf(ms, { objects: share, text: 1 - share }, REFERENCE);
    close(REFERENCE.launch + stepsTime(REFERENCE, work), ms, 1e-9);
  }
});

test('a tier that is twice as fast at everything takes half of the work', () => {
  const tier: TierCosts = { launch: 3, steps: { objects: 0.0005, text: 0.01 } };
  const work = workOf(250, { objects: 0.5, text: 0.5 }, REFERENCE);
  close(stepsTime(tier, work), 120);
});

test('two estimates are joined between them, nearer to the better known one', () => {
  const next = shares(21);
  for (let i = 0; i < 200; i += 1) {
    const [one, other] = [1 + 99 * next(), 1 + 99 * next()];
    const known = joined({ ms: one, error: 0.02 }, { ms: other, error: 0.2 });
    const [low, high] = [Math.min(one, other), Math.max(one, other)];
    assert.ok(known.ms >= low * (1 - 1e-9) && known.ms <= high * (1 + 1e-9));
    assert.ok(Math.abs(Math.log(known.ms / one)) <= Math.abs(Math.log(known.ms / other)) + 1e-9);
    assert.ok(known.error < 0.02);
  }
});

test('a prediction is the less known the more the workloads differ; runs the more they do', () => {
  const even = { launch: 1, steps: { objects: 0.0008, text: 0.016 } };
  const uneven = { launch: 1, steps: { objects: 0.00001, text: 0.06 } };
  close(spreadOf(even, REFERENCE), 0.05);
  assert.ok(spreadOf(uneven, REFERENCE) > 1);
  close(trialError([100, 100, 100]), 0.02);
  assert.ok(trialError([100, 150, 60]) > 0.2);
  assert.ok(trialError([100]) > trialError([100, 101]));
});

test('a workload that did other things says nothing: its step is guessed from the others', () => {
  const reference = { launch: 1, steps: { a: 1, b: 2, c: 4 } };
  const tier = { launch: 9, steps: { a: 3, b: 0.001, c: 12 } };
  assert.deepEqual(completed(tier, reference, ['b']), { launch: 9, steps: { a: 3, b: 6, c: 12 } });
  assert.deepEqual(completed(tier, reference, []), tier);
  assert.deepEqual(completed(tier, reference, ['a', 'b', 'c']).steps, reference.steps);
});

const SIGNATURES = {
  objects: { function: 8, loop: 1, call: 1 },
  numbers: { loop: 10 },
  library: { call: 9, long: 3, function: 1 },
  imports: { import: 20, call: 1 },
};

test('a workload is recognised as itself, and a mixture by its shares', () => {
  for (const name of Object.keys(SIGNATURES)) {
    const shares = mixtureOf(SIGNATURES[name as keyof typeof SIGNATURES], SIGNATURES);
    assert.ok((shares[name] ?? 0) > 0.9, `${name}: ${JSON.stringify(shares)}`);
  }
  const next = shares(22);
  for (let i = 0; i < 50; i += 1) {
    const share = 0.1 + 0.8 * next();
    const mixed = { loop: share, import: (1 - share) * (20 / 21), call: (1 - share) / 21 };
    const shares = mixtureOf(mixed, SIGNATURES);
    close(
      Object.values(shares).reduce((sum, one) => sum + one, 0),
      1,
      1e-6,
    );
    close(shares.numbers ?? 0, share, 0.05);
  }
});

test('without samples, or of a kind that no workload has, the shares still add up to 1', () => {
  assert.deepEqual(mixtureOf({}, { one: { a: 1 }, other: { b: 1 } }), { one: 0.5, other: 0.5 });
  const strange = mixtureOf({ never: 5 }, SIGNATURES);
  close(
    Object.values(strange).reduce((sum, one) => sum + one, 0),
    1,
    1e-6,
  );
  assert.ok(Object.values(strange).every((share) => Number.isFinite(share) && share >= 0));
});
