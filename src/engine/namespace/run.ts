import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir, mkdtemp, rmdir, writeFile } from 'node:fs/promises';
import { constants } from 'node:os';
import { join } from 'node:path';
import { isatty } from 'node:tty';
import { err, ok, type Result } from '../../domain/result.ts';
import { interrupted } from '../../failure.ts';
import { removeTree } from '../../store/temporary.ts';
import type { Command, Exit, SandboxSpec } from '../engine.ts';
import { type Captured, capture } from './capture.ts';
import { mountEntries } from './entries.ts';
import { cannotStart, commandNotFound, sandboxFailed } from './failures.ts';
import type { Features, IdMaps } from './features.ts';
import { type Fifos, openFifo } from './fifos.ts';
import { fstabOf } from './fstab.ts';
import { type Layout, makePrivate, OLD_ROOT, privateHost } from './layout.ts';
import type { HostMount } from './mountinfo.ts';
import { entryCommand, prepareProgram } from './program.ts';
import { type Namespaces, type Refusal, startNamespaces } from './setup.ts';
import { TOOL_ENV, type Tools } from './tools.ts';
import type { Layer } from './view.ts';

const DEFAULT_MAX_OUTPUT = 64 * 1024 * 1024;

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
  const run = await mkdtemp(join(box.folder, 'run-'));
  try {
    const layers = await makePrivate(box.layout, run);
    const program = await prepareProgram(layers, command);
    if (!program.ok) return program;
    const namespaces = await enterable(box, run, layers);
    if (!namespaces.ok) return err(box.signal.aborted ? interrupted() : sandboxFailed(namespaces.error));
    const interactive = command.stdio === 'inherit';
    const entry = entryCommand(box.tools, box.features, {
      namespaces: namespaces.value,
      network: box.spec.network,
      program: program.value,
      interactive,
    });
    const start = { box, run, command, entry, env: program.value.env, namespaces: namespaces.value };
    try {
      return interactive ? await hand(start) : await follow(start);
    } finally {
      await namespaces.value.end();
    }
  } finally {
    await removeTree(run);
  }
}

/** Makes the namespaces of one command, ready to be entered. */
export async function enterable(
  box: Omit<Box, 'fifos'>,
  run: string,
  layers: readonly Layer[],
): Promise<Result<Namespaces, Refusal>> {
  const { layout, features, spec } = box;
  const sys = spec.network === 'none' && features.loopback ? join(run, 'sys') : undefined;
  if (sys !== undefined) await mkdir(sys);
  const fstab = join(run, 'fstab');
  await writeFile(
    fstab,
    fstabOf(mountEntries({ ...box, root: layout.root, layers, ...(sys ? { sys } : {}) })),
  );
  const parked = join(privateHost(layout, layout.parking, run), OLD_ROOT);
  await mkdir(parked);
  const started = await startNamespaces(
    {
      ...{ tools: box.tools, features, idMaps: box.idMaps, network: spec.network, fstab, cwd: run },
      ...(spec.hostname === undefined ? {} : { hostname: spec.hostname }),
      ...{ root: layout.root, oldRoot: join(layout.root, layout.parking.at, OLD_ROOT) },
      ...(sys === undefined ? {} : { sys }),
    },
    box.signal,
  );
  // Removing a folder here takes away what is mounted on it in other mount namespaces, at once and lazily (Linux 3.18):
  // so the old root goes, without a program of the host inside.
  if (started.ok) await rmdir(parked);
  return started;
}

interface Start {
  readonly box: Box;
  /** Folder of this run on the host. */
  readonly run: string;
  readonly command: Command;
  /** Command line on the host. */
  readonly entry: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  readonly namespaces: Namespaces;
}

