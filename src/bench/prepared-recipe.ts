import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../domain/context.ts';
import { ok, type Result } from '../domain/result.ts';
import type { Engine } from '../engine/engine.ts';
import { hostMachine } from '../pipeline/host.ts';
import { type Planned, planRun, startRun } from '../pipeline/prepare.ts';
import { type Made, makeProgram, makeRuntimes } from '../pipeline/runtimes.ts';
import { type Session, withSession } from '../pipeline/session.ts';
import type { RuntimeInstance } from '../runtime/instance.ts';
import { interpreterRuntime } from '../runtime/reference.ts';
import { runtimeCapabilities } from '../runtime/runtime.ts';

/** A recipe whose program can be run beside the reference interpreter. */
export interface PreparedRecipe {
  readonly planned: Planned;
  readonly made: Made;
  readonly engine: Engine;
  readonly runtimes: { readonly target: RuntimeInstance; readonly reference: RuntimeInstance };
  /** Root filesystem with the libraries of the reference and of the target's runtime. */
  readonly rootfs: string;
}

/** Plans and prepares a recipe in a session of its own, and calls `use` with it. Logs are written into `folder`. */
export async function withPreparedRecipe<T>(
  context: Context,
  recipe: string,
  folder: string,
  use: (session: Session, prepared: PreparedRecipe) => Promise<Result<T>>,
): Promise<Result<T>> {
  const planned = await planRun(context, recipe, hostMachine());
  if (!planned.ok) return planned;
  return withSession(context, [planned.value], async (session) => {
    const prepared = await prepareFromPlan(session, planned.value, folder);
    return prepared.ok ? use(session, prepared.value) : prepared;
  });
}

/** Builds and bundles a planned recipe as a run does, but runs no samples. */
export async function prepareFromPlan(
  session: Session,
  planned: Planned,
  folder: string,
): Promise<Result<PreparedRecipe>> {
  const logs = join(folder, 'logs');
  await mkdir(logs, { recursive: true });
  const started = await startRun(session, planned, { logs });
  if (!started.ok) return started;
  const run = started.value;
  const made = await makeProgram(session, run, [], logs);
  if (!made.ok) return made;
  const runtimes = await makeRuntimes(session, run, made.value, logs);
  if (!runtimes.ok) return runtimes;
  const engine = await session.engine();
  if (!engine.ok) return engine;
  // An emulated reference would be measured with its emulator. It alone has the packages of the recipe, though.
  const { emulatorOf, packages } = made.value;
  const natively = emulatorOf !== undefined && packages === undefined;
  const reference = natively ? interpreterRuntime(planned.plan, made.value) : runtimes.value.reference;
  const wide = runtimeCapabilities(planned.plan.runtime).needsHostLibraries;
  const rootfs = wide ? made.value.toolchain.folder : reference.rootfs;
  return ok({
    ...{ planned, made: made.value, engine: engine.value, rootfs },
    runtimes: { ...runtimes.value, reference },
  });
}
