import { readFile, realpath } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { defined } from '../domain/defined.ts';
import { absentAsUndefined } from '../domain/errno.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { isTable, parseToml, type Table } from './toml.ts';

/** A configuration file of cargo that was read. */
export interface CargoFile {
  readonly file: string;
  /** The folder that paths in it are relative to: that of `.cargo`, or cargo's home's parent. */
  readonly base: string;
  /** Whether a build sees the file itself, because it is inside the project. */
  readonly inside: boolean;
  readonly table: Table;
}

/**
 * The configuration files that cargo reads in a folder, the one that counts most first: of the folder and its parents, then of
 * cargo's home (The Cargo Book, "Hierarchical structure"). `root` is what a build sees.
 */
export async function cargoFiles(
  folder: string,
  root: string,
  home: string | undefined,
): Promise<Result<readonly CargoFile[]>> {
  const found: CargoFile[] = [];
  const seen = new Set<string>();
  const add = async (where: string): Promise<Result<void>> => {
    const read = await readCargoFile(where);
    if (!read.ok) return read;
    if (read.value === undefined) return ok(undefined);
    const real = await realpath(read.value.file);
    if (seen.has(real)) return ok(undefined);
    seen.add(real);
    const inside = !relative(root, where).startsWith('..');
    found.push({ ...read.value, base: dirname(where), inside });
    return ok(undefined);
  };
  for (let at = folder; ; at = dirname(at)) {
    const added = await add(join(at, '.cargo'));
    if (!added.ok) return added;
    if (at === dirname(at)) break;
  }
  if (home !== undefined) {
    const added = await add(home);
    if (!added.ok) return added;
  }
  return ok(found);
}

/** The file of a folder; of two, the one without an ending, as cargo takes it. */
async function readCargoFile(
  folder: string,
): Promise<Result<{ readonly file: string; readonly table: Table } | undefined>> {
  for (const name of ['config', 'config.toml']) {
    const file = join(folder, name);
    const text = await readFile(file, 'utf8').catch(absentAsUndefined);
    if (text === undefined) continue;
    const parsed = parseToml(text);
    if (parsed.ok) return ok({ file, table: parsed.value });
    const { line, column, message } = parsed.error;
    const shown = text.split('\n')[line - 1];
    return err({
      code: 'usage/cargo-config',
      what: `The cargo configuration ${file} could not be read.`,
      why: message,
      fix: ['Fix this line: cargo reads the same file.'],
      at: { file, line, column, ...defined({ text: shown }) },
    });
  }
  return ok(undefined);
}

/**
 * Joins two configurations as cargo does: tables key by key, of lists the ones that count more behind the others, of all
 * else the one that counts more.
 */
export function joinConfigurations(more: Table, less: Table): Table {
  const joined: Record<string, unknown> = { ...less };
  for (const [key, value] of Object.entries(more)) {
    const other = less[key];
    if (isTable(value) && isTable(other)) joined[key] = joinConfigurations(value, other);
    else if (Array.isArray(value) && Array.isArray(other)) joined[key] = [...other, ...value];
    else joined[key] = value;
  }
  return joined;
}

/** The words of a setting that is a string of them or a list. */
export function wordsOf(value: unknown): readonly string[] {
  if (typeof value === 'string') return value.split(/\s+/).filter((word) => word !== '');
  return Array.isArray(value) ? value.filter((word) => typeof word === 'string') : [];
}
