import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../domain/context.ts';
import type { CargoTests } from '../domain/definitions.ts';
import type { Digest, Fingerprint, RuntimeKind } from '../domain/ids.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Exit, Sandbox } from '../engine/engine.ts';
import { crateAt } from '../engine/project-paths.ts';
import { runTool } from '../engine/tool.ts';
import type { Failure } from '../failure.ts';
import { toolchainEmulation } from '../runtime/runtime.ts';
import { fingerprint } from '../store/fingerprint.ts';
import { withTemporaryFolder } from '../store/scratch.ts';
import type { Json, Store } from '../store/store.ts';
import { type BuildInput, buildMounts, cargoOf, programInputs, volumeName } from './build.ts';
import { fetchCrates } from './crates.ts';
import { hostCargo } from './host-cargo.ts';
import { linkedObjects } from './linked-objects.ts';
import { noteNeededRust } from './needed-rust.ts';
import { type PythonSite, pythonMounts } from './python-mounts.ts';
import { explainHidden } from './sources/explain.ts';
import { digestProject } from './sources/project.ts';
import { type CargoTestResult, readTests } from './test-output.ts';
import { openView } from './view.ts';

export interface CargoTestsRun {
  readonly tests: readonly CargoTestResult[];
  /** Whether the results come from the store. */
  readonly cached: boolean;
  readonly ms: number;
}

/** Options that select the targets to test; the default is all targets with tests. */
export const SELECTIONS = /^--(lib|bins?|examples?|tests?|bench(es)?|all-targets|doc)(=|$)/;

/**
 * Runs `cargo test` for the target in the sandbox of the build; the test programs are started by `CARGO_TARGET_…_RUNNER`.
 * A run in which all tests pass is cached. Failing tests are not a failure of this call; tests that do not compile are.
 */
export async function runCargoTests(
  context: Context,
  store: Store,
  input: CargoTestsInput,
  wanted: CargoTests,
): Promise<Result<CargoTestsRun>> {
  const sources = await digestProject(context, input.resolved, input.logs);
  if (!sources.ok) return sources;
  const kept = await store.readResult<Kept>(resultKey(input, wanted, sources.value.digest), {
    anywhere: true,
  });
  if (kept !== undefined) return ok({ tests: kept.tests, cached: true, ms: kept.ms });
  const run = await withTemporaryFolder(store.folder, 'tests', (folder) =>
    start(context, store, input, wanted, folder),
  );
  if (!run.ok) return run;
  const { seen, ...result } = run.value;
  // A result that cannot be written is ignored: the tests run again next time.
  if (result.tests.every(({ status }) => status !== 'failed')) {
    const passed: Kept = { tests: [...result.tests], ms: result.ms };
    await store.writeResult(resultKey(input, wanted, seen), passed, { anywhere: true });
  }
  return ok(result);
}

function resultKey(input: CargoTestsInput, wanted: CargoTests, sources: Digest): Fingerprint {
  return fingerprint({
    ...programInputs(input, sources),
    what: 'cargo test',
    args: [...wanted.args],
    harness: [...wanted.harness],
    ...(input.python === undefined ? {} : { python: input.python.fingerprint }),
  });
}

export interface CargoTestsInput extends BuildInput {
  readonly runtime: RuntimeKind;
  /** Packages and modules that the program's Python imports. */
  readonly python?: PythonSite;
}

type Kept = { readonly tests: readonly CargoTestResult[]; readonly ms: number } & {
  readonly [key: string]: Json;
};

async function start(
  context: Context,
  store: Store,
  input: CargoTestsInput,
  wanted: CargoTests,
  folder: string,
): Promise<Result<CargoTestsRun & { readonly seen: Digest }>> {
  const engine = await input.engine();
  if (!engine.ok) return engine;
  const cargo = await hostCargo(context.settings, input.resolved.cargo, { config: input.env.cargoConfig });
  if (!cargo.ok) return cargo;
  await mkdir(input.logs, { recursive: true });
  const log = join(input.logs, 'cargo-test.log');
  await writeFile(log, '');
  const lock = await store.lock(`volume-${volumeName(input)}`, { signal: context.signal });
  if (!lock.ok) return lock;
  await using _ = lock.value;
  const view = await openView(context, store, volumeName(input), { ...input, cargo: cargo.value });
  if (!view.ok) return view;
  // The program may have come from the store: then nothing of its crates has to be here yet.
  const fetched = await fetchCrates({
    ...{ context, store, input, engine: engine.value, cargo: cargo.value, view: view.value, log },
  });
  if (!fetched.ok) return fetched;
  const objects = await linkedObjects(context, store, engine.value, input);
  if (!objects.ok) return objects;
  const sandbox = await engine.value.open({
    rootfs: input.toolchain.folder,
    network: 'none',
    mounts: [
      ...buildMounts(input, view.value),
      ...objects.value,
      ...cargo.value.sources,
      ...(await pythonMounts(input.python, folder)),
    ],
    ...toolchainEmulation(input.resolved.target, input.runtime),
  });
  if (!sandbox.ok) return sandbox;
  await using box = sandbox.value;
  const env = { ...input.env.variables, ...cargo.value.names };
  const compiled = await compile(context, box, input, wanted, log, env);
  if (!compiled.ok) {
    const output = await readFile(log, 'utf8');
    await noteNeededRust(store, input.resolved, output);
    return err(explainHidden(compiled.error, output, input.resolved.recipe.project, view.value.sources));
  }
  const ran = await execute(context, box, input, wanted, log, env);
  return ran.ok ? ok({ ...ran.value, seen: view.value.sources.digest }) : ran;
}

