import { defined } from '../../domain/defined.ts';
import type {
  ConfigurationResult,
  NoiseMeasurement,
  WorkloadName,
  WorkloadOverhead,
} from '../../domain/overhead.ts';
import { ok, type Result } from '../../domain/result.ts';
import { SUITE_AT } from '../../runtime/instance.ts';
import type { Bench, CommandRun, InterleavedCommand } from '../interleave.ts';
import { median } from '../measure.ts';
import { deviation, timed } from '../stats.ts';
import type { Cell } from './configurations.ts';
import { taxOf, WORKLOADS } from './factors.ts';
import type { Counter } from './instruction-counter.ts';

/** A workload's script, the variable that says how long it goes on, and its lengths. */
interface Workload {
  readonly script: string;
  readonly variable: string;
  /** Rounds of a run that is timed: some tenths of a second. */
  readonly rounds: number;
  /** Rounds of a run whose instructions are counted: callgrind takes fifty times as long. */
  readonly counted: number;
}

const SCRIPTS: Readonly<Record<WorkloadName, Workload>> = {
  loop: { script: 'loop_workload.py', variable: 'LOOP_N', rounds: 4_000_000, counted: 200_000 },
  amortize: { script: 'amort_workload.py', variable: 'AMORT_M', rounds: 250_000, counted: 20_000 },
};

export const SMALLEST = `${SUITE_AT}/${SCRIPTS.loop.script}`;

/** A counter, and what it counted of the reference, which is the same for every cell. */
export interface Counting extends Counter {
  readonly reference: Map<WorkloadName, number>;
}

export interface Count {
  readonly rounds: number;
  readonly warmUp: number;
}

/** Both sides of one cell on both workloads, in turn. */
export async function measureConfiguration(
  bench: Bench,
  cell: Cell,
  count: Count,
  counter: Counting | undefined,
): Promise<Result<ConfigurationResult>> {
  const taken = await take(bench, cell, count);
  if (!taken.ok) return taken;
  const workloads: Partial<Record<WorkloadName, WorkloadOverhead>> = {};
  for (const workload of WORKLOADS) {
    const counted =
      counter === undefined ? ok(undefined) : await instructions(bench, cell, counter, workload);
    if (!counted.ok) return counted;
    const { python, isolate } = work(taken.value, workload);
    workloads[workload] = {
      python: timed(python),
      isolate: timed(isolate),
      tax: taxOf(python, isolate),
      ...defined({ instructions: counted.value }),
    };
  }
  return ok({
    name: cell.name,
    recipe: cell.build.recipe,
    settings: cell.settings,
    workloads: workloads as ConfigurationResult['workloads'],
    exact: isExact(taken.value),
  });
}

type Taken = Readonly<Record<string, readonly CommandRun[]>>;
type Env = Readonly<Record<string, string>>;

/** Names: `python loop long` and so on. Changes reach both sides alike. */
function take(
  bench: Bench,
  cell: Cell,
  count: Count,
  change: { readonly env?: Env; readonly still?: boolean } = {},
): Promise<Result<Taken>> {
  const commands: Record<string, InterleavedCommand> = {};
  for (const workload of WORKLOADS) {
    for (const length of ['short', 'long'] as const) {
      const rounds = length === 'short' ? 1 : SCRIPTS[workload].rounds;
      for (const [side, turn] of Object.entries(sides(bench, cell, workload, rounds, change.env))) {
        commands[`${side} ${workload} ${length}`] = { ...turn, keep: true, still: change.still === true };
      }
    }
  }
  return bench.take(commands, count);
}

function sides(
  bench: Bench,
  cell: Cell,
  workload: WorkloadName,
  rounds: number,
  more: Env = {},
): Readonly<Record<'python' | 'isolate', InterleavedCommand>> {
  const { script, variable } = SCRIPTS[workload];
  const file = `${SUITE_AT}/${script}`;
  const env = { ...more, [variable]: String(rounds) };
  const isolate = bench.sides.get(cell.build.name)?.(file, { ...env, ...cell.env });
  if (isolate === undefined) throw new Error(`the bench has no ${cell.build.name}`);
  const { argv } = isolate;
  return {
    python: bench.python(file, env),
    isolate: { ...isolate, argv: [...argv.slice(0, -1), ...cell.before, ...argv.slice(-1)] },
  };
}

