import { join } from 'node:path';
import { execPath, version } from 'node:process';
import type { Bundle } from '../bundle/bundle.ts';
import type { Unpacked } from '../bundle/unpack.ts';
import type { WasmSettings } from '../domain/definitions.ts';
import type { Plan } from '../domain/plan.ts';
import { ok, type Result } from '../domain/result.ts';
import type { World } from '../run/world.ts';
import type { Tree } from '../toolchain/tree.ts';
import { obtainWasmtime, type Wasmtime } from '../wasmtime/engine.ts';
import { precompile } from '../wasmtime/precompile.ts';
import type { Session } from './session.ts';
import { nodeWasiWorld, wasmtimeWorld } from './wasm-worlds.ts';
import { targetWorld } from './worlds.ts';

interface Trees {
  readonly toolchain: Tree;
  readonly reference: Tree;
  readonly rootfs: Tree;
}

/** The engine that a plan's runner needs beyond what its trees hold; undefined where it needs none. */
export async function prepareRunner(
  session: Session,
  plan: Plan,
  trees: Trees,
  logs: string,
): Promise<Result<Wasmtime | undefined>> {
  const { runnerDefinition: definition, reference, toolchain: image } = plan;
  const { wasm: settings } = plan.recipe;
  if (plan.runner !== 'wasmtime' || definition === undefined || settings === undefined) return ok(undefined);
  const { context, store, engine } = session;
  const python = reference.tools.python ?? 'python3';
  return session.recorder.stage(
    'runner',
    `Runner ${definition.name}`,
    () => obtainWasmtime(context, store, { definition, settings, image, ...trees, python, engine, logs }),
    ({ hit, why }) => ({ hit, detail: why }),
  );
}

/** Where the samples run: natively, under an emulator, or in an engine for WebAssembly. */
export async function makeTargetWorld(
  session: Session,
  plan: Plan,
  input: Trees & {
    readonly bundle: Bundle;
    readonly unpacked: Unpacked;
    /** File name of the program in the bundle, and its digest. */
    readonly program: string;
    readonly programDigest: string;
    readonly wasmtime?: Wasmtime;
    readonly logs: string;
  },
): Promise<Result<World>> {
  const { unpacked: bundle, program, rootfs, wasmtime } = input;
  const { digest } = input.bundle.meta;
  const { wasm: settings } = plan.recipe;
  const common = { rootfs, bundle, digest, program, namesHome: plan.crate.pyo3?.autoInitialize === true };
  if (settings === undefined) return ok(targetWorld(plan, { ...common, toolchain: input.toolchain }));
  if (wasmtime === undefined) {
    const script = join(session.context.settings.home, 'runners', 'node-wasi', 'run.mjs');
    return ok(nodeWasiWorld({ ...common, settings, node: execPath, version, script }));
  }
  return inWasmtime(session, { ...input, wasmtime, settings, common });
}

async function inWasmtime(
  session: Session,
  input: {
    readonly rootfs: Tree;
    readonly unpacked: Unpacked;
    readonly program: string;
    readonly programDigest: string;
    readonly wasmtime: Wasmtime;
    readonly settings: WasmSettings;
    readonly logs: string;
    readonly common: Omit<Parameters<typeof wasmtimeWorld>[0], 'settings' | 'wasmtime' | 'precompiled'>;
  },
): Promise<Result<World>> {
  const { wasmtime, settings, unpacked, program, common } = input;
  const { context, store, engine } = session;
  const folder = join(unpacked.folder, unpacked.top, 'bin');
  const precompiled = await session.recorder.stage(
    'precompile',
    `Compile ${program} ahead of time`,
    () =>
      precompile(context, store, {
        wasmtime,
        settings,
        module: { folder, name: program, digest: input.programDigest },
        rootfs: input.rootfs,
        engine,
        logs: input.logs,
      }),
    ({ hit, meta }) => ({ hit, detail: `${meta.file}, for wasmtime ${wasmtime.version}` }),
  );
  return precompiled.ok
    ? ok(wasmtimeWorld({ ...common, settings, wasmtime, precompiled: precompiled.value }))
    : precompiled;
}
