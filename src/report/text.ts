import { stripVTControlCharacters, styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

/** Colours text, or leaves it as it is. Whether to is decided once, by who knows the stream and `NO_COLOR`. */
export type Paint = (style: Style, text: string) => string;

export function painter(color: boolean): Paint {
  return (style, text) => (color && text !== '' ? styleText(style, text, { validateStream: false }) : text);
}

/** Text of another program as it may be shown: no escape sequences, no controls but newline, nothing
 * that turns the direction of writing; tabs as blanks. */
export function printable(text: string): string {
  return displayed(text).replaceAll('\t', '    ');
}

/** The same with its tabs: what a command shows quotes names and descriptions that others wrote. */
export function displayed(text: string): string {
  return stripVTControlCharacters(text)
    .replaceAll(/[^\P{Cc}\n\t]/gu, '')
    .replaceAll(/[\p{Cs}\p{Cn}\u202a-\u202e\u2066-\u2069]/gu, '');
}

/** A value as JSON that a terminal shows as it is: what would control it is written as an escape of JSON's own. */
export function displayedJson(value: unknown): string {
  return JSON.stringify(value, null, 2).replaceAll(
    /[\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/**
 * Columns that a text takes on a terminal: 2 for the wide forms of Unicode's East Asian Width (UAX 11), 0 for marks and
 * format characters.
 */
export function columnsOf(text: string): number {
  let columns = 0;
  for (const char of stripVTControlCharacters(text)) columns += columnsOfChar(char);
  return columns;
}

/** Shortens a text to a number of columns, with an ellipsis where something was left out. */
export function truncate(text: string, columns: number): string {
  if (columnsOf(text) <= columns) return text;
  let kept = '';
  let taken = 0;
  for (const char of text) {
    taken += columnsOfChar(char);
    if (taken > columns - 1) break;
    kept += char;
  }
  return columns > 0 ? `${kept.trimEnd()}…` : '';
}

/**
 * Breaks text into lines of at most `columns`. What stands in backquotes is a command to copy and stays in one piece, as
 * does a word that is longer than a line.
 */
export function wrap(text: string, columns: number): readonly string[] {
  return text.split('\n').flatMap((paragraph) => {
    const lines: string[] = [];
    let line = '';
    for (const [word] of paragraph.matchAll(/(?:`[^`]*`|[^\s`]|`)+/g)) {
      if (line !== '' && columnsOf(line) + 1 + columnsOf(word) > columns) {
        lines.push(line);
        line = word;
      } else {
        line = line === '' ? word : `${line} ${word}`;
      }
    }
    return [...lines, line];
  });
}

function columnsOfChar(char: string): number {
  const code = char.codePointAt(0) as number;
  if (code < 0x300) return 1;
  if (/[\p{Mn}\p{Me}\p{Cf}]/u.test(char)) return 0;
  return WIDE.some(([from, to]) => code >= from && code <= to) ? 2 : 1;
}

const WIDE: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0xa4cf],
  [0xa960, 0xa97f],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x1f300, 0x1f64f],
  [0x1f680, 0x1f6ff],
  [0x1f900, 0x1f9ff],
  [0x20000, 0x3fffd],
];
