import type { Failure, SourcePosition } from '../failure.ts';
import { columnsOf, type Paint, painter, printable, truncate, wrap } from './text.ts';

/** Lines of evidence, and further failures, that are shown; the rest is counted. */
const MAX_EVIDENCE = 40;
const MAX_FURTHER = 20;

/** Columns before the text of `why`, `fix` and `see`. */
const LABEL_COLUMNS = 8;

/**
 * A failure for people: what happened, the location with its line, why, evidence, what to do, where to read on.
 * `width`: columns of the terminal; commands, paths and evidence are never broken.
 */
export function formatFailure(
  failure: Failure,
  { color, width }: { readonly color: boolean; readonly width: number },
): string {
  const paint = painter(color);
  const { also = [] } = failure;
  const shown = [failure, ...also.slice(0, MAX_FURTHER)].map((one) => formatOne(one, paint, width));
  if (also.length > MAX_FURTHER) shown.push(paint('dim', `… and ${also.length - MAX_FURTHER} more`));
  return `${shown.join('\n\n')}\n`;
}

function formatOne(failure: Failure, paint: Paint, width: number): string {
  const head = `error[${failure.code}]`;
  const [first = '', ...rest] = wrap(`${head}: ${printable(failure.what)}`, width);
  return [
    `${paint(['red', 'bold'], head)}${paint('bold', first.slice(head.length))}`,
    ...rest.map((line) => paint('bold', line)),
    ...(failure.at === undefined ? [] : locationLines(failure.at, paint, width)),
    ...labelled('why', failure.why === undefined ? [] : [failure.why], paint, width),
    ...evidence(failure.evidence ?? [], paint),
    ...labelled('fix', failure.fix, paint, width),
    ...labelled('see', failure.see ?? [], paint, width),
  ].join('\n');
}

/** File, line and column, and the line itself with a caret below the column. */
function locationLines(
  { file, line, column, text }: SourcePosition,
  paint: Paint,
  width: number,
): readonly string[] {
  const number = String(line);
  const gutter = ' '.repeat(number.length);
  const head = `${gutter}${paint('cyan', '-->')} ${printable(file)}:${line}:${column}`;
  if (text === undefined) return [head];
  const room = Math.max(20, width - number.length - 4);
  const before = shown(text.slice(0, column - 1));
  // Of a long line the part around the column.
  const long = columnsOf(before) > room - 10;
  const lead = long ? `…${[...before].slice(-Math.floor(room / 2)).join('')}` : before;
  const visible = truncate(`${lead}${shown(text.slice(column - 1))}`, room);
  const bar = paint('cyan', '|');
  return [
    head,
    `${gutter} ${bar}`,
    `${paint('cyan', number)} ${bar} ${visible}`,
    `${gutter} ${bar} ${' '.repeat(columnsOf(lead))}${paint(['red', 'bold'], '^')}`,
  ];
}

/** One blank for a tab, so that the caret stands right wherever tab stops are. */
function shown(text: string): string {
  return printable(text.replaceAll('\t', ' '));
}

function evidence(lines: readonly string[], paint: Paint): readonly string[] {
  const bar = paint('dim', '|');
  const all = lines.flatMap((line) => printable(line).split('\n'));
  const left = all.length - MAX_EVIDENCE;
  const shownLines = all.slice(0, MAX_EVIDENCE).map((line) => `  ${bar} ${line}`.trimEnd());
  return left > 0 ? [...shownLines, `  ${bar} ${paint('dim', `… ${left} more lines`)}`] : shownLines;
}

function labelled(label: string, texts: readonly string[], paint: Paint, width: number): readonly string[] {
  return texts.flatMap((text) =>
    wrap(printable(text), width - LABEL_COLUMNS).map((line, index) => {
      const lead =
        index === 0
          ? `${paint(['bold', label === 'fix' ? 'green' : 'dim'], `  ${label}:`)}  `
          : ' '.repeat(LABEL_COLUMNS);
      return `${lead}${line}`;
    }),
  );
}
