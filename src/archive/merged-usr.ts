import { lstatSync, lutimesSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';

/** Folders of `/` that are links into `/usr`. Source: Debian Policy 10.1 and the usrmerge of Debian 12. */
export const MERGED_FOLDERS: readonly string[] = ['bin', 'sbin', 'lib', 'lib64', 'lib32', 'libx32'];

/** Only some architectures have these; their links go when nothing was unpacked behind them. */
const OPTIONAL: readonly string[] = ['lib64', 'lib32', 'libx32'];

/** Makes the links in an empty root, before anything is unpacked. May throw errors of the disk. */
export function makeMergedUsr(root: string): void {
  mkdirSync(join(root, 'usr'));
  for (const name of MERGED_FOLDERS) {
    if (!OPTIONAL.includes(name)) mkdirSync(join(root, 'usr', name));
    symlinkSync(`usr/${name}`, join(root, name));
    // Not the time of now: where a package brings the same link, the later of both times is taken.
    lutimesSync(join(root, name), 0, 0);
  }
}

/** Absolute paths of the folders behind the links that are there, and of what holds them. May throw errors of the disk. */
export function mergedFolders(root: string): string[] {
  const paths = ['usr', ...MERGED_FOLDERS.map((name) => join('usr', name))].map((name) => join(root, name));
  return paths.filter((path) => lstatSync(path, { throwIfNoEntry: false })?.isDirectory());
}

/** Removes the links behind which nothing is. May throw errors of the disk. */
export function dropEmptyMergedUsr(root: string): void {
  for (const name of OPTIONAL) {
    if (!lstatSync(join(root, 'usr', name), { throwIfNoEntry: false }))
      rmSync(join(root, name), { force: true });
  }
}
