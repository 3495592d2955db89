import { join } from 'node:path';
import type { Invocation, Outcome } from '../commands/command.ts';
import type { Clock } from '../domain/amortization.ts';
import { defined } from '../domain/defined.ts';
import type { Plan } from '../domain/plan.ts';
import type { MeasuredBenchmark, Pyperformance } from '../domain/pyperformance.ts';
import type { PythonDistribution } from '../domain/python.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { pipHost } from '../pipeline/packages.ts';
import { machineEnvironment } from '../pipeline/python-inputs.ts';
import type { Session } from '../pipeline/session.ts';
import { programFormat } from '../runtime/program/program.ts';
import { withTemporaryFolder } from '../store/scratch.ts';
import { artifactsOf, measuredBy, writeFiles } from './artifacts.ts';
import { openBench } from './interleave.ts';
import { median } from './measure.ts';
import { choiceOption, countOption } from './options.ts';
import { type PreparedRecipe, withPreparedRecipe } from './prepared-recipe.ts';
import {
  DRIVER_AT,
  Measurement,
  type MeasurementOptions,
  ratiosOf,
  SITE_AT,
} from './pyperformance/measurement.ts';
import { pyperformanceSite } from './pyperformance/site.ts';
import { pyperformanceText } from './pyperformance/text.ts';
import { bootstrap, geometricMean } from './stats.ts';

const ROUNDS = 5;

interface Options extends Pick<MeasurementOptions, 'rounds' | 'benchmarks'> {
  /** Absent: CPU time where the target's clock has it. */
  readonly clock?: Clock;
}

/** `provision bench pyperformance <recipe>…`: the benchmarks of pyperformance in a bundle and in the reference, interleaved. */
export async function benchPyperformance(invocation: Invocation): Promise<Result<Outcome>> {
  const options = readOptions(invocation);
  if (!options.ok) return options;
  const recipes = invocation.positionals.slice(1);
  if (recipes.length === 0) return err(noRecipe());
  const results: Pyperformance[] = [];
  for (const recipe of recipes) {
    const result = await withTemporaryFolder(invocation.context.settings.store, 'bench', (folder) =>
      withPreparedRecipe(invocation.context, recipe, folder, (session, prepared) =>
        benchPrepared(session, prepared, options.value, folder),
      ),
    );
    if (!result.ok) return result;
    const written = await writeFiles(join(artifactsOf(invocation), recipe), {
      'pyperformance.json': `${JSON.stringify(result.value, null, 2)}\n`,
    });
    if (!written.ok) return written;
    results.push(result.value);
  }
  return ok({ text: results.map(pyperformanceText).join('\n'), json: results });
}

function readOptions(invocation: Invocation): Result<Options> {
  const rounds = countOption(invocation, 'rounds', 1);
  if (!rounds.ok) return rounds;
  const clock = choiceOption(invocation, 'clock', ['wall', 'cpu']);
  if (!clock.ok) return clock;
  const { values } = invocation;
  return ok({
    rounds: rounds.value ?? ROUNDS,
    ...(values.clock === undefined ? {} : { clock: clock.value }),
    ...(values.benchmarks === undefined ? {} : { benchmarks: String(values.benchmarks).split(',') }),
  });
}

async function benchPrepared(
  session: Session,
  prepared: PreparedRecipe,
  options: Options,
  folder: string,
): Promise<Result<Pyperformance>> {
  const started = Date.now();
  const { context, store } = session;
  const { planned, made, engine, runtimes, rootfs } = prepared;
  const { plan, locks } = planned;
  const host = pipHost(session, plan, { interpreter: made.interpreter, logs: join(folder, 'logs') });
  const site = await pyperformanceSite(context, store, host, machineEnvironment(plan, locks));
  if (!site.ok) return site;
  const driver = join(context.settings.home, 'src', 'bench', 'pyperformance', 'driver.py');
  const opened = await openBench(context, {
    engine,
    rootfs,
    reference: runtimes.reference,
    targets: new Map([[plan.recipe.name, runtimes.target]]),
    mounts: [
      { kind: 'source', source: driver, at: DRIVER_AT },
      { kind: 'source', source: site.value, at: SITE_AT },
    ],
    log: join(folder, 'bench.log'),
  });
  if (!opened.ok) return opened;
  await using bench = opened.value;
  // WASI's processes have no clock of their own.
  const clock = options.clock ?? (programFormat(plan.target).machineCode ? 'cpu' : 'wall');
  const measured = await session.recorder.stage(
    'run',
    `pyperformance on ${plan.recipe.name}`,
    () => new Measurement(context, bench, plan.recipe.name, { ...options, clock }).all(),
    ({ benchmarks }) => ({ hit: false, detail: `${benchmarks.length} benchmarks` }),
  );
  if (!measured.ok) return measured;
  const { benchmarks, left } = measured.value;
  return ok({
    ...measuredBy(context, started),
    what: 'pyperformance',
    recipe: plan.recipe.name,
    target: { name: plan.target.name, triple: plan.target.rustTriple },
    reference: plan.reference.tools.python ?? 'python3',
    clock,
    ...defined({ mean: meanOf(benchmarks), bound: boundOf(plan, made.prepared.python.linkage) }),
    benchmarks,
    left,
  });
}

/** Geometric mean over the benchmarks; its interval is of resampled iterations, as a benchmark's own. */
function meanOf(benchmarks: readonly MeasuredBenchmark[]): Pyperformance['mean'] {
  if (benchmarks.length === 0) return undefined;
  const ratios = benchmarks.map(({ python, isolate }) => ratiosOf(python.runs, isolate.runs));
  const iterations = Math.min(...ratios.map((one) => one.length));
  return bootstrap(iterations, (indices) =>
    geometricMean(ratios.map((one) => median(indices.map((i) => one[i] as number)))),
  );
}

/** Upper bounds of the mean, for interpreters that are built from source. */
const BOUNDS: Readonly<Record<string, number>> = {
  'gnu static': 0.93,
  'gnu dynamic': 1.08,
  'musl static': 1,
};

function boundOf({ target, sysroot }: Plan, linkage: PythonDistribution['linkage']): number | undefined {
  if (sysroot.source === undefined) return undefined;
  return BOUNDS[`${target.libc} ${linkage}`];
}

function noRecipe() {
  return {
    code: 'usage/bench-recipe',
    what: 'This bench needs a recipe.',
    fix: ['Name one or more, for example `provision bench pyperformance native musl`.'],
  } as const;
}
