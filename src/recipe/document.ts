import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
  type YAMLError,
} from 'yaml';
import { err, ok, type Result } from '../domain/result.ts';
import type { Failure, SourcePosition } from '../failure.ts';
import { combineFailures } from './combine-failures.ts';
import { shorten } from './message-text.ts';
import { readText } from './text.ts';

/** Keys and list indexes from the top of a document. */
export type DocumentPath = readonly (string | number)[];

/** A YAML file as plain values, with the location of each. */
export interface YamlDocument {
  readonly file: string;
  readonly value: unknown;
  /** Mistakes that do not prevent the rest from being read: duplicate keys. */
  readonly mistakes: readonly Failure[];
  /** Location of a key, or of its value; that of the nearest parent where there is no such entry. */
  locate(path: DocumentPath, part: 'key' | 'value'): SourcePosition;
  /** A scalar as it is written in the file; nothing for lists and mappings. */
  written(path: DocumentPath): string | undefined;
}

/** Deeper than any file here can be. */
const MAX_DEPTH = 32;

/**
 * Reads a YAML 1.2 file that is written by hand: one document; no anchors, aliases, custom tags or keys that are not
 * strings. Fails with every mistake that is found, each with its location.
 */
export async function readYaml(file: string): Promise<Result<YamlDocument>> {
  const text = await readText(file);
  return text.ok ? parseYaml(file, text.value) : text;
}

function parseYaml(file: string, text: string): Result<YamlDocument> {
  const lines = new LineCounter();
  // Duplicates are found below: the library compares each key with each other one.
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
    version: '1.2',
    schema: 'core',
    logLevel: 'error',
  });
  const source = new Source(file, text, lines);
  const wrong = document.errors[0] ?? document.warnings[0];
  if (wrong !== undefined) return err(openQuote(wrong, document, source) ?? syntaxError(wrong, source));
  if (document.contents === null) return err(empty(source));
  const reader = new Reader(source);
  const value = reader.read(document.contents, [], 0);
  const fatal = combineFailures(reader.fatal);
  if (fatal !== undefined) return err(fatal);
  return ok({
    file,
    value,
    mistakes: reader.repeated,
    locate: (path, part) => reader.locate(path, part),
    written: (path) => reader.written.get(keyOf(path)),
  });
}

/** The text of a file and the locations in it. */
class Source {
  readonly file: string;
  readonly text: string;
  readonly #lines: LineCounter;

  constructor(file: string, text: string, lines: LineCounter) {
    this.file = file;
    this.text = text;
    this.#lines = lines;
  }

  at(offset: number): SourcePosition {
    // An error at the very end is shown on the last line that is not empty.
    const seen = Math.min(offset, this.text.trimEnd().length);
    const { line, col } = this.#lines.linePos(seen);
    const start = this.#lines.lineStarts[line - 1] ?? 0;
    const end = this.text.indexOf('\n', start);
    const text = this.text.slice(start, end === -1 ? undefined : end).replace(/\r$/, '');
    // Columns count characters, as editors do, not UTF-16 units.
    const column = [...text.slice(0, Math.max(0, col - 1))].length + 1;
    return { file: this.file, line: Math.max(1, line), column, text };
  }
}

/** Turns nodes into plain values, records the location of each, and rejects what these files do not need. */
class Reader {
  readonly fatal: Failure[] = [];
  readonly repeated: Failure[] = [];
  readonly written = new Map<string, string>();
  readonly #offsets = new Map<string, { readonly key: number; readonly value: number }>();
  readonly #source: Source;

  constructor(source: Source) {
    this.#source = source;
  }

  locate(path: DocumentPath, part: 'key' | 'value'): SourcePosition {
    const entry = this.#offsets.get(keyOf(path));
    if (entry !== undefined) return this.#source.at(entry[part]);
    return path.length === 0 ? this.#source.at(0) : this.locate(path.slice(0, -1), 'key');
  }

