import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Built, build } from './build/build.ts';
import { type Bundle, makeBundle } from './bundle/bundle.ts';
import { type Bytecode, compileStdlib } from './bundle/bytecode.ts';
import { type Unpacked, unpackBundle } from './bundle/unpack.ts';
import { artifactsFailure } from './domain/artifacts.ts';
import type { Plan } from './domain/plan.ts';
import { err, ok, type Result } from './domain/result.ts';
import type { Sample } from './domain/sample.ts';
import { formatBytes } from './domain/units.ts';
import { type Host, type Planned, type Prepared, planRun, prepareEnv } from './pipeline/prepare.ts';
import type { Session } from './pipeline/session.ts';
import { sideBySide } from './pipeline/side-by-side.ts';
import { makeTargetWorld, prepareRunner } from './pipeline/target-world.ts';
import { capabilitiesOf, referenceWorld } from './pipeline/worlds.ts';
import { collectSamples } from './run/collect.ts';
import { type RunOutcome, runReference, runSamples } from './run/run.ts';
import type { Tree } from './toolchain/tree.ts';
import type { Wasmtime } from './wasmtime/engine.ts';

export interface RunRequest {
  /** Name or file of the recipe. */
  readonly recipe: string;
  /** Absolute files or folders run in place of the recipe's samples. */
  readonly samples?: readonly string[];
  /** Folder for reports and logs of a recipe; made when missing. */
  readonly artifacts: (recipe: string) => string;
  readonly host: Host;
}

/** Everything that a run got hold of, as far as it came; the report is made from it. */
export interface Progress {
  planned?: Planned;
  toolchain?: Tree;
  prepared?: Prepared;
  reference?: Tree;
  rootfs?: Tree;
  bytecode?: Bytecode;
  built?: Built;
  wasmtime?: Wasmtime;
  bundle?: Bundle;
  outcome?: RunOutcome;
}

/**
 * recipe → plan → lock → fetch → toolchain → sysroot → env → build → bundle → run. What has been made before from the
 * same inputs is taken from the store. `progress` is filled as stages finish, so that a report can tell how far it came.
 */
export async function runPipeline(
  session: Session,
  request: RunRequest,
  progress: Progress,
): Promise<Result<RunOutcome>> {
  const planned = await planRun(session, request.recipe, request.host, request.samples);
  if (!planned.ok) return planned;
  progress.planned = planned.value;
  const { plan, trees } = planned.value;
  const artifacts = request.artifacts(plan.recipe.name);
  const logs = join(artifacts, 'logs');
  const writable = await makeFolder(logs);
  if (!writable.ok) return writable;
  // Before anything is fetched: a mistake in a script's header is the person's to mend now.
  const samples = await collectSamples(plan.recipe.samples.paths, {
    timeoutSeconds: plan.recipe.samples.timeoutSeconds,
  });
  if (!samples.ok) return samples;

  const toolchain = await trees.make('toolchain');
  if (!toolchain.ok) return toolchain;
  progress.toolchain = toolchain.value;
  const prepared = await prepareEnv(planned.value);
  if (!prepared.ok) return prepared;
  progress.prepared = prepared.value;

  const both = await sideBySide(
    session,
    (branch) => buildProgram(branch, plan, toolchain.value, prepared.value, logs, progress),
    (branch) =>
      prepareWorlds(branch, planned.value, prepared.value, samples.value, toolchain.value, logs, progress),
  );
  if (!both.ok) return both;
  const [built, worlds] = both.value;

  const bundle = await bundleUp(session, plan, {
    built,
    toolchain: toolchain.value,
    prepared: prepared.value,
    ...worlds,
    logs,
  });
  if (!bundle.ok) return bundle;
  progress.bundle = bundle.value.bundle;
  const world = await makeTargetWorld(session, plan, {
    ...worlds,
    ...bundle.value,
    toolchain: toolchain.value,
    program: built.meta.program,
    programDigest: built.meta.digest,
    logs,
  });
  if (!world.ok) return world;
  const outcome = await session.recorder.stage(
    'run',
    `Samples on ${plan.target.rustTriple}`,
    () =>
      runSamples(session.context, session.store, {
        samples: samples.value,
        engine: session.engine,
        target: plan.target,
        capabilities: capabilitiesOf(plan),
        worlds: {
          target: world.value,
          reference: referenceWorld(plan, worlds),
        },
        artifacts,
      }),
    (value) => ({ hit: value.cached + value.skipped === value.results.length, detail: summary(value) }),
  );
  if (outcome.ok) progress.outcome = outcome.value;
  return outcome;
}

