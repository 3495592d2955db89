import { appendFile, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../domain/context.ts';
import { exists } from '../exec/files.ts';

/** What is appended to the module `venv` of a bundle; also an input of the bundle. */
export function readVenvAddition({ settings }: Pick<Context, 'settings'>): Promise<string> {
  return readFile(join(settings.home, 'src', 'bundle', 'venv.py'), 'utf8');
}

/**
 * Appends to the module `venv` of a standard library. Its bytecode is removed: the interpreter would not compare it with the
 * source, as it is unchecked (`.pyc` files, PEP 552).
 */
export async function extendVenv(stdlib: string, minor: string, addition: string): Promise<void> {
  const folder = join(stdlib, 'venv');
  const file = join(folder, '__init__.py');
  if (!(await exists(file))) return;
  await appendFile(file, addition);
  await rm(join(folder, '__pycache__', `__init__.cpython-${minor.replace('.', '')}.pyc`), { force: true });
}
