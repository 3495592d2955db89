import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../domain/context.ts';
import type { WasmSettings } from '../../domain/definitions.ts';
import { ok, type Result } from '../../domain/result.ts';
import type { Engine } from '../../engine/engine.ts';
import { runTool } from '../../engine/tool.ts';
import type { Store, StoreEntry } from '../../store/store.ts';
import { codeOptions, type Wasmtime } from './obtain.ts';

export interface PrecompileInput {
  readonly wasmtime: Wasmtime;
  readonly settings: WasmSettings;
  /** Folder and file name of the module, and its digest. */
  readonly module: { readonly folder: string; readonly name: string; readonly digest: string };
  /** Root that wasmtime runs in. */
  readonly rootfs: { readonly folder: string };
  readonly engine: () => Promise<Result<Engine>>;
  readonly logs: string;
}

/** Machine code of a module, for one version of wasmtime and set of settings. */
export type Precompiled = StoreEntry<{ readonly file: string }>;

const MODULE_AT = '/job/module';
const OUT_AT = '/job/out';

/**
 * Compiles a module ahead of time, once. wasmtime maps it into memory without a check, so everything that its
 * code depends on is part of the key: wasmtime, its settings, and the processor's features, which the code may use.
 */
export async function precompile(
  context: Context,
  store: Store,
  input: PrecompileInput,
): Promise<Result<Precompiled>> {
  const options = codeOptions(input.settings);
  const inputs = {
    what: 'precompiled module',
    module: input.module.digest,
    engine: input.wasmtime.key,
    options: [...options],
    processor: await processorFeatures(),
  };
  return store.obtain<{ file: string }>(
    'builds',
    inputs,
    (folder) => compile(context, input, options, folder),
    { signal: context.signal },
  );
}

async function compile(
  context: Context,
  input: PrecompileInput,
  options: readonly string[],
  folder: string,
): Promise<Result<{ file: string }>> {
  const engine = await input.engine();
  if (!engine.ok) return engine;
  await mkdir(input.logs, { recursive: true });
  const log = join(input.logs, 'precompile.log');
  await writeFile(log, '');
  const sandbox = await engine.value.open({
    rootfs: input.rootfs.folder,
    network: 'none',
    mounts: [
      ...input.wasmtime.mounts,
      { kind: 'tree', source: input.module.folder, at: MODULE_AT },
      { kind: 'scratch', at: OUT_AT },
    ],
  });
  if (!sandbox.ok) return sandbox;
  await using box = sandbox.value;
  const file = input.module.name.replace(/\.wasm$/, '.cwasm');
  const module = `${MODULE_AT}/${input.module.name}`;
  const run = await runTool(context, box, {
    stage: 'runtime',
    code: 'build/precompile',
    doing: `Compiling ${input.module.name} ahead of time`,
    fix: ['Check the module: `wasmtime compile` prints above what it does not accept.'],
    log,
    command: {
      argv: [input.wasmtime.program, 'compile', ...options, '-o', `${OUT_AT}/${file}`, module],
      env: {},
      cwd: OUT_AT,
    },
  });
  if (!run.ok) return run;
  const copied = await box.copyOut(`${OUT_AT}/${file}`, join(folder, file));
  return copied.ok ? ok({ file }) : copied;
}

/** The processor's instruction sets as the kernel reports them (proc_cpuinfo(5)); a store may move between machines. */
async function processorFeatures(): Promise<string> {
  const text = await readFile('/proc/cpuinfo', 'utf8').catch(() => '');
  const features = /^(?:flags|Features|isa)\s*:(.*)$/m.exec(text)?.[1] ?? '';
  return createHash('sha256')
    .update(features.trim().split(/\s+/).sort().join(' '))
    .digest('hex')
    .slice(0, 16);
}
