import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import type { Advice } from '../../src/domain/advice.ts';
import type { JudgedAdvice } from '../../src/domain/judged-advice.ts';
import type { TierTable } from '../../src/domain/tier-table.ts';
import { type CliRun, provision, SHARED_STORE, temporaryFolder } from '../support/cli.ts';

const folder = temporaryFolder({ after: (done) => process.once('exit', done) }, 'provision ädvice ');

const TIER = 'packaged';
const at = { cwd: folder, store: SHARED_STORE };

function script(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return name;
}

function advise(name: string, ...more: readonly string[]): Promise<CliRun> {
  return provision(['advise', name, '--tiers', TIER, '--rounds', '1', '--quiet', ...more], at);
}

before(async () => {
  const run = await provision(['bench', 'tiers', TIER, 'pyston', '--rounds', '1', '--json', '--quiet'], at);
  assert.equal(run.status, 0, run.stderr);
  const { tiers } = JSON.parse(run.stdout) as TierTable;
  assert.deepEqual(
    tiers.map((tier) => [tier.name, 'absent' in tier]),
    [
      ['python3', false],
      [TIER, false],
      ['pyston', true],
    ],
  );
  for (const tier of tiers) {
    if ('absent' in tier) continue;
    assert.ok(tier.launch > 0 && tier.memory > 0, JSON.stringify(tier));
    assert.ok(Object.values(tier.steps).length === 7 && Object.values(tier.steps).every((step) => step > 0));
    assert.deepEqual(tier.differing, []);
  }
});

test('a script is run in the reference and in the tier, compared, and its cost predicted', async () => {
  const name = script(
    'wörk.py',
    'import json, sqlite3, sys, threading\nt = threading.Thread(target=sum, args=((1, 2),))\nt.start()\nt.join()\n' +
      'print(sys.argv[1:], sys.stdin.read(), json.dumps(sum(i * i for i in range(200000))))\nsys.exit(3)\n',
  );
  const run = await advise(name, '--calls', '10', '--json', '--', 'a b', 'ö');
  assert.equal(run.status, 0, run.stderr);
  const advice = JSON.parse(run.stdout) as Advice;
  assert.deepEqual(advice.args, ['a b', 'ö']);
  const [reference, tier] = advice.tiers;
  assert.deepEqual(
    [reference?.name, reference?.state, tier?.name, tier?.state],
    ['python3', 'equal', TIER, 'equal'],
  );
  assert.ok([reference?.name, tier?.name].includes(advice.take));
  const { profile } = advice;
  assert.ok(
    (profile.modules ?? 0) > 0 && profile.extensions?.includes('_sqlite3') && profile.threads === 1,
    run.stdout,
  );
  assert.ok(profile.steps > 0 && Math.abs(sum(Object.values(profile.shares)) - 1) < 1e-6, run.stdout);
  if (tier?.state !== 'equal' || reference?.state !== 'equal') return;
  assert.ok(tier.predicted > 0 && tier.measured > 0);
  // The advice lies between what was predicted and what was measured.
  const [low, high] = [Math.min(tier.predicted, tier.measured), Math.max(tier.predicted, tier.measured)];
  assert.ok(tier.perCall >= low * 0.999 && tier.perCall <= high * 1.001, run.stdout);
  assert.ok(Math.abs(tier.total - 10 * tier.perCall) < 1e-6 * tier.total);
  const cheapest = tier.total < reference.total ? TIER : 'python3';
  assert.equal(advice.take, cheapest);
});

test('a tier whose output differs is never advised, however cheap', async () => {
  const name = script('where.py', 'import sys\nprint(sys.executable)\n');
  const run = await advise(name);
  assert.equal(run.status, 0, run.stderr);
  assert.match(run.stdout, /^Take python3: /m);
  assert.match(run.stdout, /^Else: .*not packaged \(stdout differs from line 1 on\)/m);
  assert.equal(run.stdout.split('\n').length, 4);
});

test('a script that prints other things each time is not compared', async () => {
  const run = await advise(script('varies.py', 'import time\nprint(time.time_ns())\n'));
  assert.equal(run.status, 0, run.stderr);
  assert.match(run.stdout, /^Take python3: the script prints other things each time \(standard output\)/);
});

test('what is no script, does not end or cannot be compiled is refused with a cure', async () => {
  const refused = async (
    status: number,
    expected: RegExp,
    name: string,
    ...more: string[]
  ): Promise<void> => {
    const run = await advise(name, ...more);
    assert.equal(run.status, status, run.stdout + run.stderr);
    assert.match(run.stderr, expected);
  };
  await refused(2, /usage\/no-script[\s\S]*no such file/, 'none.py');
  await refused(2, /usage\/no-script[\s\S]*a folder/, '.');
  await refused(
    2,
    /usage\/script-syntax[\s\S]*SyntaxError[\s\S]*Correct line 2/,
    script('wrong.py', 'print(1)\ndef f(:\n'),
  );
  const endless = script('endless.py', 'while True:\n    pass\n');
  await refused(7, /samples\/advise-endless[\s\S]*--seconds 10/, endless, '--seconds', '1');
  await refused(2, /--calls takes a whole number from 1/, endless, '--calls', '0');
  const unknown = await provision(['advise', endless, '--tiers', 'pakcaged'], at);
  assert.equal(unknown.status, 2, unknown.stderr);
  assert.match(unknown.stderr, /Did you mean the tier packaged\?/);
});

const whole = process.env.PROVISION_TEST_ALL === '1' ? false : 'PROVISION_TEST_ALL=1 runs it';

test('bench advise judges scripts that nothing was fitted to', { skip: whole }, async () => {
  const run = await provision(['bench', 'advise', TIER, '--rounds', '1', '--json', '--quiet'], at);
  assert.equal(run.status, 0, run.stderr);
  const { scripts, advised, always } = JSON.parse(run.stdout) as JudgedAdvice;
  assert.ok(scripts.length >= 20);
  for (const { script, costs, advised: one } of scripts) {
    assert.deepEqual(Object.keys(costs), ['python3', TIER], script);
    assert.ok(one.regret >= 0 && one.right === one.regret <= 0.05, script);
    assert.equal(costs[one.best], Math.min(...Object.values(costs)), script);
  }
  const right = scripts.filter((one) => one.advised.right).length / scripts.length;
  assert.ok(Math.abs(advised.right - right) < 1e-9);
  assert.deepEqual(Object.keys(always), ['python3', TIER]);
});

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
