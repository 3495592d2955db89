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
import type { Configuration } from './configurations.ts';
import { overheadOf, WORKLOADS } from './factors.ts';
import type { Counter } from './instruction-counter.ts';

/** A workload's script, the variable that sets its length, and the lengths used. */
interface Workload {
  readonly script: string;
  readonly variable: string;
  /** Rounds of a timed run: some tenths of a second. */
  readonly rounds: number;
  /** Rounds of a run whose instructions are counted: under callgrind it takes fifty times as long. */
  readonly counted: number;
}

const SCRIPTS: Readonly<Record<WorkloadName, Workload>> = {
  loop: { script: 'loop_workload.py', variable: 'LOOP_N', rounds: 4_000_000, counted: 200_000 },
  amortize: { script: 'amort_workload.py', variable: 'AMORT_M', rounds: 250_000, counted: 20_000 },
};

export const SMALLEST = `${SUITE_AT}/${SCRIPTS.loop.script}`;

/** A counter with its results for the reference, which all configurations share. */
export interface Counting extends Counter {
  readonly reference: Map<WorkloadName, number>;
}

export interface Count {
  readonly rounds: number;
  readonly warmUp: number;
}

/** Measures both sides of one configuration on both workloads, interleaved. */
export async function measureConfiguration(
  bench: Bench,
  configuration: Configuration,
  count: Count,
  counter: Counting | undefined,
): Promise<Result<ConfigurationResult>> {
  const measurements = await runWorkloads(bench, configuration, count);
  if (!measurements.ok) return measurements;
  const workloads: Partial<Record<WorkloadName, WorkloadOverhead>> = {};
  for (const workload of WORKLOADS) {
    const counted =
      counter === undefined ? ok(undefined) : await instructions(bench, configuration, counter, workload);
    if (!counted.ok) return counted;
    const { python, isolate } = workTimes(measurements.value, workload);
    workloads[workload] = {
      python: timed(python),
      isolate: timed(isolate),
      tax: overheadOf(python, isolate),
      ...defined({ instructions: counted.value }),
    };
  }
  return ok({
    name: configuration.name,
    recipe: configuration.build.recipe,
    settings: configuration.settings,
    workloads: workloads as ConfigurationResult['workloads'],
    exact: isExact(measurements.value),
  });
}

type RunsByCommand = Readonly<Record<string, readonly CommandRun[]>>;
type Env = Readonly<Record<string, string>>;

/** The keys of the result are `python loop long` and so on. `change` applies to both sides. */
function runWorkloads(
  bench: Bench,
  configuration: Configuration,
  count: Count,
  change: { readonly env?: Env; readonly fixedLayout?: boolean } = {},
): Promise<Result<RunsByCommand>> {
  const commands: Record<string, InterleavedCommand> = {};
  for (const workload of WORKLOADS) {
    for (const length of ['short', 'long'] as const) {
      const rounds = length === 'short' ? 1 : SCRIPTS[workload].rounds;
      const both = commandsFor(bench, configuration, workload, rounds, change.env);
      for (const [side, command] of Object.entries(both)) {
        const fixedLayout = change.fixedLayout === true;
        commands[`${side} ${workload} ${length}`] = { ...command, keep: true, fixedLayout };
      }
    }
  }
  return bench.run(commands, count);
}

function commandsFor(
  bench: Bench,
  configuration: Configuration,
  workload: WorkloadName,
  rounds: number,
  more: Env = {},
): Readonly<Record<'python' | 'isolate', InterleavedCommand>> {
  const { script, variable } = SCRIPTS[workload];
  const file = `${SUITE_AT}/${script}`;
  const env = { ...more, [variable]: String(rounds) };
  const isolate = bench.targets.get(configuration.build.name)?.(file, { ...env, ...configuration.env });
  if (isolate === undefined) throw new Error(`the bench has no ${configuration.build.name}`);
  const { argv } = isolate;
  return {
    python: bench.python(file, env),
    isolate: { ...isolate, argv: [...argv.slice(0, -1), ...configuration.options, ...argv.slice(-1)] },
  };
}

