import type { Report } from '../domain/report.ts';
import { formatBytes } from '../domain/units.ts';

/** The last line of a run: one sentence that a person can act on. */
export function closingLine(report: Report): string {
  switch (report.status) {
    case 'passed':
      return passed(report);
    case 'failed':
      return failed(report);
    case 'blocked':
      return `The build for ${report.target.triple} stopped: ${stopped(report)}`;
    default:
      return `The run for ${report.target.triple} stopped: ${stopped(report)}`;
  }
}

function passed({ totals, target, bundle }: Report): string {
  const left = [
    ...(totals.skipped > 0 ? [`${totals.skipped} skipped`] : []),
    ...(totals.declared > 0 ? [`${totals.declared} with a declared difference`] : []),
  ];
  const equal = totals.passed - totals.declared;
  const counted = equal === totals.samples ? `${equal}` : `${equal} of ${totals.samples}`;
  const samples = `${counted} ${totals.samples === 1 ? 'sample equals' : 'samples equal'} the reference on ${target.triple}`;
  const at = bundle === undefined ? '' : `; bundle: ${bundle.file} (${formatBytes(bundle.size)})`;
  return `${[samples, ...left].join(', ')}${at}.`;
}

function failed({ totals, target, samples, artifacts }: Report): string {
  const first = samples.find(({ status }) => status === 'failed');
  const verb = samples.some(({ kind }) => kind !== undefined && !kind.endsWith('-differs'))
    ? 'fail'
    : 'differ';
  const counted = `${totals.failed} of ${totals.samples} samples ${totals.failed === 1 ? `${verb}s` : verb}`;
  return `${counted} on ${target.triple}: see ${artifacts}/report.json; first: ${first?.name ?? 'unknown'}.`;
}

function stopped({ failure, artifacts }: Report): string {
  const what = failure?.what ?? 'the reason is not known.';
  return `${what} See ${failure?.see?.[0] ?? `${artifacts}/report.json`}.`;
}
