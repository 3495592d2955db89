import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Invocation, Outcome } from '../commands/command.ts';
import { findHostCargo, type HostRust } from '../diagnose/probe/host-build.ts';
import type { Context } from '../domain/context.ts';
import type { Report } from '../domain/report.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { runProcess } from '../exec/process.ts';
import { hostMachine } from '../pipeline/host.ts';
import { type Planned, planRun } from '../pipeline/prepare.ts';
import { withTemporaryFolder } from '../store/scratch.ts';
import { DEFAULT_RECIPE } from './default-recipe.ts';
import { findHostPython, type HostPython } from './host-python.ts';
import { median, runTool } from './measure.ts';
import { copyProject } from './project-copy.ts';
import { type Row, roundsOf, table } from './rows.ts';

/** Most that an edit may cost, as a multiple of what it costs with cargo alone. */
const BOUND = 1.15;

/**
 * `provision bench edit [<recipe>…]`: one line of `main.rs` is changed, and the stage that builds is measured against `cargo
 * build` of the same crate with the user's own Rust, for this machine and the same version of Python. The two take turns.
 */
export async function benchEdit(invocation: Invocation): Promise<Result<Outcome>> {
  const counted = roundsOf(invocation);
  if (!counted.ok) return counted;
  const context = { ...invocation.context, emit: () => {} };
  const rust = await findHostCargo(context);
  if (rust === undefined) return err(noCargo());
  const named = invocation.positionals.slice(1);
  const rows: Row[] = [];
  for (const recipe of named.length === 0 ? [DEFAULT_RECIPE] : named) {
    const measured = await withTemporaryFolder(context.settings.store, 'bench', (folder) =>
      measureEdits({ context, rust, recipe, folder, rounds: counted.value }),
    );
    if (!measured.ok) return measured;
    rows.push(...measured.value);
  }
  const { engine } = context.settings;
  const title = `An edited line, ${engine === 'auto' ? 'the engine of this machine' : engine}`;
  return ok({ text: table(title, rows), json: { rounds: counted.value, engine, rows } });
}

interface Bench {
  readonly context: Context;
  readonly rust: HostRust;
  readonly recipe: string;
  /** Empty folder on the store's file system. */
  readonly folder: string;
  readonly rounds: number;
}

async function measureEdits(bench: Bench): Promise<Result<readonly Row[]>> {
  const { context, recipe, folder, rounds } = bench;
  const planned = await planRun(context, recipe, hostMachine());
  if (!planned.ok) return planned;
  const file = await copyProject(planned.value.plan.recipe, folder);
  const few = await oneSample(join(folder, 'samples'));
  const python = await findHostPython(context, planned.value.plan, folder);
  if (!python.ok) return python;
  const { store, engine } = context.settings;
  const source = join(folder, 'crate', 'src', 'main.rs');
  const text = await readFile(source, 'utf8');
  const times: Record<keyof Times, number[]> = { ours: [], inside: [], bundle: [], whole: [], cargo: [] };
  // The first of each compiles all crates, the second is not the first with an edit.
  for (let round = -2; round < rounds; round += 1) {
    // What is not in the program does not have to be linked.
    await writeFile(source, `${text}\n#[used]\nstatic EDITED: u64 = ${Date.now()};\n`);
    const sides = [
      async (): Promise<Result<void>> => {
        const run = await runTool(
          context,
          ['run', file, ...few, '--engine', engine, '--store', store],
          folder,
        );
        if (!run.ok) return run;
        const timed = await buildTimes(folder);
        if (!timed.ok) return timed;
        if (round >= 0) {
          times.whole.push(run.value.ms);
          times.ours.push(timed.value.stage);
          times.inside.push(timed.value.cargo);
          times.bundle.push(timed.value.bundle);
        }
        return ok(undefined);
      },
      async (): Promise<Result<void>> => {
        const ms = await cargoBuild(bench, planned.value, python.value);
        if (ms.ok && round >= 0) times.cargo.push(ms.value);
        return ms.ok ? ok(undefined) : ms;
      },
    ];
    // Whoever is first in one round is second in the next: what disturbs the machine disturbs both.
    for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
      const done = await side();
      if (!done.ok) return done;
    }
  }
  const [cargo, said] = [bench.rust.versions.cargo, python.value.said];
  return ok(rowsOf(recipe, times, `cargo ${cargo} and ${said} on this machine`));
}

