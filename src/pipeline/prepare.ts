import { join } from 'node:path';
import { readCargoConfiguration } from '../build/cargo-configuration.ts';
import { cargoNotices } from '../build/cargo-notices.ts';
import { findHostRust } from '../build/host-rust.ts';
import { knownNeededRust } from '../build/needed-rust.ts';
import { distribution } from '../distro/distribution.ts';
import type { Context } from '../domain/context.ts';
import { defined } from '../domain/defined.ts';
import { isFromSource, type Resolved, type SysrootDefinition } from '../domain/definitions.ts';
import type { Plan } from '../domain/plan.ts';
import type { PythonDistribution } from '../domain/python.ts';
import { ok, type Result } from '../domain/result.ts';
import { PATHS } from '../engine/paths.ts';
import { type BuildEnv, buildEnv } from '../env/env.ts';
import { type Host, makePlan } from '../plan/plan.ts';
import type { RecipeLookup } from '../recipe/find.ts';
import { resolveRecipe } from '../recipe/recipe.ts';
import { remembered } from '../store/remembered.ts';
import type { Json } from '../store/store.ts';
import { describePython } from '../sysroot/python.ts';
import type { Tree } from '../toolchain/tree.ts';
import { plannedRun, sysrootFacts } from './facts.ts';
import { type PythonInputs, readPythonInputs } from './python-inputs.ts';
import { Recorder } from './recorder.ts';
import type { Session } from './session.ts';
import type { TreeKey } from './tree-orders.ts';
import { allLocks, type Locks, readLocks, type TreeMaker, toolchainPackages, treeMaker } from './trees.ts';

/** Recipe, plan and locks: everything that is known before anything is fetched. */
export interface Planned {
  readonly plan: Plan;
  readonly locks: Locks;
  /** What the recipe adds to its Python. */
  readonly python?: PythonInputs;
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
  const resolved = await resolveForBuild({ ...context.settings, machine: host.machine }, recipe);
  if (!resolved.ok) return resolved;
  const suite =
    samples === undefined
      ? resolved.value.recipe.samples
      : { ...resolved.value.recipe.samples, paths: samples };
  return planFrom(context, { ...resolved.value, recipe: { ...resolved.value.recipe, samples: suite } }, host);
}

/** A recipe with the toolchain that its locked crates take, as far as a build has found out. */
export async function resolveForBuild(
  settings: RecipeLookup & { readonly store: string },
  recipe: string | undefined,
): Promise<Result<Resolved>> {
  const resolved = await resolveRecipe(settings, recipe);
  if (!resolved.ok) return resolved;
  const neededRust = await knownNeededRust(settings.store, resolved.value);
  return neededRust === undefined ? resolved : resolveRecipe({ ...settings, neededRust }, recipe);
}

/**
 * The same from a recipe that is resolved already, and may have been changed since. `unlocked`: its Python packages are
 * about to be locked.
 */
export async function planFrom(
  context: Context,
  resolved: Resolved,
  host: Host,
  unlocked = false,
): Promise<Result<Planned>> {
  const own = await withHostRust(context, resolved);
  if (!own.ok) return own;
  const cargo = await readCargoConfiguration(context.settings, own.value);
  if (!cargo.ok) return cargo;
  const plan = makePlan({ ...own.value, ...defined({ cargo: cargo.value }) }, host);
  const locks = await new Recorder(context.emit).stage(
    'lock',
    'Locks',
    () => readLocks(plan),
    (value) => ({
      hit: true,
      detail: allLocks(value)
        .map(({ file }) => file.id)
        .join(', '),
    }),
  );
  if (!locks.ok) return locks;
  const python = await readPythonInputs(plan, locks.value, unlocked);
  if (!python.ok) return python;
  context.emit({ type: 'planned', run: plannedRun(plan) });
  if (plan.pythonBecause !== undefined) context.emit(otherPython(plan.sysroot, plan.pythonBecause));
  if (plan.rustBecause !== undefined) context.emit(newerRust(plan));
  if (plan.referenceTarget.pointerWidth !== plan.target.pointerWidth) context.emit(otherWidth(plan));
  return ok({ plan, locks: locks.value, ...defined({ python: python.value }) });
}

