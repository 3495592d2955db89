import { constants } from 'node:fs';
import { copyFile, link, mkdir, readdir, readlink, symlink } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Part of a tree of the store: the folders, and of the files those that `keep` wants, by hard links where the file system
 * has them. Paths are relative to the root of the tree.
 */
export async function linkPart(from: string, to: string, keep: (path: string) => boolean): Promise<void> {
  await mkdir(to, { recursive: true });
  const entries = await readdir(from, { recursive: true, withFileTypes: true });
  const at = (entry: (typeof entries)[number]): string => join(entry.parentPath, entry.name);
  const wanted = entries
    .map((entry) => ({ entry, path: at(entry).slice(from.length + 1) }))
    .filter(({ entry, path }) => entry.isDirectory() || keep(path));
  for (const { entry, path } of wanted) {
    if (entry.isDirectory()) await mkdir(join(to, path), { recursive: true });
  }
  for (const { entry, path } of wanted) {
    if (entry.isSymbolicLink()) await symlink(await readlink(at(entry)), join(to, path));
    else if (entry.isFile()) await linkOrCopy(at(entry), join(to, path));
  }
}

async function linkOrCopy(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EXDEV' && code !== 'EPERM' && code !== 'EMLINK') throw error;
    await copyFile(from, to, constants.COPYFILE_FICLONE);
  }
}
