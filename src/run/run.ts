import { relative } from 'node:path';
import type { Context } from '../domain/context.ts';
import { defined } from '../domain/defined.ts';
import type { DivergenceRules } from '../domain/divergence.ts';
import { namedOn } from '../domain/report.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Sample, SampleResult } from '../domain/sample.ts';
import type { SystemFacts } from '../domain/system.ts';
import type { Target } from '../domain/target.ts';
import type { Engine } from '../engine/engine.ts';
import { type Failure, interrupted } from '../failure.ts';
import { missingFacility } from '../runtime/facilities.ts';
import type { RuntimeInstance } from '../runtime/instance.ts';
import type { Store } from '../store/store.ts';
import { explainByteOrder, type OrderedReferences } from './byte-order.ts';
import { divergenceOf } from './divergence.ts';
import { failedStep } from './failed-step.ts';
import { Inputs, type SampleInputs } from './inputs.ts';
import { curesOfLacking } from './lacking-data.ts';
import { writeLogs } from './logs.ts';
import { type Asked, commandOf, isKept, observe, type Run, type SampleExecutor } from './observe.ts';
import { observeBoth } from './observe-both.ts';
import { Pool } from './pool.ts';
import { isFor } from './python-conditions.ts';
import { declaredOn, otherVersion, type Place, type Runs, resultOf, skipped } from './result.ts';
import { STARTED_PROGRAMS, type Unstarted, unstartedNotice, whyUnstarted } from './started-programs.ts';
import { explainUnflushed } from './unflushed.ts';

export interface RunInput {
  /** Looked for on first use: a run that finds every result in the store starts no engine and no process. */
  readonly engine: () => Promise<Result<Engine>>;
  readonly samples: readonly Sample[];
  readonly target: Pick<Target, 'name' | 'rustTriple' | 'libc'>;
  /** Facilities that the target has (docs/samples.md); `module:*` for every module. */
  readonly capabilities: readonly string[];
  /** Version of the target's Python, which is the reference's: `3.14`. */
  readonly python: string;
  readonly runtimes: { readonly target: RuntimeInstance; readonly reference: RuntimeInstance };
  /** Further systems that the samples run on. */
  readonly systems?: readonly SystemRuntime[];
  /** Folder in whose `logs/` the outputs of samples that differ are written. */
  readonly artifacts: string;
  /** By what differences are classified; absent: they are failures. */
  readonly divergences?: DivergenceRules;
  /** Where the reference has another byte order than the target; asked where a sample differs. */
  readonly ordered?: OrderedReferences;
  /** Whether the program starts Python and never ends it; asked where output is missing. */
  readonly leavesPythonOpen: () => Promise<boolean>;
}

/** The program of the bundle in the root of a system. */
export interface SystemRuntime {
  readonly facts: SystemFacts;
  readonly runtime: RuntimeInstance;
}

/** The samples on a further system. */
export interface SystemOutcome extends SystemFacts {
  /** In the order of the samples. */
  readonly results: readonly SampleResult[];
  readonly cached: number;
}

export interface RunOutcome {
  /** In the order of the samples. */
  readonly results: readonly SampleResult[];
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Samples of which neither run had to be started. */
  readonly cached: number;
  /** Files written, relative to the artifacts folder. */
  readonly logs: readonly string[];
  /** The same samples on further systems; they count nowhere above but in `logs`. */
  readonly systems: readonly SystemOutcome[];
}

interface Finished {
  readonly result: SampleResult;
  readonly cached: boolean;
}

/** Where the samples run: on the system that all else runs on, or on a further one. */
interface Side {
  readonly system?: string;
  readonly runtime: RuntimeInstance;
}

/**
 * Runs every sample on the target, on its further systems and on the reference, as many runs at once as there are jobs,
 * and compares stdout, stderr and exit status byte for byte. Results that the store has are not run again. Samples that
 * differ are no failure of this call; the engine's failures are.
 */
