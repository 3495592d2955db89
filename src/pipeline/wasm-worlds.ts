import { basename, join } from 'node:path';
import type { WasmSettings } from '../domain/definitions.ts';
import { PATHS } from '../engine/paths.ts';
import { SCRATCH_AT, SUITE_AT, type World } from '../run/world.ts';
import { codeOptions, type Wasmtime } from '../wasmtime/engine.ts';
import type { Precompiled } from '../wasmtime/precompile.ts';

interface Tree {
  readonly folder: string;
  readonly fingerprint: string;
}

interface WasmWorldInput {
  readonly settings: WasmSettings;
  /** Root that the engine runs in: the host's C library. What the program sees is its preopened folders alone. */
  readonly rootfs: Tree;
  readonly bundle: Tree & { readonly top: string };
  readonly digest: string;
  /** File name of the module in the bundle. */
  readonly program: string;
  /** The program leaves it to Python to find its library. */
  readonly namesHome: boolean;
}

/** Where a sandbox sees the module that was compiled ahead of time. */
export const MODULE_AT = '/opt/module';
const NODE_AT = '/opt/emulator/node';
const SCRIPT_AT = '/opt/emulator/run.mjs';

/** The bundle in wasmtime, its module compiled ahead of time. */
export function wasmtimeWorld(
  input: WasmWorldInput & { readonly wasmtime: Wasmtime; readonly precompiled: Precompiled },
): World {
  const { settings, wasmtime, precompiled } = input;
  const limit =
    settings.maxMemory === undefined ? [] : (['-W', `max-memory-size=${settings.maxMemory}`] as const);
  return {
    rootfs: input.rootfs.folder,
    mounts: [
      bundleMount(input),
      ...wasmtime.mounts,
      { kind: 'tree', source: precompiled.folder, at: MODULE_AT },
    ],
    command: [
      wasmtime.program,
      'run',
      '--allow-precompiled',
      ...codeOptions(settings),
      ...limit,
      ...programOptions(input),
      `${MODULE_AT}/${precompiled.meta.file}`,
    ],
    env: {},
    emulator: 'wasmtime',
    key: {
      bundle: input.digest,
      rootfs: input.rootfs.fingerprint,
      engine: wasmtime.key,
      // How the module is started.
      settings: { ...settings },
    },
  };
}

/** The same bundle in the WASI of the Node that runs provision: a second engine, of another make. */
export function nodeWasiWorld(
  input: WasmWorldInput & { readonly node: string; readonly version: string; readonly script: string },
): World {
  const program = `${PATHS.interpreter}/bin/${input.program}`;
  // In KiB; the main thread's stack is 8 MiB on most machines, and Node's own frames need some of it.
  const stack = Math.min(Math.floor(input.settings.stack / 1024), 7000);
  return {
    rootfs: input.rootfs.folder,
    mounts: [
      bundleMount(input),
      { kind: 'source', source: input.node, at: NODE_AT },
      { kind: 'source', source: input.script, at: SCRIPT_AT },
    ],
    command: [
      NODE_AT,
      '--no-warnings',
      `--stack-size=${stack}`,
      SCRIPT_AT,
      ...programOptions(input),
      program,
    ],
    env: {},
    emulator: 'node-wasi',
    key: {
      bundle: input.digest,
      rootfs: input.rootfs.fingerprint,
      engine: `${basename(input.node)} ${input.version}`,
      stack,
    },
  };
}

function bundleMount({ bundle }: WasmWorldInput) {
  return { kind: 'tree', source: join(bundle.folder, bundle.top), at: PATHS.interpreter } as const;
}

/** What the program sees: the bundle, the suite and the working folder, all at the paths that the reference has them at. */
function programOptions({ program, namesHome }: WasmWorldInput): readonly string[] {
  return [
    ...[PATHS.interpreter, SUITE_AT, SCRATCH_AT].flatMap((path) => ['--dir', path]),
    ...['-S', 'inherit-env', '--env', `ISOLATE_CWD=${SCRATCH_AT}`],
    ...(namesHome ? ['--env', `PYTHONHOME=${PATHS.interpreter}`] : []),
    ...['--argv0', `${PATHS.interpreter}/bin/${program}`],
  ];
}
