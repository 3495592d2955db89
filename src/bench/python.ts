import { join } from 'node:path';
import type { Invocation, Outcome } from '../commands/command.ts';
import type { Context } from '../domain/context.ts';
import { defined } from '../domain/defined.ts';
import type { Estimate, MeasuredBy, Timed } from '../domain/measured.ts';
import type { Plan } from '../domain/plan.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { withTemporaryFolder } from '../exec/files.ts';
import type { Session } from '../pipeline/session.ts';
import { SUITE_AT } from '../runtime/instance.ts';
import { measuredBy } from './artifacts.ts';
import { median } from './measure.ts';
import { countOption } from './options.ts';
import { bootstrap, timed } from './stats.ts';
import { type Bench, openBench, type TurnRun } from './turns.ts';
import { type Ready, withReady } from './worlds.ts';

interface Probe {
  readonly name: string;
  /** File in `src/bench/python`. */
  readonly script: string;
  /** Turns for one that `--rounds` asks for: a start takes a hundredth of the loop's time, and varies more. */
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
  /** Median of the ratios isolate : python of each turn. */
  readonly ratio: Estimate;
  /** What the ratio is to be at most; absent where nothing is promised. */
  readonly bound?: number;
}

interface PythonBench extends MeasuredBy {
  readonly what: 'python';
  readonly recipe: string;
  readonly reference: string;
  readonly clock: 'cpu';
  readonly measured: readonly Measured[];
}

/** `provision bench python <recipe>`: an interpreter of our own build against the distribution's, in turn. */
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
  return withTemporaryFolder('bench', async (folder) => {
    return await withReady(context, recipe, folder, (session, ready) =>
      benchReady(session, ready, { rounds, warmUp }, folder),
    );
  });
}

async function benchReady(
  session: Session,
  ready: Ready,
  { rounds, warmUp }: { readonly rounds: number; readonly warmUp: number },
  folder: string,
): Promise<Result<PythonBench>> {
  const started = Date.now();
  const { planned, engine, worlds, rootfs } = ready;
  const { plan } = planned;
  const { name } = plan.recipe;
  const { context } = session;
  const scripts = join(context.settings.home, 'src', 'bench', 'python');
  const opened = await openBench(context, {
    engine,
    rootfs,
    reference: worlds.reference,
    targets: new Map([[name, worlds.target]]),
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
  const reference = plan.reference.tools.python ?? 'python3';
  const head = { what: 'python', recipe: name, reference, clock: 'cpu' } as const;
  return ok({ ...measuredBy(context, started), ...head, measured: measured.value });
}

async function measureAll(
  bench: Bench,
  plan: Plan,
  rounds: number,
  warmUp: number,
): Promise<Result<readonly Measured[]>> {
  const side = bench.sides.get(plan.recipe.name);
  if (side === undefined) throw new Error('a recipe that was opened has a side');
  const all: Measured[] = [];
  for (const { name, script, times } of PROBES) {
    const file = `${SUITE_AT}/${script}`;
    const taken = await bench.take(
      { python: bench.python(file), isolate: side(file) },
      { rounds: rounds * times, warmUp },
    );
    if (!taken.ok) return taken;
    const { python = [], isolate = [] } = taken.value;
    all.push(measuredOf(name, python, isolate, BOUNDS[plan.target.libc]?.[name]));
  }
  return ok(plan.sysroot.source === undefined ? all.map(({ bound: _, ...rest }) => rest) : all);
}

/**
 * What an interpreter that is inside the program is to reach: without the indirections of a shared library it has to be
 * faster than the distribution's own program; musl's memory functions are slower.
 */
const BOUNDS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  gnu: { loop: 0.96, start: 0.75 },
  musl: { loop: 1.1, start: 0.75 },
};

function measuredOf(
  probe: string,
  python: readonly TurnRun[],
  isolate: readonly TurnRun[],
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
  const line = (words: readonly string[]): string =>
    words
      .map((word, i) => (i === 0 ? word.padEnd(COLUMNS[0]) : word.padStart(COLUMNS[i] ?? word.length + 2)))
      .join('')
      .trimEnd();
  const turns = measured.map(({ probe, python }) => `${probe} ${python.runs.length}`).join(', ');
  return [
    `CPython of ${recipe} against ${reference}: CPU time, launch to exit`,
    `medians, in turn in one run (${turns} turns); ratio: median of the turns' ratios`,
    '',
    ...[head, ...rows].map(line),
    '',
  ].join('\n');
}

function noRecipe() {
  return {
    code: 'usage/bench-recipe',
    what: 'This bench needs a recipe.',
    fix: ['Name one or more: `provision bench python native musl`.'],
  } as const;
}
