import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join, posix, relative } from 'node:path';
import type { Context } from '../domain/context.ts';
import type { Project } from '../domain/definitions.ts';
import { absentAsUndefined } from '../domain/errno.ts';
import type { Plan } from '../domain/plan.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { StoredTree } from '../domain/stored-tree.ts';
import type { Engine, Exit, Sandbox } from '../engine/engine.ts';
import { PATHS } from '../engine/paths.ts';
import { crateAt, projectRoot } from '../engine/project-paths.ts';
import { runTool } from '../engine/tool.ts';
import { onDisk } from '../store/disk.ts';
import { withTemporaryFolder } from '../store/scratch.ts';
import type { Store } from '../store/store.ts';
import { cargoOf, outerConfiguration, rustMounts } from './build.ts';
import { CRATES_LOCK, cargoHomeMounts, SCRIPT_ENV } from './cargo-home.ts';
import { explainFetch } from './fetch-failure.ts';
import { FETCH_PROGRAMS } from './fetch-programs.ts';
import { fetchConfigurations, fetchVariables } from './fetch-step.ts';
import { crateAccess, type HostCargo, hostCargo } from './host-cargo.ts';
import { copyProject } from './sources/project.ts';
import { writeCargoFiles } from './view.ts';

/** Whose cargo is asked about the index, and where. */
export interface CargoInput {
  readonly plan: Plan;
  readonly toolchain: StoredTree;
  readonly engine: () => Promise<Result<Engine>>;
  /** Variables of every build of the plan. */
  readonly variables: Readonly<Record<string, string>>;
  /** Folder for the log. */
  readonly logs: string;
  /** Name of the log there. */
  readonly log: string;
  /** Cargo may write a `Cargo.lock`, which is gone afterwards: it sees a copy of the project. */
  readonly writable?: true;
}

/** Cargo in a sandbox with network, as where crates are fetched. */
export interface AskedCargo {
  readonly box: Sandbox;
  /** Failures: those of fetching crates. */
  run(doing: string, args: readonly string[]): Promise<Result<Exit>>;
}

/** A project to ask about. */
interface Asked {
  /** Folder of this machine. */
  readonly root: string;
  /** Sandbox path of the folder that cargo runs in. */
  readonly at: string;
  readonly cargo: HostCargo;
  /** Of a project of the user: its configuration and variables. */
  readonly project: Project | undefined;
  readonly lock: string;
}

/** Where `Cargo.lock` is where cargo may write it. */
const WRITTEN_LOCK = '/job/lock/Cargo.lock';

/** Sandbox of a recipe's own project: `lock` is the text of its `Cargo.lock`, whose registries get their tokens. */
export async function askAboutProject<T>(
  context: Context,
  store: Store,
  input: CargoInput,
  lock: string,
  use: (cargo: AskedCargo) => Promise<Result<T>>,
): Promise<Result<T>> {
  const { plan, logs, writable } = input;
  const { project } = plan.recipe;
  const cargo = await hostCargo(context.settings, plan.cargo, undefined);
  if (!cargo.ok) return cargo;
  return withTemporaryFolder(store.folder, 'crates', async (folder) => {
    const asked = { at: crateAt(project), cargo: cargo.value, project, lock, folder };
    if (writable !== true)
      return withCargo(context, store, input, { ...asked, root: projectRoot(project) }, use);
    const root = join(folder, 'project');
    const copied = await copyProject(context, plan, {
      ...{ folder: root, manifest: join(folder, 'manifest.json'), logs },
    });
    if (!copied.ok) return copied;
    const linked = await linkLock(join(root, relative(projectRoot(project), project.root)));
    return linked.ok ? withCargo(context, store, input, { ...asked, root }, use) : linked;
  });
}

/** The same with a project that is no user's: files by their names. Cargo may write its lock. */
export async function askAboutFiles<T>(
  context: Context,
  store: Store,
  input: Omit<CargoInput, 'writable'>,
  files: Readonly<Record<string, string>>,
  use: (cargo: AskedCargo) => Promise<Result<T>>,
): Promise<Result<T>> {
  const cargo = await crateAccess(context.settings);
  if (!cargo.ok) return cargo;
  return withTemporaryFolder(store.folder, 'crates', async (folder) => {
    const root = join(folder, 'project');
    const written = await onDisk(root, async () => {
      for (const [name, text] of Object.entries(files)) {
        await mkdir(join(root, posix.dirname(name)), { recursive: true });
        await writeFile(join(root, name), text);
      }
    });
    if (!written.ok) return written;
    const linked = await linkLock(root);
    if (!linked.ok) return linked;
    const asked = { root, at: PATHS.project, cargo: cargo.value, project: undefined, lock: '', folder };
    return withCargo(context, store, { ...input, writable: true }, asked, use);
  });
}

