import { join, resolve } from 'node:path';
import { amortizationChart } from '../charts/amortization.ts';
import { standalone } from '../charts/draw.ts';
import { chartPage } from '../charts/page.ts';
import type { Invocation, Outcome } from '../commands/command.ts';
import type { Amortization, AmortizationPoint, Clock } from '../domain/amortization.ts';
import { defined } from '../domain/defined.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { isThere } from '../exec/files.ts';
import type { Failure } from '../failure.ts';
import { hostMachine } from '../pipeline/host.ts';
import type { Session } from '../pipeline/session.ts';
import { SUITE_AT } from '../runtime/instance.ts';
import { referenceProgram } from '../runtime/reference.ts';
import { runtimeCapabilities } from '../runtime/runtime.ts';
import { withTemporaryFolder } from '../store/scratch.ts';
import { amortizationText } from './amortize-text.ts';
import { artifactsOf, measuredBy, refreshPage, writeFiles } from './artifacts.ts';
import { fitAmortization } from './fit.ts';
import { type Bench, type CommandRun, type InterleavedCommand, openBench } from './interleave.ts';
import { benchIsolations } from './isolations.ts';
import { median } from './measure.ts';
import { choiceOption, countOption, listOption } from './options.ts';
import { type PreparedRecipe, withPreparedRecipe } from './prepared-recipe.ts';
import { recipesHere } from './recipes-here.ts';
import { timed } from './stats.ts';

const WORKLOAD = 'amort_workload.py';
const WORKLOAD_AT = `${SUITE_AT}/${WORKLOAD}`;
const ROUNDS = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000];
const RUNS = 15;
/** Runs under an emulator take about ten times as long. */
const EMULATED_RUNS = 5;
const WARM_UP = 2;

interface Options {
  /** Absolute path of a script that reads AMORT_M. */
  readonly workload: string;
  readonly rounds: readonly number[];
  readonly runs?: number;
  readonly warmUp: number;
  readonly clock: Clock;
}

/** `provision bench amortize`: the run length at which a faster launch no longer makes up for slower steps. */
export async function benchAmortize(invocation: Invocation): Promise<Result<Outcome>> {
  if (invocation.values.isolation === true) return benchIsolations(invocation);
  const options = readOptions(invocation);
  if (!options.ok) return options;
  const recipes = await recipesOf(invocation);
  if (!recipes.ok) return recipes;
  const results: Amortization[] = [];
  const failures: Failure[] = [];
  for (const recipe of recipes.value) {
    if (invocation.context.signal.aborted) break;
    const result = await amortizeRecipe(recipe, options.value, invocation);
    if (result.ok) results.push(result.value);
    else failures.push(result.error);
  }
  const paged = await refreshPage(artifactsOf(invocation));
  if (!paged.ok) return paged;
  const [first, ...others] = [...failures, ...results.filter(({ exact }) => !exact).map(notExact)];
  return ok({
    text: results.map(amortizationText).join('\n'),
    json: results,
    ...(first === undefined ? {} : { failure: others.length === 0 ? first : { ...first, also: others } }),
  });
}

function readOptions(invocation: Invocation): Result<Options> {
  const rounds = listOption(invocation, 'm');
  if (!rounds.ok) return rounds;
  const runs = countOption(invocation, 'rounds', 1);
  if (!runs.ok) return runs;
  const warmUp = countOption(invocation, 'warm-up', 0);
  if (!warmUp.ok) return warmUp;
  const clock = choiceOption(invocation, 'clock', ['wall', 'cpu']);
  if (!clock.ok) return clock;
  const workload = workloadOf(invocation);
  if (!workload.ok) return workload;
  return ok({
    workload: workload.value,
    rounds: rounds.value ?? ROUNDS,
    ...defined({ runs: runs.value }),
    warmUp: warmUp.value ?? WARM_UP,
    clock: clock.value,
  });
}

function workloadOf({ context: { settings }, values }: Invocation): Result<string> {
  if (values.workload === undefined) return ok(join(settings.home, 'runner', 'bench', WORKLOAD));
  const file = resolve(settings.cwd, String(values.workload));
  if (isThere(file)) return ok(file);
  return err({
    code: 'usage/no-such-sample',
    what: `There is no workload ${file}.`,
    fix: ['Give a Python script that repeats its work AMORT_M times (an environment variable).'],
  });
}

/** The recipes named on the command line, by default every recipe that has a toolchain for this machine. */
async function recipesOf({ context, positionals }: Invocation): Promise<Result<readonly string[]>> {
  const named = positionals.slice(1);
  return named.length > 0 ? ok(named) : recipesHere(context, hostMachine().machine);
}

async function amortizeRecipe(
  recipe: string,
  options: Options,
  invocation: Invocation,
): Promise<Result<Amortization>> {
  return withTemporaryFolder(invocation.context.settings.store, 'bench', async (folder) => {
    return await withPreparedRecipe(invocation.context, recipe, folder, (session, prepared) =>
      amortize(session, prepared, options, invocation, folder),
    );
  });
}

