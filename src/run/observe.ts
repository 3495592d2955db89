import { relative } from 'node:path';
import { defined } from '../domain/defined.ts';
import type { Fingerprint } from '../domain/ids.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Observation, Sample } from '../domain/sample.ts';
import type { Command, Engine, Exit, Mount, PlacedEntry, SandboxSpec } from '../engine/engine.ts';
import { type RuntimeInstance, SAMPLE_ENV, SCRATCH_AT, SUITE_AT } from '../runtime/instance.ts';
import { readExit } from '../runtime/runtime.ts';
import { fingerprint } from '../store/fingerprint.ts';
import type { Json, Store } from '../store/store.ts';
import { diskFailed } from './disk-failed.ts';
import type { SampleInputs } from './inputs.ts';
import { whyUnstarted } from './started-programs.ts';

/** Bytes of stdout and of stderr that a sample may print. */
export const OUTPUT_LIMIT = 8 * 1024 * 1024;

/** Bytes that a sample may have on the disk at a time, in its scratch and temporary folders. */
export const DISK_LIMIT = 512 * 1024 * 1024;

/** How one run of a script in one runtime ended. */
export interface Run {
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
  readonly exit: Observation['exit'];
  /** Milliseconds, wall. */
  readonly ms: number;
  /** `itself`: the program exited, whatever its status. */
  readonly end: 'itself' | 'time' | 'output' | 'disk' | 'emulator';
  /** The time limit that it ran into. */
  readonly limitSeconds?: number;
  /** What went wrong with the emulator, where the run ended by it. */
  readonly why?: string;
  readonly emulator: readonly string[];
  /** What reads as if the emulator had failed in a program that was started: one sentence. */
  readonly started?: string;
  /** Taken from the store: nothing was started. */
  readonly cached: boolean;
}

/** What is needed to run samples in any runtime. */
export interface SampleExecutor {
  readonly store: Store;
  /** Starts looking for an engine on first use: a run that finds every result in the store needs none. */
  readonly engine: () => Promise<Result<Engine>>;
  /** Keeps the number of processes down; lookups in the store do not wait for it. */
  readonly schedule: (work: () => Promise<Result<Exit>>) => Promise<Result<Exit>>;
  /** Called when a result could not be kept. */
  readonly onNotKept: (message: string) => void;
}

/** How a run is asked for. */
export interface Asked {
  /** Whether it is started although the store has its result, which the new one replaces. */
  readonly anew?: boolean;
}

/**
 * Runs a sample in a runtime, or reads its result from the store. Kept are runs whose program exited by itself; a time
 * limit, an emulator's crash or a disk that fails may go otherwise next time.
 */
export function observe(
  executor: SampleExecutor,
  runtime: RuntimeInstance,
  sample: Sample,
  inputs: SampleInputs,
  asked: Asked = {},
): Promise<Result<Run>> {
  return observeRun(executor, runtime, watchedOf(runtime, sample, inputs), asked);
}

/** Whether the store has the result of a sample in a runtime where the programs start that it starts. */
export async function isKept(
  { store }: Pick<SampleExecutor, 'store'>,
  runtime: RuntimeInstance,
  sample: Sample,
  inputs: SampleInputs,
): Promise<boolean> {
  const watched = watchedOf(runtime, sample, inputs);
  return (await readKept(store, keyOf(runtime, watched), watched)) !== undefined;
}

function watchedOf(runtime: RuntimeInstance, sample: Sample, inputs: SampleInputs): Watched {
  const suite: Mount = inputs.folder
    ? { kind: 'source', source: sample.suite, at: SUITE_AT }
    : { kind: 'source', source: sample.file, at: scriptAt(sample) };
  return {
    what: 'sample run',
    command: commandOf(runtime, sample),
    mounts: [suite],
    // The script, and what it may import or open.
    inputs: { files: inputs.files, folder: inputs.folder },
  };
}

/** What a working folder begins with. */
export interface WorkingFiles {
  readonly entries: readonly PlacedEntry[];
  /** Bytes of all files. */
  readonly size: number;
  /** Of all that the program can see of them. */
  readonly digest: string;
}

