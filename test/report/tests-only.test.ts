// The report of a library: its own tests, and nothing that was compared with the reference interpreter.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Report } from '../../src/domain/report.ts';
import { totalsOf } from '../../src/domain/report.ts';
import type { SampleResult } from '../../src/domain/sample.ts';
import { matrixSummary, reportSummary } from '../../src/report/actions/summary.ts';
import { junitXml } from '../../src/report/junit.ts';
import { writePage } from '../../src/report/page/write.ts';
import { countedText, summaryLine } from '../../src/report/summary-line.ts';
import { temporaryFolder } from '../support/cli.ts';
import { report, SAMPLES } from '../support/report.ts';

const one = (
  name: string,
  status: SampleResult['status'],
  more: Partial<SampleResult> = {},
): SampleResult => ({
  ...{ name: `cargo/${name}`, title: name, tier: 'user', status, file: '/crate', by: 'cargo', ...more },
});

const TESTS = [
  one('src/lib.rs/adds', 'passed'),
  one('src/lib.rs/slow', 'skipped', { reason: 'ignored' }),
  one('tests/all.rs/fails', 'failed', {
    kind: 'test-failed',
    reason: 'panicked at <here>',
    diff: 'left: 1\n',
  }),
];

/** A library has no bundle. */
function of(samples: readonly SampleResult[]): Report {
  const { bundle: _, ...rest } = report({
    samples,
    totals: totalsOf(samples, 0),
    blockers: [],
    status: samples.some(({ status }) => status === 'failed') ? 'failed' : 'passed',
  });
  return rest;
}

async function pageOf(t: TestContext, one: Report): Promise<string> {
  const folder = temporaryFolder(t);
  mkdirSync(join(folder, 'far'));
  writeFileSync(join(folder, 'far', 'report.json'), JSON.stringify(one));
  const written = await writePage(folder);
  assert.ok(written.ok, JSON.stringify(written));
  return readFileSync(join(folder, 'report.html'), 'utf8');
}

test('its page speaks of tests, and of nothing that equals', async (t) => {
  const page = await pageOf(t, of(TESTS));
  assert.match(page, /1 recipe: 1 of 3 tests pass, 1 test fails, 1 are skipped\./);
  assert.doesNotMatch(page, /results equal the reference/);
  assert.match(page, /passes/);
  assert.match(page, /on far: fails/);
  assert.doesNotMatch(page, /on far: differs/);
  const both = await pageOf(t, of([SAMPLES[0] as SampleResult, ...TESTS]));
  assert.match(
    both,
    /1 recipe: 1 results equal the reference byte for byte, 1 of 3 tests pass, 1 test fails/,
  );
});

test('its summaries count tests', () => {
  for (const text of [reportSummary(of(TESTS)), matrixSummary([of(TESTS)], [])]) {
    assert.match(text, /1 of 3 tests pass/);
    assert.doesNotMatch(text, /\d equal|differ/);
  }
  assert.match(reportSummary(of(TESTS)), /1 fail\b/);
  assert.equal(countedText(of([SAMPLES[0] as SampleResult, ...TESTS])), '1 of 1 equal, 1 of 3 tests pass');
  assert.match(
    summaryLine(of(TESTS.slice(0, 2))),
    /^1 of 2 tests pass on far-unknown-linux-gnu, 1 skipped\.$/,
  );
});

test('its JUnit file has each test, with what a failed one said', () => {
  const xml = junitXml(of(TESTS));
  assert.match(xml, /<testsuite name="far" tests="3" failures="1" errors="0" skipped="1"/);
  assert.match(
    xml,
    /name="cargo\/tests\/all\.rs\/fails"[^>]*><failure type="test-failed" message="panicked at &lt;here&gt;">left: 1/,
  );
  assert.match(xml, /name="cargo\/src\/lib\.rs\/slow"[^>]*><skipped message="ignored"\/>/);
});
