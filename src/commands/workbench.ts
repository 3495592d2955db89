import { buildMounts, volumeName } from '../build/build.ts';
import { hostCargo } from '../build/host-cargo.ts';
import { type BuildView, openView, type ViewInput } from '../build/view.ts';
import type { Context } from '../domain/context.ts';
import type { Plan } from '../domain/plan.ts';
import { ok, type Result } from '../domain/result.ts';
import type { Sandbox } from '../engine/engine.ts';
import { hostNameOf, PATHS } from '../engine/paths.ts';
import { projectRoot } from '../engine/project-paths.ts';
import { hostMachine } from '../pipeline/host.ts';
import { type Planned, planRun, prepareEnv, startRun } from '../pipeline/prepare.ts';
import { type Session, withSession } from '../pipeline/session.ts';

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

/** Opens the sandbox of a recipe with its toolchain and sysroot, and closes it after use. */
export async function withWorkbench<T>(
  context: Context,
  recipe: string | undefined,
  use: (bench: Workbench) => Promise<Result<T>>,
): Promise<Result<T>> {
  const planned = await planRun(context, recipe, hostMachine());
  if (!planned.ok) return planned;
  return withSession(context, [planned.value], (session) => open(session, planned.value, use));
}

async function open<T>(
  session: Session,
  planned: Planned,
  use: (bench: Workbench) => Promise<Result<T>>,
): Promise<Result<T>> {
  const { context, store } = session;
  const run = await startRun(session, planned);
  const { plan, trees } = run;
  const toolchain = await trees.make('toolchain');
  if (!toolchain.ok) return toolchain;
  const prepared = await prepareEnv(session, run);
  if (!prepared.ok) return prepared;

  const { env, sysroot } = prepared.value;
  const cargo = await hostCargo(context.settings, plan.cargo, { config: env.cargoConfig });
  if (!cargo.ok) return cargo;
  const engine = await session.engine();
  if (!engine.ok) return engine;
  const input = { resolved: plan, toolchain: toolchain.value, sysroot };
  const view = await prepareView(session, volumeName(input), { resolved: plan, env, cargo: cargo.value });
  if (!view.ok) return view;
  const sandbox = await engine.value.open({
    rootfs: toolchain.value.folder,
    network: context.settings.offline ? 'none' : 'host',
    mounts: [...buildMounts(input, view.value), ...cargo.value.sources, ...cargo.value.mounts],
    hostname: hostNameOf(plan.recipe.name),
  });
  if (!sandbox.ok) return sandbox;
  await using box = sandbox.value;
  const paths: [string, string][] = [[PATHS.project, projectRoot(plan.recipe.project)]];
  // Volumes and trees of another engine are its own.
  if (engine.value.info.name === 'namespace') {
    for (const [at, name] of [
      [PATHS.target, volumeName(input)],
      [PATHS.cargo, 'cargo'],
    ] as const) {
      const volume = await store.volume(name);
      if (!volume.ok) return volume;
      paths.push([at, volume.value]);
    }
    paths.push([PATHS.sysroot, sysroot.folder]);
  }
  // Awaited: the sandbox is closed when this function returns.
  const used = await use({
    ...{ plan, box, paths, project: view.value.project },
    env: { ...env.variables, ...cargo.value.env },
  });
  return used.ok ? ok(used.value) : used;
}

/** While a build of the same recipe is on, what it sees is left alone. */
async function prepareView(
  { context, store }: Session,
  target: string,
  input: ViewInput,
): Promise<Result<BuildView>> {
  const onWait = (): void =>
    context.emit({
      type: 'notice',
      level: 'info',
      code: 'waiting',
      message: `Another provision is building ${input.resolved.recipe.name}; waiting for it to finish.`,
    });
  const lock = await store.lock(`volume-${target}`, { signal: context.signal, onWait });
  if (!lock.ok) return lock;
  await using _ = lock.value;
  return await openView(context, store, target, input);
}
