import type { Failure } from '../failure.ts';
import type { BlockerSummary } from './blocker.ts';
import type { Linkage, TargetTriple } from './ids.ts';
import type { InstalledPackage } from './python-packages.ts';
import type { Observation, SampleResult } from './sample.ts';
import type { SystemFacts } from './system.ts';
import type { BundledData } from './system-data.ts';

/** `artifacts/<recipe>/report.json`: what a run did, from what, and its outcome. Schema: docs/report.schema.json. */
export interface Report {
  readonly schema: 1;
  readonly tool: { readonly name: string; readonly version: string };
  readonly status: ReportStatus;
  readonly recipe: string;
  readonly target: { readonly name: string; readonly triple: TargetTriple };
  /** Digest of the plan, as `provision plan --json` prints it. */
  readonly plan: string;
  /** When the run began and ended, ISO 8601, UTC. */
  readonly started: string;
  readonly finished: string;
  /** Milliseconds, wall. */
  readonly ms: number;
  /** Folder of this report, relative to the folder that the command was given in where it is below it. */
  readonly artifacts: string;
  readonly host: { readonly machine: string; readonly cores: number };
  /** Absent where no process had to be started. */
  readonly engine?: { readonly name: string; readonly version: string; readonly detail: string };
  readonly python?: ReportPython;
  /** What the recipe adds to it; absent where it adds nothing. */
  readonly pythonCode?: {
    readonly packages: readonly InstalledPackage[];
    /** Files of `python.paths`. */
    readonly files: number;
  };
  /** The interpreter whose output is right. */
  readonly reference?: {
    readonly version: string;
    readonly digest: string;
    /** The distribution's name of it. */
    readonly architecture: string;
    readonly pointerWidth: 32 | 64;
  };
  readonly toolchain?: ReportTree;
  readonly sysroot?: ReportTree;
  /** What the bundle brings of a system's data; absent: nothing. */
  readonly systemData?: readonly BundledData[];
  /** Path, digest and size in bytes of the archive. */
  readonly bundle?: { readonly file: string; readonly digest: string; readonly size: number };
  /** The same as other formats, where asked for. */
  readonly packages?: readonly {
    readonly format: string;
    readonly file: string;
    readonly digest: string;
    readonly size: number;
  }[];
  readonly stages: readonly StageReport[];
  readonly bytes: { readonly downloaded: number; readonly unpacked: number };
  readonly notices: readonly Notice[];
  /** What stopped the run, or samples of it; in the order in which it was met. */
  readonly blockers: readonly BlockerSummary[];
  /** The system that `samples` ran on, where it has a name. */
  readonly system?: SystemFacts;
  readonly samples: readonly SampleResult[];
  readonly totals: Totals;
  /** The same samples on further systems. */
  readonly systems?: readonly SystemReport[];
  /** Absent: the bundle was not started outside of a sandbox. */
  readonly hostStart?: HostStart;
  /** Files of this run, relative to `artifacts`. */
  readonly logs: readonly string[];
  readonly failure?: Failure;
}

/** `passed`: every sample is equal. `measured`: samples differ, and the run was to find out how. `failed`: samples differ. `blocked`: the build stopped. `error`: anything else. */
export type ReportStatus = 'passed' | 'measured' | 'failed' | 'blocked' | 'error';

/** The target's Python, and why this one was taken. Paths are relative to the root of the tree that it is in. */
export interface ReportPython {
  readonly version: string;
  readonly libpython: string;
  readonly linkage: Linkage;
  /** Variant of the build, where it is not the plain one: `jit`. */
  readonly variant?: string;
  readonly sysconfigdata: string;
  readonly why: string;
}

/** A tree made of locked packages. */
export interface ReportTree {
  readonly name: string;
  /** Fingerprint of the tree in the store. */
  readonly tree: string;
  /** Checksum of the lock. */
  readonly lock: string;
  readonly packages: number;
  /** Program or package → version, for those that matter most to what is built. */
  readonly versions: Readonly<Record<string, string>>;
}

export interface StageReport {
  readonly name: string;
  /** `skipped`: nothing was done, and `detail` says why. */
  readonly outcome: 'hit' | 'done' | 'failed' | 'skipped';
  /** Milliseconds from the beginning of the run. */
  readonly start?: number;
  /** Milliseconds, wall; stages run side by side. */
  readonly ms: number;
  readonly detail?: string;
}

export interface Notice {
  readonly level: 'info' | 'warning';
  readonly code: string;
  readonly message: string;
}

export interface Totals {
  readonly samples: number;
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Of those that passed: with a difference that they declare. */
  readonly declared: number;
  /** Of which nothing had to be run again. */
  readonly cached: number;
}

/** The samples on one further system. */
export interface SystemReport extends SystemFacts {
  readonly samples: readonly SampleResult[];
  readonly totals: Totals;
}

/** How the bundle started on the machine that provision ran on, outside of any sandbox. */
export interface HostStart {
  readonly started: boolean;
  /** What it was started with: name of a sample or of a command of the recipe. */
  readonly with: string;
  /** The machine's operating system, and the version of its glibc where it has one. */
  readonly system: string;
  readonly glibc?: string;
  readonly exit: Observation['exit'];
  /** Milliseconds, wall. */
  readonly ms: number;
  /** Why it counts as not started. */
  readonly reason?: string;
  /** What mends it, where the cause is known: any one of them. */
  readonly cures?: readonly string[];
  /** The last lines of its standard error, where it did not start. */
  readonly lines?: readonly string[];
}

/** How a run went, by the failure that ended it. */
export function reportStatus(
  failure: Failure | undefined,
  results: readonly Pick<SampleResult, 'status'>[] = [],
): ReportStatus {
  if (failure === undefined) return results.some(({ status }) => status === 'failed') ? 'measured' : 'passed';
  if (failure.code.startsWith('samples/')) return 'failed';
  return failure.code.startsWith('build/') ? 'blocked' : 'error';
}

/** Every result of a report: of the samples and tests, then of the samples on each further system. */
export function allResults({
  samples,
  systems = [],
}: Pick<Report, 'samples' | 'systems'>): readonly SampleResult[] {
  return [...samples, ...systems.flatMap((one) => one.samples)];
}

/** A sample's name, and the system that it ran on where that is a further one. */
export function namedOn({ name, system }: Pick<SampleResult, 'name' | 'system'>): string {
  return system === undefined ? name : `${name} on ${system}`;
}

export function totalsOf(samples: readonly SampleResult[], cached: number): Totals {
  const count = (status: SampleResult['status']): number =>
    samples.filter((one) => one.status === status).length;
  return {
    samples: samples.length,
    passed: count('passed'),
    failed: count('failed'),
    skipped: count('skipped'),
    declared: samples.filter(({ declared = [] }) => declared.length > 0).length,
    cached,
  };
}
