import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adviceText } from '../../src/bench/tiers/advice-text.ts';
import type { Advice, AdvisedTier } from '../../src/domain/advice.ts';

const equal = (name: string, perCall: number, launch: number): AdvisedTier => ({
  ...{ name, state: 'equal', predicted: perCall, measured: perCall, perCall, launch },
  total: perCall * 10,
});

const ADVICE: Advice = {
  schema: 1,
  script: '/home/me/script.py',
  args: [],
  calls: 10,
  profile: {
    ...{ ms: 50, memory: 16_384, steps: 1200, modules: 3, extensions: ['_json'], threads: 2 },
    shares: { objects: 0.6, text: 0.37, imports: 0.03 },
  },
  take: 'native',
  tiers: [
    equal('python3', 50, 12),
    equal('native', 30, 5),
    { name: 'pypy3', state: 'differs', why: 'stdout differs from line 3 on' },
    { name: 'musl', state: 'absent', why: 'it is not provisioned', command: 'provision bench tiers musl' },
    { name: 'pyston', state: 'absent', why: 'it is gone' },
  ],
  crossovers: [
    { name: 'wasm', what: 'work', below: 0.25 },
    { name: 'jit', what: 'calls', from: 120.4 },
  ],
};

test('three lines: which tier, why, and where another one would be taken', () => {
  assert.deepEqual(adviceText(ADVICE).split('\n'), [
    "Take native: 30.0 ms of CPU time a call, 300 ms for 10 calls, 0.60 of python3's 50.0 ms.",
    'Why: the same bytes; launch 5.0 ms against 12.0 ms, work 25.0 ms against 38.0 ms: ' +
      '1200 steps (objects 60 %, text 37 %); 3 modules, 1 of them shared libraries, 2 threads, 16 MB.',
    'Else: wasm below 0.25 times the work; jit from 120 calls on; not pypy3 (stdout differs from line 3 on); ' +
      'not measured before `provision bench tiers musl`.',
    '',
  ]);
});

test('where nothing is better the reference is taken, and that is said', () => {
  const tiers = [equal('python3', 50, 12), equal('native', 60, 5)];
  const text = adviceText({ ...ADVICE, take: 'python3', calls: 1, tiers, crossovers: [] });
  assert.match(text, /^Take python3: 50\.0 ms of CPU time a call; no tier is better\.$/m);
  assert.match(text, /^Else: python3 at any length\.$/m);
});

test('a script that prints other things each time is not compared', () => {
  const text = adviceText({ ...ADVICE, take: 'python3', varies: 'standard output' });
  assert.match(
    text,
    /^Take python3: the script prints other things each time \(standard output\), so no tier/m,
  );
});
