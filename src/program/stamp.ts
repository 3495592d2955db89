import { statSync } from 'node:fs';

/** Size, time of the last change to content or inode (ms), and inode, as `bin.ts` compares them; empty where there is no file. */
export type Stamp = readonly number[];

export function stampOf(path: string): Stamp {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? [] : [found.size, found.ctimeMs, found.ino];
}