/** Milliseconds of CPU time for the work alone, one number for each iteration. */
function workTimes(
  measurements: RunsByCommand,
  workload: WorkloadName,
): Readonly<Record<'python' | 'isolate', readonly number[]>> {
  const of = (side: string): readonly number[] => {
    const launch = median((measurements[`${side} ${workload} short`] ?? []).map(({ cpu }) => cpu));
    return (measurements[`${side} ${workload} long`] ?? []).map(({ cpu }) => cpu - launch);
  };
  return { python: of('python'), isolate: of('isolate') };
}

function isExact(measurements: RunsByCommand): boolean {
  return Object.entries(measurements).every(([name, runs]) => {
    const expected = measurements[name.replace(/^isolate/, 'python')]?.[0];
    return runs.every(({ digest, status }) => status === 0 && digest === expected?.digest);
  });
}

/** Instructions per round: the difference between a long and a short run, divided by the rounds. The reference is counted once. */
async function instructions(
  bench: Bench,
  configuration: Configuration,
  counter: Counting,
  workload: WorkloadName,
): Promise<Result<WorkloadOverhead['instructions']>> {
  const long = SCRIPTS[workload].counted;
  const known = counter.reference.get(workload);
  const commands: Record<string, InterleavedCommand> = {};
  for (const rounds of [1, long]) {
    for (const [side, command] of Object.entries(commandsFor(bench, configuration, workload, rounds))) {
      if (side === 'isolate' || known === undefined) commands[`${side} ${rounds}`] = counter.counted(command);
    }
  }
  const measurements = await bench.run(commands, { rounds: 1, warmUp: 0 });
  if (!measurements.ok) return measurements;
  const step = (side: string): number | undefined => {
    const [few, many] = [1, long].map((rounds) => measurements.value[`${side} ${rounds}`]?.[0]);
    const [from, to] = [few && counter.read(few), many && counter.read(many)];
    return from === undefined || to === undefined ? undefined : (to - from) / (long - 1);
  };
  const [python, isolate] = [known ?? step('python'), step('isolate')];
  if (python === undefined || isolate === undefined) return ok(undefined);
  counter.reference.set(workload, python);
  return ok({ python, isolate, tax: (isolate / python - 1) * 100 });
}

/** What each source of noise varies between settings. `nothing` measures the noise that remains. */
const NOISE: Readonly<Record<string, (i: number) => { readonly env?: Env; readonly fixedLayout: boolean }>> =
  {
    nothing: () => ({ fixedLayout: true }),
    'hash seed': (i) => ({ fixedLayout: true, env: { PYTHONHASHSEED: String(i + 1) } }),
    // Shifts the stack by its length.
    'environment size': (i) => ({ fixedLayout: true, env: { BENCH_PADDING: 'x'.repeat(i * 333) } }),
    'address-space layout': () => ({ fixedLayout: false }),
  };

/** How far a configuration's overhead varies with conditions that no setting controls. */
export async function measureNoise(
  bench: Bench,
  configuration: Configuration,
  count: Count,
  settings: number,
): Promise<Result<readonly NoiseMeasurement[]>> {
  const noise: NoiseMeasurement[] = [];
  for (const [source, change] of Object.entries(NOISE)) {
    const points: Record<WorkloadName, number[]> = { loop: [], amortize: [] };
    let refused = false;
    for (let i = 0; i < settings; i++) {
      const measurements = await runWorkloads(bench, configuration, count, change(i));
      if (!measurements.ok) return measurements;
      refused ||= Object.values(measurements.value).some((runs) =>
        runs.some(({ fixedLayout }) => fixedLayout === false),
      );
      for (const workload of WORKLOADS) {
        const { python, isolate } = workTimes(measurements.value, workload);
        points[workload].push(overheadOf(python, isolate).value);
      }
    }
    for (const workload of WORKLOADS) {
      noise.push({
        cell: configuration.name,
        workload,
        // Docker's default seccomp profile refuses personality(2).
        source: refused ? `${source} (layout random: the engine refuses to fix it)` : source,
        points: points[workload],
        spread: deviation(points[workload]),
      });
    }
  }
  return ok(noise);
}
