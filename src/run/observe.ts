import { relative } from 'node:path';
import { err, ok, type Result } from '../domain/result.ts';
import type { Observation, Sample } from '../domain/sample.ts';
import type { Command, Engine, Exit, SandboxSpec } from '../engine/engine.ts';
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
export async function observe(
  runner: Runner,
  world: World,
  sample: Sample,
  inputs: SampleInputs,
): Promise<Result<Run>> {
  const command = commandOf(world, sample);
  const key = fingerprint({
    // What this is, and the form in which it is kept.
    kind: 'sample run',
    format: 1,
    // Interpreter, root and emulator.
    world: world.key,
    // Arguments and the script's path, which tracebacks show.
    argv: command.argv,
    env: command.env,
    cwd: command.cwd,
    stdin: sample.stdin,
    // The script, and what it may import or open.
    files: inputs.files,
    folder: inputs.folder,
  });
  const kept = await runner.store.readResult<Kept>(key);
  // A stricter time limit than that of the kept run has to be tried.
  if (kept !== undefined && kept.ms <= sample.timeoutSeconds * 1000) return ok(fromKept(kept));
  const exit = await runner.place(() => start(runner, world, sample, inputs, command));
  if (!exit.ok) return exit;
  const run = runOf(world, exit.value);
  if (run.end === 'itself') {
    const written = await runner.store.writeResult(key, toKept(run));
    if (!written.ok) runner.onNotKept(written.error.what);
  }
  return ok(run);
}

function commandOf(world: World, sample: Sample): Command {
  return {
    argv: [...world.command, scriptAt(sample), ...sample.argv],
    env: { ...SAMPLE_ENV, ...world.env },
    cwd: SCRATCH_AT,
    stdin: sample.stdin,
    timeoutMs: sample.timeoutSeconds * 1000,
    maxOutput: OUTPUT_LIMIT,
  };
}

function scriptAt(sample: Sample): string {
  return `${SUITE_AT}/${relative(sample.suite, sample.file)}`;
}

async function start(
  runner: Runner,
  world: World,
  sample: Sample,
  inputs: SampleInputs,
  command: Command,
): Promise<Result<Exit>> {
  const engine = await runner.engine();
  if (!engine.ok) return engine;
  const opened = await engine.value.open(sandboxOf(world, sample, inputs));
  if (!opened.ok) return err(opened.error);
  await using sandbox = opened.value;
  return await sandbox.run(command);
}

function sandboxOf(world: World, sample: Sample, inputs: SampleInputs): SandboxSpec {
  return {
    rootfs: world.rootfs,
    mounts: [
      ...world.mounts,
      inputs.folder
        ? { kind: 'source', source: sample.suite, at: SUITE_AT }
        : { kind: 'source', source: sample.file, at: scriptAt(sample) },
      { kind: 'scratch', at: SCRATCH_AT },
    ],
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
    ...(blame.why === undefined ? {} : { why: blame.why }),
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
