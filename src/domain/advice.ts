/** `provision advise --json`: which tier to take for a script, and why. Times are milliseconds of CPU time (user and system). */
export interface Advice {
  readonly schema: 1;
  readonly script: string;
  readonly args: readonly string[];
  /** How often the script is to be run. */
  readonly calls: number;
  /** What it does in the reference. */
  readonly profile: ScriptProfile;
  /** The tier to take; absent: the script prints other things each time, so that nothing can be compared. */
  readonly take: string;
  /** Why nothing was compared, where that is so. */
  readonly varies?: string;
  /** All tiers that were looked at, the reference first. */
  readonly tiers: readonly AdvisedTier[];
  /** Where another tier would be the one to take. */
  readonly crossovers: readonly AdvisedCrossover[];
}

export interface ScriptProfile {
  /** Of one run, launch included. */
  readonly ms: number;
  /** Peak resident memory, kB. */
  readonly memory: number;
  /** Rounds of the workloads that take as long as the script does beyond its launch. */
  readonly steps: number;
  /** Workload → share of that time. */
  readonly shares: Readonly<Record<string, number>>;
  /** Modules that it imports; absent where it ended without saying. */
  readonly modules?: number;
  /** Those of them that are shared libraries. */
  readonly extensions?: readonly string[];
  readonly threads?: number;
}

export type AdvisedTier = {
  readonly name: string;
} & (
  | {
      readonly state: 'equal';
      /** Predicted from what the script does in the reference alone. */
      readonly predicted: number;
      /** Median of the runs that were made there. */
      readonly measured: number;
      /** Of one call: both of them as one, each by how well it is known. */
      readonly perCall: number;
      /** Of all calls. */
      readonly total: number;
      readonly launch: number;
    }
  | { readonly state: 'differs'; readonly why: string }
  | { readonly state: 'absent'; readonly why: string; readonly command?: string }
  | { readonly state: 'not-compared' }
);

export interface AdvisedCrossover {
  readonly name: string;
  readonly what: 'calls' | 'work';
  readonly from?: number;
  readonly below?: number;
}