export async function runSamples(
  context: Context,
  store: Store,
  input: RunInput,
): Promise<Result<RunOutcome>> {
  const { cwd } = context.settings;
  const { systems = [] } = input;
  const suite: Suite = {
    executor: executorOf(context, store, input),
    inputs: new Inputs(input.samples),
    expected: new Map(),
    renewed: new Map(),
  };
  const sides: readonly Side[] = [
    { runtime: input.runtimes.target },
    ...systems.map(({ facts, runtime }) => ({ system: facts.name, runtime })),
  ];
  const finished: Finished[][] = sides.map(() => []);
  let failure: Failure | undefined;
  let done = 0;
  const total = input.samples.length * sides.length;
  context.emit({ type: 'stage-progress', stage: 'run', done, total, unit: 'samples' });
  const runs = sides.flatMap((side, i) => input.samples.map((sample, index) => ({ side, i, sample, index })));
  const own = new Map<Sample, Promise<Result<Finished>>>();
  await Promise.all(
    runs.map(async ({ side, i, sample, index }) => {
      const running = runSample(context, suite, input, sample, side, own.get(sample));
      if (side.system === undefined) own.set(sample, running);
      const one = await running;
      if (!one.ok) {
        failure ??= one.error;
        suite.executor.stop();
        return;
      }
      const result = { ...one.value.result, file: asTyped(cwd, sample.file) };
      (finished[i] as Finished[])[index] = { ...one.value, result };
      done += 1;
      context.emit({ type: 'sample-finished', result, cached: one.value.cached });
      context.emit({
        type: 'stage-progress',
        stage: 'run',
        done,
        total,
        unit: 'samples',
        detail: namedOn(result),
      });
    }),
  );
  if (failure !== undefined) return err(failure);
  return ok(outcomeOfSides(finished, systems));
}

/** What came of the first side, where all else runs, and of the further systems behind it. */
export function outcomeOfSides(
  [first = [], ...others]: readonly (readonly Finished[])[],
  systems: readonly SystemRuntime[],
): RunOutcome {
  const outcome = outcomeOf(first);
  const further = systems.map(({ facts }, i) => ({ facts, outcome: outcomeOf(others[i] ?? []) }));
  return {
    ...outcome,
    logs: [outcome, ...further.map((one) => one.outcome)].flatMap(({ logs }) => logs),
    systems: further.map(({ facts, outcome: { results, cached } }) => ({ ...facts, results, cached })),
  };
}

/**
 * Runs on the reference alone what `runSamples` will ask of it: it needs nothing that is built, so it can go on beside the
 * build. Outcomes are kept in the store; one that cannot be kept is run again later. Returns how many there are.
 */
export async function runReference(
  context: Context,
  store: Store,
  input: Pick<RunInput, 'engine' | 'samples' | 'capabilities' | 'python'> & {
    readonly runtime: RuntimeInstance;
  },
): Promise<Result<{ readonly samples: number; readonly cached: number }>> {
  const inputs = new Inputs(input.samples);
  const executor = executorOf(context, store, input);
  const wanted = input.samples.filter(
    (sample) =>
      missingFacility(sample.requires, input.capabilities) === undefined && isFor(sample, input.python),
  );
  let failure: Failure | undefined;
  let cached = 0;
  await Promise.all(
    wanted.map(async (sample) => {
      const run = await observe(executor, input.runtime, sample, await inputs.of(sample));
      if (run.ok) {
        cached += run.value.cached ? 1 : 0;
        return;
      }
      failure ??= run.error;
      executor.stop();
    }),
  );
  return failure === undefined ? ok({ samples: wanted.length, cached }) : err(failure);
}

export interface SuiteExecutor extends SampleExecutor {
  stop(): void;
  /** Called for each sample that is skipped because the programs that it starts would not start. */
  readonly onUnstarted: (why: Unstarted) => void;
}

