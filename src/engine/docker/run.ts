import { constants } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { defined } from '../../domain/defined.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import { DEFAULT_MAX_OUTPUT } from '../../exec/process.ts';
import { interrupted } from '../../failure.ts';
import type { Command, Exit } from '../engine.ts';
import { cannotStart, commandNotFound, noWorkingFolder } from '../failures.ts';
import type { ContainerState } from './api.ts';
import { hasInput } from './container.ts';
import { watchDisk } from './disk-watch.ts';
import { outOfMemory } from './failures.ts';
import type { Machine } from './machine.ts';
import { problemOf } from './problem.ts';
import { type Ending, ReportFilter } from './reporter.ts';
import { Collector, demultiplex } from './streams.ts';

/** A signal's number is added to this in the status of a container (wait(1p), "Exit Status"). */
const SIGNALLED = 128;
const KILLED = SIGNALLED + constants.signals.SIGKILL;

export interface Run {
  readonly machine: Machine;
  readonly command: Command;
  /** Id of the container, made and not started. */
  readonly container: string;
  /** Its standard output ends with a report (`reporter.ts`). */
  readonly reports: boolean;
  /** Bytes of memory that it may have. */
  readonly memory: number | undefined;
  /** Aborted by Ctrl-C and by the end of the sandbox. */
  readonly signal: AbortSignal;
}

/** Starts a container, follows its output under the command's limits, and returns how it ended. Throws what the API throws. */
export async function runCaptured({
  machine,
  command,
  container,
  reports,
  memory,
  signal,
}: Run): Promise<Result<Exit>> {
  const { containers } = machine.api;
  const stream = await containers.attach(container, 'output');
  // On a connection of its own: a program that does not read all of it breaks that one, and no output is lost with it.
  const input = hasInput(command) ? await containers.attach(container, 'input') : undefined;
  let limit: Exit['limit'];
  const stop = (why?: Exit['limit']): void => {
    limit ??= why;
    // It may be over already, or the engine gone: the wait below finds out.
    containers.kill(container).catch(() => {});
  };
  const collector = new Collector({
    maximum: command.maxOutput ?? DEFAULT_MAX_OUTPUT,
    onChunk: (name, chunk) => command.onOutput?.(name, chunk),
    onOverflow: () => stop('output'),
  });
  const filter = new ReportFilter((chunk) => collector.add('stdout', chunk));
  const streamed = demultiplex(stream, (name, chunk) => {
    if (reports && name === 'stdout') filter.add(chunk);
    else collector.add(name, chunk);
  });
  // Its failure is looked at below; until then it must not end the program as an unhandled rejection.
  streamed.catch(() => {});
  const began = performance.now();
  const abort = (): void => stop();
  let timer: NodeJS.Timeout | undefined;
  let endWatch = (): void => {};
  try {
    const problem = await start(machine, container, command);
    if (problem !== undefined) return err(problem);
    timer = command.timeoutMs === undefined ? undefined : setTimeout(() => stop('time'), command.timeoutMs);
    if (command.maxDisk !== undefined)
      endWatch = watchDisk(machine, container, command.maxDisk, () => stop('disk'));
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    input?.on('error', () => {}).end(command.stdin);
    await streamed;
    if (signal.aborted) return err(interrupted());
    const ending = filter.end();
    const state = await settledState(machine, container, memory);
    const ms = performance.now() - began;
    if (signal.aborted) return err(interrupted());
    const output = { stdout: collector.output('stdout'), stderr: collector.output('stderr') };
    return exitOf(command, state, ending, memory, {
      ...output,
      ms,
      ...defined({ limit }),
    });
  } finally {
    clearTimeout(timer);
    endWatch();
    signal.removeEventListener('abort', abort);
    stream.destroy();
    input?.destroy();
  }
}

