/** `tiers/tiers.yaml`: the ways to run a script that are measured and advised. */
export interface Tiers {
  readonly workloads: readonly Workload[];
  /** In the order of the table. */
  readonly tiers: readonly TierDefinition[];
}

/** A script that repeats its work as often as a variable says. */
export interface Workload {
  readonly name: string;
  /** Absolute path. */
  readonly script: string;
  readonly variable: string;
  /** Rounds that a cost is fitted to, ascending. */
  readonly rounds: readonly number[];
}

/** A way to run a script. */
export interface TierDefinition {
  readonly name: string;
  readonly description: string;
  readonly how: TierKind;
  /** Environment beside the one that every sample gets. */
  readonly env: Readonly<Record<string, string>>;
}

export type TierKind =
  /** The distribution's interpreter of a version (`3.13`), whose output is right: a process for each script. */
  | { readonly kind: 'interpreter'; readonly python: string }
  /** The bundle of a recipe (its name or an absolute path), with another version of Python where one is named. */
  | { readonly kind: 'recipe'; readonly recipe: string; readonly python?: string }
  /** A program of a locked image (`docker/<image>/`), outside of any bundle. */
  | { readonly kind: 'image'; readonly image: string; readonly program: string }
  /** It can be had no longer, and why. */
  | { readonly kind: 'gone'; readonly why: string };
