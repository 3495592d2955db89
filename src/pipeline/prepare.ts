import { join } from 'node:path';
import { findHostRust } from '../build/host-rust.ts';
import type { Resolved } from '../domain/definitions.ts';
import type { Plan } from '../domain/plan.ts';
import type { PythonDistribution } from '../domain/python.ts';
import { ok, type Result } from '../domain/result.ts';
import { PATHS } from '../engine/paths.ts';
import { type BuildEnv, buildEnv } from '../env/env.ts';
import { makePlan } from '../plan/plan.ts';
import { resolveRecipe } from '../recipe/recipe.ts';
import { describePython } from '../sysroot/python.ts';
import type { Tree } from '../toolchain/tree.ts';
import type { Session } from './session.ts';
import { type Locks, readLocks, type TreeMaker, treeMaker } from './trees.ts';

/** The machine that the tool runs on, as `uname` names it. */
export interface Host {
  readonly machine: string;
  readonly platform: string;
}

export interface Planned {
  readonly plan: Plan;
  readonly locks: Locks;
  readonly trees: TreeMaker;
}

/** Recipe → plan → locks: everything that is known before anything is fetched. */
export async function planRun(
  session: Session,
  recipe: string | undefined,
  host: Host,
  samples?: readonly string[],
  artifacts?: (recipe: string) => string,
): Promise<Result<Planned>> {
  const { settings } = session.context;
  const resolved = await resolveRecipe({ ...settings, machine: host.machine }, recipe);
  if (!resolved.ok) return resolved;
  const suite =
    samples === undefined
      ? resolved.value.recipe.samples
      : { ...resolved.value.recipe.samples, paths: samples };
  return planFrom(
    session,
    { ...resolved.value, recipe: { ...resolved.value.recipe, samples: suite } },
    host,
    artifacts,
  );
}

/**
 * The same from a recipe that is resolved already, and may have been changed since. `artifacts` names the folder that the
 * logs of what is built from source go below.
 */
export async function planFrom(
  session: Session,
  resolved: Resolved,
  host: Host,
  artifacts: (recipe: string) => string = (name) => join(session.context.settings.cwd, 'artifacts', name),
): Promise<Result<Planned>> {
  const own = await withHostRust(session, resolved);
  if (!own.ok) return own;
  const plan = makePlan(own.value, host);
  const locks = await session.recorder.stage(
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
  const { limits } = plan.recipe;
  if (limits !== undefined) session.wishes.limits = limits;
  return ok({
    plan,
    locks: locks.value,
    trees: await treeMaker(session, plan, locks.value, join(artifacts(plan.recipe.name), 'logs')),
  });
}

/** The person's own Rust, where the recipe wants it: looked for before anything else is done. */
async function withHostRust({ context }: Session, resolved: Resolved): Promise<Result<Resolved>> {
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
export async function prepareEnv({ plan, locks, trees }: Planned): Promise<Result<Prepared>> {
  const sysroot = await trees.make('sysroot');
  if (!sysroot.ok) return sysroot;
  const python = await describePython(sysroot.value.folder, plan.sysroot, plan.target);
  if (!python.ok) return python;
  const sourceDateEpoch = Math.floor(Date.parse(locks.sysroot.lock.resolved) / 1000);
  const env = buildEnv({
    resolved: plan,
    python: python.value,
    launcher: plan.runner === 'qemu-user' && plan.target.emulator !== undefined ? [plan.target.emulator] : [],
    sourceDateEpoch,
  });
  return ok({ sysroot: sysroot.value, python: python.value, env, sourceDateEpoch });
}

/** Where the build sees the file that `PYO3_CONFIG_FILE` names. */
export const PYO3_CONFIG_FILE = `${PATHS.env}/pyo3-config.txt`;
