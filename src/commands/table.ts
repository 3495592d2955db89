import { columnsOf, wrap } from '../report/text.ts';

const GAP = 2;

/** Below this text is narrower than its words: a terminal may break it as it likes. */
const LEAST_COLUMNS = 20;

/**
 * Rows as text in columns, the first of which are the heads. Where a line would be wider than a terminal of `columns`, the last
 * cells of each row stand below it, with their heads.
 */
export function tableText(rows: readonly (readonly string[])[], columns = Number.POSITIVE_INFINITY): string {
  const [head = []] = rows;
  const widths = head.map((_, column) => Math.max(...rows.map((row) => columnsOf(row[column] ?? ''))));
  const fitting = fittingColumns(widths, columns);
  return rows
    .flatMap((row, index) => [
      lineOf(row.slice(0, fitting), widths),
      ...(index === 0
        ? []
        : row.slice(fitting).flatMap((cell, i) => below(head[fitting + i], cell, columns))),
    ])
    .map((line) => `${line}\n`)
    .join('');
}

/** Number of columns, from the first on, that fit beside each other. */
function fittingColumns(widths: readonly number[], columns: number): number {
  let taken = -GAP;
  const tooWide = widths.findIndex((width) => {
    taken += width + GAP;
    return taken > columns;
  });
  return tooWide < 0 ? widths.length : Math.max(1, tooWide);
}

function lineOf(cells: readonly string[], widths: readonly number[]): string {
  const padded = cells.map((cell, i) => cell + ' '.repeat((widths[i] as number) - columnsOf(cell)));
  return padded.join(' '.repeat(GAP)).trimEnd();
}

/** A cell of a row that had no room in its line. */
function below(head: string | undefined, cell: string, columns: number): readonly string[] {
  return cell === '' ? [] : indented(`${head}: ${cell}`, columns, '  ');
}

/** Text in lines of at most `columns`, the second and later ones further in than the first; a word that is longer stays in one piece. */
function indented(text: string, columns: number, before = ''): readonly string[] {
  const inner = `${before}  `;
  const lines = wrap(text, columns - inner.length);
  return lines.map((line, i) => `${i === 0 ? before : inner}${line}`);
}

/** Lines as they are printed: as they are in a pipe, and broken on a terminal. */
export function paragraphs(lines: readonly string[], columns: number | undefined): string {
  const shown = columns === undefined ? lines : lines.flatMap((line) => indented(line, columns));
  return shown.map((line) => `${line}\n`).join('');
}

/** Text to the right of `head`, its further lines below it, as wide as a terminal of `columns` has room for. */
export function beside(head: string, text: string, columns = Number.POSITIVE_INFINITY): string {
  const left = columnsOf(head);
  return wrap(text, Math.max(columns - left, LEAST_COLUMNS))
    .map((line, index) => `${index === 0 ? head : ' '.repeat(left)}${line}`.trimEnd())
    .map((line) => `${line}\n`)
    .join('');
}
