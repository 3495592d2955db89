import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ok, type Result } from '../domain/result.ts';
import type { Engine } from '../engine/engine.ts';
import { hostMachine } from '../pipeline/host.ts';
import { type Planned, planRun } from '../pipeline/prepare.ts';
import type { Session } from '../pipeline/session.ts';
import { makeWorlds, type Progress } from '../pipeline.ts';
import type { RuntimeInstance } from '../runtime/instance.ts';
import { runtimeCapabilities } from '../runtime/runtime.ts';

/** A recipe whose program can be run beside the reference interpreter. */
export interface PreparedRecipe {
  readonly planned: Planned;
  readonly engine: Engine;
  readonly runtimes: { readonly target: RuntimeInstance; readonly reference: RuntimeInstance };
  /** Root filesystem with the libraries of the reference and of the target's runtime. */
  readonly rootfs: string;
}

/** Builds and bundles a recipe as a run does, but runs no samples. Logs are written into `folder`. */
export async function prepareRecipe(
  session: Session,
  recipe: string,
  folder: string,
): Promise<Result<PreparedRecipe>> {
  const planned = await planRun(session, recipe, hostMachine());
  return planned.ok ? prepareFromPlan(session, planned.value, folder) : planned;
}

export async function prepareFromPlan(
  session: Session,
  planned: Planned,
  folder: string,
): Promise<Result<PreparedRecipe>> {
  const logs = join(folder, 'logs');
  await mkdir(logs, { recursive: true });
  const progress: Progress = {};
  const runtimes = await makeWorlds(session, planned, [], logs, progress);
  if (!runtimes.ok) return runtimes;
  const engine = await session.engine();
  if (!engine.ok) return engine;
  const { toolchain } = progress;
  const wide = runtimeCapabilities(planned.plan.runtime).needsHostLibraries && toolchain !== undefined;
  const rootfs = wide ? toolchain.folder : runtimes.value.reference.rootfs;
  return ok({ planned, engine: engine.value, runtimes: runtimes.value, rootfs });
}
