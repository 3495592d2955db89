import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Folder of this program with its recipes and other data. Its code is two folders below: as sources in `src/<room>/`,
 * compiled in `.provision/program-<digest>/` of a checkout or in `dist/program/` of a package.
 */
export const HOME = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** What is started to start this program once more. */
export function entryPoint(): string {
  const source = join(HOME, 'src', 'bin.ts');
  return existsSync(source) ? source : join(HOME, 'dist', 'bin.js');
}