async function compile(
  context: Context,
  box: Sandbox,
  input: BuildInput,
  wanted: CargoTests,
  log: string,
  env: Readonly<Record<string, string>>,
): Promise<Result<void>> {
  const run = await runTool(context, box, {
    stage: 'cargo-test',
    code: 'build/tests-failed',
    doing: `Compiling the tests for ${input.resolved.target.rustTriple}`,
    fix: ['Fix the errors of the compiler or linker, or remove `tests.cargo` from the recipe.'],
    log,
    command: {
      argv: cargoTest(context, input, wanted, ['--no-run']),
      env,
      cwd: crateAt(input.resolved.recipe.project),
    },
  });
  return run.ok ? ok(undefined) : run;
}

async function execute(
  context: Context,
  box: Sandbox,
  input: BuildInput,
  wanted: CargoTests,
  log: string,
  env: Readonly<Record<string, string>>,
): Promise<Result<CargoTestsRun>> {
  const argv = cargoTest(context, input, wanted, ['--no-fail-fast']);
  const harness = wanted.harness.length === 0 ? [] : ['--', ...wanted.harness];
  context.emit({ type: 'command', stage: 'cargo-test', line: [...argv, ...harness].join(' ') });
  const exit = await box.run({
    argv: [...argv, ...harness] as [string, ...string[]],
    env,
    cwd: crateAt(input.resolved.recipe.project),
    timeoutMs: wanted.timeoutSeconds * 1000,
    onOutput: (stream, chunk) =>
      context.emit({
        type: 'stage-output',
        stage: 'cargo-test',
        stream,
        text: Buffer.from(chunk).toString('utf8'),
      }),
  });
  if (!exit.ok) return exit;
  const { limit, status, ms } = exit.value;
  const [stdout, stderr] = [text(exit.value.stdout), text(exit.value.stderr)];
  await writeFile(log, `${stderr}${stdout}`, { flag: 'a' });
  if (limit !== undefined) return err(stopped(wanted.timeoutSeconds, limit, log));
  const tests = readTests({ stdout, stderr, passed: status === 0 });
  return ok({ tests, cached: false, ms: Math.round(ms) });
}

function cargoTest(
  context: Context,
  { resolved }: BuildInput,
  wanted: CargoTests,
  more: readonly string[],
): [string, ...string[]] {
  const { project } = resolved.recipe;
  const selected = wanted.args.some((word) => SELECTIONS.test(word));
  return [
    cargoOf({ resolved }),
    ...['test', '--locked', '--offline', '--target', resolved.target.rustTriple],
    ...['--profile', project.profile, '--jobs', String(context.settings.jobs)],
    ...(project.features.length > 0 ? ['--features', project.features.join(',')] : []),
    ...(project.defaultFeatures ? [] : ['--no-default-features']),
    ...(project.ignoreRustVersion === true ? ['--ignore-rust-version'] : []),
    // Those of the documentation are not among them (`documentation` of the report).
    ...(selected ? [] : ['--tests']),
    ...more,
    ...wanted.args,
  ];
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}

function stopped(seconds: number, limit: NonNullable<Exit['limit']>, log: string): Failure {
  return {
    code: 'samples/cargo-test-limit',
    what:
      limit === 'time'
        ? `\`cargo test\` exceeded its time limit of ${seconds} s.`
        : `\`cargo test\` exceeded the ${limit} limit of a command.`,
    fix: ['Raise `tests.cargo.timeout` in the recipe, or select fewer tests in `args`.'],
    see: [log],
  };
}
