import { buildMounts, volumeName, writeEnvFiles } from '../build/build.ts';
import { hostCargo } from '../build/host-cargo.ts';
import type { Context } from '../domain/context.ts';
import type { Plan } from '../domain/plan.ts';
import { ok, type Result } from '../domain/result.ts';
import type { Sandbox } from '../engine/engine.ts';
import { hostNameOf, PATHS } from '../engine/paths.ts';
import { hostMachine } from '../pipeline/host.ts';
import { type Planned, planRun, prepareEnv, startRun } from '../pipeline/prepare.ts';
import { type Session, withSession } from '../pipeline/session.ts';
import { withTemporaryFolder } from '../store/scratch.ts';

/** The build's own sandbox, for a user's commands. */
export interface Workbench {
  readonly plan: Plan;
  readonly box: Sandbox;
  /** The build's environment, with the machine's proxies, trust and registries. */
  readonly env: Readonly<Record<string, string>>;
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
  return withTemporaryFolder(context.settings.store, 'bench', async (folder) => {
    return await withSession(context, [planned.value], (session) =>
      open(session, planned.value, folder, use),
    );
  });
}

async function open<T>(
  session: Session,
  planned: Planned,
  folder: string,
  use: (bench: Workbench) => Promise<Result<T>>,
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
  const cargo = await hostCargo(context.settings);
  if (!cargo.ok) return cargo;
  const engine = await session.engine();
  if (!engine.ok) return engine;
  const { env, sysroot } = prepared.value;
  await writeEnvFiles(folder, env, cargo.value);
  const input = { resolved: plan, toolchain: toolchain.value, sysroot };
  const sandbox = await engine.value.open({
    rootfs: toolchain.value.folder,
    network: context.settings.offline ? 'none' : 'host',
    mounts: [...buildMounts(input, folder), ...cargo.value.mounts],
    hostname: hostNameOf(plan.recipe.name),
  });
  if (!sandbox.ok) return sandbox;
  await using box = sandbox.value;
  const paths: [string, string][] = [[PATHS.project, plan.recipe.project.root]];
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
  const used = await use({ plan, box, env: { ...env.variables, ...cargo.value.env }, paths });
  return used.ok ? ok(used.value) : used;
}
