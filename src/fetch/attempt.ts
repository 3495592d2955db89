import { defined } from '../domain/defined.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { interrupted } from '../failure.ts';
import { onDisk } from '../store/disk.ts';
import type { Answer, Client } from './client.ts';
import type { PartialFile } from './partial.ts';
import type { CertificateProblem, Problem } from './problem.ts';

export interface Attempt {
  readonly client: Client;
  readonly url: string;
  /** Bytes the file has. */
  readonly size: number;
  readonly partial: PartialFile;
  /** Milliseconds without a byte after which the mirror counts as hanging. */
  readonly idleMs: number;
  readonly signal: AbortSignal;
  /** Called after each change of `partial.offset`. */
  readonly onBytes: () => void;
}

const MAX_REDIRECTS = 5;
const REDIRECTS = [301, 302, 303, 307, 308];

/** Reads what is still missing of a file; on success all its bytes are in `partial`, not yet compared. */
export async function readRest(attempt: Attempt): Promise<Result<void, Problem>> {
  const idle = new AbortController();
  const timer = setTimeout(() => idle.abort(), attempt.idleMs);
  const signal = AbortSignal.any([attempt.signal, idle.signal]);
  let answered = false;
  try {
    const answer = await follow(attempt, signal);
    if (!answer.ok) return answer;
    answered = true;
    const accepted = await accept(answer.value, attempt);
    if (!accepted.ok) {
      await answer.value.discard();
      return accepted;
    }
    return await store(answer.value, attempt, timer);
  } catch (error) {
    if (attempt.signal.aborted) return err({ kind: 'own', failure: interrupted() });
    if (idle.signal.aborted)
      return err({ kind: 'cut-off', detail: `no byte for ${attempt.idleMs / 1000} seconds` });
    return err(problemOf(error, attempt, answered));
  } finally {
    clearTimeout(timer);
  }
}

/** The answer after redirects. A login in the address goes to its own host only. */
async function follow(attempt: Attempt, signal: AbortSignal): Promise<Result<Answer, Problem>> {
  const start = new URL(attempt.url);
  const login = loginOf(start);
  let url = start;
  for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
    const headers = {
      // The bytes as they are: the digest is over them.
      'accept-encoding': 'identity',
      'user-agent': 'provision',
      ...(attempt.partial.offset > 0 ? { range: `bytes=${attempt.partial.offset}-` } : {}),
      ...(login !== undefined && url.origin === start.origin ? { authorization: login } : {}),
    };
    const answer = await attempt.client.get(url, headers, signal);
    if (!REDIRECTS.includes(answer.status)) return ok(answer);
    await answer.discard();
    const location = header(answer, 'location');
    if (location === undefined || !URL.canParse(location, url.href)) {
      return err({ kind: 'refused', detail: `${answer.status} without a usable Location` });
    }
    url = new URL(location, url);
    if (url.protocol !== 'http:' && url.protocol !== 'https:') {
      return err({ kind: 'refused', detail: `redirected to a ${url.protocol} address` });
    }
  }
  return err({ kind: 'refused', detail: `more than ${MAX_REDIRECTS} redirects` });
}

/** Whether the answer continues what is there, or is the whole file; `partial` is made to fit. */
async function accept(answer: Answer, attempt: Attempt): Promise<Result<void, Problem>> {
  const { partial, size } = attempt;
  if (answer.status === 206) {
    const range = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(header(answer, 'content-range') ?? '');
    const continues = range !== null && Number(range[1]) === partial.offset;
    const [length] = [range?.[2] ?? '*'];
    if (!continues || (length !== '*' && Number(length) !== size))
      return startOver(attempt, 'the range sent does not fit');
    partial.markResumed();
    return ok(undefined);
  }
  if (answer.status === 416) return startOver(attempt, '416 (the bytes kept do not fit the file)');
  if (answer.status !== 200) return err(statusProblem(answer));
  if (partial.offset > 0) {
    const emptied = await restart(attempt);
    if (!emptied.ok) return emptied;
  }
  const announced = header(answer, 'content-length');
  if (announced === undefined || Number(announced) === size) return ok(undefined);
  return err({
    kind: 'wrong-bytes',
    detail: `${announced} bytes where ${size} were expected`,
    resumed: false,
  });
}

