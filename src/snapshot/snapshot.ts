import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execPath, version } from 'node:process';
import type { BuildMeta } from '../build/build.ts';
import type { Context } from '../domain/context.ts';
import type { WasmSettings } from '../domain/definitions.ts';
import type { Digest } from '../domain/ids.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Engine, Sandbox } from '../engine/engine.ts';
import { PATHS } from '../engine/paths.ts';
import { runTool } from '../engine/tool.ts';
import type { Failure } from '../failure.ts';
import { NODE_AT, nodeScript, nodeStack } from '../runtime/node-wasi.ts';
import { digestFile } from '../store/digest.ts';
import type { Store, StoreEntry } from '../store/store.ts';
import { type InitializedState, instrument, rewrite } from './rewrite.ts';

/** Goes up when the same inputs give another module. */
const SNAPSHOT_VERSION = 1;

export interface SnapshotInput {
  /** The unpacked bundle of the module as it was built: the program finds its standard library there. */
  readonly bundle: { readonly folder: string; readonly top: string; readonly fingerprint: string };
  /** File name of the module in the bundle, and its digest. */
  readonly module: { readonly name: string; readonly digest: Digest };
  readonly settings: WasmSettings;
  /** Root that Node runs in: the host's C library. */
  readonly rootfs: { readonly folder: string };
  readonly engine: () => Promise<Result<Engine>>;
  readonly logs: string;
}

/** A module that starts with its interpreter initialised. */
export type Snapshot = StoreEntry<BuildMeta>;

const SCRIPT_AT = `${PATHS.emulator}/initialize.mjs`;
const MODULE_AT = '/job/module';
const OUT_AT = '/job/out';
const MODULE = 'instrumented.wasm';

/**
 * What the interpreter is initialised in. The locale is the one that samples get and the bundle's script gives: a run with
 * another one initialises again. The seed is changed at every start; a fixed one makes the snapshot a function of its inputs.
 */
const ENVIRONMENT: Readonly<Record<string, string>> = { LANG: 'C.UTF-8', PYTHONHASHSEED: '0' };

/** Initialises a module up to where a script would run, and makes that its start; or finds it made from the same inputs. */
export async function takeSnapshot(
  context: Context,
  store: Store,
  input: SnapshotInput,
): Promise<Result<Snapshot>> {
  const inputs = {
    what: 'snapshot',
    version: SNAPSHOT_VERSION,
    module: input.module.digest,
    // What the program reads while it is initialised.
    bundle: input.bundle.fingerprint,
    environment: { ...ENVIRONMENT },
    script: (await digestFile(scriptOf(context))).digest,
    engine: version,
  };
  return store.obtain<BuildMeta>('builds', inputs, (folder) => make(context, input, folder), {
    signal: context.signal,
  });
}

function scriptOf({ settings }: Context): string {
  return nodeScript(settings.home, 'initialize.mjs');
}

async function make(context: Context, input: SnapshotInput, folder: string): Promise<Result<BuildMeta>> {
  const { name } = input.module;
  const module = await readFile(join(input.bundle.folder, input.bundle.top, 'bin', name));
  const instrumented = instrument(module);
  if ('unsupported' in instrumented) return err(unsupported(name, instrumented.unsupported));
  const work = join(folder, '.snapshot');
  await mkdir(work);
  await writeFile(join(work, MODULE), instrumented);
  const state = await initialize(context, input, work);
  if (!state.ok) return state;
  await rm(work, { recursive: true });
  const rewritten = rewrite(module, state.value);
  if ('unsupported' in rewritten) return err(unsupported(name, rewritten.unsupported));
  if (!isValid(rewritten)) throw new Error(`the snapshot of ${name} is not valid`);
  const file = join(folder, name);
  await writeFile(file, rewritten, { mode: 0o755 });
  const { digest, size } = await digestFile(file);
  return ok({ program: name, digest, size });
}

/** Whether a runtime would accept it: Node's, which TypeScript's library for Node does not declare. */
function isValid(module: Uint8Array): boolean {
  const { WebAssembly } = globalThis as unknown as {
    readonly WebAssembly: { validate(bytes: Uint8Array): boolean };
  };
  return WebAssembly.validate(module);
}

async function initialize(
  context: Context,
  input: SnapshotInput,
  work: string,
): Promise<Result<InitializedState>> {
  const engine = await input.engine();
  if (!engine.ok) return engine;
  await mkdir(input.logs, { recursive: true });
  const log = join(input.logs, 'snapshot.log');
  await writeFile(log, '');
  const sandbox = await engine.value.open({
    rootfs: input.rootfs.folder,
    network: 'none',
    mounts: [
      { kind: 'tree', source: join(input.bundle.folder, input.bundle.top), at: PATHS.interpreter },
      { kind: 'source', source: work, at: MODULE_AT },
      { kind: 'source', source: execPath, at: NODE_AT },
      { kind: 'source', source: scriptOf(context), at: SCRIPT_AT },
      { kind: 'scratch', at: OUT_AT },
    ],
  });
  if (!sandbox.ok) return sandbox;
  await using box = sandbox.value;
  const run = await runTool(context, box, {
    stage: 'bundle',
    code: 'build/snapshot',
    doing: `Initialising ${input.module.name} for its snapshot`,
    fix: [
      'Take `snapshot: true` out of the recipe to run the module without; the lines below show what stopped it.',
    ],
    log,
    command: { argv: command(input), env: {}, cwd: OUT_AT },
  });
  // Awaited: the sandbox is closed when this function returns.
  return run.ok ? await takeOut(box, work) : run;
}

function command({ module, settings }: SnapshotInput): readonly [string, ...string[]] {
  return [
    NODE_AT,
    ...['--no-warnings', `--stack-size=${nodeStack(settings)}`, SCRIPT_AT],
    ...['--dir', PATHS.interpreter, '--argv0', `${PATHS.interpreter}/bin/${module.name}`],
    ...Object.entries(ENVIRONMENT).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
    ...[`${MODULE_AT}/${MODULE}`, 'memory', 'globals.json'],
  ];
}

async function takeOut(box: Sandbox, work: string): Promise<Result<InitializedState>> {
  for (const name of ['memory', 'globals.json']) {
    const copied = await box.copyOut(`${OUT_AT}/${name}`, join(work, name));
    if (!copied.ok) return copied;
  }
  const memory = await readFile(join(work, 'memory'));
  const globals = JSON.parse(
    await readFile(join(work, 'globals.json'), 'utf8'),
  ) as InitializedState['globals'];
  return ok({ memory, globals });
}

function unsupported(name: string, why: string): Failure {
  return {
    code: 'build/no-snapshot',
    what: `No snapshot of ${name} can be taken: ${why}.`,
    why: 'A program that can be snapshotted has a function that initialises it and one that continues from there, by the conventions of Wizer.',
    fix: [
      'Build the program with what exports `wizer.initialize` and `wizer.resume` (the shipped runner: `features: [snapshot]`), or take `snapshot: true` out of the recipe.',
    ],
  };
}
