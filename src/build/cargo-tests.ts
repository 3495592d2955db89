import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../domain/context.ts';
import type { CargoTests } from '../domain/definitions.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Sandbox } from '../engine/engine.ts';
import { runTool } from '../engine/tool.ts';
import type { Failure } from '../failure.ts';
import { fingerprint } from '../store/fingerprint.ts';
import { withTemporaryFolder } from '../store/scratch.ts';
import type { Json, Store } from '../store/store.ts';
import {
  type BuildInput,
  buildMounts,
  crateAt,
  programInputs,
  projectSources,
  volumeName,
  writeEnvFiles,
} from './build.ts';
import { hostCargo } from './host-cargo.ts';
import { type CargoTestResult, readTests } from './test-output.ts';

export interface CargoTestsRun {
  readonly tests: readonly CargoTestResult[];
  /** Whether the results come from the store. */
  readonly cached: boolean;
  readonly ms: number;
}

/** Options that select the targets to test; the default is all targets with tests. */
const SELECTIONS = /^--(lib|bins?|examples?|tests?|bench(es)?|all-targets|doc)(=|$)/;

/**
 * Runs `cargo test` for the target in the sandbox of the build; the test programs are started by `CARGO_TARGET_…_RUNNER`.
 * A run in which all tests pass is cached. Failing tests are not a failure of this call; tests that do not compile are.
 */
export async function runCargoTests(
  context: Context,
  store: Store,
  input: BuildInput,
  wanted: CargoTests,
): Promise<Result<CargoTestsRun>> {
  const sources = await projectSources(context, input.resolved);
  if (!sources.ok) return sources;
  const key = fingerprint({
    ...programInputs(input, sources.value.digest),
    what: 'cargo test',
    args: [...wanted.args],
    harness: [...wanted.harness],
  });
  const kept = await store.readResult<Kept>(key);
  if (kept !== undefined) return ok({ tests: kept.tests, cached: true, ms: kept.ms });
  return withTemporaryFolder(store.folder, 'tests', async (folder) => {
    const run = await start(context, store, input, wanted, folder);
    // A result that cannot be written is ignored: the tests run again next time.
    if (run.ok && run.value.tests.every(({ status }) => status !== 'failed')) {
      await store.writeResult(key, { tests: [...run.value.tests], ms: run.value.ms } as Kept);
    }
    return run;
  });
}

type Kept = { readonly tests: readonly CargoTestResult[]; readonly ms: number } & {
  readonly [key: string]: Json;
};

async function start(
  context: Context,
  store: Store,
  input: BuildInput,
  wanted: CargoTests,
  folder: string,
): Promise<Result<CargoTestsRun>> {
  const engine = await input.engine();
  if (!engine.ok) return engine;
  const cargo = await hostCargo(context.settings);
  if (!cargo.ok) return cargo;
  await mkdir(input.logs, { recursive: true });
  const log = join(input.logs, 'cargo-test.log');
  await writeFile(log, '');
  await writeEnvFiles(folder, input.env, cargo.value);
  const lock = await store.lock(`volume-${volumeName(input)}`, { signal: context.signal });
  if (!lock.ok) return lock;
  await using _ = lock.value;
  const sandbox = await engine.value.open({
    rootfs: input.toolchain.folder,
    network: 'none',
    mounts: buildMounts(input, folder),
  });
  if (!sandbox.ok) return sandbox;
  await using box = sandbox.value;
  const compiled = await compile(context, box, input, wanted, log);
  if (!compiled.ok) return compiled;
  return await execute(context, box, input, wanted, log);
}

async function compile(
  context: Context,
  box: Sandbox,
  input: BuildInput,
  wanted: CargoTests,
  log: string,
): Promise<Result<void>> {
  const run = await runTool(context, box, {
    stage: 'cargo-test',
    code: 'build/tests-failed',
    doing: `Compiling the tests for ${input.resolved.target.rustTriple}`,
    fix: ['Fix the errors of the compiler or linker, or remove `tests.cargo` from the recipe.'],
    log,
    command: {
      argv: cargoTest(context, input, wanted, ['--no-run']),
      env: input.env.variables,
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
): Promise<Result<CargoTestsRun>> {
  const argv = cargoTest(context, input, wanted, ['--no-fail-fast']);
  const harness = wanted.harness.length === 0 ? [] : ['--', ...wanted.harness];
  context.emit({ type: 'command', stage: 'cargo-test', line: [...argv, ...harness].join(' ') });
  const exit = await box.run({
    argv: [...argv, ...harness] as [string, ...string[]],
    env: input.env.variables,
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
    resolved.toolchain.tools.cargo ?? 'cargo',
    ...['test', '--locked', '--offline', '--target', resolved.target.rustTriple],
    ...['--profile', project.profile, '--jobs', String(context.settings.jobs)],
    ...(project.features.length > 0 ? ['--features', project.features.join(',')] : []),
    ...(project.defaultFeatures ? [] : ['--no-default-features']),
    // Documentation tests are excluded: rustdoc compiles and starts them itself.
    ...(selected ? [] : ['--tests']),
    ...more,
    ...wanted.args,
  ];
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}

function stopped(seconds: number, limit: 'time' | 'output', log: string): Failure {
  return {
    code: 'samples/cargo-test-limit',
    what:
      limit === 'time'
        ? `\`cargo test\` exceeded its time limit of ${seconds} s.`
        : '`cargo test` exceeded the output limit of a command.',
    fix: ['Raise `tests.cargo.timeout` in the recipe, or select fewer tests in `args`.'],
    see: [log],
  };
}