function otherPython({ python }: SysrootDefinition, because: string) {
  return {
    type: 'notice',
    level: 'info',
    code: 'python/chosen',
    message: `Python ${python.version} is taken. ${because}`,
  } as const;
}

function newerRust({ toolchain, rustBecause }: Plan) {
  return {
    type: 'notice',
    level: 'info',
    code: 'build/rust-chosen',
    message: `Rust ${toolchain.rust} of the toolchain image ${toolchain.name} is taken. ${rustBecause}`,
  } as const;
}

function otherWidth({ target, referenceTarget, reference }: Plan) {
  return {
    type: 'notice',
    level: 'warning',
    code: 'samples/pointer-width',
    message:
      `The reference interpreter ${reference.name} has ${referenceTarget.pointerWidth}-bit pointers, ${target.name} has ${target.pointerWidth}-bit ones: ` +
      'samples that print `hash()`, `sys.maxsize` or sizes of objects differ. An architecture with such pointers in `pythons/reference.yaml` helps.',
  } as const;
}

export interface StartOptions {
  /** Folder for the logs of source builds; the default is that of a run without `--artifacts`. */
  readonly logs?: string;
  /** Nothing is run but what makes the sysroot, where that is made from source. */
  readonly sysrootOnly?: boolean;
}

/**
 * Makes ready to obtain the trees of a run. Where some have to be fetched, the engine is tried first: a machine without
 * one is told so at once, not after hundreds of megabytes.
 */
export async function startRun(
  session: Session,
  planned: Planned,
  { logs, sysrootOnly = false }: StartOptions = {},
): Promise<Result<Run>> {
  const { plan, locks } = planned;
  const folder = logs ?? join(session.context.settings.cwd, 'artifacts', plan.recipe.name, 'logs');
  const trees = await treeMaker(session, plan, locks, folder);
  const needed: readonly TreeKey[] = !sysrootOnly
    ? [...trees.missing]
    : isFromSource(plan.sysroot)
      ? ['toolchain', 'sysroot']
      : [];
  if (!needed.some((key) => trees.missing.has(key))) return ok({ ...planned, trees });
  const engine = await session.engine();
  return engine.ok ? ok({ ...planned, trees }) : engine;
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
export async function prepareEnv(session: Session, run: Run): Promise<Result<Prepared>> {
  const { context } = session;
  const { plan, locks, trees } = run;
  const sysroot = await trees.make('sysroot');
  if (!sysroot.ok) return sysroot;
  const python = await pythonOf(session, plan, sysroot.value);
  if (!python.ok) return python;
  const sourceDateEpoch = Math.floor(Date.parse(locks.sysroot.lock.resolved) / 1000);
  const env = buildEnv({
    resolved: plan,
    python: python.value,
    runtime: plan.runtime,
    sourceDateEpoch,
    toolVariables: distribution.toolVariables(toolchainPackages(locks)),
  });
  for (const notice of cargoNotices(context.settings, plan, env)) context.emit(notice);
  context.emit({ type: 'facts', facts: sysrootFacts(run, sysroot.value, python.value) });
  return ok({ sysroot: sysroot.value, python: python.value, env, sourceDateEpoch });
}

/** Known without the tree, where it was described before. */
function pythonOf({ store }: Session, { sysroot: definition, target }: Plan, tree: Tree) {
  const { name, python, link } = definition;
  const { multiarch, pointerWidth } = target;
  const inputs = {
    what: 'python of a sysroot',
    version: 1,
    sysroot: tree.fingerprint,
    definition: JSON.stringify({ name, python, link, multiarch, pointerWidth }),
  };
  return remembered(store, inputs, async () => {
    const ready = await store.ready([tree.folder]);
    if (!ready.ok) return ready;
    const described = await describePython(tree.folder, definition, target);
    return described.ok ? ok(described.value as PythonDistribution & Json) : described;
  });
}

/** Where the build sees the file that `PYO3_CONFIG_FILE` names. */
export const PYO3_CONFIG_FILE = `${PATHS.env}/pyo3-config.txt`;