/** The executor of a whole suite; after `stop` nothing more is started. */
export function executorOf(context: Context, store: Store, input: Pick<RunInput, 'engine'>): SuiteExecutor {
  const pool = new Pool(context.settings.jobs);
  let stopped = false;
  let reported = false;
  let told = false;
  return {
    store,
    engine: input.engine,
    schedule: (work) =>
      pool.run(async () => (stopped || context.signal.aborted ? err(interrupted()) : await work())),
    stop: () => {
      stopped = true;
    },
    onUnstarted: (unstarted) => {
      if (!told) context.emit(unstartedNotice(unstarted));
      told = true;
    },
    onNotKept: (why) => {
      if (reported) return;
      reported = true;
      const message = `Results could not be kept, so the same samples run again next time: ${why}`;
      context.emit({ type: 'notice', level: 'warning', code: 'samples/not-kept', message });
    },
  };
}

/** What the runs of one suite share. */
interface Suite {
  readonly executor: SuiteExecutor;
  readonly inputs: Inputs;
  /** The reference's runs: one for all systems. */
  readonly expected: Map<Sample, Promise<Result<Run>>>;
  /** Those of them that were started again, as the store's result differs from a target's. */
  readonly renewed: Map<Sample, Promise<Result<Run>>>;
}

/** `own`: on a further system, the same sample's run on the system that all else runs on. */
async function runSample(
  context: Context,
  suite: Suite,
  input: RunInput,
  sample: Sample,
  { system, runtime }: Side,
  own?: Promise<Result<Finished>>,
): Promise<Result<Finished>> {
  const { executor, inputs } = suite;
  const on = defined({ system });
  const missing = missingFacility(sample.requires, input.capabilities);
  if (missing !== undefined)
    return ok({ result: { ...skipped(sample, missing, input.target.name), ...on }, cached: false });
  if (!isFor(sample, input.python))
    return ok({ result: { ...otherVersion(sample, input.python), ...on }, cached: false });
  const files = await inputs.of(sample);
  const unstarted = await unstartedFor(executor, runtime, sample, files);
  if (!unstarted.ok) return unstarted;
  if (unstarted.value !== undefined) {
    executor.onUnstarted(unstarted.value);
    const result = skipped(sample, STARTED_PROGRAMS, input.target.name, unstarted.value.why);
    return ok({ result: { ...result, ...on }, cached: false });
  }
  if (!files.folder && system === undefined) context.emit(notShown(sample));
  const where = { ...input.target, ...on };
  const observed = await observeSample(suite, input, sample, { runtime, where });
  if (!observed.ok) return observed;
  const runs = observed.value;
  const compared = await explained(resultOf(sample, where, runs), runs, input, (other) =>
    observe(executor, other, sample, files),
  );
  if (!compared.ok) return compared;
  const divergence =
    input.divergences && compared.value.status === 'failed'
      ? divergenceOf(runs, input.divergences)
      : undefined;
  const result = { ...compared.value, ...on, ...defined({ divergence }) };
  if (result.status === 'failed' && divergence === undefined) {
    const step = failedStep(commandOf(runtime, sample), { name: namedOn(result) }, runs);
    const place = (await failsAlone(own)) ? (system ?? input.target.name) : input.target.name;
    context.emit({ type: 'step-failed', step: { ...step, declares: `# differs-on: ${place}` } });
  }
  const declared = declaredOn(sample, where);
  const clean = result.status === 'passed' && result.declared === undefined;
  if (declared.length > 0 && clean && system === undefined) {
    context.emit(declaredNotSeen(sample, input.target.name));
  }
  const logs = clean
    ? ok([])
    : await writeLogs(
        input.artifacts,
        system === undefined ? sample.name : `systems/${system}/${sample.name}`,
        runs,
        result.diff,
      );
  if (!logs.ok) return logs;
  const cached = runs.target.cached && runs.reference.cached;
  return ok({ result: logs.value.length === 0 ? result : { ...result, logs: logs.value }, cached });
}

