import { relative } from 'node:path';
import { defined } from '../domain/defined.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Observation, Sample } from '../domain/sample.ts';
import type { Command, Engine, Exit, Mount, SandboxSpec } from '../engine/engine.ts';
import { fingerprint } from '../store/fingerprint.ts';
import type { Json, Store } from '../store/store.ts';
import { classifyEmulatorExit } from './classify.ts';
import type { SampleInputs } from './inputs.ts';
import { SAMPLE_ENV, SCRATCH_AT, SUITE_AT, type World } from './world.ts';

/** Bytes of stdout and of stderr that a sample may print. */
export const OUTPUT_LIMIT = 8 * 1024 * 1024;

/** How one run of a script in one world ended. */
export interface Run {
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
  readonly exit: Observation['exit'];
  /** Milliseconds, wall. */
  readonly ms: number;
  /** `itself`: the program came to its end, whatever its status. */
  readonly end: 'itself' | 'time' | 'output' | 'emulator';
  /** Why the emulator is to blame, where it is. */
  readonly why?: string;
  readonly emulator: readonly string[];
  /** Taken from the store: nothing was started. */
  readonly cached: boolean;
}

/** What is needed to run samples in any world. */
export interface Runner {
  readonly store: Store;
  /** Starts looking for an engine on first use: a run that finds every result in the store needs none. */
  readonly engine: () => Promise<Result<Engine>>;
  /** Keeps the number of processes down; lookups in the store do not wait for it. */
  readonly place: (work: () => Promise<Result<Exit>>) => Promise<Result<Exit>>;
  /** Called when a result could not be kept. */
  readonly onNotKept: (message: string) => void;
}

/**
 * Runs a sample in a world, or finds in the store how it went. Kept are runs that came to their end themselves; a time
 * limit or an emulator's crash may go otherwise next time.
 */
export function observe(
  runner: Runner,
  world: World,
  sample: Sample,
  inputs: SampleInputs,
): Promise<Result<Run>> {
  const suite: Mount = inputs.folder
    ? { kind: 'source', source: sample.suite, at: SUITE_AT }
    : { kind: 'source', source: sample.file, at: scriptAt(sample) };
  return observeRun(runner, world, {
    what: 'sample run',
    command: commandOf(world, sample),
    mounts: [suite],
    // The script, and what it may import or open.
    inputs: { files: inputs.files, folder: inputs.folder },
  });
}

/** What a command line of its own is run with: no script, no suite. */
export interface Line {
  readonly args: readonly string[];
  readonly stdin: string;
  readonly timeoutSeconds: number;
}

/** Runs the program or the interpreter of a world with arguments of its own; kept as the runs of samples are. */
export function observeLine(runner: Runner, world: World, line: Line): Promise<Result<Run>> {
  return observeRun(runner, world, {
    what: 'command run',
    command: startOf(world, line.args, line),
    mounts: [],
    inputs: {},
  });
}

interface Watched {
  /** What this is: runs of two kinds share no results. */
  readonly what: string;
  readonly command: Command & { readonly timeoutMs: number };
  readonly mounts: readonly Mount[];
  /** What an outcome depends on beside world and command. */
  readonly inputs: Readonly<Record<string, Json>>;
}

async function observeRun(runner: Runner, world: World, watched: Watched): Promise<Result<Run>> {
  const { command } = watched;
  const key = fingerprint({
    // What this is, and the form in which it is kept.
    kind: watched.what,
    format: 1,
    // Interpreter, root and emulator.
    world: world.key,
    // Arguments and the script's path, which tracebacks show.
    argv: command.argv,
    env: command.env,
    cwd: command.cwd,
    stdin: command.stdin as string,
    ...watched.inputs,
  });
  const kept = await runner.store.readResult<Kept>(key);
  // A stricter time limit than that of the kept run has to be tried.
  if (kept !== undefined && kept.ms <= command.timeoutMs) return ok(fromKept(kept));
  const exit = await runner.place(() => start(runner, sandboxOf(world, watched.mounts), command));
  if (!exit.ok) return exit;
  const run = runOf(world, exit.value);
  if (run.end === 'itself') {
    const written = await runner.store.writeResult(key, toKept(run));
    if (!written.ok) runner.onNotKept(written.error.what);
  }
  return ok(run);
}

/** How a sample is started in a world. */
export function commandOf(world: World, sample: Sample): Watched['command'] {
  return startOf(world, argumentsOf(world, sample), sample);
}

function startOf(
  world: World,
  args: readonly string[],
  { stdin, timeoutSeconds }: Pick<Line, 'stdin' | 'timeoutSeconds'>,
): Watched['command'] {
  return {
    argv: [...world.command, ...args],
    env: { ...SAMPLE_ENV, ...world.env },
    cwd: SCRATCH_AT,
    stdin,
    timeoutMs: timeoutSeconds * 1000,
    maxOutput: OUTPUT_LIMIT,
  };
}

function argumentsOf(world: World, sample: Sample): readonly string[] {
  const script = scriptAt(sample);
  if (world.arguments === undefined) return [script, ...sample.argv];
  return world.arguments.flatMap((word) =>
    word === '{args}' ? sample.argv : [word.replaceAll('{script}', script)],
  );
}

function scriptAt(sample: Sample): string {
  return `${SUITE_AT}/${relative(sample.suite, sample.file)}`;
}

async function start(runner: Runner, spec: SandboxSpec, command: Command): Promise<Result<Exit>> {
  const engine = await runner.engine();
  if (!engine.ok) return engine;
  const opened = await engine.value.open(spec);
  if (!opened.ok) return err(opened.error);
  await using sandbox = opened.value;
  return await sandbox.run(command);
}

function sandboxOf(world: World, mounts: readonly Mount[]): SandboxSpec {
  return {
    rootfs: world.rootfs,
    mounts: [...world.mounts, ...mounts, { kind: 'scratch', at: SCRATCH_AT }],
    network: 'none',
    hostname: 'sample',
  };
}

function runOf(world: World, exit: Exit): Run {
  const ended = exit.signal === undefined ? { status: exit.status ?? 0 } : { signal: exit.signal };
  const common = { stdout: exit.stdout, exit: ended, ms: Math.round(exit.ms), cached: false };
  if (exit.limit !== undefined) return { ...common, stderr: exit.stderr, end: exit.limit, emulator: [] };
  const blame = classifyEmulatorExit(world.emulator, exit);
  return {
    ...common,
    ...(blame.trap === undefined ? {} : { exit: { signal: blame.trap } }),
    stderr: blame.stderr,
    end: blame.by === 'emulator' ? 'emulator' : 'itself',
    ...defined({ why: blame.why }),
    emulator: blame.messages,
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
