import { closest } from '../domain/closest.ts';
import type { KnownDifference, Sample } from '../domain/sample.ts';
import { FACILITIES, isFacility, MODULE_PREFIX } from '../runtime/facilities.ts';
import type { Header, Mistake } from './header.ts';
import { parseConditions } from './python-conditions.ts';
import { splitArgv } from './split-argv.ts';

export interface HeaderLine {
  /** Line of the script, from 1. */
  readonly number: number;
  readonly text: string;
}

const KEY_LINE = /^([a-z]+(?:-[a-z]+)*):(?:[ \t]+(.*))?$/;
const KEYS = ['title', 'tier', 'requires', 'python', 'argv', 'stdin', 'timeout', 'differs-on'];
const TIERS: readonly Sample['tier'][] = ['any', 'dynamic', 'realworld', 'user'];
const MAX_TITLE = 80;
const MAX_TIMEOUT_SECONDS = 3600;

/** A key with its value; columns count from 1. */
interface Entry {
  readonly key: string;
  readonly value: string;
  readonly line: number;
  readonly keyColumn: number;
  readonly valueColumn: number;
}

type Draft = { -readonly [Key in keyof Header]: Header[Key] } & { knownDifferences: KnownDifference[] };

/** The keys between opening and closing line (`opening`: its number), or every mistake in them. */
export function readKeys(
  lines: readonly HeaderLine[],
  opening: number,
): { readonly header: Header } | { readonly mistakes: readonly Mistake[] } {
  const reader = new KeyReader();
  for (let i = 0; i < lines.length; ) i += reader.read(lines, i);
  if (!reader.seen.has('title')) {
    reader.wrong(
      opening,
      1,
      'The sample header has no title.',
      'Add a line `# title: …` of at most 80 characters.',
    );
  }
  return reader.mistakes.length === 0 ? { header: reader.header } : { mistakes: reader.mistakes };
}

class KeyReader {
  readonly header: Draft = { knownDifferences: [] };
  readonly mistakes: Mistake[] = [];
  readonly seen = new Set<string>();

  /** Takes the line at `index`, and the block after it; returns how many lines that were. */
  read(lines: readonly HeaderLine[], index: number): number {
    const line = lines[index] as HeaderLine;
    const content = contentOf(line);
    if (content === undefined) {
      this.wrong(
        line.number,
        1,
        'A header line begins with `#` and one space.',
        'Put one space after the `#`.',
      );
      return 1;
    }
    const trimmed = content.trimEnd();
    if (trimmed === '') return 1;
    const match = KEY_LINE.exec(trimmed);
    if (match === null) {
      const indented = /^[ \t]/.test(content);
      this.wrong(
        line.number,
        1,
        indented
          ? 'An indented header line stands outside of a block.'
          : 'A header line is not of the form `key: value`.',
        indented ? 'Begin a block with `# stdin: |`, or remove the spaces.' : `Keys are ${KEYS.join(', ')}.`,
      );
      return 1;
    }
    const key = match[1] as string;
    const value = match[2] ?? '';
    const entry = {
      key,
      value,
      line: line.number,
      keyColumn: 3,
      valueColumn: 3 + trimmed.length - value.length,
    };
    return this.#takeKey(entry, lines, index);
  }

  wrong(line: number, column: number, what: string, fix: string): void {
    this.mistakes.push({ line, column, what, fix });
  }