/** What a command line of its own is run with: no script, no suite. */
export interface Line {
  /** Absent: its working folder is empty. */
  readonly working?: WorkingFiles;
  readonly args: readonly string[];
  readonly stdin: string;
  readonly timeoutSeconds: number;
}

/** Runs the program or the interpreter of a runtime with arguments of its own; kept as the runs of samples are. */
export function observeLine(
  executor: SampleExecutor,
  runtime: RuntimeInstance,
  line: Line,
  asked: Asked = {},
): Promise<Result<Run>> {
  const watched: Watched = {
    what: 'command run',
    command: lineOf(runtime, line),
    mounts: [],
    ...startedWith(line),
  };
  return observeRun(executor, runtime, watched, asked);
}

/** The part of a run that the files of its working folder decide. */
export function startedWith({ working }: Pick<Line, 'working'>): Pick<Watched, 'working' | 'inputs'> {
  return working === undefined ? { inputs: {} } : { working, inputs: { working: working.digest } };
}

export interface Watched {
  /** What this is: runs of two kinds share no results. */
  readonly what: string;
  readonly command: Command & { readonly timeoutMs: number };
  readonly mounts: readonly Mount[];
  readonly working?: WorkingFiles;
  /** What an outcome depends on beside runtime and command. */
  readonly inputs: Readonly<Record<string, Json>>;
  /** Whether a run that ended by itself is worth keeping; absent: each is. */
  readonly keep?: (run: Run) => boolean;
}

/** All that an outcome depends on is in its key. */
const ANYWHERE = { anywhere: true };

/** Runs a command in the root of a runtime, or reads from the store how it went. */
export async function observeRun(
  executor: SampleExecutor,
  runtime: RuntimeInstance,
  watched: Watched,
  { anew = false }: Asked = {},
): Promise<Result<Run>> {
  const { store } = executor;
  let key = keyOf(runtime, watched);
  let kept = await readKept(store, key, watched);
  if (kept === undefined) {
    const unstarted = await whyUnstarted(executor.engine, runtime);
    if (!unstarted.ok) return unstarted;
    // A run without the programs that it starts is another one.
    if (unstarted.value !== undefined) {
      key = keyOf(runtime, watched, { started: 'not emulated' });
      kept = await readKept(store, key, watched);
    }
  }
  if (kept !== undefined && !anew) return ok(fromKept(kept));
  const exit = await executor.schedule(() =>
    start(executor, sandboxOf(runtime, watched), limitedTo(watched)),
  );
  if (!exit.ok) return exit;
  const run = runOf(runtime, exit.value, watched.command.timeoutMs);
  if (
    run.end === 'itself' &&
    run.started === undefined &&
    !diskFailed(run) &&
    watched.keep?.(run) !== false
  ) {
    const written = await executor.store.writeResult(key, toKept(run), ANYWHERE);
    if (!written.ok) executor.onNotKept(written.error.what);
  }
  return ok(run);
}

/** What an outcome depends on; `more` where it is not all that the runtime promises. */
function keyOf(
  runtime: RuntimeInstance,
  { what, command, inputs }: Watched,
  more: Readonly<Record<string, Json>> = {},
): Fingerprint {
  return fingerprint({
    // What this is, and the form in which it is kept.
    kind: what,
    format: 1,
    // Interpreter, root and emulator.
    runtime: runtime.key,
    // Arguments and the script's path, which tracebacks show.
    argv: command.argv,
    env: command.env,
    cwd: command.cwd,
    stdin: command.stdin as string,
    ...inputs,
    ...more,
  });
}

/** A stricter time limit than that of the kept run has to be tried. */
async function readKept(store: Store, key: Fingerprint, { command }: Watched): Promise<Kept | undefined> {
  const kept = await store.readResult<Kept>(key, ANYWHERE);
  return kept !== undefined && kept.ms <= command.timeoutMs ? kept : undefined;
}

/** How a sample is started in a runtime. */
export function commandOf(runtime: RuntimeInstance, sample: Sample): Watched['command'] {
  return startOf(
    runtime,
    [...runtime.command, ...argumentsOf(runtime.arguments, scriptAt(sample), sample)],
    sample,
  );
}

