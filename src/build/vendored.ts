import { createHash } from 'node:crypto';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Digest of the names and contents of all files below folders, e.g. of vendored crates outside of a project: cargo compares
 * them with checksums that stand beside them, and so with nothing where these were changed, too. Throws the errors of the system.
 */
export async function digestFolders(folders: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const folder of folders) await addFolder(hash, folder, '');
  return hash.digest('hex');
}

async function addFolder(hash: ReturnType<typeof createHash>, folder: string, below: string): Promise<void> {
  const entries = await readdir(join(folder, below), { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const name = below === '' ? entry.name : `${below}/${entry.name}`;
    const path = join(folder, name);
    if (entry.isDirectory()) await addFolder(hash, folder, name);
    else if (entry.isSymbolicLink()) hash.update(`link\0${name}\0${await readlink(path)}\0`);
    else if (entry.isFile()) {
      const content = await readFile(path);
      hash.update(`file\0${name}\0${content.length}\0`).update(content);
    }
  }
}
