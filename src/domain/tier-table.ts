import type { MeasuredBy } from './measured.ts';

/** `artifacts/tiers.json`. Schema: docs/bench.schema.json. Times are CPU time, user and system. */
export interface TierTable extends MeasuredBy {
  readonly what: 'tiers';
  readonly reference: string;
  readonly rounds: number;
  readonly warmUp: number;
  /** The workload of the column `step`. */
  readonly workload: string;
  readonly tiers: readonly TierRow[];
}

export type TierRow = { readonly name: string; readonly description: string } & (
  | {
      /** Milliseconds of a script that does nothing. */
      readonly launch: number;
      /** Workload → nanoseconds of a round; of those whose output is the reference's. */
      readonly steps: Readonly<Record<string, number>>;
      /** Peak resident memory of a script that does nothing, kB. */
      readonly memory: number;
      /** Bytes: of the bundle's archive, of an image's tree. Absent: it has none. */
      readonly size?: number;
      /** Of its last report. Absent: there is none. */
      readonly samples?: { readonly equal: number; readonly all: number };
      /** Workloads whose output differs from the reference's. */
      readonly differing: readonly string[];
    }
  | { readonly absent: string; readonly command?: string }
);