  #takeKey(entry: Entry, lines: readonly HeaderLine[], index: number): number {
    const block = entry.key === 'stdin' ? blockAfter(lines, index) : [];
    if (!KEYS.includes(entry.key)) {
      const meant = closest(entry.key, KEYS);
      const fix = meant === undefined ? `Keys are ${KEYS.join(', ')}.` : `Did you mean \`${meant}\`?`;
      this.wrong(entry.line, entry.keyColumn, `Unknown key "${entry.key}" in the sample header.`, fix);
    } else if (this.seen.has(entry.key) && entry.key !== 'differs-on') {
      this.wrong(entry.line, entry.keyColumn, `The key "${entry.key}" is given twice.`, 'Keep one of them.');
    } else if (entry.value === '' && entry.key !== 'argv') {
      this.wrong(
        entry.line,
        entry.keyColumn,
        `The key "${entry.key}" has no value.`,
        'Give it one, or leave the line out.',
      );
    } else {
      this.#takeValue(entry, block);
    }
    this.seen.add(entry.key);
    return 1 + block.length;
  }

  #takeValue(entry: Entry, block: readonly string[]): void {
    const takers: Readonly<Record<string, () => void>> = {
      title: () => this.#title(entry),
      tier: () => this.#tier(entry),
      requires: () => this.#requires(entry),
      python: () => this.#python(entry),
      argv: () => this.#argv(entry),
      stdin: () => this.#stdin(entry, block),
      timeout: () => this.#timeout(entry),
      'differs-on': () => this.#differsOn(entry),
    };
    takers[entry.key]?.();
  }

  #title(entry: Entry): void {
    const length = [...entry.value].length;
    if (length <= MAX_TITLE) this.header.title = entry.value;
    else this.#value(entry, `The title has ${length} characters; ${MAX_TITLE} are the most.`, 'Shorten it.');
  }

  #tier(entry: Entry): void {
    const tier = TIERS.find((one) => one === entry.value);
    if (tier !== undefined) this.header.tier = tier;
    else this.#value(entry, `Unknown tier "${entry.value}".`, meant(entry.value, TIERS));
  }

  #requires(entry: Entry): void {
    const words = commaSeparated(entry.value);
    for (const { word, offset } of words) {
      if (isFacility(word)) continue;
      const column = entry.valueColumn + offset;
      if (word.startsWith(MODULE_PREFIX)) {
        this.wrong(
          entry.line,
          column,
          `"${word}" names no module.`,
          'Write it as `module:NAME`, e.g. `module:sqlite3`.',
        );
      } else {
        this.wrong(
          entry.line,
          column,
          `Unknown facility "${word}".`,
          meant(word, [...FACILITIES, 'module:NAME']),
        );
      }
    }
    this.header.requires = words.map(({ word }) => word);
  }

  #python(entry: Entry): void {
    const text = /^(["']?)(.*)\1$/.exec(entry.value)?.[2] ?? '';
    const conditions = parseConditions(text);
    if (conditions !== undefined) this.header.python = text;
    else
      this.#value(
        entry,
        `"${entry.value}" is no condition on the version of Python.`,
        'Write it as `>=3.12`, or `>=3.12, <3.15`.',
      );
  }

  #argv(entry: Entry): void {
    const words = splitArgv(entry.value);
    if ('index' in words) {
      const fix = words.what === 'backslash' ? 'Write `\\\\` for a backslash.' : 'Close the quote.';
      this.wrong(
        entry.line,
        entry.valueColumn + words.index,
        `A ${words.what} in argv has nothing that ends it.`,
        fix,
      );
    } else {
      this.header.argv = words;
    }
  }

  #stdin(entry: Entry, block: readonly string[]): void {
    if (entry.value !== '|' && entry.value !== '|-') {
      this.#value(
        entry,
        'Standard input is given as a block.',
        'Write `# stdin: |`, and each line after `#` and three spaces.',
      );
    } else if (block.length === 0) {
      this.#value(
        entry,
        'The block of standard input is empty.',
        'Leave `stdin` out: the script then reads end of file at once.',
      );
    } else {
      this.header.stdin = block.join('\n') + (entry.value === '|' ? '\n' : '');
    }
  }

  #timeout(entry: Entry): void {
    const seconds = /^[0-9]+(\.[0-9]+)?$/.test(entry.value) ? Number(entry.value) : 0;
    if (seconds > 0 && seconds <= MAX_TIMEOUT_SECONDS) this.header.timeoutSeconds = seconds;
    else
      this.#value(
        entry,
        `"${entry.value}" is no time limit.`,
        `Give seconds, above 0 and at most ${MAX_TIMEOUT_SECONDS}.`,
      );
  }

  #differsOn(entry: Entry): void {
    const colon = entry.value.indexOf(':');
    const names = commaSeparated(colon < 0 ? entry.value : entry.value.slice(0, colon)).map(
      ({ word }) => word,
    );
    const reason = colon < 0 ? '' : entry.value.slice(colon + 1).trim();
    if (reason === '' || names.includes('')) {
      this.#value(
        entry,
        'A known difference needs names and a reason.',
        'Write it as `# differs-on: musl, wasi: reason`.',
      );
    } else {
      this.header.knownDifferences.push({ on: names, reason });
    }
  }

  #value(entry: Entry, what: string, fix: string): void {
    this.wrong(entry.line, entry.valueColumn, what, fix);
  }
}

/** What stands after `# `; undefined where there is something else than a space. */
function contentOf({ text }: HeaderLine): string | undefined {
  if (text === '#') return '';
  return text.startsWith('# ') ? text.slice(2) : undefined;
}

/** The lines of a block: contents that are empty or begin with two spaces, without these. */
function blockAfter(lines: readonly HeaderLine[], index: number): readonly string[] {
  const block: string[] = [];
  for (const line of lines.slice(index + 1)) {
    const content = contentOf(line);
    if (content === undefined || (content.trim() !== '' && !content.startsWith('  '))) break;
    block.push(content.slice(2));
  }
  return block;
}

function commaSeparated(text: string): readonly { readonly word: string; readonly offset: number }[] {
  let offset = 0;
  return text.split(',').map((part) => {
    const start = offset + part.length - part.trimStart().length;
    offset += part.length + 1;
    return { word: part.trim(), offset: start };
  });
}

function meant(word: string, known: readonly string[]): string {
  const near = closest(word, known);
  return near === undefined ? `Known are ${known.join(', ')}.` : `Did you mean \`${near}\`?`;
}
