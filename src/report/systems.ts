import type { Report, SystemReport } from '../domain/report.ts';
import type { SampleResult } from '../domain/sample.ts';

/** Samples of results: not commands, not tests of the crate's own. */
function countOf(results: readonly SampleResult[]): { readonly all: number; readonly equal: number } {
  const samples = results.filter(({ by }) => by === undefined);
  const equal = samples.filter(({ status, declared = [] }) => status === 'passed' && declared.length === 0);
  return { all: samples.length, equal: equal.length };
}

/**
 * The systems that samples ran on: ` (debian-11, debian-12)`, ` and on empty` where the first has no name; nothing where
 * there is but one. One on which another number of them is equal states its own.
 */
export function systemsText({
  system,
  samples,
  systems = [],
}: Pick<Report, 'system' | 'samples' | 'systems'>): string {
  if (systems.length === 0) return '';
  const own = countOf(samples);
  const others = systems.map((one) => {
    const { all, equal } = countOf(one.samples);
    return equal === own.equal ? one.name : `${one.name}: ${equal} of ${all}`;
  });
  return system === undefined ? ` and on ${others.join(', ')}` : ` (${[system.name, ...others].join(', ')})`;
}

/** How it went on a system, in the words of a table's cell. */
export function systemText({ samples }: Pick<SystemReport, 'samples'>): string {
  const { all, equal } = countOf(samples);
  const count = (wanted: SampleResult['status']): number =>
    samples.filter(({ status }) => status === wanted).length;
  return [
    `${equal} of ${all} equal`,
    ...(count('failed') > 0 ? [`${count('failed')} differ`] : []),
    ...(count('skipped') > 0 ? [`${count('skipped')} skipped`] : []),
  ].join(', ');
}

/** How the bundle started on the machine itself; undefined where that was not tried. */
export function hostStartText({ hostStart }: Pick<Report, 'hostStart'>): string | undefined {
  if (hostStart === undefined) return undefined;
  const { started, with: name, system, glibc, reason = '' } = hostStart;
  const where = `${system}${glibc === undefined ? '' : `, glibc ${glibc}`}`;
  return started ? `starts (${name}; ${where})` : `does not start (${where}): ${reason}`;
}

/** A count of results over all systems. */
export function sumOf(
  { totals, systems = [] }: Pick<Report, 'totals' | 'systems'>,
  key: 'passed' | 'declared' | 'failed' | 'skipped',
): number {
  return systems.reduce((sum, one) => sum + one.totals[key], totals[key]);
}
