import { cp } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { joinSite } from '../bundle/join-site.ts';
import {
  type CompiledModules,
  compileModules,
  installPackages,
  type Packages,
  sitePath,
} from '../bundle/packages.ts';
import type { PipHost } from '../bundle/python-task.ts';
import { type BuiltWheel, buildWheel, fetchWheels, type Wheels } from '../bundle/wheels.ts';
import { defined } from '../domain/defined.ts';
import type { Plan } from '../domain/plan.ts';
import type { IndexRequirement, InstalledPackage, PythonProject } from '../domain/python-packages.ts';
import { ok, type Result } from '../domain/result.ts';
import type { StoredTree } from '../domain/stored-tree.ts';
import { type LockedWheel, lockedRequirements, projectKey } from '../lock/python-lock.ts';
import type { PackageEnvironment } from '../requirements/environment.ts';
import { readProject } from '../requirements/project.ts';
import { parseWheelName } from '../requirements/wheel-name.ts';
import { verifyAll } from '../store/sound.ts';
import type { Tree } from '../toolchain/tree.ts';
import type { Planned, Prepared } from './prepare.ts';
import type { EnvironmentInputs, PythonInputs } from './python-inputs.ts';
import type { Session } from './session.ts';

/** Packages and modules that a recipe adds to its Python. */
export interface PythonPackages {
  /** For the bundle, and where in it they go. */
  readonly target: Packages;
  readonly at: string;
  /** The reference interpreter's prefix with its own in it. */
  readonly home: { readonly folder: string; readonly fingerprint: string };
  readonly installed: readonly InstalledPackage[];
}

interface Input {
  readonly interpreter: Tree;
  readonly reference: Tree;
  /** The reference's prefix. */
  readonly home: StoredTree;
  readonly logs: string;
}

/** `python.packages` and `python.paths` of a recipe: for the target, and for the reference, which must import them too. */
export async function makePythonPackages(
  session: Session,
  { plan, python }: Planned,
  prepared: Prepared,
  input: Input,
): Promise<Result<PythonPackages | undefined>> {
  if (python === undefined) return ok(undefined);
  const host = pipHost(session, plan, input);
  const modules = await makeModules(session, host, python);
  if (!modules.ok) return modules;
  const built = await buildProjects(session, host, plan, python);
  if (!built.ok) return built;
  const site = async (name: 'target' | 'reference'): Promise<Result<Packages>> => {
    const packages = await makePackages(session, host, python, name, built.value);
    if (!packages.ok) return packages;
    return joinSite(session.context, session.store, packages.value, modules.value);
  };
  const target = await site('target');
  if (!target.ok) return target;
  const own = await site('reference');
  if (!own.ok) return own;
  const home = await referenceHome(session, prepared, input, own.value);
  if (!home.ok) return home;
  const ready = await session.store.ready([prepared.sysroot.folder]);
  if (!ready.ok) return ready;
  const at = await sitePath(prepared.sysroot.folder, prepared.python);
  const installed = withOrigins(plan, python, target.value, built.value);
  return ok({ target: target.value, at, home: home.value, installed });
}

export function pipHost(
  { engine }: Session,
  plan: Plan,
  { interpreter, logs }: { readonly interpreter: Tree; readonly logs: string },
): PipHost {
  return { interpreter, python: plan.interpreter.tools.python ?? 'python3', engine, logs };
}

async function makeModules(
  { context, store, recorder }: Session,
  host: PipHost,
  { modules }: PythonInputs,
): Promise<Result<CompiledModules | undefined>> {
  if (modules === undefined) return ok(undefined);
  return recorder.stage(
    'packages',
    'Modules of `python.paths`',
    () => compileModules(context, store, host, modules),
    ({ hit }) => ({
      hit,
      detail: `${modules.files.length} ${modules.files.length === 1 ? 'file' : 'files'}`,
    }),
  );
}

/** A project and its wheel. */
export interface BuiltProject {
  readonly project: PythonProject;
  readonly wheel: BuiltWheel;
}

/** Builds the wheels of the projects among the sources; the same wheel is for target and reference. */
async function buildProjects(
  session: Session,
  host: PipHost,
  plan: Plan,
  { packages }: PythonInputs,
): Promise<Result<readonly BuiltProject[]>> {
  const lock = plan.pythonLock;
  if (packages === undefined || lock === undefined) return ok([]);
  const { projects } = packages.target.selection;
  const built: BuiltProject[] = [];
  for (const project of uniqueProjects([...projects, ...packages.reference.selection.projects])) {
    const requires = packages.lock?.build[projectKey(lock, project)] ?? [];
    const wheel = await buildProject(session, host, project, requires, packages.machine);
    if (!wheel.ok) return wheel;
    built.push({ project, wheel: wheel.value });
  }
  return ok(built);
}

export function uniqueProjects(projects: readonly PythonProject[]): readonly PythonProject[] {
  const byPath = new Map<string, PythonProject>();
  for (const one of projects) {
    const before = byPath.get(one.path);
    byPath.set(
      one.path,
      before === undefined ? one : { ...before, extras: [...new Set([...before.extras, ...one.extras])] },
    );
  }
  return [...byPath.values()];
}

