import { namedOn } from '../domain/report.ts';
import type { SampleResult } from '../domain/sample.ts';
import { formatBytes } from '../domain/units.ts';
import type { ProgressUnit } from '../events.ts';
import type { Streams } from './renderer.ts';
import type { Row, RowState, RunState, StageProgress } from './run-state.ts';
import { columnsOf, printable, truncate } from './text.ts';

/** Order in which several units of one stage are shown. */
const UNITS: readonly ProgressUnit[] = [
  'packages',
  'files',
  'crates',
  'samples',
  'modules',
  'iterations',
  'configurations',
  'bytes',
];

/** Failed samples that are listed below the stages; the rest is counted. */
export const MAX_SAMPLES = 10;

/** Columns that a title keeps however long the text after it. */
const MIN_TITLE = 20;

/** Columns on the left for the icon and on the right so that no terminal wraps. */
const MARGIN = 4;

/** `45 of 115 packages, 123.0 MB of 272.0 MB, 12.0 MB/s`; empty when nothing is known yet. */
export function progressText(row: Row): string {
  return UNITS.flatMap((unit) => {
    const progress = row.progress.get(unit);
    return progress === undefined ? [] : [amount(progress), ...rate(progress)];
  }).join(', ');
}

/** What stands in place of a duration. */
const TOOK: Partial<Record<RowState, string>> = { hit: 'cached', skipped: 'skipped', stopped: 'stopped' };

/** What a stage came to, and how long it took or that it was found in the store. */
function outcomeText(row: Row): string {
  const took = TOOK[row.state] ?? duration(row.ms ?? 0);
  return [detailText(row), `(${took})`].filter(Boolean).join(' ');
}

/** The first line of a stage's detail. */
export function detailText(row: Row): string {
  return printable(row.detail ?? '').split('\n', 1)[0] as string;
}

/**
 * A row as one line of at most `columns`: the title, shortened where it must be, and the outcome; of a stage that runs
 * its progress, then as much as fits of elapsed time and name of the present item.
 */
export function rowText(row: Row, now: number, columns: number): string {
  if (row.state !== 'running') return titled(row, outcomeText(row), columns);
  const items = [...row.progress.values()]
    .map(({ detail }) => detail)
    .findLast((detail) => detail !== undefined);
  const [main = '', ...more] = [
    progressText(row),
    duration(now - row.started),
    printable(items ?? ''),
  ].filter((part) => part !== '');
  let line = titled(row, main, columns);
  for (const part of more) if (columnsOf(line) + 2 + columnsOf(part) <= columns) line += `  ${part}`;
  return line;
}

function titled(row: Row, text: string, columns: number): string {
  const room = Math.max(MIN_TITLE, columns - 2 - columnsOf(text));
  return truncate(`${truncate(printable(row.title), room)}  ${text}`, columns);
}

/** A sample that failed, as one line. */
export function sampleText(sample: SampleResult): string {
  return printable(`${namedOn(sample)}: ${sample.reason ?? 'failed'}`).replaceAll('\n', ' ');
}

/** `0.4 s`, `12 s`, `3 min 5 s`. */
export function duration(ms: number): string {
  const seconds = Math.max(0, ms) / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

function amount({ done, total, unit }: StageProgress): string {
  if (unit === 'bytes')
    return total === undefined ? formatBytes(done) : `${formatBytes(done)} of ${formatBytes(total)}`;
  return total === undefined ? `${done} ${unit}` : `${done} of ${total} ${unit}`;
}

function rate({ rate: perSecond, unit }: StageProgress): readonly string[] {
  if (perSecond === undefined || perSecond <= 0) return [];
  return [unit === 'bytes' ? `${formatBytes(Math.round(perSecond))}/s` : `${perSecond.toFixed(1)} ${unit}/s`];
}

/** The samples that failed, as lines below the stages. */
export function sampleLines(state: RunState, columns: number): readonly string[] {
  const shown = state.failed.slice(0, MAX_SAMPLES).map(sampleText);
  const left = state.failed.length - shown.length;
  return [...shown, ...(left > 0 ? [`… and ${left} more`] : [])].map((line) => truncate(line, columns));
}

/** Columns of a terminal that a line may take beside its icon. */
export function contentColumns(streams: Streams): number {
  return Math.max(10, (streams.out.columns || 80) - MARGIN);
}