/** How a command line of its own is started in a runtime. */
export function lineOf(runtime: RuntimeInstance, line: Line): Watched['command'] {
  const start = runtime.commandWithoutSuite ?? runtime.command;
  return startOf(runtime, [...start, ...line.args], line);
}

function startOf(
  runtime: RuntimeInstance,
  argv: readonly [string, ...string[]],
  { stdin, timeoutSeconds }: Pick<Line, 'stdin' | 'timeoutSeconds'>,
): Watched['command'] {
  const { patience = 1 } = runtime;
  return {
    argv,
    env: { ...SAMPLE_ENV, ...runtime.env },
    cwd: SCRATCH_AT,
    stdin,
    timeoutMs: timeoutSeconds * 1000 * patience,
    maxOutput: OUTPUT_LIMIT,
    maxDisk: DISK_LIMIT,
  };
}

/** What follows the program: `words` with `{script}` and `{args}` filled in; absent: the script, then its arguments. */
export function argumentsOf(
  words: readonly string[] | undefined,
  script: string,
  sample: Pick<Sample, 'argv'>,
): readonly string[] {
  if (words === undefined) return [script, ...sample.argv];
  return words.flatMap((word) => (word === '{args}' ? sample.argv : [word.replaceAll('{script}', script)]));
}

function scriptAt(sample: Sample): string {
  return `${SUITE_AT}/${relative(sample.suite, sample.file)}`;
}

async function start(executor: SampleExecutor, spec: SandboxSpec, command: Command): Promise<Result<Exit>> {
  const engine = await executor.engine();
  if (!engine.ok) return engine;
  const opened = await engine.value.open(spec);
  if (!opened.ok) return err(opened.error);
  await using sandbox = opened.value;
  return await sandbox.run(command);
}

function sandboxOf(runtime: RuntimeInstance, { mounts, working }: Watched): SandboxSpec {
  const scratch: Mount = {
    ...{ kind: 'scratch', at: SCRATCH_AT, temporary: true },
    ...defined({ entries: working?.entries }),
  };
  return {
    rootfs: runtime.rootfs,
    mounts: [...runtime.mounts, ...mounts, scratch],
    network: 'none',
    hostname: 'sample',
    ...defined({ emulation: runtime.emulation }),
  };
}

/** What was put there for it is no part of what a program may write. */
function limitedTo({ command, working }: Watched): Command {
  return { ...command, maxDisk: DISK_LIMIT + (working?.size ?? 0) };
}

function runOf(runtime: RuntimeInstance, exit: Exit, timeoutMs: number): Run {
  const ended = exit.signal === undefined ? { status: exit.status ?? 0 } : { signal: exit.signal };
  const common = { stdout: exit.stdout, exit: ended, ms: Math.round(exit.ms), cached: false };
  if (exit.limit !== undefined) {
    const limit = exit.limit === 'time' ? { limitSeconds: timeoutMs / 1000 } : {};
    return { ...common, stderr: exit.stderr, end: exit.limit, ...limit, emulator: [] };
  }
  const cause = readExit(runtime, exit);
  return {
    ...common,
    ...defined({ exit: cause.trap === undefined ? undefined : { signal: cause.trap } }),
    stderr: cause.stderr,
    end: cause.by === 'emulator' ? 'emulator' : 'itself',
    ...defined({ why: cause.why, started: cause.started }),
    emulator: cause.messages,
  };
}

/** A run as the store keeps it; output in base64, as it may be any bytes. */
type Kept = {
  readonly stdout: string;
  readonly stderr: string;
  readonly exit: { readonly status: number } | { readonly signal: string };
  readonly ms: number;
  readonly emulator: readonly string[];
} & { readonly [key: string]: Json };

function toKept(run: Run): Kept {
  return {
    stdout: Buffer.from(run.stdout).toString('base64'),
    stderr: Buffer.from(run.stderr).toString('base64'),
    exit: run.exit,
    ms: run.ms,
    emulator: run.emulator,
  };
}

function fromKept(kept: Kept): Run {
  return {
    stdout: Buffer.from(kept.stdout, 'base64'),
    stderr: Buffer.from(kept.stderr, 'base64'),
    exit: kept.exit,
    ms: kept.ms,
    emulator: kept.emulator,
    end: 'itself',
    cached: true,
  };
}
