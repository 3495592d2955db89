import { basename, join } from 'node:path';
import { execPath, version } from 'node:process';
import type { WasmSettings } from '../domain/definitions.ts';
import { ok } from '../domain/result.ts';
import type { Mount } from '../engine/engine.ts';
import { PATHS } from '../engine/paths.ts';
import { digestFile } from '../store/digest.ts';
import { bundleMount, programAt } from './bundled.ts';
import type { TargetRuntime } from './runtime.ts';
import { wasiCommands, wasmSettings } from './wasi-program.ts';
import { readWasmExit } from './wasm-exit.ts';

const NAME = 'node-wasi';

/** Where a sandbox sees Node and the script that it runs. */
export const NODE_AT = `${PATHS.emulator}/node`;
const SCRIPT_AT = `${PATHS.emulator}/run.mjs`;

/** The WASI of the Node that runs provision: a second implementation, of another make. */
export const NODE_WASI: TargetRuntime = {
  kind: NAME,
  emulator: () => NAME,
  launcher: () => [],
  // Programs of WASI are started from their bundle only.
  bareLauncher: () => [],
  buildLauncher: async (home) => {
    const script = nodeScript(home, 'run.mjs');
    return {
      argv: [NODE_AT, '--no-warnings', SCRIPT_AT, '--dir', '.'],
      mounts: nodeMounts(script),
      key: [`node ${version}`, (await digestFile(script)).digest],
    };
  },
  instantiate: async ({ context }, plan, input) => {
    const stack = nodeStack(wasmSettings(plan));
    const script = nodeScript(context.settings.home, 'run.mjs');
    return ok({
      kind: NAME,
      rootfs: input.rootfs.folder,
      mounts: [bundleMount(input), ...nodeMounts(script)],
      ...wasiCommands(plan, input.program, [
        [NODE_AT, '--no-warnings', `--stack-size=${stack}`, SCRIPT_AT],
        programAt(input.program),
      ]),
      env: {},
      emulator: NAME,
      key: {
        bundle: input.bundle.meta.digest,
        rootfs: input.rootfs.fingerprint,
        engine: `${basename(execPath)} ${version}`,
        script: (await digestFile(script)).digest,
        stack,
      },
    });
  },
  readExit: (exit, emulator) => readWasmExit(exit, emulator ?? NAME),
};

function nodeMounts(script: string): readonly Mount[] {
  return [
    { kind: 'source', source: execPath, at: NODE_AT },
    { kind: 'source', source: script, at: SCRIPT_AT },
  ];
}

/** Node's `--stack-size`, in KiB: its own frames need some of the thread's stack, which is 8 MiB on most machines. */
export function nodeStack({ stack }: WasmSettings): number {
  return Math.min(Math.floor(stack / 1024), 7000);
}

/** A script that Node runs modules with. */
export function nodeScript(home: string, name: 'run.mjs' | 'initialize.mjs'): string {
  return join(home, 'runtimes', NAME, name);
}
