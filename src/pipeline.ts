import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type Built, build } from './build/build.ts';
import { missingCargoLock } from './build/cargo-lock.ts';
import { rustTooOld } from './build/rust-version.ts';
import { type Bundle, makeBundle } from './bundle/bundle.ts';
import { type Bytecode, compileStdlib } from './bundle/bytecode.ts';
import { readFormats } from './bundle/formats/format.ts';
import { type Unpacked, unpackBundle } from './bundle/unpack.ts';
import { artifactsFailure } from './domain/artifacts.ts';
import { defined } from './domain/defined.ts';
import type { Plan } from './domain/plan.ts';
import { err, ok, type Result } from './domain/result.ts';
import type { Sample } from './domain/sample.ts';
import { formatBytes } from './domain/units.ts';
import { openBook } from './pipeline/book.ts';
import { noticeEmbedding } from './pipeline/embedding.ts';
import { makePackages, type Package } from './pipeline/formats.ts';
import { makePythonPackages, type PythonPackages } from './pipeline/packages.ts';
import { type Host, type Planned, type Prepared, planRun, prepareEnv } from './pipeline/prepare.ts';
import type { Session } from './pipeline/session.ts';
import { sideBySide } from './pipeline/side-by-side.ts';
import { snapshotProgram } from './pipeline/snapshot.ts';
import { makeTargetWorld, prepareRunner } from './pipeline/target-world.ts';
import { joined, runTests } from './pipeline/tests.ts';
import { capabilitiesOf, referenceWorld, withSuite } from './pipeline/worlds.ts';
import { collectSamples } from './run/collect.ts';
import { type RunOutcome, runReference, runSamples } from './run/run.ts';
import type { World } from './run/world.ts';
import type { Tree } from './toolchain/tree.ts';
import type { Wasmtime } from './wasmtime/engine.ts';

export interface RunRequest {
  /** Name or file of the recipe; absent: the `provision.yaml` at hand. */
  readonly recipe: string | undefined;
  /** Absolute files or folders run in place of the recipe's samples. */
  readonly samples?: readonly string[];
  /** Folder for reports and logs of a recipe; made when missing. */
  readonly artifacts: (recipe: string) => string;
  readonly host: Host;
  /** Formats that the bundle is shipped as beside its archive. */
  readonly formats?: readonly string[];
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
  packages?: readonly Package[];
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
  const planned = await planRun(session, request.recipe, request.host, request.samples, request.artifacts);
  if (!planned.ok) return planned;
  progress.planned = planned.value;
  const { plan } = planned.value;
  const artifacts = request.artifacts(plan.recipe.name);
  const logs = join(artifacts, 'logs');
  const writable = await makeFolder(logs);
  if (!writable.ok) return writable;
  session.recorder.book = openBook(session, planned.value, artifacts, {
    ...defined({ recipe: request.recipe }),
  });
  // Before anything is fetched: a mistake in a script's header is the person's to mend now.
  const samples = await suiteOf(plan);
  if (!samples.ok) return samples;
  const unlocked = missingCargoLock(plan.crate);
  if (unlocked !== undefined) return err(unlocked);
  if (plan.crate.pyo3 === undefined) session.context.emit(withoutPyo3(plan));
  const old = rustTooOld(plan, planned.value.locks.toolchain.lock.sets.rootfs ?? []);
  if (old !== undefined) return err(old);

  const formats = readFormats(request.formats ?? [], plan.target);
  if (!formats.ok) return formats;

  const worlds = await makeWorlds(session, planned.value, samples.value, logs, progress);
  if (!worlds.ok) return worlds;
  const packages = await makePackages(session, progress, formats.value);
  if (!packages.ok) return packages;
  progress.packages = packages.value;
  const ran = await runSuite(session, plan, samples.value, worlds.value, artifacts);
  if (!ran.ok) return ran;
  progress.outcome = ran.value;
  // Scripts named on the command line are run instead of everything else.
  if (request.samples !== undefined) return ran;
  const { toolchain, prepared } = progress;
  if (toolchain === undefined || prepared === undefined) throw new Error('a build without its trees');
  const input = { toolchain, prepared, worlds: worlds.value, artifacts, logs };
  const tests = await runTests(session, plan, input);
  if (!tests.ok) return tests;
  const outcome = joined([ran.value, tests.value]);
  progress.outcome = outcome;
  if (outcome.results.length === 0) session.context.emit(nothingRun(plan));
  return ok(outcome);
}

async function runSuite(
  session: Session,
  plan: Plan,
  samples: readonly Sample[],
  worlds: { readonly target: World; readonly reference: World },
  artifacts: string,
): Promise<Result<RunOutcome>> {
  if (samples.length === 0) return ok(joined([]));
  return session.recorder.stage(
    'run',
    `Samples on ${plan.target.rustTriple}`,
    () =>
      runSamples(session.context, session.store, {
        samples,
        engine: session.engine,
        target: plan.target,
        capabilities: capabilitiesOf(plan),
        worlds,
        artifacts,
      }),
    (value) => ({ hit: value.cached + value.skipped === value.results.length, detail: summary(value) }),
  );
}

