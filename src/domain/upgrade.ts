import type { Outdated } from './outdated.ts';
import type { Report } from './report.ts';

/** A lock that was resolved again, and what changed in it. */
export interface UpgradedLock {
  readonly id: string;
  readonly differences: readonly {
    readonly set: string;
    readonly name: string;
    /** Absent: a crate. */
    readonly architecture?: string;
    /** Version before; absent: new. */
    readonly from?: string;
    /** Version now; absent: gone. */
    readonly to?: string;
  }[];
}

/** What a run came to. */
export type RunFacts = Pick<Report, 'recipe' | 'status' | 'bundle' | 'totals' | 'samples'>;

/** A recipe with the locks of before and with the new ones; absent: that run ended before it had a report. */
export interface UpgradedRecipe {
  readonly recipe: string;
  readonly before?: RunFacts;
  readonly after?: RunFacts;
}

export interface UpgradeReport {
  readonly schema: 1;
  /** `false`: the locks are those of before. */
  readonly kept: boolean;
  readonly locks: readonly UpgradedLock[];
  readonly recipes: readonly UpgradedRecipe[];
  /** What had newer versions, in these locks. */
  readonly upgraded: readonly Outdated[];
  /** What has newer versions and was not locked anew, such as what only the security updates have, with the reason where there is another. */
  readonly left: readonly (Outdated & { readonly why?: string })[];
  /** What could not be compared, as `provision outdated` says it. */
  readonly unknown: readonly string[];
}
