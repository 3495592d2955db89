import { join } from 'node:path';
import type { Invocation, Outcome } from '../commands/command.ts';
import type { Context } from '../domain/context.ts';
import { defined } from '../domain/defined.ts';
import type { Estimate, MeasuredBy, Timed } from '../domain/measured.ts';
import type { Plan } from '../domain/plan.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Session } from '../pipeline/session.ts';
import { SUITE_AT } from '../runtime/instance.ts';
import { referenceProgram } from '../runtime/reference.ts';
import { withTemporaryFolder } from '../store/scratch.ts';
import { measuredBy } from './artifacts.ts';
import { type Bench, type CommandRun, openBench } from './interleave.ts';
import { median } from './measure.ts';
import { countOption } from './options.ts';
import { type PreparedRecipe, withPreparedRecipe } from './prepared-recipe.ts';
import { bootstrap, timed } from './stats.ts';

interface Probe {
  readonly name: string;
  /** File in `src/bench/python`. */
  readonly script: string;
  /** Iterations for each one of `--rounds`: a start takes a hundredth of the loop's time and varies more. */
  readonly times: number;
}

const PROBES: readonly Probe[] = [
  { name: 'loop', script: 'loop.py', times: 1 },
  { name: 'start', script: 'empty.py', times: 5 },
];
const ROUNDS = 11;
const WARM_UP = 1;

/** One probe of one recipe: CPU time (user and system), launch to exit. */
interface Measured {
  readonly probe: string;
  readonly python: Timed;
  readonly isolate: Timed;
  /** Median over the iterations of isolate ÷ python. */
  readonly ratio: Estimate;
  /** Upper bound of the ratio; absent where there is none. */
  readonly bound?: number;
}

interface PythonBench extends MeasuredBy {
  readonly what: 'python';
  readonly recipe: string;
  readonly reference: string;
  readonly clock: 'cpu';
  readonly measured: readonly Measured[];
}

/** `provision bench python <recipe>`: the embedded interpreter against the distribution's, interleaved. */
export async function benchPython(invocation: Invocation): Promise<Result<Outcome>> {
  const rounds = countOption(invocation, 'rounds', 1);
  if (!rounds.ok) return rounds;
  const warmUp = countOption(invocation, 'warm-up', 0);
  if (!warmUp.ok) return warmUp;
  const recipes = invocation.positionals.slice(1);
  if (recipes.length === 0) return err(noRecipe());
  const results: PythonBench[] = [];
  for (const recipe of recipes) {
    const result = await benchRecipe(
      invocation.context,
      recipe,
      rounds.value ?? ROUNDS,
      warmUp.value ?? WARM_UP,
    );
    if (!result.ok) return result;
    results.push(result.value);
  }
  return ok({ text: results.map(textOf).join('\n'), json: results });
}

async function benchRecipe(
  context: Context,
  recipe: string,
  rounds: number,
  warmUp: number,
): Promise<Result<PythonBench>> {
  return withTemporaryFolder(context.settings.store, 'bench', async (folder) => {
    return await withPreparedRecipe(context, recipe, folder, (session, prepared) =>
      benchPrepared(session, prepared, { rounds, warmUp }, folder),
    );
  });
}

async function benchPrepared(
  session: Session,
  prepared: PreparedRecipe,
  { rounds, warmUp }: { readonly rounds: number; readonly warmUp: number },
  folder: string,
): Promise<Result<PythonBench>> {
  const started = Date.now();
  const { planned, engine, runtimes, rootfs } = prepared;
  const { plan } = planned;
  const { name } = plan.recipe;
  const { context } = session;
  const scripts = join(context.settings.home, 'src', 'bench', 'python');
  const opened = await openBench(context, {
    engine,
    rootfs,
    reference: runtimes.reference,
    targets: new Map([[name, runtimes.target]]),
    mounts: [{ kind: 'source', source: scripts, at: SUITE_AT }],
    log: join(folder, 'bench.log'),
  });
  if (!opened.ok) return opened;
  await using bench = opened.value;
  const measured = await session.recorder.stage(
    'run',
    `Loop and start of ${name}`,
    () => measureAll(bench, plan, rounds, warmUp),
    (list) => ({ hit: false, detail: `${list.length} scripts` }),
  );
  if (!measured.ok) return measured;
  const reference = referenceProgram(plan);
  const head = { what: 'python', recipe: name, reference, clock: 'cpu' } as const;
  return ok({ ...measuredBy(context, started), ...head, measured: measured.value });
}

