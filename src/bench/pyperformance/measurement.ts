import type { Clock } from '../../domain/amortization.ts';
import { closest } from '../../domain/closest.ts';
import type { Context } from '../../domain/context.ts';
import type { LeftBenchmark, MeasuredBenchmark, Pyperformance } from '../../domain/pyperformance.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import type { Failure } from '../../failure.ts';
import { SUITE_AT } from '../../runtime/instance.ts';
import type { Bench, CommandRun, ScriptCommand } from '../interleave.ts';
import { median } from '../measure.ts';
import { bootstrap, timed } from '../stats.ts';

/** Where the sandbox has the driver, and the folder of packages. */
export const DRIVER_AT = `${SUITE_AT}/driver.py`;
export const SITE_AT = '/job/pyperformance';

export interface MeasurementOptions {
  readonly rounds: number;
  readonly clock: Clock;
  /** Names; absent: all. */
  readonly benchmarks?: readonly string[];
}

interface Task {
  readonly benchmark: string;
  readonly index: number;
  readonly name: string;
  readonly loops: number;
}

/** The benchmarks of one recipe's program against the reference. */
export class Measurement {
  readonly #context: Context;
  readonly #bench: Bench;
  readonly #options: MeasurementOptions;
  readonly #isolate: ScriptCommand;
  readonly #left: LeftBenchmark[] = [];

  constructor(context: Context, bench: Bench, recipe: string, options: MeasurementOptions) {
    const isolate = bench.targets.get(recipe);
    if (isolate === undefined) throw new Error(`the bench has no target ${recipe}`);
    this.#context = context;
    this.#bench = bench;
    this.#options = options;
    this.#isolate = isolate;
  }

  async all(): Promise<Result<Pick<Pyperformance, 'benchmarks' | 'left'>>> {
    const names = await this.#names();
    if (!names.ok) return names;
    const benchmarks: MeasuredBenchmark[] = [];
    for (const [done, name] of names.value.entries()) {
      this.#context.emit({
        ...({ type: 'stage-progress', stage: 'run', done, total: names.value.length } as const),
        ...{ unit: 'iterations', detail: name },
      });
      const tasks = await this.#calibrate(name);
      if (!tasks.ok) return tasks;
      for (const task of tasks.value) {
        const one = await this.#measure(task);
        if (!one.ok) return one;
        if (one.value !== undefined) benchmarks.push(one.value);
      }
    }
    return ok({ benchmarks, left: this.#left });
  }

  async #names(): Promise<Result<readonly string[]>> {
    const listed = await this.#bench.run(
      { python: { ...this.#bench.python(DRIVER_AT, jobOf({ do: 'list' })), keep: true } },
      { rounds: 1, warmUp: 0 },
    );
    if (!listed.ok) return listed;
    const all = answerOf<readonly string[]>(listed.value.python?.[0]) ?? [];
    const wanted = this.#options.benchmarks ?? all;
    const unknown = wanted.find((name) => !all.includes(name));
    return unknown === undefined ? ok(wanted) : err(noBenchmark(unknown, all));
  }

  /** The tasks of a benchmark with as many loops as the reference needs; none where one of the two cannot run it. */
  async #calibrate(benchmark: string): Promise<Result<readonly Task[]>> {
    const both = await this.#both({ do: 'calibrate', name: benchmark }, 1);
    if (!both.ok) return both;
    const [python] = both.value.python;
    const [isolate] = both.value.isolate;
    const tasks = answerOf<readonly { readonly name: string; readonly loops: number }[]>(python);
    if (tasks !== undefined && answerOf(isolate) !== undefined)
      return ok(tasks.map((task, index) => ({ benchmark, index, ...task })));
    this.#leave(
      benchmark,
      tasks === undefined ? 'python' : 'isolate',
      tasks === undefined ? python : isolate,
    );
    return ok([]);
  }

  async #measure({ benchmark, index, name, loops }: Task): Promise<Result<MeasuredBenchmark | undefined>> {
    const both = await this.#both(
      { do: 'measure', name: benchmark, task: index, loops },
      this.#options.rounds,
    );
    if (!both.ok) return both;
    const seconds = (runs: readonly CommandRun[]): readonly number[] =>
      runs.flatMap((run) => answerOf<readonly { readonly seconds: number }[]>(run)?.[0]?.seconds ?? []);
    const [python, isolate] = [seconds(both.value.python), seconds(both.value.isolate)];
    for (const [by, values] of [
      ['python', python],
      ['isolate', isolate],
    ] as const) {
      if (values.length === this.#options.rounds) continue;
      const runs = both.value[by];
      this.#leave(
        name,
        by,
        runs.find((run) => answerOf(run) === undefined),
      );
      return ok(undefined);
    }
    const ratios = ratiosOf(python, isolate);
    const ms = (values: readonly number[]) => timed(values.map((one) => one * 1000));
    const ratio = bootstrap(ratios.length, (indices) => median(indices.map((i) => ratios[i] as number)));
    return ok({ name, loops, python: ms(python), isolate: ms(isolate), ratio });
  }

  async #both(
    job: Readonly<Record<string, string | number>>,
    rounds: number,
  ): Promise<Result<Record<'python' | 'isolate', readonly CommandRun[]>>> {
    const env = jobOf({ ...job, clock: this.#options.clock });
    const runs = await this.#bench.run(
      {
        python: { ...this.#bench.python(DRIVER_AT, env), keep: true },
        isolate: { ...this.#isolate(DRIVER_AT, env), keep: true },
      },
      { rounds, warmUp: 0 },
    );
    if (!runs.ok) return runs;
    const { python = [], isolate = [] } = runs.value;
    return ok({ python, isolate });
  }

  #leave(name: string, by: LeftBenchmark['by'], run: CommandRun | undefined): void {
    const last = run?.stderr?.trimEnd().split('\n').at(-1) ?? '';
    const ended =
      (run?.status ?? 0) < 0 ? `ended by signal ${-(run?.status ?? 0)}` : `ended with status ${run?.status}`;
    this.#left.push({ name, by, reason: last === '' ? ended : last });
  }
}

function jobOf(job: Readonly<Record<string, string | number>>): Record<string, string> {
  return { PYPERFORMANCE: JSON.stringify({ site: SITE_AT, ...job }) };
}

/** What the driver printed last; undefined where it failed. */
function answerOf<T>(run: CommandRun | undefined): T | undefined {
  if (run?.status !== 0) return undefined;
  return JSON.parse(run.stdout?.trimEnd().split('\n').at(-1) ?? 'null') as T;
}

function noBenchmark(name: string, all: readonly string[]): Failure {
  const meant = closest(name, all);
  return {
    code: 'usage/bench-option',
    what: `pyperformance has no benchmark "${name}".`,
    fix: [
      ...(meant === undefined ? [] : [`Did you mean ${meant}?`]),
      `Take some of these: ${all.join(', ')}.`,
    ],
  };
}

/** isolate ÷ python of each iteration. */
export function ratiosOf(python: readonly number[], isolate: readonly number[]): readonly number[] {
  return isolate.map((ms, i) => ms / (python[i] as number));
}
