import { execa, type ResultPromise } from 'execa';
import { defined } from '../domain/defined.ts';
import { errorCode } from '../domain/errno.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { type Failure, interrupted } from '../failure.ts';

export interface ProcessSpec {
  readonly argv: readonly [string, ...string[]];
  /** The whole environment: nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Bytes for standard input; absent: empty. */
  readonly stdin?: string | Uint8Array;
  /** Milliseconds until the process is ended. */
  readonly timeoutMs?: number;
  /** Bytes of stdout and stderr, each, that are kept; one byte more ends the process. Default 64 MiB. */
  readonly maxOutput?: number;
  readonly onOutput?: (stream: 'stdout' | 'stderr', chunk: Uint8Array) => void;
  /** `inherit`: the terminal is handed over and nothing is captured. */
  readonly stdio?: 'capture' | 'inherit';
  /** A session of its own, setsid(2): it has no terminal, and what it leaves running in its group is ended with it. */
  readonly ownSession?: boolean;
  /** Milliseconds between asking (SIGTERM) and ending (SIGKILL). Default 2000; 0 ends at once. */
  readonly graceMs?: number;
  readonly signal: AbortSignal;
}

export interface ProcessExit {
  /** Exit status; absent when a signal ended it. */
  readonly status?: number;
  /** e.g. `SIGSEGV`. */
  readonly signal?: NodeJS.Signals;
  /** Set when we ended it. */
  readonly limit?: 'time' | 'output';
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
  /** Milliseconds, wall. */
  readonly ms: number;
}

/** Bytes of each stream of a program that are kept where nothing else is asked for. */
export const DEFAULT_MAX_OUTPUT = 64 * 1024 * 1024;
const DEFAULT_GRACE_MS = 2000;

/**
 * Runs one host process to its end. A process that exits non-zero is a success of this call; the failure is that
 * it could not be started (`engine/command-not-found`, `engine/cannot-start`) or that we were interrupted.
 */
export async function runProcess(spec: ProcessSpec): Promise<Result<ProcessExit>> {
  if (spec.signal.aborted) return err(interrupted());
  const started = performance.now();
  const child = start(spec);
  const guard = guardProcess(child, spec);
  const outcome = await child;
  guard.stop();
  if (spec.signal.aborted) return err(interrupted());
  if (outcome.exitCode === undefined && outcome.signal === undefined) {
    return err(cannotStart(spec, outcome.code, outcome.originalMessage ?? outcome.shortMessage ?? ''));
  }
  return ok({
    ...(outcome.signal === undefined ? { status: outcome.exitCode ?? 0 } : { signal: outcome.signal }),
    ...defined({ limit: guard.limit() }),
    stdout: Buffer.concat(guard.kept.stdout),
    stderr: Buffer.concat(guard.kept.stderr),
    ms: performance.now() - started,
  });
}

type Child = ResultPromise<{ reject: false; buffer: false; encoding: 'buffer' }>;

function start(spec: ProcessSpec): Child {
  const [program, ...args] = spec.argv;
  const inherit = spec.stdio === 'inherit';
  return execa(program, args, {
    env: { ...spec.env },
    extendEnv: false,
    ...defined({ cwd: spec.cwd }),
    reject: false,
    buffer: false,
    encoding: 'buffer',
    stripFinalNewline: false,
    detached: spec.ownSession === true,
    ...(inherit
      ? { stdio: 'inherit' as const }
      : {
          stdin: spec.stdin === undefined ? ('ignore' as const) : ('pipe' as const),
          stdout: 'pipe',
          stderr: 'pipe',
        }),
    ...(spec.stdin === undefined || inherit ? {} : { input: spec.stdin }),
  }) as unknown as Child;
}

/** Signals a process group, kill(2); one that is gone is no error. */
function killGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  try {
    if (pid !== undefined) process.kill(-pid, signal);
  } catch (error) {
    if (errorCode(error) !== 'ESRCH') throw error;
  }
}

interface Guard {
  readonly kept: { readonly stdout: Buffer[]; readonly stderr: Buffer[] };
  limit(): 'time' | 'output' | undefined;
  stop(): void;
}

/** Collects output, and ends the process at its time limit, at its output limit and on abort. */
function guardProcess(child: Child, spec: ProcessSpec): Guard {
  const kept: { stdout: Buffer[]; stderr: Buffer[] } = { stdout: [], stderr: [] };
  const maximum = spec.maxOutput ?? DEFAULT_MAX_OUTPUT;
  let limit: 'time' | 'output' | undefined;
  let killTimer: NodeJS.Timeout | undefined;
  const kill = (signal: NodeJS.Signals): void => {
    if (spec.ownSession === true) killGroup(child.pid, signal);
    else child.kill(signal);
  };
  const end = (): void => {
    const grace = spec.graceMs ?? DEFAULT_GRACE_MS;
    kill(grace === 0 ? 'SIGKILL' : 'SIGTERM');
    killTimer ??= setTimeout(() => kill('SIGKILL'), grace);
  };
  // What it leaves behind would hold its output open.
  if (spec.ownSession === true) child.nodeChildProcess.once('exit', () => kill('SIGKILL'));
  for (const name of ['stdout', 'stderr'] as const) {
    let bytes = 0;
    child[name]?.on('data', (chunk: Buffer) => {
      const room = maximum - bytes;
      bytes += chunk.length;
      const part = chunk.length > room ? chunk.subarray(0, Math.max(0, room)) : chunk;
      if (part.length > 0) {
        kept[name].push(part);
        spec.onOutput?.(name, part);
      }
      if (bytes > maximum && limit === undefined) {
        limit = 'output';
        end();
      }
    });
  }
  const timer =
    spec.timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          limit ??= 'time';
          end();
        }, spec.timeoutMs);
  spec.signal.addEventListener('abort', end, { once: true });
  return {
    kept,
    limit: () => limit,
    stop: () => {
      clearTimeout(timer);
      clearTimeout(killTimer);
      spec.signal.removeEventListener('abort', end);
    },
  };
}

function cannotStart(spec: ProcessSpec, code: string | undefined, message: string): Failure {
  const program = spec.argv[0];
  if (code === 'ENOENT') {
    return {
      code: 'engine/command-not-found',
      what: `The program "${program}" was not found${spec.cwd === undefined ? '' : ` (or the folder ${spec.cwd} is missing)`}.`,
      fix: [`Install "${program}", or put it on PATH.`],
    };
  }
  return {
    code: 'engine/cannot-start',
    what: `The program "${program}" could not be started.`,
    fix: ['See the message of the system below.'],
    evidence: [message],
  };
}
