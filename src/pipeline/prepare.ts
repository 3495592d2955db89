import { join } from 'node:path';
import { findHostRust } from '../build/host-rust.ts';
import { distribution } from '../distro/distribution.ts';
import type { Context } from '../domain/context.ts';
import type { Resolved } from '../domain/definitions.ts';
import type { Plan } from '../domain/plan.ts';
import type { PythonDistribution } from '../domain/python.ts';
import { ok, type Result } from '../domain/result.ts';
import { PATHS } from '../engine/paths.ts';
import { type BuildEnv, buildEnv } from '../env/env.ts';
import { type Host, makePlan } from '../plan/plan.ts';
import { resolveRecipe } from '../recipe/recipe.ts';
import { describePython } from '../sysroot/python.ts';
import type { Tree } from '../toolchain/tree.ts';
import { plannedRun, sysrootFacts } from './facts.ts';
import { Recorder } from './recorder.ts';
import type { Session } from './session.ts';
import { type Locks, readLocks, type TreeMaker, toolchainPackages, treeMaker } from './trees.ts';

/** Recipe, plan and locks: everything that is known before anything is fetched. */
export interface Planned {
  readonly plan: Plan;
  readonly locks: Locks;
}

/** A plan, and what makes its trees. */
export interface Run extends Planned {
  readonly trees: TreeMaker;
}

/** Recipe → plan → locks. Reads, and makes nothing. */
export async function planRun(
  context: Context,
  recipe: string | undefined,
  host: Host,
  samples?: readonly string[],
): Promise<Result<Planned>> {
  const resolved = await resolveRecipe({ ...context.settings, machine: host.machine }, recipe);
  if (!resolved.ok) return resolved;
  const suite =
    samples === undefined
      ? resolved.value.recipe.samples
      : { ...resolved.value.recipe.samples, paths: samples };
  return planFrom(context, { ...resolved.value, recipe: { ...resolved.value.recipe, samples: suite } }, host);
}

/** The same from a recipe that is resolved already, and may have been changed since. */
export async function planFrom(context: Context, resolved: Resolved, host: Host): Promise<Result<Planned>> {
  const own = await withHostRust(context, resolved);
  if (!own.ok) return own;
  const plan = makePlan(own.value, host);
  const locks = await new Recorder(context.emit).stage(
    'lock',
    'Locks',
    () => readLocks(plan),
    (value) => ({
      hit: true,
      detail: Object.values(value)
        .map(({ file }) => file.id)
        .join(', '),
    }),
  );
  if (!locks.ok) return locks;
  context.emit({ type: 'planned', run: plannedRun(plan) });
  return ok({ plan, locks: locks.value });
}

/** `logs` is the folder for the logs of source builds; the default is that of a run without `--artifacts`. */
export async function startRun(
  session: Session,
  planned: Planned,
  logs: string = join(session.context.settings.cwd, 'artifacts', planned.plan.recipe.name, 'logs'),
): Promise<Run> {
  return { ...planned, trees: await treeMaker(session, planned.plan, planned.locks, logs) };
}

/** The user's own Rust, where the recipe selects it: located before anything else is done. */
async function withHostRust(context: Context, resolved: Resolved): Promise<Result<Resolved>> {
  if (resolved.recipe.rust !== 'host') return ok(resolved);
  const rust = await findHostRust(context, resolved);
  return rust.ok ? ok({ ...resolved, rust: rust.value }) : rust;
}

export interface Prepared {
  readonly sysroot: Tree;
  readonly python: PythonDistribution;
  readonly env: BuildEnv;
  /** Seconds since the epoch: when the sysroot was locked, so that the same lock gives the same bytes. */
  readonly sourceDateEpoch: number;
}

/** Sysroot → the environment that a build gets. */
export async function prepareEnv({ context }: Session, run: Run): Promise<Result<Prepared>> {
  const { plan, locks, trees } = run;
  const sysroot = await trees.make('sysroot');
  if (!sysroot.ok) return sysroot;
  const python = await describePython(sysroot.value.folder, plan.sysroot, plan.target);
  if (!python.ok) return python;
  const sourceDateEpoch = Math.floor(Date.parse(locks.sysroot.lock.resolved) / 1000);
  const env = buildEnv({
    resolved: plan,
    python: python.value,
    runtime: plan.runtime,
    sourceDateEpoch,
    toolVariables: distribution.toolVariables(toolchainPackages(locks)),
  });
  context.emit({ type: 'facts', facts: sysrootFacts(run, sysroot.value, python.value) });
  return ok({ sysroot: sysroot.value, python: python.value, env, sourceDateEpoch });
}

/** Where the build sees the file that `PYO3_CONFIG_FILE` names. */
export const PYO3_CONFIG_FILE = `${PATHS.env}/pyo3-config.txt`;
