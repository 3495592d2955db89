import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../domain/context.ts';
import { ok, type Result } from '../domain/result.ts';
import type { Engine } from '../engine/engine.ts';
import { hostMachine } from '../pipeline/host.ts';
import { type Planned, planRun, startRun } from '../pipeline/prepare.ts';
import { makeProgram, makeRuntimes } from '../pipeline/runtimes.ts';
import { type Session, withSession } from '../pipeline/session.ts';
import type { RuntimeInstance } from '../runtime/instance.ts';
import { runtimeCapabilities } from '../runtime/runtime.ts';

/** A recipe, ready to be run beside the reference interpreter. */
export interface Ready {
  readonly planned: Planned;
  readonly engine: Engine;
  readonly worlds: { readonly target: RuntimeInstance; readonly reference: RuntimeInstance };
  /** A root that holds what the reference and the target's runtime load. */
  readonly rootfs: string;
}

/** Plans a recipe and uses it as `readyFrom` makes it ready, in a session of its own. `folder` gets logs. */
export async function withReady<T>(
  context: Context,
  recipe: string,
  folder: string,
  use: (session: Session, ready: Ready) => Promise<Result<T>>,
): Promise<Result<T>> {
  const planned = await planRun(context, recipe, hostMachine());
  if (!planned.ok) return planned;
  return withSession(context, [planned.value], async (session) => {
    const ready = await readyFrom(session, planned.value, folder);
    return ready.ok ? use(session, ready.value) : ready;
  });
}

/** Builds and bundles what is planned as a run does, without its samples. */
export async function readyFrom(session: Session, planned: Planned, folder: string): Promise<Result<Ready>> {
  const logs = join(folder, 'logs');
  await mkdir(logs, { recursive: true });
  const run = await startRun(session, planned, logs);
  const made = await makeProgram(session, run, [], logs);
  if (!made.ok) return made;
  const worlds = await makeRuntimes(session, run, made.value, logs);
  if (!worlds.ok) return worlds;
  const engine = await session.engine();
  if (!engine.ok) return engine;
  const wide = runtimeCapabilities(planned.plan.runtime).needsHostLibraries;
  const rootfs = wide ? made.value.toolchain.folder : worlds.value.reference.rootfs;
  return ok({ planned, engine: engine.value, worlds: worlds.value, rootfs });
}
