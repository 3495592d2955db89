import { allResults, namedOn, type Report } from '../domain/report.ts';
import { formatBytes } from '../domain/units.ts';
import { countKinds } from './differences.ts';
import { systemsText } from './systems.ts';

/** The last line of a run: one sentence that can be acted on. */
export function summaryLine(report: Report): string {
  switch (report.status) {
    case 'passed':
      return passed(report);
    case 'measured':
      return measured(report);
    case 'failed':
      return failed(report);
    case 'blocked':
      return `The build for ${report.target.triple} stopped: ${stopped(report)}`;
    default:
      return `The run for ${report.target.triple} stopped: ${stopped(report)}`;
  }
}

function passed(report: Report): string {
  const { totals, target, bundle } = report;
  const left = [
    ...(totals.skipped > 0 ? [`${totals.skipped} skipped`] : []),
    ...(totals.declared > 0 ? [`${totals.declared} with a declared difference`] : []),
  ];
  const at = bundle === undefined ? '' : `; bundle: ${bundle.file} (${formatBytes(bundle.size)})`;
  if (totals.samples === 0 && bundle === undefined) return `Nothing was run for ${target.triple}.`;
  if (totals.samples === 0) return `Built for ${target.triple}, nothing was run${at}.`;
  return `${[`${[...equalOf(report), ...testsOf(report)].join(', ')} on ${target.triple}${systemsText(report)}`, ...left].join(', ')}${at}.`;
}

function equalOf({ totals, samples }: Report): readonly string[] {
  const tests = samples.filter(({ by }) => by !== undefined);
  const all = totals.samples - tests.length;
  if (all === 0) return [];
  const equal = totals.passed - totals.declared - tests.filter(({ status }) => status === 'passed').length;
  const counted = equal === all ? `${equal}` : `${equal} of ${all}`;
  return [`${counted} ${all === 1 ? 'sample equals' : 'samples equal'} the reference`];
}

/** Commands of the recipe and the crate's own tests: they state themselves what is right. */
function testsOf({ samples }: Report): readonly string[] {
  const tests = samples.filter(({ by }) => by !== undefined);
  if (tests.length === 0) return [];
  const passed = tests.filter(({ status }) => status === 'passed').length;
  const counted = passed === tests.length ? `${passed}` : `${passed} of ${tests.length}`;
  return [`${counted} ${tests.length === 1 ? 'test passes' : 'tests pass'}`];
}

/** Samples that differ, where that is what the run was for: how, and where it is listed by cause. */
function measured(report: Report): string {
  const { totals, target, samples, artifacts } = report;
  const kinds = countKinds(samples, totals.passed).filter(([, count]) => count > 0);
  const words = kinds.map(([word, count]) => `${count} ${word}`);
  const left = totals.skipped > 0 ? [`${totals.skipped} skipped`] : [];
  const head = `Measured ${totals.samples} samples on ${target.triple}${systemsText(report)}`;
  return `${head}: ${[...words, ...left].join(', ')}. By cause: ${artifacts}/differences.md.`;
}

/** How many samples equal the reference, and how many tests pass, in the words of a table's cell. */
export function countedText(report: Pick<Report, 'totals' | 'samples' | 'system' | 'systems'>): string {
  const { totals, samples } = report;
  if (totals.samples === 0) return '';
  const { tests, passed } = countTests(samples);
  const all = totals.samples - tests;
  return [
    ...(all === 0 ? [] : [`${totals.passed - passed} of ${all} equal${systemsText(report)}`]),
    ...(tests === 0 ? [] : [`${passed} of ${tests} tests pass`]),
  ].join(', ');
}

/** Results that are no samples: commands of the recipe and tests of the crate's own. */
export function countTests(samples: Report['samples']) {
  const tests = samples.filter(({ by }) => by !== undefined);
  const count = (wanted: string): number => tests.filter(({ status }) => status === wanted).length;
  return { tests: tests.length, passed: count('passed'), failed: count('failed') };
}

function failed(report: Report): string {
  const { target, artifacts } = report;
  const samples = allResults(report);
  const bad = samples.filter(({ status }) => status === 'failed');
  const [first] = bad;
  const verb = samples.some(({ kind }) => kind !== undefined && !kind.endsWith('-differs'))
    ? 'fail'
    : 'differ';
  const noun = samples.every(({ by }) => by !== undefined) ? 'tests' : 'samples';
  const counted = `${bad.length} of ${samples.length} ${noun} ${bad.length === 1 ? `${verb}s` : verb}`;
  return `${counted} on ${target.triple}: see ${artifacts}/report.json; first: ${first === undefined ? 'unknown' : namedOn(first)}.`;
}

function stopped({ failure, artifacts }: Report): string {
  const what = failure?.what ?? 'the reason is not known.';
  return `${what} See ${failure?.see?.[0] ?? `${artifacts}/report.json`}.`;
}
