import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir, rmdir, writeFile } from 'node:fs/promises';
import { constants, machine } from 'node:os';
import { join } from 'node:path';
import { isatty } from 'node:tty';
import { defined } from '../../domain/defined.ts';
import { errorCode } from '../../domain/errno.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import { DEFAULT_MAX_OUTPUT } from '../../exec/process.ts';
import { interrupted } from '../../failure.ts';
import { folderWithin } from '../../store/temporary.ts';
import type { Command, Exit, SandboxSpec } from '../engine.ts';
import { cannotStart, commandNotFound } from '../failures.ts';
import { isProgramMachine } from '../instructions.ts';
import { registrationLine } from '../registration.ts';
import { starterProgram } from '../starter.ts';
import { TOOL_ENV } from '../tool-env.ts';
import { type Captured, capture } from './capture.ts';
import { watchDisk, writableFolders } from './disk-watch.ts';
import { mountEntries } from './entries.ts';
import { sandboxFailed } from './failures.ts';
import type { Features, IdMaps } from './features.ts';
import { type Fifos, openFifo } from './fifos.ts';
import { fstabOf } from './fstab.ts';
import { type Layout, makePrivate, OLD_ROOT, privateHost } from './layout.ts';
import type { HostMount } from './mountinfo.ts';
import {
  type EntryInput,
  entryCommand,
  inheritingCommand,
  prepareProgram,
  terminalCommand,
} from './program.ts';
import { removeFolder } from './remove.ts';
import { type Namespaces, type Refusal, type Registration, startNamespaces } from './setup.ts';
import type { Tools } from './tools.ts';
import type { Layer } from './view.ts';

/** File name, in a run's folder, of the program that starts the emulator. */
const STARTER = 'starter';

/** An open sandbox: all that its commands have in common. */
export interface Box {
  readonly tools: Tools;
  readonly features: Features;
  readonly idMaps: IdMaps | undefined;
  readonly spec: SandboxSpec;
  /** The sandbox's own folder on the host. */
  readonly folder: string;
  readonly layout: Layout;
  readonly devices: readonly string[];
  readonly guarded: readonly string[];
  readonly hostMounts: readonly HostMount[];
  readonly fifos: Fifos;
  /** Aborted by Ctrl-C and by the end of the sandbox. */
  readonly signal: AbortSignal;
}

/** Runs one command in namespaces of its own; when this resolves nothing of it is left. */
export async function runCommand(box: Box, command: Command): Promise<Result<Exit>> {
  if (box.signal.aborted) return err(interrupted());
  const run = await folderWithin(box.folder, 'run');
  try {
    const layers = await makePrivate(box.layout, run);
    const program = await prepareProgram(layers, command);
    if (!program.ok) return program;
    const namespaces = await makeNamespaces(box, run, layers);
    if (!namespaces.ok) return err(box.signal.aborted ? interrupted() : sandboxFailed(namespaces.error));
    const entry: EntryInput = {
      ...{ tools: box.tools, features: box.features, network: box.spec.network },
      ...{ namespaces: namespaces.value, program: program.value },
    };
    const start: Start = { box, run, command, entry };
    try {
      return command.stdio === 'inherit' ? await runInteractive(start) : await runCaptured(start);
    } finally {
      await namespaces.value.end();
    }
  } finally {
    await removeFolder(run);
  }
}

/** Makes the namespaces of one command, ready to be entered. */
export async function makeNamespaces(
  box: Omit<Box, 'fifos'>,
  run: string,
  layers: readonly Layer[],
): Promise<Result<Namespaces, Refusal>> {
  const { layout, features, spec } = box;
  const sys = spec.network === 'none' && features.loopback === 'sys' ? join(run, 'sys') : undefined;
  if (sys !== undefined) await mkdir(sys);
  const fstab = join(run, 'fstab');
  await writeFile(
    fstab,
    fstabOf(mountEntries({ ...box, root: layout.root, layers, ...(sys ? { sys } : {}) })),
  );
  const parked = join(privateHost(layout, layout.parking, run), OLD_ROOT);
  await mkdir(parked);
  const registration = await prepareRegistration(box, run);
  const started = await startNamespaces(
    {
      ...{ tools: box.tools, features, idMaps: box.idMaps, network: spec.network, fstab, cwd: run },
      ...defined({ hostname: spec.hostname }),
      ...{ root: layout.root, oldRoot: join(layout.root, layout.parking.at, OLD_ROOT) },
      ...defined({ sys, registration }),
    },
    box.signal,
  );
  // Removing a folder here takes away what is mounted on it in other mount namespaces, at once and lazily (Linux 3.18):
  // so the old root goes, without a program of the host inside.
  if (started.ok) await rmdir(parked);
  return started;
}