async function makeFolder(folder: string): Promise<Result<void>> {
  try {
    await mkdir(folder, { recursive: true });
    return ok(undefined);
  } catch (error) {
    const failure = artifactsFailure(folder, error);
    if (failure === undefined) throw error;
    return err(failure);
  }
}

interface Worlds {
  readonly reference: Tree;
  readonly bytecode: Bytecode;
  readonly rootfs: Tree;
  readonly wasmtime?: Wasmtime;
}

function buildProgram(
  session: Session,
  plan: Plan,
  toolchain: Tree,
  prepared: Prepared,
  logs: string,
  progress: Progress,
): Promise<Result<Built>> {
  return session.recorder
    .stage(
      'build',
      `Build ${plan.recipe.project.bin} for ${plan.target.rustTriple}`,
      () =>
        build(session.context, session.store, {
          resolved: plan,
          env: prepared.env,
          toolchain,
          sysroot: prepared.sysroot,
          engine: session.engine,
          logs,
        }),
      ({ hit, meta }) => ({ hit, detail: `${meta.program}, ${formatBytes(meta.size)}` }),
    )
    .then((result) => {
      if (result.ok) progress.built = result.value;
      return result;
    });
}

/** What the samples need and the build does not: the reference interpreter and the target's root. */
async function prepareWorlds(
  session: Session,
  planned: Planned,
  prepared: Prepared,
  samples: readonly Sample[],
  toolchain: Tree,
  logs: string,
  progress: Progress,
): Promise<Result<Worlds>> {
  const reference = await planned.trees.make('reference');
  if (!reference.ok) return reference;
  progress.reference = reference.value;
  const rootfs = await planned.trees.make('rootfs');
  if (!rootfs.ok) return rootfs;
  progress.rootfs = rootfs.value;
  const bytecode = await session.recorder.stage(
    'bytecode',
    'Compile the standard library',
    () =>
      compileStdlib(session.context, session.store, {
        reference: planned.plan.reference,
        tree: reference.value,
        stdlib: prepared.python.stdlib,
        minor: prepared.python.minor,
        engine: session.engine,
        logs,
      }),
    ({ hit }) => ({ hit, detail: prepared.python.stdlib }),
  );
  if (!bytecode.ok) return bytecode;
  progress.bytecode = bytecode.value;
  const worlds = { reference: reference.value, rootfs: rootfs.value, bytecode: bytecode.value };
  const expected = await session.recorder.stage(
    'expected',
    'Samples on the reference interpreter',
    () =>
      runReference(session.context, session.store, {
        samples,
        engine: session.engine,
        capabilities: capabilitiesOf(planned.plan),
        world: referenceWorld(planned.plan, worlds),
      }),
    (value) => ({ hit: value.cached === value.samples, detail: `${value.samples} samples` }),
  );
  if (!expected.ok) return expected;
  const runner = await prepareRunner(session, planned.plan, { ...worlds, toolchain }, logs);
  if (!runner.ok) return runner;
  if (runner.value === undefined) return ok(worlds);
  progress.wasmtime = runner.value;
  return ok({ ...worlds, wasmtime: runner.value });
}

async function bundleUp(
  session: Session,
  plan: Plan,
  input: Worlds & { built: Built; toolchain: Tree; prepared: Prepared; logs: string },
): Promise<Result<{ bundle: Bundle; unpacked: Unpacked }>> {
  const { context, store } = session;
  const bundle = await session.recorder.stage(
    'bundle',
    'Bundle',
    async () => {
      const made = await makeBundle(context, store, {
        ...input,
        resolved: plan,
        python: input.prepared.python,
        program: input.built,
        sysroot: input.prepared.sysroot,
        sourceDateEpoch: input.prepared.sourceDateEpoch,
        engine: session.engine,
      });
      if (!made.ok) return made;
      const unpacked = await unpackBundle(context, store, made.value);
      return unpacked.ok ? ok({ bundle: made.value, unpacked: unpacked.value }) : unpacked;
    },
    ({ bundle: { hit, meta } }) => ({ hit, detail: `${meta.archive}, ${formatBytes(meta.size)}` }),
  );
  return bundle;
}

function summary({ results, passed, failed, skipped }: RunOutcome): string {
  const parts = [`${passed} of ${results.length} equal`];
  if (failed > 0) parts.push(`${failed} differ`);
  if (skipped > 0) parts.push(`${skipped} skipped`);
  return parts.join(', ');
}

/** `artifacts/<recipe>` below the folder that the command was given in. */
export function artifactsFolder(cwd: string, recipe: string): string {
  return join(cwd, 'artifacts', recipe);
}
