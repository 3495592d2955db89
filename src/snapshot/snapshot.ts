import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execPath, version } from 'node:process';
import type { BuildMeta } from '../build/build.ts';
import type { Context } from '../domain/context.ts';
import type { WasmSettings } from '../domain/definitions.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Digest } from '../domain/words.ts';
import type { Engine, Sandbox } from '../engine/engine.ts';
import { PATHS } from '../engine/paths.ts';
import { runTool } from '../engine/tool.ts';
import type { Failure } from '../failure.ts';
import { digestFile } from '../store/digest.ts';
import type { Store, StoreEntry } from '../store/store.ts';
import { instrument, type Moment, rewrite } from './rewrite.ts';

/** Goes up when the same inputs give another module. */
const SNAPSHOT_VERSION = 1;

export interface SnapshotInput {
  /** The unpacked bundle of the module as it was built: the program finds its standard library there. */
  readonly bundle: { readonly folder: string; readonly top: string; readonly fingerprint: string };
  /** File name of the module in the bundle, and its digest. */
  readonly module: { readonly name: string; readonly digest: Digest };
  readonly settings: WasmSettings;
  /** Root that the engine runs in: the host's C library. */
  readonly rootfs: { readonly folder: string };
  /** Script that brings a module to where it shall begin. */
  readonly script: string;
  readonly engine: () => Promise<Result<Engine>>;
  readonly logs: string;
}

/** A module that begins where the interpreter has been initialised. */
export type Snapshot = StoreEntry<BuildMeta>;

const NODE_AT = '/opt/emulator/node';
const SCRIPT_AT = '/opt/emulator/initialize.mjs';
const MODULE_AT = '/job/module';
const OUT_AT = '/job/out';
const MODULE = 'instrumented.wasm';

/**
 * What the interpreter is initialised in. The locale is the one that samples get and the bundle's script gives: a run with
 * another one initialises again. The seed is changed at every start; a fixed one makes the snapshot a function of its inputs.
 */
const ENVIRONMENT: Readonly<Record<string, string>> = { LANG: 'C.UTF-8', PYTHONHASHSEED: '0' };

/** Runs a module up to where a script would begin, and makes that its beginning; or finds it made from the same inputs. */
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
    script: (await digestFile(input.script)).digest,
    engine: version,
  };
  return store.obtain<BuildMeta>('builds', inputs, (folder) => make(context, input, folder), {
    signal: context.signal,
  });
}

async function make(context: Context, input: SnapshotInput, folder: string): Promise<Result<BuildMeta>> {
  const { name } = input.module;
  const module = await readFile(join(input.bundle.folder, input.bundle.top, 'bin', name));
  const instrumented = instrument(module);
  if ('unfit' in instrumented) return err(unfit(name, instrumented.unfit));
  const work = join(folder, '.snapshot');
  await mkdir(work);
  await writeFile(join(work, MODULE), instrumented);
  const moment = await initialize(context, input, work);
  if (!moment.ok) return moment;
  await rm(work, { recursive: true });
  const rewritten = rewrite(module, moment.value);
  if ('unfit' in rewritten) return err(unfit(name, rewritten.unfit));
  if (!isValid(rewritten)) throw new Error(`the snapshot of ${name} is not valid`);
  const file = join(folder, name);
  await writeFile(file, rewritten, { mode: 0o755 });
  const { digest, size } = await digestFile(file);
  return ok({ program: name, digest, size });
}

/** Whether an engine would take it: ours, which TypeScript's library for Node does not know. */
function isValid(module: Uint8Array): boolean {
  const { WebAssembly } = globalThis as unknown as {
    readonly WebAssembly: { validate(bytes: Uint8Array): boolean };
  };
  return WebAssembly.validate(module);
}

async function initialize(context: Context, input: SnapshotInput, work: string): Promise<Result<Moment>> {
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
      { kind: 'source', source: input.script, at: SCRIPT_AT },
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
      'Take `snapshot: true` out of the recipe to run the module without; the lines below say what stopped it.',
    ],
    log,
    command: { argv: command(input), env: {}, cwd: OUT_AT },
  });
  // Awaited: the sandbox is closed when this function returns.
  return run.ok ? await takeOut(box, work) : run;
}

function command({ module, settings }: SnapshotInput): readonly [string, ...string[]] {
  // In KiB; Node's own frames need some of the thread's stack, which is 8 MiB on most machines.
  const stack = Math.min(Math.floor(settings.stack / 1024), 7000);
  return [
    NODE_AT,
    ...['--no-warnings', `--stack-size=${stack}`, SCRIPT_AT],
    ...['--dir', PATHS.interpreter, '--argv0', `${PATHS.interpreter}/bin/${module.name}`],
    ...Object.entries(ENVIRONMENT).flatMap(([name, value]) => ['--env', `${name}=${value}`]),
    ...[`${MODULE_AT}/${MODULE}`, 'memory', 'globals.json'],
  ];
}

async function takeOut(box: Sandbox, work: string): Promise<Result<Moment>> {
  for (const name of ['memory', 'globals.json']) {
    const copied = await box.copyOut(`${OUT_AT}/${name}`, join(work, name));
    if (!copied.ok) return copied;
  }
  const memory = await readFile(join(work, 'memory'));
  const globals = JSON.parse(await readFile(join(work, 'globals.json'), 'utf8')) as Moment['globals'];
  return ok({ memory, globals });
}

function unfit(name: string, why: string): Failure {
  return {
    code: 'build/no-snapshot',
    what: `No snapshot of ${name} can be taken: ${why}.`,
    why: 'A program that can be snapshotted has a function that initialises it and one that goes on from there, by the conventions of Wizer.',
    fix: [
      'Build the program with what exports `wizer.initialize` and `wizer.resume` (the shipped runner: `features: [snapshot]`), or take `snapshot: true` out of the recipe.',
    ],
  };
}
