import type { SourcePosition } from '../failure.ts';

/** A path that a recipe names. */
export interface StatedPath {
  /** Absolute. */
  readonly path: string;
  /** As the recipe has it. */
  readonly text: string;
  readonly at: SourcePosition;
}