/** Starts a container; the failure when its program cannot be run. */
export async function start(machine: Machine, container: string, command: Command) {
  try {
    await machine.api.containers.start(container);
    return undefined;
  } catch (cause) {
    const problem = problemOf(cause);
    const failure = problem?.kind === 'answer' ? startFailure(command, problem.message) : undefined;
    if (failure === undefined) throw cause;
    return failure;
  }
}

/** What the runtimes (runc, crun) say of a program or folder that is not there. */
function startFailure({ argv, cwd }: Command, message: string) {
  if (/chdir|cwd|working dir/i.test(message)) return noWorkingFolder(cwd);
  if (/argument list too long/i.test(message)) return cannotStart(argv[0], message);
  if (
    /executable file.* not found|exec:.*(no such file|permission denied)|exec format error/i.test(message)
  ) {
    return commandNotFound(argv[0], 'It is in no folder of PATH, or cannot be run there.', [message]);
  }
  return undefined;
}

/** The state of a container after its end. Its streams are over, which is mostly but not always its end. */
export async function stateAfter({ api }: Machine, container: string): Promise<ContainerState> {
  const state = await api.containers.inspect(container);
  if (!state.running) return state;
  await api.containers.wait(container);
  return api.containers.inspect(container);
}

/** Milliseconds: that memory ran out reaches the engine on another way than the end, sometimes after it. */
const OOM_REPORT_MS = 2000;

async function settledState(
  machine: Machine,
  container: string,
  memory: number | undefined,
): Promise<ContainerState> {
  const until = performance.now() + OOM_REPORT_MS;
  let state = await stateAfter(machine, container);
  while (memory !== undefined && state.exitCode === KILLED && !state.oomKilled && performance.now() < until) {
    await sleep(100);
    state = await machine.api.containers.inspect(container);
  }
  return state;
}

type Observed = Pick<Exit, 'stdout' | 'stderr' | 'ms' | 'limit'>;

function exitOf(
  command: Command,
  state: ContainerState,
  ending: Ending,
  memory: number | undefined,
  seen: Observed,
): Result<Exit> {
  const { exitCode } = state;
  if (seen.limit !== undefined) return ok({ ...seen, signal: 'SIGKILL' });
  // Engines do not always notice it: the kernel's count may be gone with the container before they look.
  if (exitCode === KILLED && (state.oomKilled || memory !== undefined))
    return err(outOfMemory(command.argv[0], memory, state.oomKilled));
  const problem = entryProblem(command, exitCode, seen);
  if (problem !== undefined) return err(problem);
  return ok({ ...statusOrSignal(exitCode, ending), ...seen });
}

/** What process 1 of an engine (tini, catatonit) or its runtime (runc) prints, alone, when it cannot become the program. */
const ENTRY_PROBLEM =
  /^(?:\[FATAL tini \(\d+\)\] exec .* failed|ERROR \(catatonit:\d+\): failed to exec .*|exec \/\S+): ([^\n]+)$/;

function entryProblem({ argv }: Command, exitCode: number, { stdout, stderr }: Observed) {
  if (stdout.length > 0 || ![1, 126, 127, 255].includes(exitCode)) return undefined;
  const text = Buffer.from(stderr).toString('utf8').trim();
  const [, reason] = ENTRY_PROBLEM.exec(text) ?? [];
  if (reason === undefined) return undefined;
  if (!/no such file|permission denied|exec format|not a directory/i.test(reason))
    return cannotStart(argv[0], text);
  const why = 'It is not there or not executable, its interpreter is missing, or it is for another machine.';
  return commandNotFound(argv[0], why, [text]);
}

/**
 * An engine reports the end by a signal as a status of 128 and more, as a shell does. Where nothing says more, programs that
 * choose such a status themselves are taken for killed.
 */
export function statusOrSignal(
  exitCode: number,
  ending: Ending = 'unknown',
): Pick<Exit, 'status' | 'signal'> {
  const entry = Object.entries(constants.signals).find(([, number]) => number + SIGNALLED === exitCode);
  return entry === undefined || ending === 'by itself' ? { status: exitCode } : { signal: entry[0] };
}
