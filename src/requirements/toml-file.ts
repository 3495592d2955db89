import { readFile } from 'node:fs/promises';
import { parseToml, type Table } from '../crate/toml.ts';
import type { SourcePosition } from '../failure.ts';
import type { Collected } from './collect.ts';

/** A TOML file that a source of packages names. */
export interface TomlFile {
  readonly file: string;
  readonly table: Table;
  /** Where a text stands first in it. */
  locate(text: string): SourcePosition;
}

/** Reads a TOML file; what is wrong with it is told to `collected`. */
export async function readTomlFile(
  collected: Collected,
  file: string,
  named: SourcePosition,
): Promise<TomlFile | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => error);
  if (typeof text !== 'string') {
    const missing = text.code === 'ENOENT' || text.code === 'ENOTDIR';
    collected.fail({
      code: 'recipe/no-requirements',
      what: missing ? `There is no file \`${file}\`.` : `\`${file}\` cannot be read: ${text.message}.`,
      fix: ['Give its path relative to the recipe.'],
      at: named,
    });
    return undefined;
  }
  const parsed = parseToml(text);
  if (!parsed.ok) {
    const { line, column, message } = parsed.error;
    collected.fail({
      code: 'recipe/requirement-syntax',
      what: `The file is not valid TOML: ${message}.`,
      fix: ['Fix this line; a lock is written again by the tool that wrote it.'],
      at: { file, line, column, ...lineOf(text, line) },
    });
    return undefined;
  }
  collected.files.push(file);
  return { file, table: parsed.value, locate: (part) => locate(file, text, part) };
}

function lineOf(text: string, line: number): { readonly text?: string } {
  const found = text.split('\n')[line - 1];
  return found === undefined ? {} : { text: found };
}

function locate(file: string, text: string, part: string): SourcePosition {
  const offset = Math.max(0, text.indexOf(part));
  const before = text.slice(0, offset).split('\n');
  const line = before.length;
  return { file, line, column: (before.at(-1) as string).length + 1, ...lineOf(text, line) };
}