async function measureAll(
  bench: Bench,
  plan: Plan,
  rounds: number,
  warmUp: number,
): Promise<Result<readonly Measured[]>> {
  const isolateCommand = bench.targets.get(plan.recipe.name);
  if (isolateCommand === undefined) throw new Error(`the bench has no target ${plan.recipe.name}`);
  const all: Measured[] = [];
  for (const { name, script, times } of PROBES) {
    const file = `${SUITE_AT}/${script}`;
    const measurements = await bench.run(
      { python: bench.python(file), isolate: isolateCommand(file) },
      { rounds: rounds * times, warmUp },
    );
    if (!measurements.ok) return measurements;
    const { python = [], isolate = [] } = measurements.value;
    all.push(measuredOf(name, python, isolate, BOUNDS[plan.target.libc]?.[name]));
  }
  return ok(plan.sysroot.source === undefined ? all.map(({ bound: _, ...rest }) => rest) : all);
}

/**
 * Upper bounds for an interpreter that is linked into the program: without the indirections of a shared library it is
 * faster than the distribution's; musl's memory functions are slower than glibc's.
 */
const BOUNDS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  gnu: { loop: 0.96, start: 0.75 },
  musl: { loop: 1.1, start: 0.75 },
};

function measuredOf(
  probe: string,
  python: readonly CommandRun[],
  isolate: readonly CommandRun[],
  bound: number | undefined,
): Measured {
  const ratios = isolate.map(({ cpu }, i) => cpu / (python[i]?.cpu ?? cpu));
  return {
    probe,
    python: timed(python.map(({ cpu }) => cpu)),
    isolate: timed(isolate.map(({ cpu }) => cpu)),
    ratio: bootstrap(ratios.length, (indices) => median(indices.map((i) => ratios[i] as number))),
    ...defined({ bound }),
  };
}

const COLUMNS = [8, 12, 12, 8, 18, 8] as const;

/** The table, within 80 columns. */
function textOf({ recipe, reference, measured }: PythonBench): string {
  const head = ['', 'python3 ms', 'isolate ms', 'ratio', '95 %', 'bound'];
  const rows = measured.map(({ probe, python, isolate, ratio, bound }) => [
    probe,
    python.median.toFixed(2),
    isolate.median.toFixed(2),
    ratio.value.toFixed(3),
    `${ratio.low.toFixed(3)} to ${ratio.high.toFixed(3)}`,
    bound === undefined ? '-' : `≤ ${bound.toFixed(2)}`,
    bound === undefined ? '' : ratio.value <= bound ? 'reached' : 'missed',
  ]);
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (i === 0 ? cell.padEnd(COLUMNS[0]) : cell.padStart(COLUMNS[i] ?? cell.length + 2)))
      .join('')
      .trimEnd();
  const iterations = measured.map(({ probe, python }) => `${probe} ${python.runs.length}`).join(', ');
  return [
    `CPython of ${recipe} against ${reference}: CPU time, launch to exit`,
    `medians of interleaved runs (iterations: ${iterations}); ratio: median by iteration`,
    '',
    ...[head, ...rows].map(line),
    '',
  ].join('\n');
}

function noRecipe() {
  return {
    code: 'usage/bench-recipe',
    what: 'This bench needs a recipe.',
    fix: ['Name one or more, for example `provision bench python native musl`.'],
  } as const;
}