/** One sample says that the program runs: all of them would take minutes of each round under an emulator. */
async function oneSample(folder: string): Promise<readonly string[]> {
  const names = await readdir(folder, { recursive: true });
  const first = names.filter((name) => name.endsWith('.py')).sort()[0];
  return first === undefined ? [] : ['--samples', join(folder, first)];
}

/** Milliseconds of each round. */
interface Times {
  /** Of the stage that fetches crates and builds. */
  readonly ours: readonly number[];
  /** Of cargo in it. */
  readonly inside: readonly number[];
  /** Of the stages that describe and pack the bundle. */
  readonly bundle: readonly number[];
  readonly whole: readonly number[];
  /** Of cargo on this machine. */
  readonly cargo: readonly number[];
}

function rowsOf(recipe: string, { ours, inside, bundle, whole, cargo }: Times, note: string): readonly Row[] {
  const against = (what: string, runs: readonly number[]) => {
    // Of each round: what disturbs a round disturbs both of its sides.
    const ratio = median(ours.map((ms, round) => ms / (runs[round] ?? Number.NaN)));
    return {
      against: { what, ms: median(runs), runs, ratio },
      ...{ goal: `≤ ${BOUND}× cargo`, met: ratio <= BOUND },
    };
  };
  const what = `${recipe}: build after an edit`;
  return [
    { ...{ what, ms: median(ours), runs: ours }, ...against('cargo build on this machine', cargo), note },
    // The same compiler, for the same target: what is more is ours.
    { ...{ what, ms: median(ours), runs: ours }, ...against("the toolchain's cargo in it", inside) },
    { ...{ what: `${recipe}: bundle after an edit`, ms: median(bundle), runs: bundle }, goal: 'none' },
    {
      ...{ what: `${recipe}: the whole run, with bundle and one sample`, ms: median(whole), runs: whole },
      goal: 'none',
    },
  ];
}

interface BuildTimes {
  readonly stage: number;
  readonly bundle: number;
  readonly cargo: number;
}

/** Milliseconds of the stages that build and that bundle, from the report, and of cargo in the first, from the log. */
async function buildTimes(folder: string): Promise<Result<BuildTimes>> {
  const artifacts = join(folder, 'artifacts', 'bench');
  const { stages } = JSON.parse(await readFile(join(artifacts, 'report.json'), 'utf8')) as Report;
  const stage = stages.find(({ name }) => name === 'build')?.ms;
  // The bill of materials and the archive.
  const bundle = stages.reduce((sum, { name, ms }) => sum + (name === 'bundle' ? ms : 0), 0);
  const log = await readFile(join(artifacts, 'logs', 'build.log'), 'utf8');
  const cargo = /^\s*Finished .* in (?:(\d+)m )?([\d.]+)s$/m.exec(log);
  if (stage !== undefined && cargo !== null)
    return ok({ stage, bundle, cargo: (Number(cargo[1] ?? 0) * 60 + Number(cargo[2])) * 1000 });
  return err({
    code: 'engine/bench-run',
    what: 'The run after an edit has no stage `build` in its report, or no end of cargo in its log.',
    fix: ['Look at the log: the edit was not compiled.'],
    see: [join(artifacts, 'logs', 'build.log')],
  });
}

async function cargoBuild(
  { context, rust, folder }: Bench,
  { plan: { recipe } }: Planned,
  python: HostPython,
): Promise<Result<number>> {
  const { bin, profile } = recipe.project;
  const args = ['build', '--locked', '--bin', bin, '--profile', profile];
  const run = await runProcess({
    argv: [rust.cargo, ...args, '--jobs', String(context.settings.jobs)],
    env: { ...rust.env, ...python.env, CARGO_TARGET_DIR: join(folder, 'target') },
    cwd: join(folder, 'crate'),
    signal: context.signal,
  });
  if (!run.ok) return run;
  if (run.value.status === 0) return ok(run.value.ms);
  return err({
    code: 'engine/bench-by-hand',
    what: '`cargo build` of the same crate failed on this machine, so there is nothing to compare with.',
    fix: [
      'Make `cargo build` work there: a crate with PyO3 needs `python3` and its library on this machine.',
    ],
    evidence: Buffer.from(run.value.stderr).toString('utf8').trimEnd().split('\n').slice(-20),
  });
}

function noCargo() {
  return {
    code: 'engine/bench-by-hand',
    what: 'There is no cargo on PATH that answers, so there is nothing to compare with.',
    fix: ['Install Rust with rustup.'],
  } as const;
}
