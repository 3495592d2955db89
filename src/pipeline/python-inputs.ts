import type { Plan } from '../domain/plan.ts';
import type { PythonSelection } from '../domain/python-packages.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Target } from '../domain/target.ts';
import type { Failure } from '../failure.ts';
import { isLocked, type PythonLock, pythonChecksum, readPythonLock } from '../lock/python-lock.ts';
import { type PackageEnvironment, packageEnvironment } from '../requirements/environment.ts';
import { type Modules, readModules } from '../requirements/modules.ts';
import { readPythonSources } from '../requirements/read.ts';
import { parseVersion } from '../requirements/version.ts';
import { programFormat } from '../runtime/program/program.ts';
import type { Locks } from './trees.ts';

/** What one interpreter imports: chosen for it. */
export interface EnvironmentInputs {
  readonly environment: PackageEnvironment;
  readonly selection: PythonSelection;
}

/** What a recipe adds to its Python, read and checked before anything is fetched. */
export interface PythonInputs {
  /** Absent: no packages. */
  readonly packages?: {
    readonly target: EnvironmentInputs;
    readonly reference: EnvironmentInputs;
    /** The interpreter that builds projects. */
    readonly machine: PackageEnvironment;
    /** Checksum of what is asked for. */
    readonly checksum: string;
    /** Where the sources do not state everything themselves. */
    readonly lock?: PythonLock;
  };
  readonly modules?: Modules;
}

/** Reads `python.packages` and `python.paths`; `unlocked`: a missing or stale lock is no failure, because it is being written. */
export async function readPythonInputs(
  plan: Plan,
  locks: Locks,
  unlocked = false,
): Promise<Result<PythonInputs | undefined>> {
  const { recipe } = plan;
  const { pythonPackages = [], pythonPaths = [] } = recipe;
  if (pythonPackages.length + pythonPaths.length === 0) return ok(undefined);
  const modules = await readModules({
    paths: pythonPaths,
    recipe: recipe.file,
    project: recipe.project.folder,
    samples: recipe.samples.paths,
  });
  const packages = pythonPackages.length === 0 ? ok(undefined) : await readPackages(plan, locks, unlocked);
  const failures = [modules, packages].flatMap((one) => (one.ok ? [] : [one.error]));
  const [first, ...also] = failures as [Failure?, ...Failure[]];
  if (first !== undefined)
    return err({ ...first, ...(also.length > 0 ? { also: [...(first.also ?? []), ...also] } : {}) });
  if (!modules.ok || !packages.ok) throw new Error('a failure got lost');
  return ok({
    ...(modules.value === undefined ? {} : { modules: modules.value }),
    ...(packages.value === undefined ? {} : { packages: packages.value }),
  });
}

async function readPackages(
  plan: Plan,
  locks: Locks,
  unlocked: boolean,
): Promise<Result<NonNullable<PythonInputs['packages']>>> {
  const environmentOf = (target: Target, set: Locks['sysroot']) => environmentFor(plan, locks, target, set);
  const read = async (target: Target, set: Locks['sysroot']): Promise<Result<EnvironmentInputs>> => {
    const environment = environmentOf(target, set);
    const selection = await readPythonSources(plan.recipe.pythonPackages ?? [], environment);
    return selection.ok ? ok({ environment, selection: selection.value }) : selection;
  };
  const target = await read(plan.target, locks.sysroot);
  if (!target.ok) return target;
  const reference = await read(plan.referenceTarget, locks.reference);
  if (!reference.ok) return reference;
  const machine = machineEnvironment(plan, locks);
  const both = { target: target.value, reference: reference.value, machine };
  const selections = [target.value.selection, reference.value.selection];
  const file = plan.pythonLock;
  if (file === undefined) throw new Error('a recipe with packages has the place of their lock');
  // Wheels for another reference are other wheels; for the machine's own, each machine has had its lock from the beginning.
  const other = plan.referenceTarget === plan.hostTarget ? undefined : plan.referenceTarget.rustTriple;
  const checksum = await pythonChecksum(file, selections, target.value.environment.tags.minor, other);
  const open = selections.find((one) => !isLocked(one));
  if (open === undefined || unlocked) return ok({ ...both, checksum });
  const lock = await readPythonLock(file, open, checksum);
  return lock.ok ? ok({ ...both, checksum, lock: lock.value }) : lock;
}

/** The interpreter of the machine that builds. */
export function machineEnvironment(plan: Plan, locks: Locks): PackageEnvironment {
  return environmentFor(plan, locks, plan.hostTarget, locks.interpreter);
}

function environmentFor(plan: Plan, locks: Locks, target: Target, set: Locks['sysroot']): PackageEnvironment {
  const python = { version: fullVersion(plan, locks), abiflags: plan.sysroot.python.abiflags };
  const rootfs = set.lock.sets.rootfs ?? [];
  // The others are the distribution's own interpreters, of the usual interface.
  const flags = set === locks.sysroot ? python : { ...python, abiflags: python.abiflags.replace('d', '') };
  const release = set === locks.sysroot ? plan.sysroot.sysroot.glibcRelease : undefined;
  return packageEnvironment(target, flags, rootfs, programFormat(target).markers, release);
}

/** The version of the reference interpreter's package, which is that of the target's Python: `3.13.5-2` is `3.13.5`. */
function fullVersion(plan: Plan, { reference }: Locks): string {
  const named = reference.lock.sets.rootfs?.find(({ name }) => name === plan.interpreter.tools.python);
  const upstream = /^(?:\d+:)?(\d+\.\d+\.\d+)(?:~?((?:a|b|rc)\d+))?/.exec(named?.version ?? '');
  const version = upstream === null ? '' : `${upstream[1]}${upstream[2] ?? ''}`;
  return parseVersion(version) === undefined ? `${plan.sysroot.python.version}.0` : version;
}
