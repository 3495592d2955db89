import type { Estimate, MeasuredBy, Timed } from './measured.ts';

/** `artifacts/tax.json`. Schema: docs/bench.schema.json. */
export interface OverheadReport extends MeasuredBy {
  readonly what: 'tax';
  /** File name of the reference interpreter. */
  readonly reference: string;
  readonly rounds: number;
  readonly warmUp: number;
  /** The program that counted instructions and why it was chosen; absent where they were not counted. */
  readonly counter?: { readonly program: string; readonly why: string };
  /** One for each configuration: a program and a way to start it. */
  readonly cells: readonly ConfigurationResult[];
  readonly factors: readonly FactorEffect[];
  /** How far the overhead of one configuration varies with conditions that no setting controls. */
  readonly noise: readonly NoiseMeasurement[];
  readonly conclusion: string;
}

/** The settings of a configuration; the keys are the names of the factors. */
export interface ConfigurationSettings {
  readonly linkage: 'shared' | 'static';
  /** `debian`: as the distribution built it. */
  readonly flavour: string;
  readonly entry: 'runmain' | 'embed';
  readonly allocator: string;
  readonly pie: 'pie' | 'no-pie';
}

/** `linkage+pie`: from the shared, position-independent library to the static one at a fixed address. */
export type FactorName = keyof ConfigurationSettings | 'linkage+pie';

/** `loop`: integer arithmetic in a function. `amortize`: descriptors, dispatch, getattr. */
export type WorkloadName = 'loop' | 'amortize';

export interface ConfigurationResult {
  readonly name: string;
  readonly recipe: string;
  readonly settings: ConfigurationSettings;
  readonly workloads: Readonly<Record<WorkloadName, WorkloadOverhead>>;
  /** Whether the output was that of the reference in every run. */
  readonly exact: boolean;
}

/** CPU time of the work alone: that of a long run minus that of a short one. */
export interface WorkloadOverhead {
  readonly python: Timed;
  readonly isolate: Timed;
  /** isolate ÷ python − 1, in points (per cent). */
  readonly tax: Estimate;
  /** Instructions per round of the work, where they were counted. */
  readonly instructions?: { readonly python: number; readonly isolate: number; readonly tax: number };
}

/** The effect of changing one factor, all others equal. */
export interface FactorEffect {
  readonly factor: FactorName;
  readonly from: string;
  readonly to: string;
  readonly workload: WorkloadName;
  /** Points of overhead that the change removes (negative) or adds: median over the pairs, with their spread. */
  readonly points: Estimate;
  /** The same in instructions. */
  readonly instructions?: number;
  /** Names of the configurations that differ in this factor alone. */
  readonly pairs: readonly { readonly from: string; readonly to: string; readonly points: number }[];
}

export interface NoiseMeasurement {
  readonly cell: string;
  readonly workload: WorkloadName;
  /** e.g. `hash seed`, `address-space layout`. */
  readonly source: string;
  /** Points of overhead, one for each setting tried. */
  readonly points: readonly number[];
  /** Standard deviation of `points`. */
  readonly spread: number;
}