async function startOver(attempt: Attempt, detail: string): Promise<Result<void, Problem>> {
  const emptied = await restart(attempt);
  return emptied.ok ? err({ kind: 'cut-off', detail }) : emptied;
}

async function restart(attempt: Attempt): Promise<Result<void, Problem>> {
  const emptied = await onDisk(attempt.partial.path, () => attempt.partial.restart());
  if (!emptied.ok) return err({ kind: 'own', failure: emptied.error });
  attempt.onBytes();
  return ok(undefined);
}

async function store(
  answer: Answer,
  attempt: Attempt,
  timer: NodeJS.Timeout,
): Promise<Result<void, Problem>> {
  const { partial, size } = attempt;
  for await (const bytes of answer.body) {
    if (partial.offset + bytes.length > size) {
      return err({
        kind: 'wrong-bytes',
        detail: `more than the ${size} bytes expected`,
        resumed: partial.resumedFrom > 0,
      });
    }
    const written = await onDisk(partial.path, () => partial.append(bytes));
    if (!written.ok) return err({ kind: 'own', failure: written.error });
    attempt.onBytes();
    timer.refresh();
  }
  return partial.offset === size ? ok(undefined) : err(cutOff(attempt));
}

function cutOff({ partial, size }: Attempt): Problem {
  return { kind: 'cut-off', detail: `ended after ${partial.offset} of ${size} bytes` };
}

function statusProblem(answer: Answer): Problem {
  const { status } = answer;
  const detail = `HTTP ${status}`;
  if (status === 404 || status === 410) return { kind: 'absent', detail };
  if (status !== 429 && status < 500) return { kind: 'refused', detail };
  const retryAfterMs = retryAfter(header(answer, 'retry-after'));
  return { kind: 'busy', detail, ...defined({ retryAfterMs }) };
}

/** `Retry-After` as seconds or as a date (RFC 9110, 10.2.3), in milliseconds from now. */
function retryAfter(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const ms = /^\d+$/.test(value.trim()) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

function problemOf(error: unknown, attempt: Attempt, answered: boolean): Problem {
  if (!(error instanceof Error)) throw error;
  const { code = '' } = error as NodeJS.ErrnoException;
  // A bug of ours is no failure of the network.
  if (code === '' && (error instanceof TypeError || error instanceof ReferenceError)) throw error;
  if (answered) return cutOff(attempt);
  return {
    kind: 'connection',
    detail: messageOf(error),
    ...defined({ certificate: certificateProblem(code) }),
  };
}

/** By Node's code of an error (tls, "X509 certificate error codes"). */
function certificateProblem(code: string): CertificateProblem | undefined {
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return 'name';
  if (['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'].includes(code)) return 'time';
  return /CERT|SELF_SIGNED|ISSUER|VERIFY|ERR_TLS|ERR_SSL/.test(code) ? 'trust' : undefined;
}

/** Several addresses of one host fail as one error without a text of its own. */
function messageOf(error: Error): string {
  const parts =
    error instanceof AggregateError ? error.errors.map((each) => (each as Error).message) : [error.message];
  return [...new Set(parts.filter((part) => part !== ''))].join('; ') || String(error);
}

/** The login of an address, as a header has it; it is taken out of the address. */
export function loginOf(url: URL): string | undefined {
  if (url.username === '' && url.password === '') return undefined;
  const login = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  url.username = '';
  url.password = '';
  return `Basic ${Buffer.from(login).toString('base64')}`;
}

function header(answer: Answer, name: string): string | undefined {
  const value = answer.headers[name];
  return Array.isArray(value) ? value[0] : value;
}
