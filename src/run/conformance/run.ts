import { dirname, join } from 'node:path';
import type { ConformanceSuite, ModuleResult } from '../../domain/conformance.ts';
import type { Context } from '../../domain/context.ts';
import { defined } from '../../domain/defined.ts';
import type { DivergenceRules } from '../../domain/divergence.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import type { Sample } from '../../domain/sample.ts';
import type { Engine } from '../../engine/engine.ts';
import type { Failure } from '../../failure.ts';
import { type RuntimeInstance, SUITE_AT } from '../../runtime/instance.ts';
import { digestFile } from '../../store/digest.ts';
import type { Store } from '../../store/store.ts';
import { type Asked, observe, type SampleExecutor } from '../observe.ts';
import { observeBoth } from '../observe-both.ts';
import type { Runs } from '../result.ts';
import { executorOf } from '../run.ts';
import { compareModule, knownOn } from './compare.ts';
import { moduleDivergence } from './divergence.ts';
import { hasArguments, readRecords } from './records.ts';

export interface ConformanceInput {
  readonly suite: ConformanceSuite;
  /** Modules of `test` to run, each once. */
  readonly modules: readonly string[];
  /** Tree that holds the tests. */
  readonly tests: { readonly folder: string; readonly fingerprint: string };
  readonly runtimes: { readonly target: RuntimeInstance; readonly reference: RuntimeInstance };
  /** By what modules that differ are classified; absent: they are not. */
  readonly divergences?: DivergenceRules;
  /** Names that declarations may use for the target. */
  readonly names: readonly string[];
  /** Facilities that the target lacks and CPython does not detect by itself (docs/samples.md). */
  readonly without: readonly string[];
  /** Absolute path of driver.py. */
  readonly driver: string;
  readonly engine: () => Promise<Result<Engine>>;
}

export interface ConformanceOutcome {
  /** In the order in which they were asked for. */
  readonly modules: readonly ModuleResult[];
  /** Modules of which neither run had to be started. */
  readonly cached: number;
}

/**
 * Runs modules of CPython's own tests in both runtimes, as many at once as there are jobs, and compares them test by test.
 * Results that the store has are not run again. Tests that differ are no failure of this call; the engine's failures are.
 */
export async function runConformance(
  context: Context,
  store: Store,
  input: ConformanceInput,
): Promise<Result<ConformanceOutcome>> {
  const { digest } = await digestFile(input.driver);
  const executor = executorOf(context, store, input);
  const known = knownOn(input.suite.known, input.names);
  const results: ModuleResult[] = [];
  let failure: Failure | undefined;
  let cached = 0;
  let done = 0;
  const progress = (detail?: string): void => {
    const counts = { done, total: input.modules.length, unit: 'modules' } as const;
    context.emit({
      type: 'stage-progress',
      stage: 'conformance',
      ...counts,
      ...defined({ detail }),
    });
  };
  const comparedBy = (name: string, { target, reference }: Runs): ModuleResult => {
    const compared = compareModule(name, readRecords(reference), readRecords(target), known);
    const divergence = input.divergences && moduleDivergence(compared, input.divergences);
    return { ...compared, ...defined({ divergence }) };
  };
  progress();
  await Promise.all(
    input.modules.map(async (name, index) => {
      const runs = await runModule(executor, input, { name, digest }, (ran) => {
        const { conforms, divergence } = comparedBy(name, ran);
        return !conforms && divergence === undefined;
      });
      if (!runs.ok) {
        failure ??= runs.error;
        executor.stop();
        return;
      }
      const { target, reference } = runs.value;
      if (!hasArguments(target)) {
        failure ??= noArguments();
        executor.stop();
        return;
      }
      results[index] = comparedBy(name, runs.value);
      cached += reference.cached && target.cached ? 1 : 0;
      done += 1;
      progress(name);
    }),
  );
  return failure === undefined ? ok({ modules: results, cached }) : err(failure);
}

function noArguments(): Failure {
  return {
    code: 'samples/no-arguments',
    what: "The program runs a script and does not give it its arguments: `sys.argv` has none, so no module of CPython's tests can be asked for.",
    fix: [
      'Set it before the script is run, in Rust with PyO3: `py.import("sys")?.setattr("argv", std::env::args().skip(1).collect::<Vec<_>>())?`',
    ],
  };
}

async function runModule(
  executor: SampleExecutor,
  input: ConformanceInput,
  { name, digest }: { readonly name: string; readonly digest: string },
  fails: (runs: Runs) => boolean,
): Promise<Result<Runs>> {
  const files = { files: { 'driver.py': digest }, folder: false };
  const { target: own, reference: other } = input.runtimes;
  const target = (asked: Asked) =>
    observe(executor, withTests(own, input), asSample(input, name, input.without), files, asked);
  // On the reference the tests skip nothing, so that what the target lacks shows.
  const reference = (asked: Asked) =>
    observe(executor, withTests(other, input), asSample(input, name, []), files, asked);
  return observeBoth({ target, reference }, (runs) => hasArguments(runs.target) && fails(runs));
}

/** The driver is a script like a sample: one module is one run of it. */
function asSample(input: ConformanceInput, module: string, without: readonly string[]): Sample {
  return {
    name: module,
    file: input.driver,
    suite: dirname(input.driver),
    given: 'file',
    title: module,
    tier: 'user',
    requires: [],
    argv: [module, ...without.flatMap((facility) => ['--without', facility])],
    stdin: '',
    timeoutSeconds: input.suite.timeoutSeconds,
    knownDifferences: [],
  };
}

/** The tests lie beside the driver, where the interpreter looks first; programs that they start find them, too. */
function withTests(runtime: RuntimeInstance, { tests, suite }: ConformanceInput): RuntimeInstance {
  return {
    ...runtime,
    mounts: [
      ...runtime.mounts,
      { kind: 'tree', source: join(tests.folder, suite.folder), at: `${SUITE_AT}/test` },
    ],
    env: { ...runtime.env, PYTHONPATH: SUITE_AT },
    key: { runtime: runtime.key, tests: tests.fingerprint },
  };
}
