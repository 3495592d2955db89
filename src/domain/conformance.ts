import type { Divergence } from './divergence.ts';
import type { TargetTriple } from './ids.ts';

/** `pythons/<python>/conformance.yaml`: the selection of CPython's own tests, and the known differences. */
export interface ConformanceSuite {
  /** Absolute path of the file. */
  readonly file: string;
  /** The package `test` of the standard library, relative to the root of the tree that holds the tests. */
  readonly folder: string;
  /** Names of modules of `test`, run where none are asked for. */
  readonly modules: readonly string[];
  /** Name in other versions → name in this one. */
  readonly renamed: Readonly<Record<string, string>>;
  /** Seconds that a module may take. */
  readonly timeoutSeconds: number;
  readonly known: readonly KnownOutcome[];
}

/** A test that is known to go otherwise than on the reference, with the reason. */
export interface KnownOutcome {
  /** Identifier of the test; `*` stands for any characters. The name of a module alone means that the module does not finish. */
  readonly test: string;
  /** Names of targets, C libraries (`musl`) or runtimes (`qemu-user`) that it applies to. */
  readonly on: readonly string[];
  readonly reason: string;
}

export type TestOutcome = 'passed' | 'failed' | 'skipped';

/** `artifacts/<recipe>/conformance.json`. Schema: docs/conformance.schema.json. */
export interface Conformance {
  readonly schema: 1;
  readonly recipe: string;
  readonly target: { readonly name: string; readonly triple: TargetTriple };
  /** Version of the tests, and of the reference interpreter. */
  readonly python: string;
  /** When it began, ISO 8601, UTC. */
  readonly started: string;
  /** Milliseconds, wall. */
  readonly ms: number;
  readonly totals: ConformanceTotals;
  readonly modules: readonly ModuleResult[];
}

export interface ConformanceTotals {
  readonly modules: number;
  /** Modules without an undeclared test that is worse on the target. */
  readonly conforming: number;
  readonly reference: OutcomeCounts;
  readonly target: OutcomeCounts;
  /** Tests that do not fail on the reference and fail on the target. */
  readonly worse: number;
  /** Of these: declared. */
  readonly declared: number;
  /** Modules of which neither run had to be started. */
  readonly cached: number;
}

export type OutcomeCounts = Readonly<Record<TestOutcome, number>>;

export interface ModuleResult {
  readonly name: string;
  readonly conforms: boolean;
  readonly reference: ModuleRun;
  readonly target: ModuleRun;
  readonly differences: readonly TestDifference[];
  /** How it differs and why, where that is measured and it does not conform. */
  readonly divergence?: Divergence;
}

/** How a module went in one runtime. */
export interface ModuleRun extends OutcomeCounts {
  /** `done`: it finished. `skipped`: it reported that it cannot run here. Otherwise what stopped it. */
  readonly end: 'done' | 'skipped' | 'stopped' | 'time' | 'output' | 'disk' | 'emulator';
  /** Why it was skipped or stopped. */
  readonly reason?: string;
  /** Milliseconds, wall. */
  readonly ms: number;
}

export interface TestDifference {
  /** Identifier, as unittest has it; the module's name where the whole module is meant. */
  readonly test: string;
  /** `worse`: it does not fail on the reference and fails here. `better`: the other way round. `other`: neither. */
  readonly kind: 'worse' | 'better' | 'other';
  /** Absent: the test does not exist there, or its class or module was skipped. */
  readonly reference?: TestOutcome;
  readonly target?: TestOutcome;
  /** End of the traceback, or the reason of a skip; of the target where it has one. */
  readonly message?: string;
  /** Reason, where it is declared. */
  readonly declared?: string;
}
