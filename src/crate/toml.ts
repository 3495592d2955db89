import { parse, stringify } from 'smol-toml';
import { err, ok, type Result } from '../domain/result.ts';

export type Table = Readonly<Record<string, unknown>>;

/** A syntax error in a TOML text. Line and column count from 1. */
export interface TomlMistake {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export function parseToml(text: string): Result<Table, TomlMistake> {
  try {
    return ok(parse(text));
  } catch (error) {
    const { line = 1, column = 1, message } = error as Error & { line?: number; column?: number };
    // The first line is the message; the others show the source line, which the caller prints itself.
    return err({
      line,
      column,
      message: (message.split('\n')[0] as string).replace(/^Invalid TOML document: /, ''),
    });
  }
}

export function formatToml(table: Table): string {
  return stringify(table);
}

/** The table at a path of keys; an empty one where there is none. */
export function tableAt(table: Table | undefined, ...path: readonly string[]): Table {
  let at: unknown = table;
  for (const step of path) at = isTable(at) ? at[step] : undefined;
  return isTable(at) ? at : {};
}

export function isTable(value: unknown): value is Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

export function textAt(table: Table, key: string): string | undefined {
  const value = table[key];
  return typeof value === 'string' ? value : undefined;
}

/** The strings of a list; empty where there is no list. */
export function textsAt(table: Table, key: string): readonly string[] {
  const value = table[key];
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

/** The tables of a list (`[[key]]`); empty where there is none. */
export function tablesAt(table: Table, key: string): readonly Table[] {
  const value = table[key];
  return Array.isArray(value) ? value.filter(isTable) : [];
}
