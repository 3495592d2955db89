import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { defined } from '../domain/defined.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Failure } from '../failure.ts';
import { parseToml, type Table } from './toml.ts';

/** A parsed `Cargo.toml`. */
export interface Manifest {
  readonly folder: string;
  readonly file: string;
  readonly table: Table;
}

/** Reads the manifest of a folder. Failures: `recipe/no-project` (none), `recipe/bad-manifest` (with its position). */
export async function readManifest(folder: string): Promise<Result<Manifest>> {
  const file = join(folder, 'Cargo.toml');
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    return err(unreadable(folder, error as NodeJS.ErrnoException));
  }
  const parsed = parseToml(text);
  if (parsed.ok) return ok({ folder, file, table: parsed.value });
  const { line, column, message } = parsed.error;
  const shown = text.split('\n')[line - 1];
  return err({
    code: 'recipe/bad-manifest',
    what: `The manifest is not valid TOML: ${message}.`,
    fix: ['Fix this line; `cargo metadata` checks the manifest.'],
    at: { file, line, column, ...defined({ text: shown }) },
  });
}

function unreadable(folder: string, error: NodeJS.ErrnoException): Failure {
  if (error.code === 'ENOENT' || error.code === 'ENOTDIR') {
    return {
      code: 'recipe/no-project',
      what: `There is no \`Cargo.toml\` in \`${folder}\`: it is not a crate.`,
      fix: ['Give the folder of the crate: `project.path` in the recipe, or `--project <folder>`.'],
    };
  }
  // What is no matter of the project (a failing device, too many open files) is told as such.
  if (!['EACCES', 'EPERM', 'EISDIR', 'ELOOP', 'ENAMETOOLONG'].includes(error.code ?? ''))
    throw Object.assign(error, { path: join(folder, 'Cargo.toml') });
  return {
    code: 'recipe/no-project',
    what: `The manifest of \`${folder}\` cannot be read.`,
    why: error.message,
    fix: ['Make it readable for your user.'],
  };
}
