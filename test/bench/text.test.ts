import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { judgedText } from '../../src/bench/advise-text.ts';
import { amortizationText } from '../../src/bench/amortize-text.ts';
import { overheadText } from '../../src/bench/overhead/text.ts';
import { suiteText } from '../../src/bench/suite-text.ts';
import { tiersText } from '../../src/bench/tiers/text.ts';
import { amortization, judgedAdvice, suiteTimes, tax, tierTable } from '../support/measured.ts';

const schema = JSON.parse(
  readFileSync(new URL('../../docs/bench.schema.json', import.meta.url), 'utf8'),
) as object;
const validate = new Ajv2020({
  allErrors: true,
  strict: true,
  strictRequired: false,
  formats: { 'date-time': (text: string) => !Number.isNaN(Date.parse(text)) },
}).compile(schema);

function columns(text: string): number {
  return Math.max(...text.split('\n').map((line) => [...line].length));
}

test('every table fits 80 columns', () => {
  for (const text of [
    amortizationText(amortization()),
    amortizationText(amortization([14.25, 0.0012], [1400.25, 0.25])),
    overheadText(tax()),
    suiteText(suiteTimes(['x86_64', 'aarch64', 'wasm32-wasip1-node', 'riscv64', 'musl'])),
    tiersText(tierTable()),
    tiersText(tierTable([1, 900, 0.001, 40])),
    judgedText(judgedAdvice()),
  ]) {
    assert.ok(columns(text) <= 80, text);
  }
});

test('the amortization table has a row for each M and marks outputs that differ', () => {
  const data = amortization();
  const points = data.points.map((point, i) => (i === 2 ? { ...point, exact: false } : point));
  const text = amortizationText({ ...data, points });
  assert.match(text, /^ +M +python3 ms +isolate ms +delta ms +ratio +exact$/m);
  assert.match(text, /^ +1 +14\.00 +11\.00 +-3\.00 +0\.786 +yes$/m);
  assert.match(text, /^ +100 .* NO$/m);
  assert.match(text, /^launch .* saves 3\.00 ms \(95 %: /m);
  assert.match(text, /^crossover +M ≈ 15,000 \(95 %: .*\); beyond it python3 is faster\.$/m);
  assert.match(text, /in qemu-user, python3\.13 natively/);
});

test('a slower launch is shown as a cost, not as a saving', () => {
  assert.match(amortizationText(amortization([10, 0.001], [13, 0.001])), /costs 3\.00 ms/);
});

test('the suite table shows the cost of emulation against the native recipe', () => {
  const text = suiteText(suiteTimes());
  assert.match(text, /^aarch64: ×10\.00 /m);
  assert.match(text, /^ {2}qemu-user costs ×10\.00 .* against x86_64$/m);
  assert.match(text, /^dynamic\/child_interpreters +300\.0 +310\.0 +skipped$/m);
  const three = suiteText(suiteTimes(['x86_64', 'aarch64', 'musl']));
  assert.match(three, /FAILED/);
  assert.match(three, /^dynamic\/child_interpreters on musl: status 1 instead of 0: no$/m);
});

test('the table of tiers has launch, step, memory, size and samples, and says what is not there', () => {
  const text = tiersText(tierTable());
  assert.match(text, /^python3 +12\.0 +350 +15\.6 +– +–$/m);
  assert.match(text, /^native +9\.6 +280 +12\.5 +16\.8 +63\/68$/m);
  assert.match(text, /^pypy3 +0\.05 +0\.05 /m);
  assert.match(text, /^musl: it is not provisioned: `provision bench tiers musl`$/m);
  assert.match(text, /^wasm-snapshot-of: other output than python3: text$/m);
});

test('the judged advice says how often it was right, against the goals', () => {
  const text = judgedText(judgedAdvice());
  assert.match(text, /^strings +3 +native +native +0\.0 %$/m);
  assert.match(text, /^✓ advised: right 100\.0 %, mean regret 1\.9 % \(goals: 90\.0 %, 5\.0 %\)$/m);
  assert.match(text, /^· from the run in the reference alone: right 0\.0 %, mean regret 25\.0 %$/m);
});

test('the JSON of each bench is valid against the schema', () => {
  for (const data of [
    amortization(),
    tax(),
    tax(['shared-debian']),
    suiteTimes(['x86_64', 'aarch64', 'musl']),
    tierTable(),
    judgedAdvice(),
  ]) {
    assert.ok(validate(JSON.parse(JSON.stringify(data))), JSON.stringify(validate.errors));
  }
});

test('the schema rejects unknown keys, other kinds, empty points and dates that are none', () => {
  const good = JSON.parse(JSON.stringify(amortization())) as Record<string, unknown>;
  assert.equal(validate({ ...good, more: 1 }), false);
  assert.equal(validate({ ...good, what: 'suite' }), false);
  assert.equal(validate({ ...good, points: [] }), false);
  assert.equal(validate({ ...good, started: 'yesterday' }), false);
});
