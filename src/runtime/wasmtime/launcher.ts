import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../domain/context.ts';
import type { ImageDefinition, RuntimeDefinition } from '../../domain/definitions.ts';
import { ok, type Result } from '../../domain/result.ts';
import type { Engine } from '../../engine/engine.ts';
import { runTool } from '../../engine/tool.ts';
import { digestFile } from '../../store/digest.ts';
import type { Store, StoreEntry } from '../../store/store.ts';
import type { Library } from './wheel.ts';

export interface LauncherInput {
  readonly definition: RuntimeDefinition;
  readonly library: Library;
  readonly image: ImageDefinition;
  readonly toolchain: { readonly folder: string; readonly fingerprint: string };
  readonly engine: () => Promise<Result<Engine>>;
  readonly logs: string;
}

/** A folder with `program` and the library that it loads, to be used as it is at any path. */
export type Launcher = StoreEntry<{ readonly program: string; readonly version: string }>;

const SOURCE_AT = '/job/launcher.c';
const LIBRARY_AT = '/job/library';
const OUT_AT = '/job/out';
const PROGRAM = 'wasmtime';
/** Name that the program looks for beside itself; the wheel's library has no name of its own (DT_SONAME). */
const LIBRARY = 'libwasmtime.so';

/** Compiles the program that starts wasmtime's library, for the machine that the toolchain runs on. */
export async function obtainLauncher(
  context: Context,
  store: Store,
  input: LauncherInput,
): Promise<Result<Launcher>> {
  const inputs = {
    what: 'wasm launcher',
    source: (await digestFile(input.definition.launcher)).digest,
    version: input.definition.version,
    library: input.library.fingerprint,
    toolchain: input.toolchain.fingerprint,
    flags: FLAGS.join(' '),
  };
  return store.obtain<{ program: string; version: string }>(
    'builds',
    inputs,
    (folder) => compile(context, input, folder),
    { signal: context.signal },
  );
}

const FLAGS = ['-O2', '-Wall', '-Wextra', '-pthread', '-Wl,-rpath,$ORIGIN', `-L${OUT_AT}`, `-l:${LIBRARY}`];

async function compile(
  context: Context,
  input: LauncherInput,
  folder: string,
): Promise<Result<{ program: string; version: string }>> {
  const engine = await input.engine();
  if (!engine.ok) return engine;
  const { tools } = input.image;
  const { version } = input.definition;
  await mkdir(input.logs, { recursive: true });
  const log = join(input.logs, 'launcher.log');
  await writeFile(log, '');
  const sandbox = await engine.value.open({
    rootfs: input.toolchain.folder,
    network: 'none',
    mounts: [
      { kind: 'source', source: input.definition.launcher, at: SOURCE_AT },
      { kind: 'tree', source: input.library.folder, at: LIBRARY_AT },
      { kind: 'scratch', at: OUT_AT },
    ],
  });
  if (!sandbox.ok) return sandbox;
  await using box = sandbox.value;
  const env = { PATH: '/usr/bin:/bin', LANG: 'C.UTF-8', HOME: '/tmp' };
  const tool = (argv: readonly [string, ...string[]]) =>
    runTool(context, box, {
      stage: 'runtime',
      code: 'build/launcher',
      doing: `Compiling the launcher of wasmtime ${version}`,
      fix: ['Check the launcher and the library that `runtime.yaml` names.'],
      log,
      command: { argv, env, cwd: OUT_AT },
    });
  const placed = await tool(['cp', `${LIBRARY_AT}/${input.library.meta.library}`, LIBRARY]);
  if (!placed.ok) return placed;
  const compiled = await tool([
    tools.cc ?? 'cc',
    SOURCE_AT,
    `-DWASMTIME_VERSION="${version}"`,
    ...(tools.lld === undefined ? [] : [`-fuse-ld=${tools.lld}`]),
    ...FLAGS,
    '-o',
    PROGRAM,
  ]);
  if (!compiled.ok) return compiled;
  for (const name of [PROGRAM, LIBRARY]) {
    const copied = await box.copyOut(`${OUT_AT}/${name}`, join(folder, name));
    if (!copied.ok) return copied;
  }
  return ok({ program: PROGRAM, version });
}
