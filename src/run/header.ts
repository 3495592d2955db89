import { defined } from '../domain/defined.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { KnownDifference, Sample } from '../domain/sample.ts';
import type { Failure } from '../failure.ts';
import { type HeaderLine, readKeys } from './header-keys.ts';

/** The values of a header; keys that it leaves out are absent. Grammar: docs/samples.md. */
export interface Header {
  readonly title?: string;
  readonly tier?: Sample['tier'];
  readonly requires?: readonly string[];
  readonly python?: string;
  readonly argv?: readonly string[];
  readonly stdin?: string;
  readonly timeoutSeconds?: number;
  readonly knownDifferences: readonly KnownDifference[];
}

/** A mistake in a header; line and column count from 1. */
export interface Mistake {
  readonly line: number;
  readonly column: number;
  readonly what: string;
  readonly fix: string;
}

const OPENING = '# /// sample';
const CLOSING = '# ///';

/**
 * Reads the header of a script. Nothing when there is none; all mistakes of one header are reported together
 * (`usage/sample-header`).
 */
export function readHeader(script: Uint8Array, file: string): Result<Header | undefined> {
  // Latin-1 takes any bytes, so a script in another encoding may still be found to have no header at all.
  const opening = openingLine(
    linesOf(
      Buffer.from(script)
        .toString('latin1')
        .replace(/^\u00ef\u00bb\u00bf/, ''),
    ),
  );
  if (opening === undefined) return ok(undefined);
  const lines = utf8Lines(script);
  if (lines === undefined) {
    return err(
      failure(
        file,
        [],
        [{ line: 1, column: 1, what: 'The script is not UTF-8.', fix: 'Save the script as UTF-8.' }],
      ),
    );
  }
  const block = blockLines(lines, opening);
  const read = block.closed
    ? readKeys(block.lines, opening + 1)
    : {
        mistakes: [
          {
            line: opening + 1,
            column: 1,
            what: 'The sample header does not end.',
            fix: `End it with a line \`${CLOSING}\` before the first line that is no comment.`,
          },
        ],
      };
  if ('header' in read) return ok(read.header);
  return err(failure(file, lines, read.mistakes));
}

function linesOf(text: string): readonly string[] {
  return text.split('\n').map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
}

function utf8Lines(script: Uint8Array): readonly string[] | undefined {
  try {
    return linesOf(new TextDecoder('utf-8', { fatal: true }).decode(script));
  } catch {
    return undefined;
  }
}

/** Index of the line that opens the header; only empty lines and comments may stand before it. */
function openingLine(lines: readonly string[]): number | undefined {
  for (const [index, line] of lines.entries()) {
    if (trimEnd(line) === OPENING) return index;
    if (trimEnd(line) !== '' && !line.startsWith('#')) return undefined;
  }
  return undefined;
}

function blockLines(
  lines: readonly string[],
  opening: number,
): { readonly lines: readonly HeaderLine[]; readonly closed: boolean } {
  const block: HeaderLine[] = [];
  for (let index = opening + 1; index < lines.length; index++) {
    const text = lines[index] as string;
    if (!text.startsWith('#')) break;
    if (trimEnd(text) === CLOSING) return { lines: block, closed: true };
    block.push({ number: index + 1, text });
  }
  return { lines: block, closed: false };
}

function failure(file: string, lines: readonly string[], mistakes: readonly Mistake[]): Failure {
  const [first, ...others] = [...mistakes]
    .sort((a, b) => a.line - b.line || a.column - b.column)
    .map(({ line, column, what, fix }): Failure => {
      const text = lines[line - 1];
      return {
        code: 'usage/sample-header',
        what,
        fix: [fix],
        at: { file, line, column, ...defined({ text }) },
      };
    });
  return { ...(first as Failure), ...(others.length === 0 ? {} : { also: others }) };
}

function trimEnd(text: string): string {
  return text.replace(/[ \t]+$/, '');
}