/** Runs the command with its output captured, under its limits. */
async function follow(start: Start): Promise<Result<Exit>> {
  const { box, command, namespaces } = start;
  const fifos = await box.fifos.take(box.signal);
  if (!fifos.ok) return fifos;
  const stdin = await openInput(start);
  const [stdout, stderr] = [openFifo(fifos.value.stdout), openFifo(fifos.value.stderr)];
  const began = performance.now();
  const child = begin(start, [stdin, stdout.write, stderr.write]);
  for (const descriptor of [stdin, stdout.write, stderr.write]) closeSync(descriptor);
  let limit: Exit['limit'];
  const stop = (why?: Exit['limit']): void => {
    limit ??= why;
    child.kill('SIGKILL');
    void namespaces.end();
  };
  const listen = (stream: 'stdout' | 'stderr', descriptor: number): Captured =>
    capture(descriptor, {
      maximum: command.maxOutput ?? DEFAULT_MAX_OUTPUT,
      onChunk: (chunk) => command.onOutput?.(stream, chunk),
      onOverflow: () => stop('output'),
    });
  const [out, errors] = [listen('stdout', stdout.read), listen('stderr', stderr.read)];
  const timer =
    command.timeoutMs === undefined ? undefined : setTimeout(() => stop('time'), command.timeoutMs);
  const abort = (): void => stop();
  box.signal.addEventListener('abort', abort, { once: true });
  if (box.signal.aborted) abort();
  const end = await endOf(child);
  const ms = performance.now() - began;
  clearTimeout(timer);
  // What the program left running holds its pipes: it goes with the namespaces, and the pipes end.
  await namespaces.end();
  await Promise.all([out.ended, errors.ended]);
  box.signal.removeEventListener('abort', abort);
  box.fifos.giveBack(fifos.value);
  if (box.signal.aborted) return err(interrupted());
  if (end.error !== undefined) return err(cannotStart(command.argv[0], end.error));
  const exit: Exit = {
    ...(end.signal === undefined ? { status: end.status ?? 0 } : { signal: end.signal }),
    ...(limit === undefined ? {} : { limit }),
    ...{ stdout: Buffer.concat(out.chunks), stderr: Buffer.concat(errors.chunks), ms },
  };
  return entryProblem(exit, command) ?? ok(exit);
}

/** Hands the terminal to the command until it ends. */
async function hand(start: Start): Promise<Result<Exit>> {
  const { box, namespaces } = start;
  const began = performance.now();
  const terminal = isatty(0);
  const child = begin(terminal ? onTerminal(start) : start, 'inherit');
  const abort = (): void => void namespaces.end();
  box.signal.addEventListener('abort', abort, { once: true });
  if (box.signal.aborted) abort();
  const end = await endOf(child);
  box.signal.removeEventListener('abort', abort);
  if (box.signal.aborted) return err(interrupted());
  if (end.error !== undefined) return err(cannotStart(start.command.argv[0], end.error));
  const signal = end.signal ?? (terminal ? signalOfShellStatus(end.status) : undefined);
  return ok({
    ...(signal === undefined ? { status: end.status ?? 0 } : { signal }),
    ...{ stdout: Buffer.alloc(0), stderr: Buffer.alloc(0), ms: performance.now() - began },
  });
}

/** Makes its job the terminal's foreground job, so that Ctrl-C reaches the program and not us; a stopped job goes on. */
const FOREGROUND_SCRIPT = `
"$@"; status=$?
while jobs %% >/dev/null 2>&1; do fg >/dev/null; status=$?; done
exit $status
`;

function onTerminal(start: Start): Start {
  const { env, sh } = start.box.tools;
  // The shell would drop variables whose names are not its own kind of name: `env` sets them after it.
  const pairs = Object.entries(start.env).map(([name, value]) => `${name}=${value}`);
  return {
    ...start,
    env: TOOL_ENV,
    entry: [sh, '-m', '-c', FOREGROUND_SCRIPT, 'sh', env, '-i', '--', ...pairs, ...start.entry],
  };
}

function begin({ entry, env, run, command }: Start, stdio: 'inherit' | number[]): ChildProcess {
  const [file, ...args] = entry;
  return spawn(file, args, {
    env: { ...env },
    // Where a crash of the program leaves its waiting parent's core file, if anywhere.
    cwd: run,
    stdio,
    detached: command.stdio !== 'inherit',
  });
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

function endOf(child: ChildProcess): Promise<End> {
  return new Promise((resolve) => {
    child.once('error', (cause) => resolve({ error: cause.message }));
    child.once('exit', (status, signal) => resolve(signal === null ? { status: status ?? 0 } : { signal }));
  });
}

/** A shell tells a signal as 128 and its number. */
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