function withoutPyo3({ crate }: Plan) {
  return {
    type: 'notice',
    level: 'info',
    code: 'build/no-pyo3',
    message: `${crate.name} does not use PyO3: it is built all the same, and its bundle brings a Python that it may not need.`,
  } as const;
}

function nothingRun({ recipe }: Plan) {
  return {
    type: 'notice',
    level: 'warning',
    code: 'samples/none',
    message:
      `${recipe.project.bin} is built and bundled, and nothing was run: there is no suite of samples and there are no tests. ` +
      'Put scripts into `samples/` beside `provision.yaml`, or write `tests` there; `provision init` begins both.',
  } as const;
}

/** The sample suite; of a crate that brings none, nothing. */
export async function suiteOf({ recipe: { samples } }: Plan): Promise<Result<readonly Sample[]>> {
  return samples.paths.length === 0
    ? ok([])
    : collectSamples(samples.paths, { timeoutSeconds: samples.timeoutSeconds });
}

/** toolchain → sysroot → env → build → bundle: the two places in which a script can then be run and compared. */
export async function makeWorlds(
  session: Session,
  planned: Planned,
  samples: readonly Sample[],
  logs: string,
  progress: Progress,
): Promise<Result<{ readonly target: World; readonly reference: World }>> {
  const { plan, trees } = planned;
  const toolchain = await trees.make('toolchain');
  if (!toolchain.ok) return toolchain;
  progress.toolchain = toolchain.value;
  const prepared = await prepareEnv(planned);
  if (!prepared.ok) return prepared;
  progress.prepared = prepared.value;
  noticeEmbedding(session, plan, prepared.value.python);

  const both = await sideBySide(
    session,
    (branch) => buildProgram(branch, plan, toolchain.value, prepared.value, logs, progress),
    (branch) => prepareWorlds(branch, planned, prepared.value, samples, toolchain.value, logs, progress),
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
  progress.built = bundle.value.program;
  const world = await makeTargetWorld(session, plan, {
    ...worlds,
    ...bundle.value,
    toolchain: toolchain.value,
    program: built.meta.program,
    programDigest: bundle.value.program.meta.digest,
    logs,
  });
  if (!world.ok) return world;
  return ok({
    target: withSuite(world.value, plan.recipe.samples),
    reference: referenceWorld(plan, worlds),
  });
}

export async function makeFolder(folder: string): Promise<Result<void>> {
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
  readonly packages?: PythonPackages;
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
export async function prepareWorlds(
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
  const packages = await makePythonPackages(session, planned, prepared, {
    reference: reference.value,
    bytecode: bytecode.value,
    logs,
  });
  if (!packages.ok) return packages;
  const worlds = {
    ...{ reference: reference.value, rootfs: rootfs.value, bytecode: bytecode.value },
    ...defined({ packages: packages.value }),
  };
  const expected =
    samples.length === 0
      ? ok(undefined)
      : await session.recorder.stage(
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

interface BundleUp extends Worlds {
  readonly built: Built;
  readonly toolchain: Tree;
  readonly prepared: Prepared;
  readonly logs: string;
}

interface Bundled {
  readonly bundle: Bundle;
  readonly unpacked: Unpacked;
  /** What is in it: the built program, or what was made of that. */
  readonly program: Built;
}

export async function bundleUp(session: Session, plan: Plan, input: BundleUp): Promise<Result<Bundled>> {
  const { built, rootfs, logs } = input;
  const bundled = await bundleProgram(session, plan, input, built);
  const { wasm } = plan.recipe;
  if (!bundled.ok || wasm?.snapshot !== true) return bundled;
  const { unpacked } = bundled.value;
  // Taken in the bundle, where the program finds its library; then the bundle is made once more.
  const program = await snapshotProgram(session, wasm, { built, unpacked, rootfs, logs });
  return program.ok ? bundleProgram(session, plan, input, program.value) : program;
}

function bundleProgram(
  session: Session,
  plan: Plan,
  input: BundleUp,
  program: Built,
): Promise<Result<Bundled>> {
  const { context, store } = session;
  return session.recorder.stage(
    'bundle',
    'Bundle',
    async () => {
      const made = await makeBundle(context, store, {
        ...input,
        resolved: plan,
        python: input.prepared.python,
        program,
        sysroot: input.prepared.sysroot,
        sourceDateEpoch: input.prepared.sourceDateEpoch,
      });
      if (!made.ok) return made;
      noticeSandboxPaths(session, made.value);
      const unpacked = await unpackBundle(context, store, made.value);
      return unpacked.ok ? ok({ bundle: made.value, unpacked: unpacked.value, program }) : unpacked;
    },
    ({ bundle: { hit, meta } }) => ({ hit, detail: `${meta.archive}, ${formatBytes(meta.size)}` }),
  );
}

/** A program that opens such a path finds nothing there where it runs. */
function noticeSandboxPaths({ context }: Session, { meta }: Bundle): void {
  if (meta.sandboxPaths.length === 0) return;
  context.emit({
    type: 'notice',
    level: 'warning',
    code: 'build/sandbox-path',
    message: `The program names paths that are there only while it is built: ${meta.sandboxPaths.join(', ')}.`,
  });
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
