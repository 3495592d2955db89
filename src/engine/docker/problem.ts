import { err, type Result } from '../../domain/result.ts';
import { type Failure, interrupted } from '../../failure.ts';
import { type Address, formatAddress } from './address.ts';
import {
  lost,
  noSpace,
  notRunning,
  permissionDenied,
  refused,
  sshTrouble,
  tlsTrouble,
  unreachable,
} from './failures.ts';
import { Unreadable } from './pack.ts';
import { SshError } from './ssh.ts';

/** What went wrong with a call of the API. */
export type Problem =
  /** The engine answered, with a status that is none of success. */
  | { readonly kind: 'answer'; readonly status: number; readonly message: string }
  /** The connection: a code of the system or of TLS. */
  | { readonly kind: 'connection'; readonly code: string; readonly message: string }
  | { readonly kind: 'ssh'; readonly message: string; readonly stderr: string }
  | { readonly kind: 'aborted' };

/** Codes that Node and OpenSSL give to what goes wrong with certificates and with TLS itself. */
const TLS_CODE = /^(ERR_SSL_|ERR_TLS_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|EPROTO$|ERR_OSSL_)/;
/** How a daemon without TLS and one with it answer the wrong kind of client. */
const TLS_WORDS =
  /HTTP request to an HTTPS server|wrong version number|tlsv1|bad certificate|certificate required/i;

/** The problem that an error of the client stands for; undefined when it is a bug of ours. */
export function problemOf(cause: unknown): Problem | undefined {
  if (!(cause instanceof Error)) return undefined;
  if (cause instanceof SshError) return { kind: 'ssh', message: cause.message, stderr: cause.stderr };
  if (cause.name === 'AbortError') return { kind: 'aborted' };
  const { statusCode, json, code } = cause as {
    statusCode?: number;
    json?: { message?: unknown } | null;
    code?: unknown;
  };
  if (typeof statusCode === 'number') {
    const message = typeof json?.message === 'string' ? json.message : cause.message;
    return { kind: 'answer', status: statusCode, message: message.trim() };
  }
  if (typeof code === 'string') return { kind: 'connection', code, message: cause.message };
  // What the http parser of Node says of bytes that are no HTTP has a code; a broken stream may have none.
  return /socket hang up|aborted|closed/i.test(cause.message)
    ? { kind: 'connection', code: 'ECONNRESET', message: cause.message }
    : undefined;
}

/** Why an engine cannot be worked with, found out at the first contact. */
export function contactFailure(address: Address, problem: Problem): Failure {
  const at = formatAddress(address);
  switch (problem.kind) {
    case 'aborted':
      return interrupted();
    case 'ssh':
      return sshTrouble(at, [problem.message, ...linesOf(problem.stderr)]);
    case 'answer':
      return TLS_WORDS.test(problem.message)
        ? tlsTrouble(at, problem.message)
        : refused(at, 'asking for its version', problem.message);
    case 'connection':
      return connectionFailure(at, problem.code, problem.message);
  }
}

function connectionFailure(at: string, code: string, message: string): Failure {
  if (code === 'EACCES' || code === 'EPERM') return permissionDenied(at, message);
  if (code === 'ENOENT' || code === 'ECONNREFUSED') return notRunning(at, message);
  if (TLS_CODE.test(code) || TLS_WORDS.test(message)) return tlsTrouble(at, message);
  return unreachable(at, message);
}

/** The failure of a call in the middle of work. `doing`: "starting a container". */
function callFailure(address: Address, doing: string, problem: Problem): Failure {
  const at = formatAddress(address);
  switch (problem.kind) {
    case 'aborted':
      return interrupted();
    case 'ssh':
      return lost(at, doing, [problem.message, problem.stderr.trim()].join(': '));
    case 'connection':
      return lost(at, doing, problem.message);
    case 'answer':
      return answerFailure(at, doing, problem.message);
  }
}

/** The failure for a message that the engine itself gave. */
export function answerFailure(at: string, doing: string, message: string): Failure {
  return /no space left on device|disk quota exceeded|ENOSPC/i.test(message)
    ? noSpace(at, doing, message)
    : refused(at, doing, message);
}

/** Runs a call; what the engine or the way to it refuses becomes a failure, anything else is a bug and is thrown. */
export async function attempt<T>(
  address: Address,
  doing: string,
  call: () => Promise<Result<T>>,
): Promise<Result<T>> {
  try {
    return await call();
  } catch (cause) {
    if (cause instanceof Unreadable) return err(cause.failure);
    const problem = problemOf(cause);
    if (problem === undefined) throw cause;
    return err(callFailure(address, doing, problem));
  }
}

/** Whether a call failed with one of these HTTP statuses. */
export function hasStatus(cause: unknown, ...statuses: readonly number[]): boolean {
  const problem = problemOf(cause);
  return problem?.kind === 'answer' && statuses.includes(problem.status);
}

function linesOf(text: string): readonly string[] {
  return text.split('\n').filter((line) => line.trim() !== '');
}
