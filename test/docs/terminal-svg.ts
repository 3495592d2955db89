/** Colours of ECMA-48 (SGR 30–37, 90–97) that a program may ask for, as CSS classes of the picture. */
const COLOURS = ['black', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', 'white'] as const;

interface Style {
  readonly colour?: (typeof COLOURS)[number];
  readonly bold: boolean;
  readonly dim: boolean;
}

interface Cell {
  readonly text: string;
  readonly style: Style;
}

const PLAIN: Style = { bold: false, dim: false };
const ESCAPE = '\u001b';
const PIECE = new RegExp(`${ESCAPE}\\[[?0-9;]*[A-Za-z]|${ESCAPE}.|[^]`, 'gu');
const SEQUENCE = /^.\[(\??)([0-9;]*)([A-Za-z])$/;

/**
 * What a terminal of so many columns shows after these bytes, line by line. Knows the sequences of ECMA-48 that progress
 * displays use; any other is an error, so that a picture never lies about what it did not understand.
 */
export function screenOf(output: string, columns: number): readonly (readonly Cell[])[] {
  const lines: Cell[][] = [[]];
  let [row, column, style] = [0, 0, PLAIN];
  const move = (rows: number): void => {
    row = Math.max(0, row + rows);
    while (lines.length <= row) lines.push([]);
  };
  const put = (text: string): void => {
    if (column >= columns) {
      move(1);
      column = 0;
    }
    const line = lines[row] as Cell[];
    while (line.length < column) line.push({ text: ' ', style: PLAIN });
    line[column] = { text, style };
    column += 1;
  };
  const control = (sequence: string): void => {
    const [, prefix = '', digits = '', command = ''] = SEQUENCE.exec(sequence) ?? [];
    const count = digits === '' ? 1 : Number(digits);
    const line = lines[row] as Cell[];
    // The cursor's visibility, and synchronised output.
    if (prefix === '?' && ['25', '2026'].includes(digits)) return;
    if (command === 'm') style = styled(style, digits);
    else if (command === 'A') move(-count);
    else if (command === 'B') move(count);
    else if (command === 'G') column = count - 1;
    else if (command === 'K') line.length = digits === '2' ? 0 : Math.min(line.length, column);
    else if (command === 'J' && (digits === '' || digits === '0')) lines.length = row + 1;
    else throw new Error(`escape sequence ${JSON.stringify(sequence)}`);
  };
  for (const [piece] of output.matchAll(PIECE)) {
    if (piece.startsWith(ESCAPE)) control(piece);
    else if (piece === '\r') column = 0;
    else if (piece === '\n') move(1);
    else put(piece);
  }
  const last = lines.findLastIndex((line) => line.some(({ text }) => text !== ' '));
  return lines.slice(0, last + 1);
}

function styled(style: Style, digits: string): Style {
  let next = style;
  for (const code of (digits === '' ? '0' : digits).split(';').map(Number)) {
    const colour = COLOURS[code >= 90 ? code - 90 : code - 30];
    if (code === 0) next = PLAIN;
    else if (code === 1) next = { ...next, bold: true };
    else if (code === 2) next = { ...next, dim: true };
    else if (code === 22) next = { ...next, bold: false, dim: false };
    else if (code === 39) next = { bold: next.bold, dim: next.dim };
    else if (colour !== undefined) next = { ...next, colour };
    else throw new Error(`SGR ${code}`);
  }
  return next;
}

const CELL = { width: 8.4, height: 19 };
const MARGIN = 16;
/** Both palettes keep a contrast of at least 4.5 : 1 against their background. */
const STYLE = `
text { font: 14px ui-monospace, 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace; fill: #24292f; white-space: pre }
.page { fill: #f6f8fa; stroke: #d0d7de }
.bold { font-weight: 700 } .dim { opacity: .75 }
.black { fill: #24292f } .red { fill: #b91c1c } .green { fill: #116329 } .yellow { fill: #7d4e00 }
.blue { fill: #0550ae } .magenta { fill: #8250df } .cyan { fill: #1b5e70 } .white { fill: #57606a }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.page { fill: #0d1117; stroke: #30363d }
.black { fill: #8b949e } .red { fill: #ff7b72 } .green { fill: #3fb950 } .yellow { fill: #d29922 }
.blue { fill: #79c0ff } .magenta { fill: #d2a8ff } .cyan { fill: #56d4dd } .white { fill: #b1bac4 }
}`;

/** A picture of a command and what it printed, for light and dark pages. `title` is its text for screen readers. */
export function terminalSvg(title: string, command: string, output: string, columns: number): string {
  const prompt = [...`$ ${command}`].map((text, i): Cell => ({ text, style: { bold: i > 1, dim: i < 2 } }));
  const lines = [prompt, ...screenOf(output, columns)];
  const width = Math.ceil(columns * CELL.width + 2 * MARGIN);
  const height = lines.length * CELL.height + 2 * MARGIN;
  const rows = lines.flatMap((line, i) => {
    const y = MARGIN + (i + 1) * CELL.height - 5;
    return runs(line).map(({ text, style, start }) => {
      const names = [style.colour, style.bold ? 'bold' : '', style.dim ? 'dim' : '']
        .filter(Boolean)
        .join(' ');
      const x = (MARGIN + start * CELL.width).toFixed(1);
      // The length keeps the columns in line whatever font there is.
      const length = ([...text].length * CELL.width).toFixed(1);
      const of = names === '' ? '' : ` class="${names}"`;
      return `<text x="${x}" y="${y}" textLength="${length}"${of}>${escaped(text)}</text>`;
    });
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escaped(title)}</title>`,
    `<style>${STYLE}\n</style>`,
    `<rect class="page" x=".5" y=".5" width="${width - 1}" height="${height - 1}" rx="8"/>`,
    ...rows,
    '</svg>',
    '',
  ].join('\n');
}

/** Neighbours of one style, without the blanks at their ends. */
function runs(
  line: readonly Cell[],
): readonly { readonly text: string; readonly style: Style; readonly start: number }[] {
  const found: { text: string; style: Style; start: number }[] = [];
  for (const [column, { text, style }] of line.entries()) {
    const last = found.at(-1);
    if (last !== undefined && JSON.stringify(last.style) === JSON.stringify(style)) last.text += text;
    else found.push({ text, style, start: column });
  }
  return found
    .map((run) => ({
      ...run,
      text: run.text.trim(),
      start: run.start + run.text.length - run.text.trimStart().length,
    }))
    .filter(({ text }) => text !== '');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