  read(node: Node | null, path: DocumentPath, keyOffset: number | undefined): unknown {
    const start = node?.range?.[0] ?? keyOffset ?? 0;
    this.#offsets.set(keyOf(path), { key: keyOffset ?? start, value: start });
    if (node === null) return null;
    if (path.length > MAX_DEPTH) return this.#refuse(tooDeep(this.#source.at(start)));
    if (isAlias(node) || node.anchor !== undefined) return this.#refuse(aliased(this.#source.at(start)));
    if (isMap(node)) return this.#readMap(node.items, path);
    if (isSeq(node)) {
      return node.items.map((item, index) => this.read(item as Node | null, [...path, index], undefined));
    }
    if (!isScalar(node)) throw new Error('a YAML node that is neither scalar nor collection');
    const [from, to] = [node.range?.[0] ?? 0, node.range?.[1] ?? 0];
    this.written.set(keyOf(path), this.#source.text.slice(from, to));
    return node.value;
  }

  #readMap(items: readonly { readonly key: unknown; readonly value: unknown }[], path: DocumentPath): object {
    const entries: [string, unknown][] = [];
    const first = new Map<string, number>();
    for (const item of items) {
      const node = item.key as Node;
      const offset = node.range?.[0] ?? 0;
      if (!isScalar(node) || typeof node.value !== 'string' || node.value === '__proto__') {
        this.#refuse(badKey(this.#source.at(offset)));
        continue;
      }
      if (node.anchor !== undefined) this.#refuse(aliased(this.#source.at(offset)));
      const before = first.get(node.value);
      if (before !== undefined) {
        this.repeated.push(repeatedKey(node.value, this.#source.at(offset), this.#source.at(before)));
        continue;
      }
      first.set(node.value, offset);
      entries.push([node.value, this.read(item.value as Node | null, [...path, node.value], offset)]);
    }
    return Object.fromEntries(entries);
  }

  #refuse(failure: Failure): undefined {
    this.fatal.push(failure);
    return undefined;
  }
}

function keyOf(path: DocumentPath): string {
  return JSON.stringify(path);
}

/** An unclosed quote is reported at the end of the file; its opening is the more useful location. */
function openQuote(error: YAMLError, document: Document, source: Source): Failure | undefined {
  if (error.code !== 'MISSING_CHAR' || !error.message.includes('quote')) return undefined;
  let start: number | undefined;
  visit(document, {
    Scalar: (_, { type, range }) => {
      if (type === 'QUOTE_DOUBLE' || type === 'QUOTE_SINGLE') start = range?.[0];
    },
  });
  if (start === undefined) return undefined;
  return {
    code: 'recipe/syntax',
    what: 'The quote opened here is never closed.',
    fix: ['Put the same quote at the end of the value.'],
    at: source.at(start),
  };
}

function syntaxError(error: YAMLError, source: Source): Failure {
  const base = { code: 'recipe/syntax', at: source.at(error.pos[0]) } as const;
  switch (error.code) {
    case 'TAB_AS_INDENT':
      return {
        ...base,
        what: 'A line is indented with a tab.',
        fix: ['Indent with spaces: YAML does not allow tabs.'],
      };
    case 'MULTIPLE_DOCS':
      return {
        ...base,
        what: 'The file contains more than one YAML document.',
        fix: ['Remove `---` and what follows it.'],
      };
    case 'TAG_RESOLVE_FAILED':
      return {
        ...base,
        what: 'YAML tags (`!…`) are not supported.',
        fix: ['Write the plain value, without the tag.'],
      };
    case 'MULTILINE_IMPLICIT_KEY':
      return {
        ...base,
        what: 'This line is not a `key: value` pair.',
        fix: ['Write a colon and a space after the key, and indent the keys of one mapping equally.'],
      };
    case 'BLOCK_AS_IMPLICIT_KEY':
      return {
        ...base,
        what: 'A value contains a second `key:`.',
        fix: ['Put the key on a line of its own, or quote the value if the colon is part of it.'],
      };
    case 'BAD_SCALAR_START':
      return { ...base, what: `${plain(error)}.`, fix: ['Put the value in quotes.'] };
    default:
      if (error.message.includes('call stack')) return tooDeep(source.at(0));
      return {
        ...base,
        what: `The file is not valid YAML: ${plain(error)}.`,
        fix: ['Fix this line; the mistake may also be on the line before it.'],
      };
  }
}

function plain(error: YAMLError): string {
  return error.message.length > 200 ? `${error.message.slice(0, 200)}…` : error.message;
}

function empty(source: Source): Failure {
  return {
    code: 'recipe/empty',
    what: 'The file is empty.',
    fix: ['Start from a copy of a similar file; docs/recipe-reference.md explains every key.'],
    at: source.at(0),
  };
}

function tooDeep(at: SourcePosition): Failure {
  return {
    code: 'recipe/too-deep',
    what: 'The file is nested too deeply.',
    fix: ['Look for unclosed brackets.'],
    at,
  };
}

function aliased(at: SourcePosition): Failure {
  return {
    code: 'recipe/alias',
    what: 'YAML anchors and aliases (`&…`, `*…`) are not supported.',
    fix: ['Write the value out. Text that begins with `&` or `*` must be quoted.'],
    at,
  };
}

function badKey(at: SourcePosition): Failure {
  return { code: 'recipe/bad-key', what: 'This key is not a string.', fix: ['Put the key in quotes.'], at };
}

function repeatedKey(key: string, at: SourcePosition, first: SourcePosition): Failure {
  return {
    code: 'recipe/duplicate-key',
    what: `\`${shorten(key)}\` is given twice.`,
    why: `It is first given on line ${first.line}.`,
    fix: ['Remove one of the two.'],
    at,
  };
}
