import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reportStatus, totalsOf } from '../../src/domain/report.ts';
import type { SampleResult } from '../../src/domain/sample.ts';
import type { FailureCode } from '../../src/failure.ts';
import { summaryLine } from '../../src/report/summary-line.ts';
import { report, SAMPLES } from '../support/report.ts';

test('the line of a run whose samples are all equal', () => {
  assert.equal(
    closing('passed', many(42)),
    '42 samples equal the reference on far-unknown-linux-gnu; bundle: artifacts/far/isolate-far-unknown-linux-gnu.tar.gz (31.2 MB).',
  );
  assert.match(closing('passed', many(1)), /^1 sample equals the reference/);
});

test('skipped and declared ones are not counted as equal', () => {
  assert.match(
    closing('passed', [...many(3), ...SAMPLES.slice(1, 3)]),
    /^3 of 5 samples equal the reference on far-unknown-linux-gnu, 1 skipped, 1 with a declared difference; bundle/,
  );
});

test('the line of differing samples names the report', () => {
  assert.equal(
    closing('failed', [...many(3), SAMPLES[3] as SampleResult]),
    '1 of 4 samples differs on far-unknown-linux-gnu: see artifacts/far/report.json; first: dynamic/metaclass.',
  );
  assert.match(closing('failed', SAMPLES), /^3 of 6 samples fail on /, 'a crash is no difference');
});

test('the line distinguishes a build that stopped from a run that stopped', () => {
  const failure = {
    code: 'build/linker',
    what: 'The linker was not found.',
    fix: [],
    see: ['artifacts/far/logs/build.log'],
  } as const;
  assert.equal(
    summaryLine(report({ status: 'blocked', failure })),
    'The build for far-unknown-linux-gnu stopped: The linker was not found. See artifacts/far/logs/build.log.',
  );
  assert.equal(
    summaryLine(
      report({ status: 'error', failure: { code: 'fetch/offline', what: 'No network.', fix: [] } }),
    ),
    'The run for far-unknown-linux-gnu stopped: No network. See artifacts/far/report.json.',
  );
});

test('the status follows from the failure', () => {
  const status = (code?: FailureCode) =>
    reportStatus(code === undefined ? undefined : { code, what: '', fix: [] });
  assert.deepEqual(
    [status(), status('samples/differ'), status('build/x'), status('fetch/x'), status('interrupted/signal')],
    ['passed', 'failed', 'blocked', 'error', 'error'],
  );
});

function closing(status: 'passed' | 'failed', samples: readonly SampleResult[]): string {
  return summaryLine(report({ status, samples, totals: totalsOf(samples, 0) }));
}

function many(count: number): readonly SampleResult[] {
  return Array.from({ length: count }, (_, i) => ({ ...(SAMPLES[0] as SampleResult), name: `any/${i}` }));
}
