import type { Estimate, MeasuredBy, Timed } from './measured.ts';

/** `artifacts/tax.json`. Schema: docs/bench.schema.json. */
export interface OverheadReport extends MeasuredBy {
  readonly what: 'tax';
  /** File name of the reference interpreter. */
  readonly reference: string;
  readonly rounds: number;
  readonly warmUp: number;
  /** How instructions were counted; absent: they were not. */
  readonly counter?: { readonly program: string; readonly why: string };
  readonly cells: readonly ConfigurationResult[];
  readonly factors: readonly FactorEffect[];
  /** How far the tax of one and the same cell moves with what nobody chooses. */
  readonly noise: readonly NoiseMeasurement[];
  readonly conclusion: string;
}

/** What a cell is made of, and every factor's name. */
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

/** `loop`: integers in a function and nothing else. `amortize`: descriptors, dispatch, getattr. */
export type WorkloadName = 'loop' | 'amortize';

export interface ConfigurationResult {
  readonly name: string;
  readonly recipe: string;
  readonly settings: ConfigurationSettings;
  readonly workloads: Readonly<Record<WorkloadName, WorkloadOverhead>>;
  /** Whether it printed what the reference printed, in every run. */
  readonly exact: boolean;
}

/** CPU time of the work alone: a long run less a short one. */
export interface WorkloadOverhead {
  readonly python: Timed;
  readonly isolate: Timed;
  /** isolate ÷ python − 1, in points (per cent). */
  readonly tax: Estimate;
  /** Instructions of one step of the work, where they were counted. */
  readonly instructions?: { readonly python: number; readonly isolate: number; readonly tax: number };
}

/** What a change of one factor does, all others held. */
export interface FactorEffect {
  readonly factor: FactorName;
  readonly from: string;
  readonly to: string;
  readonly workload: WorkloadName;
  /** Points of the tax that the change takes away (negative) or adds: median over the pairs, with their spread. */
  readonly points: Estimate;
  /** The same in instructions. */
  readonly instructions?: number;
  /** Names of the cells that differ in this factor alone. */
  readonly pairs: readonly { readonly from: string; readonly to: string; readonly points: number }[];
}

export interface NoiseMeasurement {
  readonly cell: string;
  readonly workload: WorkloadName;
  /** e.g. `hash seed`, `address-space layout`. */
  readonly source: string;
  /** Points of the tax, one for each setting tried. */
  readonly points: readonly number[];
  /** Standard deviation of `points`. */
  readonly spread: number;
}