async function amortize(
  session: Session,
  prepared: PreparedRecipe,
  options: Options,
  invocation: Invocation,
  folder: string,
): Promise<Result<Amortization>> {
  const started = Date.now();
  const { planned, engine, runtimes, rootfs } = prepared;
  const { plan } = planned;
  const { name } = plan.recipe;
  const { context } = session;
  const opened = await openBench(context, {
    engine,
    rootfs,
    reference: runtimes.reference,
    targets: new Map([[name, runtimes.target]]),
    mounts: [{ kind: 'source', source: options.workload, at: WORKLOAD_AT }],
    log: join(folder, 'bench.log'),
  });
  if (!opened.ok) return opened;
  await using bench = opened.value;
  const runs = options.runs ?? (runtimeCapabilities(plan.runtime).emulated ? EMULATED_RUNS : RUNS);
  const points = await session.recorder.stage(
    'run',
    `Amortization on ${name}`,
    () => measure(session, bench, name, { ...options, runs }),
    (value) => ({ hit: false, detail: `${value.length} values of M, ${runs} runs each` }),
  );
  if (!points.ok) return points;
  const result = resultOf(points.value, options, {
    ...measuredBy(context, started),
    what: 'amortize',
    recipe: name,
    target: { name: plan.target.name, triple: plan.target.rustTriple },
    runner: plan.runtime,
    reference: referenceProgram(plan),
    clock: options.clock,
    warmUp: options.warmUp,
  });
  const written = await writeResult(invocation, result);
  return written.ok ? ok(result) : written;
}

interface Measured {
  readonly rounds: number;
  readonly python: readonly CommandRun[];
  readonly isolate: readonly CommandRun[];
}

async function measure(
  session: Session,
  bench: Bench,
  recipe: string,
  { rounds, runs, warmUp }: Options & { readonly runs: number },
): Promise<Result<readonly Measured[]>> {
  const isolateCommand = bench.targets.get(recipe);
  if (isolateCommand === undefined) throw new Error(`the bench has no target ${recipe}`);
  const points: Measured[] = [];
  const total = rounds.length * (runs + warmUp);
  for (const m of rounds) {
    const env = { AMORT_M: String(m) };
    const commands: Record<'python' | 'isolate', InterleavedCommand> = {
      python: { ...bench.python(WORKLOAD_AT, env), keep: true },
      isolate: { ...isolateCommand(WORKLOAD_AT, env), keep: true },
    };
    const before = points.length * (runs + warmUp);
    const onIteration = (iteration: number): void =>
      session.context.emit({
        type: 'stage-progress',
        stage: 'run',
        done: before + iteration,
        total,
        unit: 'iterations',
        detail: `M = ${m}`,
      });
    const measurements = await bench.run(commands, { rounds: runs, warmUp }, onIteration);
    if (!measurements.ok) return measurements;
    const { python = [], isolate = [] } = measurements.value;
    points.push({ rounds: m, python, isolate });
  }
  return ok(points);
}

function resultOf(
  measured: readonly Measured[],
  { clock }: Options,
  head: Omit<Amortization, 'points' | 'fit' | 'exact'>,
): Amortization {
  const points = measured.map((point) => pointOf(point, clock));
  const fit = fitAmortization(
    points.map(({ rounds, python, isolate }) => ({ rounds, python: python.runs, isolate: isolate.runs })),
  );
  return {
    ...head,
    points,
    ...defined({ fit }),
    exact: points.every(({ exact }) => exact),
  };
}

function pointOf({ rounds, python, isolate }: Measured, clock: Clock): AmortizationPoint {
  const times = { python: python.map((run) => run[clock]), isolate: isolate.map((run) => run[clock]) };
  const pairs = times.python.map((ms, i) => [ms, times.isolate[i] as number] as const);
  const expected = python[0];
  const different = [...python, ...isolate].find(({ digest }) => digest !== expected?.digest);
  return {
    rounds,
    python: timed(times.python),
    isolate: timed(times.isolate),
    delta: median(pairs.map(([p, i]) => i - p)),
    ratio: median(pairs.map(([p, i]) => i / p)),
    exact: different === undefined && expected?.status === 0,
    ...(different === undefined && expected?.status === 0
      ? {}
      : { difference: { python: describeRun(expected), isolate: describeRun(different ?? isolate[0]) } }),
  };
}

/** Output and exit status of a run, in one line. */
function describeRun(run: CommandRun | undefined): string {
  const text = [run?.stdout, run?.stderr].filter(Boolean).join(' ').trimEnd().replaceAll('\n', '⏎');
  return `${text || '(nothing)'}, status ${run?.status}`;
}

async function writeResult(invocation: Invocation, result: Amortization): Promise<Result<void>> {
  const svg = amortizationChart(result);
  return writeFiles(join(artifactsOf(invocation), result.recipe), {
    'amortize.json': `${JSON.stringify(result, null, 2)}\n`,
    'amortize.svg': standalone(svg),
    'amortize.html': chartPage(`Amortization on ${result.recipe}`, svg, amortizationText(result)),
  });
}

function notExact({ recipe, points }: Amortization): Failure {
  const different = points.filter(({ exact }) => !exact);
  return {
    code: 'samples/bench-differs',
    what: `The output of the workload on ${recipe} differs from the reference at M = ${different.map(({ rounds }) => rounds).join(', ')}.`,
    fix: [`Run the samples first: \`provision ${recipe}\`.`],
    evidence: different.flatMap(({ rounds, difference }) => [
      `M = ${rounds}: reference ${difference?.python}`,
      `M = ${rounds}: isolate   ${difference?.isolate}`,
    ]),
  };
}
