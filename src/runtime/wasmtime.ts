import { join } from 'node:path';
import type { Plan } from '../domain/plan.ts';
import { ok, type Result } from '../domain/result.ts';
import { bundleMount } from './bundled.ts';
import type { RuntimeInstance } from './instance.ts';
import { NODE_WASI } from './node-wasi.ts';
import type { ProgramInput, RuntimeSession, RuntimeTrees, TargetRuntime } from './runtime.ts';
import { wasiCommands, wasmSettings } from './wasi-program.ts';
import { readWasmExit } from './wasm-exit.ts';
import { codeOptions, obtainWasmtime, type Wasmtime } from './wasmtime/obtain.ts';
import { type Precompiled, precompile } from './wasmtime/precompile.ts';

const NAME = 'wasmtime';

/** Where a sandbox sees the module that was compiled ahead of time. */
export const MODULE_AT = '/opt/module';

/** wasmtime, the locked one or the machine's, with the bundle's module compiled ahead of time. */
export const WASMTIME: TargetRuntime = {
  kind: NAME,
  emulator: () => NAME,
  launcher: () => [],
  // Programs of WASI are started from their bundle only.
  bareLauncher: () => [],
  // Node is there, and gives the same answers; wasmtime would have to be fetched and built first.
  buildLauncher: NODE_WASI.buildLauncher,
  prepare,
  instantiate,
  readExit: (exit, emulator) => readWasmExit(exit, emulator ?? NAME),
};

function prepare(
  { context, store, engine, recorder }: RuntimeSession,
  plan: Plan,
  trees: RuntimeTrees,
  logs: string,
): Promise<Result<Wasmtime>> {
  const { runtimeDefinition: definition, interpreter, toolchain: image } = plan;
  if (definition === undefined)
    throw new Error(`the recipe ${plan.recipe.name} has no definition of wasmtime`);
  const settings = wasmSettings(plan);
  const python = interpreter.tools.python ?? 'python3';
  return recorder.stage(
    'runtime',
    `Runtime ${definition.name}`,
    () => obtainWasmtime(context, store, { definition, settings, image, ...trees, python, engine, logs }),
    ({ hit, why }) => ({ hit, detail: why }),
  );
}

async function instantiate(
  session: RuntimeSession,
  plan: Plan,
  input: ProgramInput,
): Promise<Result<RuntimeInstance>> {
  const { wasmtime } = input;
  if (wasmtime === undefined) throw new Error('wasmtime was not prepared');
  const precompiled = await compileAhead(session, plan, input, wasmtime);
  return precompiled.ok ? ok(instanceOf(plan, input, wasmtime, precompiled.value)) : precompiled;
}

function compileAhead(
  { context, store, engine, recorder }: RuntimeSession,
  plan: Plan,
  { unpacked, program, programDigest, rootfs, logs }: ProgramInput,
  wasmtime: Wasmtime,
): Promise<Result<Precompiled>> {
  const folder = join(unpacked.folder, unpacked.top, 'bin');
  return recorder.stage(
    'precompile',
    `Compile ${program} ahead of time`,
    () =>
      precompile(context, store, {
        wasmtime,
        settings: wasmSettings(plan),
        module: { folder, name: program, digest: programDigest },
        rootfs,
        engine,
        logs,
      }),
    ({ hit, meta }) => ({ hit, detail: `${meta.file}, for wasmtime ${wasmtime.version}` }),
  );
}

function instanceOf(
  plan: Plan,
  input: ProgramInput,
  wasmtime: Wasmtime,
  precompiled: Precompiled,
): RuntimeInstance {
  const settings = wasmSettings(plan);
  const { maxMemory } = settings;
  return {
    kind: NAME,
    rootfs: input.rootfs.folder,
    mounts: [
      bundleMount(input),
      ...wasmtime.mounts,
      { kind: 'tree', source: precompiled.folder, at: MODULE_AT },
    ],
    ...wasiCommands(plan, input.program, [
      [
        ...[wasmtime.program, 'run', '--allow-precompiled', ...codeOptions(settings)],
        ...(maxMemory === undefined ? [] : ['-W', `max-memory-size=${maxMemory}`]),
      ],
      `${MODULE_AT}/${precompiled.meta.file}`,
    ]),
    env: {},
    emulator: NAME,
    key: {
      bundle: input.bundle.meta.digest,
      rootfs: input.rootfs.fingerprint,
      engine: wasmtime.key,
      // How the module is started.
      settings: { ...settings },
    },
  };
}