/** Milliseconds of CPU time for the work alone, turn by turn. */
function work(
  taken: Taken,
  workload: WorkloadName,
): Readonly<Record<'python' | 'isolate', readonly number[]>> {
  const of = (side: string): readonly number[] => {
    const launch = median((taken[`${side} ${workload} short`] ?? []).map(({ cpu }) => cpu));
    return (taken[`${side} ${workload} long`] ?? []).map(({ cpu }) => cpu - launch);
  };
  return { python: of('python'), isolate: of('isolate') };
}

function isExact(taken: Taken): boolean {
  return Object.entries(taken).every(([name, runs]) => {
    const right = taken[name.replace(/^isolate/, 'python')]?.[0];
    return runs.every(({ digest, status }) => status === 0 && digest === right?.digest);
  });
}

/** Instructions of one round: what a long run takes more than a short one, by its rounds. The reference is counted once. */
async function instructions(
  bench: Bench,
  cell: Cell,
  counter: Counting,
  workload: WorkloadName,
): Promise<Result<WorkloadOverhead['instructions']>> {
  const long = SCRIPTS[workload].counted;
  const known = counter.reference.get(workload);
  const commands: Record<string, InterleavedCommand> = {};
  for (const rounds of [1, long]) {
    for (const [side, turn] of Object.entries(sides(bench, cell, workload, rounds))) {
      if (side === 'isolate' || known === undefined) commands[`${side} ${rounds}`] = counter.counted(turn);
    }
  }
  const taken = await bench.take(commands, { rounds: 1, warmUp: 0 });
  if (!taken.ok) return taken;
  const step = (side: string): number | undefined => {
    const [few, many] = [1, long].map((rounds) => taken.value[`${side} ${rounds}`]?.[0]);
    const [from, to] = [few && counter.read(few), many && counter.read(many)];
    return from === undefined || to === undefined ? undefined : (to - from) / (long - 1);
  };
  const [python, isolate] = [known ?? step('python'), step('isolate')];
  if (python === undefined || isolate === undefined) return ok(undefined);
  counter.reference.set(workload, python);
  return ok({ python, isolate, tax: (isolate / python - 1) * 100 });
}

/** Each: what is changed between the settings that are tried. `nothing` is what remains beside them. */
const NOISE: Readonly<Record<string, (i: number) => { readonly env?: Env; readonly still: boolean }>> = {
  nothing: () => ({ still: true }),
  'hash seed': (i) => ({ still: true, env: { PYTHONHASHSEED: String(i + 1) } }),
  // Moves the stack by its length.
  'environment size': (i) => ({ still: true, env: { BENCH_PADDING: 'x'.repeat(i * 333) } }),
  'address-space layout': () => ({ still: false }),
};

/** How far a cell's tax moves with what nobody chooses. */
export async function measureNoise(
  bench: Bench,
  cell: Cell,
  count: Count,
  settings: number,
): Promise<Result<readonly NoiseMeasurement[]>> {
  const noise: NoiseMeasurement[] = [];
  for (const [source, change] of Object.entries(NOISE)) {
    const points: Record<WorkloadName, number[]> = { loop: [], amortize: [] };
    let refused = false;
    for (let i = 0; i < settings; i++) {
      const taken = await take(bench, cell, count, change(i));
      if (!taken.ok) return taken;
      refused ||= Object.values(taken.value).some((runs) => runs.some(({ still }) => still === false));
      for (const workload of WORKLOADS) {
        const { python, isolate } = work(taken.value, workload);
        points[workload].push(taxOf(python, isolate).value);
      }
    }
    for (const workload of WORKLOADS) {
      noise.push({
        cell: cell.name,
        workload,
        // Docker's default profile does not let a program ask for it (personality(2)).
        source: refused ? `${source} (layout random: the engine refuses to fix it)` : source,
        points: points[workload],
        spread: deviation(points[workload]),
      });
    }
  }
  return ok(noise);
}