/** Makes, in the run's folder, what the kernel is to start programs of another machine with. */
async function prepareRegistration(
  { spec, features }: Omit<Box, 'fifos'>,
  run: string,
): Promise<Registration | undefined> {
  const host = machine();
  if (spec.emulation === undefined || !features.emulation || !isProgramMachine(host)) return undefined;
  const { launcher, elf } = spec.emulation;
  const at = join(run, 'binfmt');
  await mkdir(at);
  await writeFile(join(run, STARTER), starterProgram(host, launcher), { mode: 0o755 });
  return { line: registrationLine('provision', elf, STARTER), at };
}

interface Start {
  readonly box: Box;
  /** Folder of this run on the host. */
  readonly run: string;
  readonly command: Command;
  readonly entry: EntryInput;
}

/** How often a waiting process that stopped with its program is woken, in milliseconds. */
const WAKE_MS = 500;

/** Runs the command with its output captured, under its limits. */
async function runCaptured(start: Start): Promise<Result<Exit>> {
  const { box, command, entry } = start;
  const fifos = await box.fifos.take(box.signal);
  if (!fifos.ok) return fifos;
  const stdin = await openInput(start);
  const [stdout, stderr] = [openFifo(fifos.value.stdout), openFifo(fifos.value.stderr)];
  const began = performance.now();
  const child = spawnCommand(start, entryCommand(entry), entry.program.env, [
    stdin,
    stdout.write,
    stderr.write,
  ]);
  for (const descriptor of [stdin, stdout.write, stderr.write]) closeSync(descriptor);
  let limit: Exit['limit'];
  const stop = (why?: Exit['limit']): void => {
    limit ??= why;
    void entry.namespaces.end();
  };
  const listen = (stream: 'stdout' | 'stderr', descriptor: number): Captured =>
    capture(descriptor, {
      maximum: command.maxOutput ?? DEFAULT_MAX_OUTPUT,
      onChunk: (chunk) => command.onOutput?.(stream, chunk),
      onOverflow: () => stop('output'),
    });
  const [out, errors] = [listen('stdout', stdout.read), listen('stderr', stderr.read)];
  const disk =
    command.maxDisk === undefined
      ? undefined
      : watchDisk(writableFolders(box.folder, start.run), command.maxDisk, () => stop('disk'));
  const end = await endOf(child, {
    box,
    stop,
    ...defined({ timeoutMs: command.timeoutMs }),
  });
  const ms = performance.now() - began;
  // What the program left running holds its pipes: it goes with the namespaces, and the pipes end.
  await entry.namespaces.end();
  await Promise.all([out.ended, errors.ended]);
  box.fifos.giveBack(fifos.value);
  if ((await disk?.end()) === true) limit ??= 'disk';
  if (box.signal.aborted) return err(interrupted());
  if (end.error !== undefined) return err(cannotStart(command.argv[0], end.error));
  const exit: Exit = {
    ...(end.signal === undefined ? { status: end.status ?? 0 } : { signal: end.signal }),
    ...defined({ limit }),
    ...{ stdout: Buffer.concat(out.chunks), stderr: Buffer.concat(errors.chunks), ms },
  };
  return entryProblem(exit, command) ?? ok(exit);
}

