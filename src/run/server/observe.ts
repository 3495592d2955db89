import { defined } from '../../domain/defined.ts';
import type { CommandTest, ServerRequest, ServerTest } from '../../domain/definitions.ts';
import { ok, type Result } from '../../domain/result.ts';
import type { Mount } from '../../engine/engine.ts';
import type { RuntimeInstance } from '../../runtime/instance.ts';
import type { Json } from '../../store/store.ts';
import {
  type Asked,
  lineOf,
  observeRun,
  type Run,
  type SampleExecutor,
  startedWith,
  type WorkingFiles,
} from '../observe.ts';

/** What starts and asks servers: client.py, in an interpreter of the machine that tests. */
export interface ServerClient {
  /** Beside those of the program. */
  readonly mounts: readonly Mount[];
  readonly command: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  /** Digests of client.py and of the interpreter. */
  readonly key: Json;
}

/** A command test whose program is a server. */
export type ServerCommand = CommandTest & { readonly server: ServerTest; readonly working?: WorkingFiles };

/** What came of one request; bytes in base64. */
export interface Answer {
  readonly status?: number;
  readonly body?: string;
  /** Of a client. */
  readonly stderr?: string;
  /** No answer came, and why. */
  readonly error?: string;
}

/** What client.py writes. */
interface Outcome {
  /** `taken`: something else listened on the port before; `ended`, `silent`: by or until then it did not listen. */
  readonly outcome: 'asked' | 'taken' | 'ended' | 'silent';
  /** Up to the first request without an answer. */
  readonly answers?: readonly Answer[];
  /** It ran until it was ended. */
  readonly terminated?: boolean;
  readonly exit?: Run['exit'];
  readonly stdout?: string;
  readonly stderr?: string;
}

/** A server that was started, with what it printed. */
export interface ServerRun {
  readonly run: Run;
  readonly outcome: Outcome['outcome'];
  readonly answers: readonly Answer[];
  readonly terminated: boolean;
}

/** Seconds beyond the time limit of a command in which client.py ends the server and reports. */
const REPORTING_SECONDS = 30;

/**
 * Starts a server and asks it, in one sandbox; or reads from the store how it answered. Kept are runs that came to their
 * last answer. Absent: client.py itself did not come to its end, which `run` shows.
 */
export async function observeServer(
  executor: SampleExecutor,
  runtime: RuntimeInstance,
  client: ServerClient,
  command: ServerCommand,
  asked: Asked = {},
): Promise<Result<ServerRun | { readonly run: Run; readonly outcome: 'unknown' }>> {
  const { server, timeoutSeconds } = command;
  const line = lineOf(runtime, { ...command, args: [] });
  const files = startedWith(command);
  const { emulator: _, ...withoutEmulator } = runtime;
  const job = {
    ...{ command: line.argv, args: command.args, env: line.env, stdin: command.stdin },
    ...{ start: server.start, timeout: timeoutSeconds, ask: server.ask },
    ...defined({ port: server.port, ready: server.ready }),
  };
  const observed = await observeRun(
    executor,
    // An end of client.py is nobody else's, and no emulator's.
    { ...withoutEmulator, kind: 'reference' },
    {
      what: 'server run',
      command: {
        ...line,
        argv: client.command,
        env: { ...line.env, ...client.env },
        stdin: JSON.stringify(job),
        timeoutMs: (server.start + timeoutSeconds + REPORTING_SECONDS) * 1000,
      },
      mounts: client.mounts,
      ...files,
      inputs: { ...files.inputs, client: client.key },
      keep: (run) => outcomeOf(run)?.outcome === 'asked',
    },
    asked,
  );
  if (!observed.ok) return observed;
  const outcome = outcomeOf(observed.value);
  if (outcome === undefined) return ok({ run: observed.value, outcome: 'unknown' });
  const { answers = [], terminated = false, exit = { status: 0 }, stdout = '', stderr = '' } = outcome;
  const run = { ...observed.value, exit, stdout: bytes(stdout), stderr: bytes(stderr) };
  return ok({ run, outcome: outcome.outcome, answers, terminated });
}

function outcomeOf({ end, exit, stdout }: Run): Outcome | undefined {
  if (end !== 'itself' || !('status' in exit) || exit.status !== 0) return undefined;
  return JSON.parse(Buffer.from(stdout).toString('utf8')) as Outcome;
}

/** What an answer holds, of the text that the client wrote it as. */
export function bytes(text: string): Uint8Array {
  return Buffer.from(text, 'base64');
}

/** A request as users would name it. */
export function requestName(request: ServerRequest): string {
  if ('http' in request) return `${request.method} ${request.http}`;
  if ('tcp' in request) return `${JSON.stringify(request.tcp)} by TCP`;
  return `the client ${request.args.join(' ')}`.trimEnd();
}