async function observeSample(
  { executor, inputs, expected, renewed }: Suite,
  { runtimes, divergences }: RunInput,
  sample: Sample,
  { runtime, where }: { readonly runtime: RuntimeInstance; readonly where: Place },
): Promise<Result<Runs>> {
  const files = await inputs.of(sample);
  const target = (asked: Asked) => observe(executor, runtime, sample, files, asked);
  const reference = (asked: Asked) => {
    const shared = asked.anew === true ? renewed : expected;
    const run = shared.get(sample) ?? observe(executor, runtimes.reference, sample, files, asked);
    shared.set(sample, run);
    return run;
  };
  return observeBoth(
    { target, reference },
    (runs) =>
      resultOf(sample, where, runs).status === 'failed' &&
      (divergences === undefined || divergenceOf(runs, divergences) === undefined),
  );
}

/**
 * Whether a sample that failed on a further system has passed where all else runs. Where it has not, what is declared is
 * the target, which holds on every system; and it is reported first, whichever run ended first.
 */
async function failsAlone(own: Promise<Result<Finished>> | undefined): Promise<boolean> {
  const ended = await own;
  return ended?.ok !== true || ended.value.result.status !== 'failed';
}

/** Why a sample that starts programs cannot; nothing where it can, or has. */
async function unstartedFor(
  executor: SampleExecutor,
  runtime: RuntimeInstance,
  sample: Sample,
  files: SampleInputs,
): Promise<Result<Unstarted | undefined>> {
  if (!sample.requires.includes(STARTED_PROGRAMS)) return ok(undefined);
  return (await isKept(executor, runtime, sample, files))
    ? ok(undefined)
    : whyUnstarted(executor.engine, runtime);
}

/** A failed result, with the cause where it is known. `again` runs the same on another interpreter. */
export async function explained(
  result: SampleResult,
  runs: Runs,
  { leavesPythonOpen, ordered, target }: Pick<RunInput, 'leavesPythonOpen' | 'ordered' | 'target'>,
  again?: (other: RuntimeInstance) => Promise<Result<Run>>,
): Promise<Result<SampleResult>> {
  if (result.status !== 'failed') return ok(result);
  const cause = explainUnflushed(runs);
  if (cause !== undefined && (await leavesPythonOpen())) return ok({ ...result, ...cause });
  const cures = curesOfLacking(runs);
  if (cures.length > 0) return ok({ ...result, cures });
  if (ordered === undefined || again === undefined) return ok(result);
  const order = await explainByteOrder(result, { runs, on: target.name }, ordered, again);
  return order.ok ? ok({ ...result, ...order.value }) : order;
}

export function outcomeOf(finished: readonly Finished[]): RunOutcome {
  const results = finished.map(({ result }) => result);
  const count = (status: SampleResult['status']): number =>
    results.filter((one) => one.status === status).length;
  return {
    results,
    passed: count('passed'),
    failed: count('failed'),
    skipped: count('skipped'),
    cached: finished.filter(({ cached }) => cached).length,
    logs: results.flatMap(({ logs = [] }) => logs),
    systems: [],
  };
}

function declaredNotSeen(sample: Sample, target: string) {
  return {
    type: 'notice',
    level: 'warning',
    code: 'samples/declared-not-seen',
    message: `${sample.name} declares a difference on ${target}, and there is none: its \`differs-on\` can go.`,
  } as const;
}

function notShown(sample: Sample) {
  return {
    type: 'notice',
    level: 'warning',
    code: 'samples/folder-not-shown',
    message: `The folder of ${sample.file} is large: the script sees itself only, no modules beside it. Put it in a folder of its own.`,
  } as const;
}

/** A path as a user would type it in a folder. */
function asTyped(folder: string, path: string): string {
  const below = relative(folder, path);
  return below.startsWith('..') ? path : below;
}
