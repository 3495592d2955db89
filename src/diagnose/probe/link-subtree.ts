import { constants, type Dirent } from 'node:fs';
import { copyFile, link, mkdir, readdir, readlink, symlink } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * Part of a tree of the store: the folders, and of the files those that `keep` wants, by hard links where the file system
 * has them. Paths are relative to the root of the tree; links are taken as they are, and not followed.
 */
export async function linkSubtree(from: string, to: string, keep: (path: string) => boolean): Promise<void> {
  await walk({ from, to, keep }, '');
}

interface Part {
  readonly from: string;
  readonly to: string;
  readonly keep: (path: string) => boolean;
}

async function walk(part: Part, folder: string): Promise<void> {
  await mkdir(join(part.to, folder), { recursive: true });
  for (const entry of await readdir(join(part.from, folder), { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await walk(part, path);
    else if (part.keep(path)) await take(entry, join(part.from, path), join(part.to, path));
  }
}

async function take(entry: Dirent, from: string, to: string): Promise<void> {
  if (entry.isSymbolicLink()) await symlink(await readlink(from), to);
  else if (entry.isFile()) await linkOrCopy(from, to);
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
