import { randomUUID } from 'node:crypto';
import {
  chmodSync,
  closeSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readlinkSync,
  readSync,
  rmSync,
  type Stats,
  utimesSync,
} from 'node:fs';
import { Folders } from './folders.ts';
import { conflict, Refusal } from './refusal.ts';
import type { Collision, FolderAttributes } from './writer.ts';

/**
 * Time of what no archive gives one, in seconds since the epoch: 1980-01-01, the first that zip files can hold.
 * A fixed one, so that the same packages make the same tree.
 */
export const FIXED_TIME = 315_532_800;

/** Sticky is kept (`/tmp`); setuid and setgid are masked off as for files; the owner can always write. */
const FOLDER_BITS = 0o1777;
const FOLDER_ALWAYS = 0o700;

/**
 * Compares the paths that more than one package has: equal ones are one file, different ones are a conflict. Packages
 * are unpacked in no certain order, so that "the last one wins" would not make the same tree each time. Returns how
 * many were dropped as equal. Throws `Refusal`.
 */
export function settleCollisions(collisions: readonly Collision[]): number {
  for (const collision of collisions) {
    const [placed, side] = [lstatSync(collision.path), lstatSync(collision.side)];
    if (!sameKind(placed, side) || !sameContent(collision, placed, side)) {
      throw new Refusal(
        conflict(
          collision.archive,
          collision.name,
          'Another package of the set has something else at that path.',
        ),
      );
    }
    const mtime = Math.max(placed.mtimeMs, side.mtimeMs) / 1000;
    lutimesSync(collision.path, mtime, mtime);
    rmSync(collision.side);
  }
  return collisions.length;
}

function sameKind(a: Stats, b: Stats): boolean {
  return a.mode === b.mode && (a.isSymbolicLink() || a.isFile());
}

function sameContent(collision: Collision, placed: Stats, side: Stats): boolean {
  if (placed.isSymbolicLink()) return readlinkSync(collision.path) === readlinkSync(collision.side);
  return placed.size === side.size && sameBytes(collision.path, collision.side);
}

function sameBytes(one: string, other: string): boolean {
  const descriptors = [openSync(one, 'r'), openSync(other, 'r')] as const;
  try {
    const buffers = [Buffer.allocUnsafe(1 << 16), Buffer.allocUnsafe(1 << 16)] as const;
    for (;;) {
      const got = readSync(descriptors[0], buffers[0]);
      // Both have the same length, and regular files are read in full.
      if (readSync(descriptors[1], buffers[1]) !== got) return false;
      if (got === 0) return true;
      if (!buffers[0].subarray(0, got).equals(buffers[1].subarray(0, got))) return false;
    }
  } finally {
    for (const descriptor of descriptors) closeSync(descriptor);
  }
}

/**
 * Gives folders their modes and times, after the last file was written. Where archives differ, a folder gets the
 * union of their permission bits and the latest of their times. `made`: absolute paths of folders that were made
 * before there was an entry for them.
 */
export function settleFolders(
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

/** Makes the folder that holds second versions of paths until they are compared. */
export function makeSideFolder(root: string): string {
  const side = `${root}/.unpacking-${randomUUID()}`;
  mkdirSync(side);
  return side;
}
