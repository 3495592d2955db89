import { randomUUID } from 'node:crypto';
import {
  closeSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readlinkSync,
  readSync,
  rmSync,
  type Stats,
} from 'node:fs';
import { conflict, Refusal } from './refusal.ts';
import type { Collision } from './writer.ts';

/**
 * Compares the paths that more than one package has: equal ones are kept once, different ones are a conflict. Packages
 * are unpacked in no particular order, so that "the last one wins" would not make the same tree each time. Returns how
 * many were dropped as equal. Throws `Refusal`.
 */
export function mergeCollisions(collisions: readonly Collision[]): number {
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

/** Makes the folder that holds second versions of paths until they are compared. */
export function makeSideFolder(root: string): string {
  const side = `${root}/.unpacking-${randomUUID()}`;
  mkdirSync(side);
  return side;
}
