import { posix } from 'node:path';

import type { SourcePosition } from '../failure.ts';

/** A path that a recipe names. */
export interface StatedPath {
  /** Absolute. */
  readonly path: string;
  /** As the recipe has it. */
  readonly text: string;
  readonly at: SourcePosition;
}

/** Whether a path leads to something below the folder that it begins in: neither absolute, nor the folder itself, nor out of it. */
export function leadsInside(path: string): boolean {
  const [first = ''] = posix.normalize(path).split('/');
  return !posix.isAbsolute(path) && !['', '.', '..'].includes(first) && !path.includes('\0');
}
