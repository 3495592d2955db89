import { join } from 'node:path';
import { type BuildContext, buildMounts, volumeName } from '../build/build.ts';
import { CARGO_HOME_VOLUMES } from '../build/cargo-home.ts';
import { type CargoStep, fetchCrates } from '../build/crates.ts';
import { hostCargo } from '../build/host-cargo.ts';
import { linkedObjects } from '../build/linked-objects.ts';
import { pythonMounts } from '../build/python-mounts.ts';
import { type BuildView, openView, type ViewInput } from '../build/view.ts';
import type { Context } from '../domain/context.ts';
import type { Plan } from '../domain/plan.ts';
import { ok, type Result } from '../domain/result.ts';
import type { Sandbox } from '../engine/engine.ts';
import { hostNameOf, PATHS } from '../engine/paths.ts';
import { projectRoot } from '../engine/project-paths.ts';
import { hostMachine } from '../pipeline/host.ts';
import { type Planned, planRun, prepareEnv, startRun } from '../pipeline/prepare.ts';
import { artifactsFolder } from '../pipeline/run.ts';
import { makePackagesAlone } from '../pipeline/runtimes.ts';
import { type Session, withSession } from '../pipeline/session.ts';
import { toolchainEmulation } from '../runtime/runtime.ts';
import { withTemporaryFolder } from '../store/scratch.ts';
import type { Store } from '../store/store.ts';

/** The build's own sandbox, for a user's commands. */
export interface Workbench {
  readonly plan: Plan;
  readonly box: Sandbox;
  /** The build's environment, with the machine's proxies, trust and registries. */
  readonly env: Readonly<Record<string, string>>;
  /** Folder of this machine with what the sandbox sees of the project. */
  readonly project: string;
  /** Folder in the sandbox → the same on this machine, where it can be seen from there. */
  readonly paths: readonly (readonly [string, string])[];
}

export interface WorkbenchOptions {
  /** What is edited while the sandbox is open is seen in it shortly after, where the engine is on this machine. */
  readonly followEdits?: boolean;
}

/** Opens the sandbox of a recipe with its toolchain and sysroot, and closes it after use. */
export async function withWorkbench<T>(
  context: Context,
  recipe: string | undefined,
  use: (bench: Workbench) => Promise<Result<T>>,
  options: WorkbenchOptions = {},
): Promise<Result<T>> {
  const planned = await planRun(context, recipe, hostMachine());
  if (!planned.ok) return planned;
  return withSession(context, [planned.value], (session) =>
    withTemporaryFolder(session.store.folder, 'workbench', (folder) =>
      open(session, planned.value, use, { ...options, folder }),
    ),
  );
}

async function open<T>(
  session: Session,
  planned: Planned,
  use: (bench: Workbench) => Promise<Result<T>>,
  { followEdits, folder }: WorkbenchOptions & { readonly folder: string },
): Promise<Result<T>> {
  const { context, store } = session;
  const started = await startRun(session, planned);
  if (!started.ok) return started;
  const run = started.value;
  const { plan, trees } = run;
  const toolchain = await trees.make('toolchain');
  if (!toolchain.ok) return toolchain;
  const prepared = await prepareEnv(session, run);
  if (!prepared.ok) return prepared;

  const logs = join(artifactsFolder(context.settings.cwd, plan.recipe.name), 'logs');
  const packages = await makePackagesAlone(session, run, prepared.value, logs);
  if (!packages.ok) return packages;
  const { env, sysroot } = prepared.value;
  const cargo = await hostCargo(context.settings, plan.cargo, { config: env.cargoConfig });
  if (!cargo.ok) return cargo;
  const engine = await session.engine();
  if (!engine.ok) return engine;
  const input = { resolved: plan, toolchain: toolchain.value, sysroot };
  const prepare = (first: boolean) =>
    prepareView(session, volumeName(input), { resolved: plan, env, cargo: cargo.value }, first);
  const view = await prepare(true);
  if (!view.ok) return view;
  await fetchFor(session, {
    input: { ...input, env },
    engine: engine.value,
    cargo: cargo.value,
    view: view.value,
  });
  const objects = await linkedObjects(silent(context), store, engine.value, { ...input, env });
  if (!objects.ok) return objects;
  const sandbox = await engine.value.open({
    rootfs: toolchain.value.folder,
    network: context.settings.offline ? 'none' : 'host',
    mounts: [
      ...buildMounts(input, view.value),
      ...objects.value,
      ...cargo.value.sources,
      ...cargo.value.mounts,
      ...(await pythonMounts(packages.value?.target, folder)),
    ],
    hostname: hostNameOf(plan.recipe.name),
    ...toolchainEmulation(plan.target, plan.runtime),
  });
  if (!sandbox.ok) return sandbox;
  await using box = sandbox.value;
  const local = engine.value.info.name === 'namespace';
  const paths = await pathsOf(store, input, local);
  if (!paths.ok) return paths;
  using _follower = followEdits === true && local ? follow(() => prepare(false)) : undefined;
  // Awaited: the sandbox is closed when this function returns.
  const used = await use({
    ...{ plan, box, paths: paths.value, project: view.value.project },
    env: { ...env.variables, ...cargo.value.env },
  });
  return used.ok ? ok(used.value) : used;
}

