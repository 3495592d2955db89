import { chmodSync, utimesSync } from 'node:fs';
import { Folders } from './folders.ts';
import type { FolderAttributes } from './writer.ts';

/**
 * Time of what no archive gives one, in seconds since the epoch: 1980-01-01, the first that zip files can hold.
 * A fixed one, so that the same packages make the same tree.
 */
export const FIXED_TIME = 315_532_800;

/** Sticky is kept (`/tmp`); setuid and setgid are masked off as for files; the owner can always write. */
const FOLDER_BITS = 0o1777;
const FOLDER_ALWAYS = 0o700;

/**
 * Gives folders their modes and times, after the last file was written. Where archives differ, a folder gets the
 * union of their permission bits and the latest of their times. `made`: absolute paths of folders that were made
 * before there was an entry for them.
 */
export function applyFolderAttributes(
  root: string,
  attributes: readonly FolderAttributes[],
  made: readonly string[],
): void {
  for (const path of [...made, root]) utimesSync(path, FIXED_TIME, FIXED_TIME);
  const folders = new Folders(root);
  for (const [path, { mode, mtime }] of union(folders, attributes)) {
    chmodSync(path, (mode & FOLDER_BITS) | FOLDER_ALWAYS);
    utimesSync(path, mtime, mtime);
  }
}

function union(
  folders: Folders,
  attributes: readonly FolderAttributes[],
): Map<string, { mode: number; mtime: number }> {
  const found = new Map<string, { mode: number; mtime: number }>();
  for (const { name, mode, mtime } of attributes) {
    // Absent: left out, and nothing in it was kept.
    const path = folders.find('', name);
    if (path === undefined) continue;
    const before = found.get(path);
    found.set(path, { mode: mode | (before?.mode ?? 0), mtime: Math.max(mtime, before?.mtime ?? 0) });
  }
  return found;
}