/** Fetches what a build requires, and builds without a network. */
export async function buildProject(
  session: Session,
  host: PipHost,
  project: PythonProject,
  requires: readonly LockedWheel[],
  machine: PackageEnvironment,
): Promise<Result<BuiltWheel>> {
  const { context, store, recorder } = session;
  const source = await readProject(project);
  if (!source.ok) return source;
  const name = basename(project.path);
  return recorder.stage(
    'packages',
    `Build the Python package ${name}`,
    async () => {
      const fetched = await fetchBuildWheels(session, host, project, requires, machine);
      if (!fetched.ok) return fetched;
      return buildWheel(context, store, host, {
        ...{ project, source: source.value, log: `python-build-${name}` },
        ...defined({ requires: fetched.value }),
      });
    },
    ({ hit, meta }) => ({ hit, detail: meta.file }),
  );
}

export async function fetchBuildWheels(
  { context, store }: Session,
  host: PipHost,
  project: PythonProject,
  requires: readonly LockedWheel[],
  environment: PackageEnvironment,
): Promise<Result<Wheels | undefined>> {
  if (requires.length === 0) return ok(undefined);
  const requirements = lockedRequirements(requires, new Map(), project.at);
  const log = `python-build-requires-${basename(project.path)}`;
  return fetchWheels(context, store, host, { requirements, environment, options: [], log });
}

async function makePackages(
  { context, store, recorder }: Session,
  host: PipHost,
  { packages }: PythonInputs,
  name: 'target' | 'reference',
  built: readonly BuiltProject[],
): Promise<Result<Packages | undefined>> {
  if (packages === undefined) return ok(undefined);
  const { environment, selection } = packages[name];
  const index = packages.lock === undefined ? selection.index : fromLock(packages[name], packages.lock[name]);
  const wanted = new Set(selection.projects.map(({ path }) => path));
  return recorder.stage(
    'packages',
    `Python packages for ${environment.triple}`,
    async () => {
      const log = `packages-${environment.triple}`;
      const options = selection.options;
      const fetched =
        index.length === 0
          ? ok(undefined)
          : await fetchWheels(context, store, host, {
              requirements: index,
              environment,
              options,
              log: `${log}-fetch`,
            });
      if (!fetched.ok) return fetched;
      return installPackages(context, store, host, {
        ...{ environment, index, wheels: selection.wheels, log },
        ...defined({ fetched: fetched.value }),
        built: built
          .filter(({ project }) => wanted.has(project.path))
          .map(({ project, wheel }) => ({ wheel, extras: project.extras })),
      });
    },
    ({ hit, meta }) => ({ hit, detail: `${meta.installed.length} installed` }),
  );
}

/** The lock's exact versions, with the extras that the sources ask for. */
function fromLock(
  { selection }: EnvironmentInputs,
  locked: readonly LockedWheel[],
): readonly IndexRequirement[] {
  const extras = new Map(selection.index.map((one) => [one.name, one.extras] as const));
  const at = selection.index[0]?.at ?? selection.projects[0]?.at ?? selection.wheels[0]?.at;
  return lockedRequirements(locked, extras, at ?? { file: '', line: 1, column: 1 });
}

/** Each installed package with where it comes from. */
function withOrigins(
  plan: Plan,
  { packages }: PythonInputs,
  { meta }: Packages,
  built: readonly BuiltProject[],
): readonly InstalledPackage[] {
  const normal = (name: string): string => name.toLowerCase().replaceAll(/[-_.]+/g, '-');
  const lock = plan.pythonLock;
  const from = new Map<string, string>();
  for (const { name, file } of packages?.target.selection.wheels ?? []) from.set(name, basename(file));
  for (const { project, wheel } of built) {
    const name = parseWheelName(wheel.meta.file)?.name;
    if (name !== undefined && lock !== undefined) from.set(name, projectKey(lock, project));
  }
  return meta.installed.map(({ name, version }) => ({
    name,
    version,
    from: from.get(normal(name)) ?? 'index',
  }));
}

async function referenceHome(
  { context, store }: Session,
  { python }: Prepared,
  { reference, home }: Input,
  packages: Packages,
): Promise<Result<PythonPackages['home']>> {
  const inputs = {
    what: 'reference with packages',
    bytecode: home.fingerprint,
    packages: packages.fingerprint,
  };
  const ready = await store.ready([reference.folder]);
  if (!ready.ok) return ready;
  const at = await sitePath(reference.folder, python);
  return store.obtain<null>(
    'builds',
    inputs,
    async (folder) => {
      const sound = await verifyAll(store, [home, packages]);
      if (!sound.ok) return sound;
      await cp(home.folder, folder, {
        recursive: true,
        verbatimSymlinks: true,
      });
      await cp(join(packages.folder, packages.meta.site), join(folder, at), { recursive: true });
      await cp(join(packages.folder, packages.meta.data), folder, { recursive: true });
      return ok(null);
    },
    { signal: context.signal },
  );
}
