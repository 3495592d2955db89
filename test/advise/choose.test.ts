import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Candidate, choose, costOf } from '../../src/advise/choose.ts';
import { judge, summary } from '../../src/advise/judge.ts';
import { numbers } from '../support/random.ts';

/** Pseudo-random numbers from 0 to 1. */
function shares(seed: number): () => number {
  const below = numbers(seed);
  return () => below(1_000_000) / 1_000_000;
}

const QUICK: Candidate = { name: 'quick', launch: 5, work: 100 };
const STRONG: Candidate = { name: 'strong', launch: 60, work: 10 };

test('a short script takes the quicker launch, a long one the quicker steps', () => {
  const short = { ...QUICK, work: 10 };
  assert.equal(choose([short, { ...STRONG, work: 1 }], 1)?.take.name, 'quick');
  const long = choose([QUICK, STRONG], 1);
  assert.equal(long?.take.name, 'strong');
  const [crossover] = long?.crossovers ?? [];
  assert.equal(crossover?.name, 'quick');
  assert.equal(crossover?.what, 'work');
  // 5 + 100 f = 60 + 10 f
  assert.ok(Math.abs((crossover?.below ?? 0) - 55 / 90) < 1e-9);
});

test('a shared process pays from a number of calls on', () => {
  const each: Candidate = { name: 'process', launch: 15, work: 2 };
  const shared: Candidate = { name: 'shared', start: 30, launch: 1, work: 2 };
  const once = choose([each, shared], 1);
  assert.equal(once?.take.name, 'process');
  const crossover = once?.crossovers.find(({ what }) => what === 'calls');
  assert.deepEqual([crossover?.name, crossover?.below], ['shared', undefined]);
  assert.ok(Math.abs((crossover?.from ?? 0) - 30 / 14) < 1e-9);
  assert.equal(choose([each, shared], 3)?.take.name, 'shared');
});

test('nothing to choose from is no choice; of equal ones the first is taken', () => {
  assert.equal(choose([], 1), undefined);
  assert.equal(choose([QUICK, { ...QUICK, name: 'same' }], 7)?.take.name, 'quick');
});

test('for any candidates: the taken one is the cheapest, and at a crossover both cost the same', () => {
  const next = shares(23);
  for (let i = 0; i < 500; i += 1) {
    const candidates = Array.from(
      { length: 1 + Math.floor(next() * 6) },
      (_, n): Candidate => ({
        name: `tier${n}`,
        ...(next() < 0.3 ? { start: 100 * next() } : {}),
        launch: 1 + 80 * next(),
        work: 500 * next() ** 3,
      }),
    );
    const calls = 1 + Math.floor(next() * 50);
    const choice = choose(candidates, calls);
    assert.ok(choice !== undefined);
    const { take } = choice;
    const least = Math.min(...candidates.map((one) => costOf(one, calls)));
    assert.equal(costOf(take, calls), least);
    for (const { name, what, from, below } of choice.crossovers) {
      const other = candidates.find((one) => one.name === name) as Candidate;
      const at = (from ?? below) as number;
      const cost = (one: Candidate): number => (what === 'work' ? costOf(one, calls, at) : costOf(one, at));
      assert.ok(
        Math.abs(cost(take) - cost(other)) <= 1e-6 * cost(take),
        JSON.stringify({ candidates, name, at }),
      );
      const here = what === 'work' ? 1 : calls;
      assert.ok(from === undefined ? at < here : at > here);
      // Between here and there nobody is cheaper.
      const middle = (here + at) / 2;
      const half = (one: Candidate): number =>
        what === 'work' ? costOf(one, calls, middle) : costOf(one, middle);
      assert.ok(candidates.every((one) => half(take) <= half(one) * (1 + 1e-9)));
    }
  }
});

test('a longer script never changes from quicker steps to slower ones', () => {
  const next = shares(24);
  for (let i = 0; i < 200; i += 1) {
    const candidates = Array.from(
      { length: 4 },
      (_, n): Candidate => ({
        name: `tier${n}`,
        launch: 1 + 80 * next(),
        work: 100 * next(),
      }),
    );
    const scaled = (factor: number) => candidates.map((one) => ({ ...one, work: one.work * factor }));
    const steps = [0.1, 1, 10, 100].map(
      (factor) => (choose(scaled(factor), 1)?.take.work ?? Number.NaN) / factor,
    );
    assert.ok(steps.every((step, n) => n === 0 || step <= (steps[n - 1] as number) + 1e-9));
  }
});

test('an advice is right within 5 % of the best, and its regret is what it costs more', () => {
  const costs = { one: 100, other: 104, slow: 150 };
  assert.deepEqual(judge(costs, 'one'), { best: 'one', regret: 0, right: true });
  assert.equal(judge(costs, 'other').right, true);
  const wrong = judge(costs, 'slow');
  assert.deepEqual([wrong.best, wrong.right, wrong.regret], ['one', false, 0.5]);
  assert.deepEqual(summary([judge(costs, 'one'), wrong]), { right: 0.5, regret: 0.25 });
  assert.throws(() => judge(costs, 'absent'));
});
