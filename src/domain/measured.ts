/** A number with the interval that holds it 95 times of 100, as resampling the runs gives it. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** What was run, on what, when: the head of every measurement's JSON. */
export interface MeasuredBy {
  readonly schema: 1;
  readonly tool: { readonly name: string; readonly version: string };
  /** ISO 8601, UTC. */
  readonly started: string;
  readonly finished: string;
  readonly host: { readonly machine: string; readonly cores: number };
}

/** How often one side was run and how long it took, launch to exit. */
export interface Timed {
  /** Milliseconds. */
  readonly median: number;
  readonly min: number;
  /** Milliseconds of each run, in the order in which they were made. */
  readonly runs: readonly number[];
}
