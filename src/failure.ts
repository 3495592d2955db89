/**
 * Expected failures, as values. A code is stable: scripts may match on it. The part before the slash is the
 * area; it decides the exit code of the program.
 */
export type FailureArea =
  | 'usage'
  | 'recipe'
  | 'plan'
  | 'lock'
  | 'fetch'
  | 'archive'
  | 'store'
  | 'engine'
  | 'build'
  | 'samples'
  | 'interrupted';

export type FailureCode = `${FailureArea}/${string}`;

/** A location in a file that the user wrote. Line and column count from 1. */
export interface SourcePosition {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The text of that line, without its newline. */
  readonly text?: string;
}

export interface Failure {
  readonly code: FailureCode;
  /** What happened: one sentence without a trailing newline. */
  readonly what: string;
  /** The cause, where it is known and not already in `what`. */
  readonly why?: string;
  /** What to do next: one action for each entry, commands in backquotes. */
  readonly fix: readonly string[];
  readonly at?: SourcePosition;
  /** The entry of a list of the user's that it is about, as it is written there. */
  readonly entry?: string;
  /** Verbatim lines of a tool or server. */
  readonly evidence?: readonly string[];
  /** Further failures of the same pass (a recipe with three errors reports all three). */
  readonly also?: readonly Failure[];
  /** Files with details: logs, diffs. */
  readonly see?: readonly string[];
}

const EXIT_CODES: Readonly<Record<FailureArea, number>> = {
  usage: 2,
  recipe: 2,
  plan: 2,
  lock: 3,
  fetch: 4,
  archive: 4,
  store: 5,
  engine: 5,
  build: 6,
  samples: 7,
  interrupted: 130,
};

/** Exit code of the program for a failure. docs/exit-codes.md documents them. */
export function exitCodeOf(failure: Failure): number {
  return EXIT_CODES[failure.code.slice(0, failure.code.indexOf('/')) as FailureArea];
}

export function interrupted(): Failure {
  return {
    code: 'interrupted/signal',
    what: 'Interrupted.',
    fix: ['Run the same command again: finished work is kept.'],
  };
}