/** Hands our standard streams, and the terminal if there is one, to the command until it ends. */
async function runInteractive(start: Start): Promise<Result<Exit>> {
  const { box, command, entry } = start;
  const terminal = isatty(0);
  const began = performance.now();
  const child = terminal
    ? spawnCommand(start, terminalCommand(entry), TOOL_ENV, 'inherit')
    : spawnCommand(start, inheritingCommand(entry), entry.program.env, 'inherit');
  const end = await endOf(child, { box, stop: () => void entry.namespaces.end() });
  if (box.signal.aborted) return err(interrupted());
  if (end.error !== undefined) return err(cannotStart(command.argv[0], end.error));
  const signal = end.signal ?? (terminal ? signalOfShellStatus(end.status) : undefined);
  return ok({
    ...(signal === undefined ? { status: end.status ?? 0 } : { signal }),
    ...{ stdout: Buffer.alloc(0), stderr: Buffer.alloc(0), ms: performance.now() - began },
  });
}

/** Starts a command line of the host; or why spawn(2) refuses it. */
function spawnCommand(
  { run, command }: Start,
  [file, ...args]: readonly [string, ...string[]],
  env: Readonly<Record<string, string>>,
  stdio: 'inherit' | number[],
): ChildProcess | string {
  try {
    // The folder is where a crash leaves the waiting process's core file, if anywhere.
    return spawn(file, args, { env: { ...env }, cwd: run, stdio, detached: command.stdio !== 'inherit' });
  } catch (cause) {
    if (errorCode(cause) === 'E2BIG') return 'Argument list too long (E2BIG).';
    throw cause;
  }
}

/** Standard input is a file, as with `<` in a shell: it can be opened again as `/dev/stdin`. */
async function openInput({ run, command }: Start): Promise<number> {
  if (command.stdin === undefined) return openSync('/dev/null', 'r');
  const file = join(run, 'stdin');
  await writeFile(file, command.stdin);
  return openSync(file, 'r');
}

interface End {
  readonly status?: number;
  readonly signal?: NodeJS.Signals;
  readonly error?: string;
}

interface Watch {
  readonly box: Box;
  readonly timeoutMs?: number;
  readonly stop: (why?: Exit['limit']) => void;
}

/** Waits for the end of a program, and brings it about at its time limit or on abort. */
async function endOf(child: ChildProcess | string, { box, timeoutMs, stop }: Watch): Promise<End> {
  if (typeof child === 'string') return { error: child };
  const abort = (): void => stop();
  box.signal.addEventListener('abort', abort, { once: true });
  if (box.signal.aborted) abort();
  const timer = timeoutMs === undefined ? undefined : setTimeout(() => stop('time'), timeoutMs);
  // `nsenter` stops itself when its program stops, and would sleep on when something else continues the program.
  const waker = setInterval(() => child.kill('SIGCONT'), WAKE_MS);
  const end = await new Promise<End>((resolve) => {
    child.once('error', (cause) => resolve({ error: cause.message }));
    child.once('exit', (status, signal) => resolve(signal === null ? { status: status ?? 0 } : { signal }));
  });
  clearInterval(waker);
  clearTimeout(timer);
  box.signal.removeEventListener('abort', abort);
  return end;
}

/** A shell reports a signal as 128 and its number. */
function signalOfShellStatus(status: number | undefined): NodeJS.Signals | undefined {
  const entry = Object.entries(constants.signals).find(([, number]) => number + 128 === status);
  return entry?.[0] as NodeJS.Signals | undefined;
}

/** The last tool before the program could not become it: one line of that tool, with the status that execvp(3) users give. */
function entryProblem(exit: Exit, command: Command): Result<never> | undefined {
  if (exit.status !== 126 && exit.status !== 127) return undefined;
  const text = Buffer.from(exit.stderr).toString('utf8').trim();
  if (exit.stdout.length > 0 || !/^(nsenter|env): [^\n]+$/.test(text) || !text.includes(command.argv[0]))
    return undefined;
  return err(
    commandNotFound(
      command.argv[0],
      'It is there, but the system cannot start it: its interpreter is missing, or it is for another machine.',
      [text],
    ),
  );
}
