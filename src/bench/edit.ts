import { readFile, writeFile } from 'node:fs/promises';
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
import { median, runTool } from './measure.ts';
import { copyProject } from './project-copy.ts';
import { type Row, roundsOf, table } from './rows.ts';

/** Most that an edit may cost, as a multiple of what it costs with cargo alone. */
const BOUND = 1.15;

/**
 * `provision bench edit [<recipe>…]`: one line of `main.rs` is changed, and the stage that builds is measured against `cargo
 * build` of the same crate with the user's own Rust, for this machine. The two take turns.
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
  return ok({ text: table('An edited line', rows), json: { rounds: counted.value, rows } });
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
  const source = join(folder, 'crate', 'src', 'main.rs');
  const text = await readFile(source, 'utf8');
  const times = { ours: [] as number[], whole: [] as number[], cargo: [] as number[] };
  // The first of each compiles all crates, the second is not the first with an edit.
  for (let round = -2; round < rounds; round += 1) {
    // What is not in the program does not have to be linked.
    await writeFile(source, `${text}\n#[used]\nstatic EDITED: u64 = ${Date.now()};\n`);
    const sides = [
      async (): Promise<Result<void>> => {
        const run = await runTool(context, ['run', file, '--store', context.settings.store], folder);
        if (!run.ok) return run;
        const ms = await buildTime(folder);
        if (round >= 0) {
          times.whole.push(run.value.ms);
          times.ours.push(ms);
        }
        return ok(undefined);
      },
      async (): Promise<Result<void>> => {
        const ms = await cargoBuild(bench, planned.value);
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
  return ok(rowsOf(recipe, times));
}

function rowsOf(
  recipe: string,
  { ours, whole, cargo }: Readonly<Record<'ours' | 'whole' | 'cargo', readonly number[]>>,
): readonly Row[] {
  const ratio = median(ours) / median(cargo);
  return [
    {
      ...{ what: `${recipe}: build after an edit`, ms: median(ours), runs: ours },
      against: { what: 'cargo build on this machine', ms: median(cargo), runs: cargo, ratio },
      ...{ goal: `≤ ${BOUND}× cargo`, met: ratio <= BOUND },
    },
    {
      ...{ what: `${recipe}: the whole run, with bundle and samples`, ms: median(whole), runs: whole },
      goal: 'none',
    },
  ];
}

/** Milliseconds of the stage that fetches crates and builds. */
async function buildTime(folder: string): Promise<number> {
  const file = join(folder, 'artifacts', 'bench', 'report.json');
  const { stages } = JSON.parse(await readFile(file, 'utf8')) as Report;
  return stages.find(({ name }) => name === 'build')?.ms ?? Number.NaN;
}

async function cargoBuild(
  { context, rust, folder }: Bench,
  { plan: { recipe } }: Planned,
): Promise<Result<number>> {
  const { bin, profile } = recipe.project;
  const args = ['build', '--locked', '--bin', bin, '--profile', profile];
  const run = await runProcess({
    argv: [rust.cargo, ...args, '--jobs', String(context.settings.jobs)],
    env: { ...rust.env, CARGO_TARGET_DIR: join(folder, 'target') },
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
