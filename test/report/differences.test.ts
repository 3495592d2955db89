import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Divergence } from '../../src/domain/divergence.ts';
import type { Report } from '../../src/domain/report.ts';
import type { SampleResult } from '../../src/domain/sample.ts';
import { countKinds, differencesText, diverging, groupDifferences } from '../../src/report/differences.ts';
import { summaryLine } from '../../src/report/summary-line.ts';

function sample(name: string, divergence?: Divergence, system?: string): SampleResult {
  return {
    ...{ name, title: name, tier: 'any', file: `${name}.py` },
    ...(divergence === undefined ? { status: 'passed' } : { status: 'failed', divergence }),
    ...(system === undefined ? {} : { system }),
  };
}

const FRAMES = { id: 'frames', what: 'Frames are others' };
const SUMS = { id: 'sums', what: 'Sums are others', line: '+sum `2` <b>' };
const TEXT: Divergence = { kind: 'text', causes: [{ id: 'addresses', what: 'Addresses differ' }] };
const SAMPLES = [
  sample('a'),
  sample('b', { kind: 'differs', causes: [SUMS, FRAMES] }),
  sample('c', TEXT),
  sample('d', { kind: 'crashes', causes: [{ id: 'panic', what: 'The interpreter panics', line: 'no' }] }),
  sample('e', { kind: 'differs', causes: [FRAMES] }),
  sample('f', { kind: 'differs', causes: [SUMS] }),
  sample('g', { kind: 'differs', causes: [] }),
];
const REPORT = {
  ...{ recipe: 'other', status: 'measured', artifacts: 'artifacts/other', samples: SAMPLES },
  target: { name: 'far', triple: 'far-linux' },
  totals: { samples: 7, passed: 1, failed: 6, skipped: 0, declared: 0, cached: 0 },
  reference: { version: '3.14.0' },
} as unknown as Report;

test('groups have the worst kind first, then the cause with most; one without a known cause is a group, too', () => {
  const groups = groupDifferences(SAMPLES).map(({ kind, id, members }) => [
    kind,
    id,
    members.map(({ name }) => name).join(' '),
  ]);
  assert.deepEqual(groups, [
    ['crashes', 'panic', 'd'],
    ['differs', 'sums', 'b f'],
    ['differs', 'frames', 'e'],
    ['differs', 'unknown', 'g'],
    ['text', 'addresses', 'c'],
  ]);
});

test('what is equal but for text is counted apart from what is equal, in tables and in the last line', () => {
  const counts = Object.fromEntries(countKinds(SAMPLES, 1));
  assert.deepEqual(counts, {
    ...{ equal: 1, 'equal but for text': 1, differs: 4, 'lacks a module': 0, hangs: 0, crashes: 1 },
  });
  assert.equal(
    summaryLine(REPORT),
    'Measured 7 samples on far-linux: 1 equal, 1 equal but for text, 4 differs, 1 crashes. By cause: artifacts/other/differences.md.',
  );
});

test('the list has every difference with its line as code, and no markup of what a program printed', () => {
  const text = differencesText(REPORT, undefined);
  assert.match(text, /^### differs: Sums are others \(2\)$/m);
  assert.match(text, /^- `b`: `` \+sum `2` <b> `` \(also `frames`\)$/m);
  for (const { name, status } of SAMPLES)
    assert.equal(new RegExp(`^- \`${name}\``, 'm').test(text), status === 'failed', name);
});

test('a sample that goes otherwise on a further system is listed for it as well', () => {
  const systems = [{ name: 'old', samples: [sample('a', TEXT, 'old'), sample('c', TEXT, 'old')] }];
  const names = diverging({ samples: SAMPLES, systems } as unknown as Report).map(({ name }) => name);
  assert.deepEqual(names.slice(SAMPLES.length), ['a on old']);
});