/** The sandbox sees crates and cannot write any. A project that lacks some can still be looked at: cargo says what is missing. */
async function fetchFor(
  { context, store }: Session,
  step: Omit<CargoStep, 'context' | 'store' | 'log'>,
): Promise<void> {
  const fetched = await withTemporaryFolder(store.folder, 'crates', (folder) =>
    fetchCrates({ ...step, context: silent(context), store, log: join(folder, 'crates.log') }),
  );
  if (fetched.ok || context.signal.aborted) return;
  const message = `The crates could not be fetched: ${fetched.error.what}`;
  context.emit({ type: 'notice', level: 'warning', code: fetched.error.code, message });
}

/** What cargo prints is not what the user asked for. */
function silent(context: Context): Context {
  const emit: Context['emit'] = (event) => {
    if (event.type === 'notice') context.emit(event);
  };
  return { ...context, emit };
}

/** Folders of the sandbox and of this machine; volumes and trees of an engine elsewhere are its own. */
async function pathsOf(
  store: Store,
  input: BuildContext,
  local: boolean,
): Promise<Result<Workbench['paths']>> {
  const project = [PATHS.project, projectRoot(input.resolved.recipe.project)] as const;
  if (!local) return ok([project]);
  const volumes: (readonly [string, string])[] = [];
  for (const [at, name] of [[PATHS.target, volumeName(input)] as const, ...CARGO_HOME_VOLUMES]) {
    const volume = await store.volume(name);
    if (!volume.ok) return volume;
    volumes.push([at, volume.value]);
  }
  return ok([project, ...volumes, [PATHS.sysroot, input.sysroot.folder]]);
}

/** Milliseconds between two looks at the project. */
const LOOK_MS = 500;
/** A look that takes long is taken less often: it may use a twentieth of a processor. */
const LOOK_SHARE = 20;

/** Repeats something until it is disposed of; a failure is that of one look, and the next may succeed. */
function follow(look: () => Promise<Result<unknown>>): Disposable {
  let timer: NodeJS.Timeout;
  let ended = false;
  const next = (ms: number): void => {
    timer = setTimeout(() => void again(), ms);
    // Nobody waits for it.
    timer.unref();
  };
  const again = async (): Promise<void> => {
    const started = performance.now();
    await look();
    if (!ended) next(Math.max(LOOK_MS, LOOK_SHARE * (performance.now() - started)));
  };
  next(LOOK_MS);
  return {
    [Symbol.dispose]: () => {
      ended = true;
      clearTimeout(timer);
    },
  };
}

/** While a build of the same recipe is on, what it sees is left alone. */
async function prepareView(
  { context, store }: Session,
  target: string,
  input: ViewInput,
  tell: boolean,
): Promise<Result<BuildView>> {
  const onWait = (): void => {
    if (!tell) return;
    context.emit({
      type: 'notice',
      level: 'info',
      code: 'waiting',
      message: `Another provision is building ${input.resolved.recipe.name}; waiting for it to finish.`,
    });
  };
  const lock = await store.lock(`volume-${target}`, { signal: context.signal, onWait });
  if (!lock.ok) return lock;
  await using _ = lock.value;
  return await openView(context, store, target, input);
}