/** In a copy of a project: cargo writes a lock in place, and nothing else of it can be written. */
function linkLock(root: string): Promise<Result<void>> {
  const file = join(root, 'Cargo.lock');
  return onDisk(file, async () => {
    await rm(file, { force: true });
    await symlink(WRITTEN_LOCK, file);
  });
}

async function withCargo<T>(
  context: Context,
  store: Store,
  input: CargoInput,
  { root, at, cargo, project, lock, folder }: Asked & { readonly folder: string },
  use: (cargo: AskedCargo) => Promise<Result<T>>,
): Promise<Result<T>> {
  const { plan, toolchain, logs, writable } = input;
  const log = join(logs, input.log);
  const env = join(folder, 'env');
  const opened = await onDisk(logs, async () => {
    await mkdir(env);
    await mkdir(logs, { recursive: true });
    await writeFile(log, '');
    await writeCargoFiles(env, cargo);
  });
  if (!opened.ok) return opened;
  const engine = await input.engine();
  if (!engine.ok) return engine;
  // Cargo's home is the store's, and cargo does without its own locks there.
  const held = await store.lock(CRATES_LOCK, { signal: context.signal });
  if (!held.ok) return held;
  await using _held = held.value;
  const access = cargo.fetching(lock);
  const view = { project: root, crates: join(folder, 'crates') };
  const covers = project === undefined ? ok([]) : await fetchConfigurations(view, project, access);
  if (!covers.ok) return covers;
  const sandbox = await engine.value.open({
    rootfs: toolchain.folder,
    network: 'host',
    mounts: [
      { kind: 'source', source: root, at: PATHS.project, without: notRead },
      { kind: 'source', source: env, at: PATHS.env },
      ...(writable === true ? [{ kind: 'scratch', at: posix.dirname(WRITTEN_LOCK) } as const] : []),
      ...covers.value,
      outerConfiguration(env),
      ...rustMounts(plan),
      ...cargoHomeMounts('fetch'),
      ...cargo.sources,
      ...access.mounts,
    ],
  });
  if (!sandbox.ok) return sandbox;
  await using box = sandbox.value;
  if (writable === true && lock !== '') {
    const placed = await box.run({
      argv: ['bash', '-c', `cat >${WRITTEN_LOCK}`],
      ...{ env: SCRIPT_ENV, cwd: '/', stdin: lock },
    });
    if (!placed.ok) return placed;
  }
  const variables = { ...project?.env, ...cargo.names, ...input.variables };
  return await use({
    box,
    run: async (doing, args) => {
      const run = await runTool(context, box, {
        ...{ stage: 'build', code: 'fetch/crates', doing, log },
        fix: ['Run the same command again.'],
        command: {
          argv: [cargoOf({ resolved: plan }), ...args],
          env: {
            ...fetchVariables(variables, project ?? { env: {} }, access),
            ...access.env,
            ...FETCH_PROGRAMS,
          },
          cwd: at,
        },
      });
      return run.ok ? run : err(explainFetch(run.error, plan));
    },
  });
}

/** What cargo reads nothing of, where it can be much. */
const notRead = (_: string, name: string): boolean => name === 'target' || name === '.git';

/** The text of the lock as cargo wrote it. */
export async function writtenLock({ box }: AskedCargo): Promise<Result<string>> {
  const read = await box.run({ argv: ['cat', WRITTEN_LOCK], env: SCRIPT_ENV, cwd: '/' });
  return read.ok ? ok(Buffer.from(read.value.stdout).toString('utf8')) : read;
}

/** The text of a project's `Cargo.lock`; empty where there is none. */
export async function readCargoLock({ root }: Pick<Project, 'root'>): Promise<string> {
  return (await readFile(join(root, 'Cargo.lock'), 'utf8').catch(absentAsUndefined)) ?? '';
}
