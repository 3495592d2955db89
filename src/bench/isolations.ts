import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Invocation, Outcome } from '../commands/command.ts';
import { ok, type Result } from '../domain/result.ts';
import type { Session } from '../pipeline/session.ts';
import { SUITE_AT } from '../runtime/instance.ts';
import { withTemporaryFolder } from '../store/scratch.ts';
import { artifactsOf, measuredBy, writeFiles } from './artifacts.ts';
import { type CommandRun, type InterleavedCommand, openBench, type ScriptCommand } from './interleave.ts';
import { type IsolationRow, isolationText, rowsOf, type Trial } from './isolations-text.ts';
import { countOption } from './options.ts';
import { type PreparedRecipe, withPreparedRecipe } from './prepared-recipe.ts';

/** The ways in which the runner keeps scripts apart, with its options. Another one is one line. */
const ISOLATIONS: Readonly<Record<string, readonly [mode: string, ...options: readonly string[]]>> = {
  process: ['--isolate=process'],
  'interpreter, fresh': ['--isolate=interpreter'],
  'interpreter, reused': ['--isolate=interpreter', '--reuse'],
  'fork of a warm process': ['--isolate=fork'],
};

const RECIPE = 'native';
const ROUNDS = 3;
/** Empty scripts in turn: the launch is what each of those beyond the first few costs. */
const FEW = 10;
const MANY = 1_000;
/** Scripts that are there at the same time. */
const TOGETHER = 8;
/** Rounds of the amortization workload, and of the loop of each of two scripts. */
const STEPS = 200_000;
const LOOP = 5_000_000;

const SCRIPTS: Readonly<Record<string, string>> = {
  empty: '',
  waits: 'import time\ntime.sleep(0.5)\n',
};

/**
 * `provision bench amortize --isolation`: what a script costs in a process of its own, in an interpreter of its own (fresh or used
 * again), and in a fork of a warm process. `--scripts` is how many run in turn.
 */
export async function benchIsolations(invocation: Invocation): Promise<Result<Outcome>> {
  const rounds = countOption(invocation, 'rounds', 1);
  if (!rounds.ok) return rounds;
  const many = countOption(invocation, 'scripts', FEW + 1);
  if (!many.ok) return many;
  const { context, positionals } = invocation;
  const count = { rounds: rounds.value ?? ROUNDS, many: many.value ?? MANY };
  return withTemporaryFolder(context.settings.store, 'bench', (folder) =>
    withPreparedRecipe(context, positionals[1] ?? RECIPE, folder, (session, prepared) =>
      measure(session, prepared, count, folder, invocation),
    ),
  );
}

interface Count {
  readonly rounds: number;
  readonly many: number;
}

async function measure(
  session: Session,
  { engine, runtimes, rootfs, planned }: PreparedRecipe,
  { rounds, many }: Count,
  folder: string,
  invocation: Invocation,
): Promise<Result<Outcome>> {
  const started = Date.now();
  const { context } = session;
  const { name } = planned.plan.recipe;
  const suite = join(folder, 'suite');
  await mkdir(suite);
  for (const [script, text] of Object.entries(SCRIPTS)) await writeFile(join(suite, `${script}.py`), text);
  const opened = await openBench(context, {
    ...{ engine, rootfs, reference: runtimes.reference },
    targets: new Map([[name, runtimes.target]]),
    mounts: [
      { kind: 'source', source: suite, at: SUITE_AT },
      { kind: 'source', source: join(context.settings.home, 'runner', 'bench'), at: WORKLOADS_AT },
    ],
    log: join(folder, 'bench.log'),
  });
  if (!opened.ok) return opened;
  await using bench = opened.value;
  const start = bench.targets.get(name);
  if (start === undefined) throw new Error(`the bench has no target ${name}`);
  const trials: Record<string, Trial> = {};
  for (const [isolation, options] of Object.entries(ISOLATIONS)) {
    const runs = await bench.run(commandsOf(start, options, many), { rounds, warmUp: 0 });
    if (!runs.ok) return runs;
    trials[isolation] = runs.value as Readonly<Record<keyof Trial, readonly CommandRun[]>>;
  }
  const rows: readonly IsolationRow[] = rowsOf(trials, {
    ...{ few: FEW, many, together: TOGETHER, steps: STEPS },
  });
  const result = { ...measuredBy(context, started), what: 'isolation', recipe: name, rounds, many, rows };
  const written = await writeFiles(join(artifactsOf(invocation), name), {
    'isolation.json': `${JSON.stringify(result, null, 2)}\n`,
  });
  return written.ok ? ok({ text: isolationText(name, many, rows), json: result }) : written;
}

const WORKLOADS_AT = '/job/workloads';

function commandsOf(
  start: ScriptCommand,
  [mode, ...options]: readonly [mode: string, ...options: readonly string[]],
  many: number,
): Record<keyof Trial, InterleavedCommand> {
  const run = (
    script: string,
    times: number,
    jobs: number,
    env: Readonly<Record<string, string>> = {},
  ): InterleavedCommand => {
    const command = start(mode, env);
    const scripts = Array.from({ length: times }, () => ['--', script]).flat();
    return { ...command, argv: [...command.argv, ...options, '--jobs', String(jobs), ...scripts] };
  };
  const workload = (rounds: number): InterleavedCommand =>
    run(`${WORKLOADS_AT}/amort_workload.py`, 1, 1, { AMORT_M: String(rounds) });
  const loops = (jobs: number): InterleavedCommand =>
    run(`${WORKLOADS_AT}/loop_workload.py`, 2, jobs, { LOOP_N: String(LOOP) });
  return {
    few: run(`${SUITE_AT}/empty.py`, FEW, 1),
    many: run(`${SUITE_AT}/empty.py`, many, 1),
    short: workload(1),
    long: workload(STEPS),
    inTurn: loops(1),
    atOnce: loops(2),
    alone: run(`${SUITE_AT}/waits.py`, 1, 1),
    together: run(`${SUITE_AT}/waits.py`, TOGETHER, TOGETHER),
  };
}
