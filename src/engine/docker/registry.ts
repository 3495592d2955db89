import { readFileSync } from 'node:fs';
import { type IncomingMessage, Agent as PlainAgent, request as requestPlain } from 'node:http';
import { request as requestTls, Agent as TlsAgent } from 'node:https';
import type { Readable } from 'node:stream';
import { getCACertificates } from 'node:tls';
import type { Settings } from '../../domain/context.ts';
import { type Credentials, credentialsFor } from './credentials.ts';

export interface Call {
  readonly method: string;
  /** Path below `/v2/`, or a whole address (`Location`). */
  readonly to: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as it comes; a call with a stream is not repeated. */
  readonly body?: Buffer | Readable;
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: IncomingMessage;
}

/** An answer that is none of those hoped for. */
export class RegistryError extends Error {
  readonly status: number;
  /** Seconds after which the registry may be asked again, where it says so. */
  readonly retryAfter: number | undefined;

  constructor(status: number, message: string, retryAfter?: number) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/** Which registry, and how it is spoken to. */
export interface RegistryAddress {
  /** With its port, where one is given. */
  readonly host: string;
  /** HTTP without TLS; absent: on the loopback only. */
  readonly plain?: boolean;
}

/** Milliseconds without a byte after which a conversation is given up. */
const SILENCE_MS = 120_000;
/** Redirections of one call; registries that keep blobs elsewhere need one. */
const MOST_REDIRECTIONS = 5;
const MOST_CONNECTIONS = 8;
const REDIRECTIONS = [301, 302, 303, 307, 308];

/**
 * Speaks the OCI distribution protocol to one registry: HTTP, without a daemon, so that an image can be pushed and pulled
 * where there is none. Proxies, the CA bundle and Docker's own logins count.
 */
export class Registry implements Disposable {
  readonly #base: string;
  readonly #settings: Settings;
  readonly #signal: AbortSignal;
  readonly #host: string;
  readonly #agent: PlainAgent | TlsAgent;
  readonly #silenceMs: number;
  #authorization: string | undefined;

  constructor(
    { host, plain = isLoopback(host) }: RegistryAddress,
    settings: Settings,
    signal: AbortSignal,
    silenceMs = SILENCE_MS,
  ) {
    this.#host = host;
    this.#silenceMs = silenceMs;
    this.#base = `${plain ? 'http' : 'https'}://${host}/v2/`;
    this.#settings = settings;
    this.#signal = signal;
    // Node's own reading of the environment is not asked: `proxyEnv` is what the settings hold.
    const options = {
      keepAlive: true,
      maxSockets: MOST_CONNECTIONS,
      proxyEnv: plain ? {} : { ...settings.proxies },
    } as object;
    const ca =
      settings.caBundle === undefined
        ? {}
        : { ca: [...getCACertificates('default'), readFileSync(settings.caBundle, 'utf8')] };
    this.#agent = plain ? new PlainAgent(options) : new TlsAgent({ ...options, ...ca });
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  /** Throws `RegistryError` where the status is none of those wanted, and what the connection throws. */
  async call(call: Call, wanted: readonly number[]): Promise<Answer> {
    let answer = await this.#send(call);
    const challenge = answer.headers['www-authenticate'];
    if (answer.status === 401 && challenge !== undefined && !isStream(call.body)) {
      answer.body.resume();
      this.#authorization = await this.#authorize(challenge);
      answer = await this.#send(call);
    }
    if (call.method === 'GET') answer = await this.#followed(call, answer);
    if (wanted.includes(answer.status)) return answer;
    const path = new URL(call.to, this.#base).pathname;
    const message = `${call.method} ${path}: ${answer.status} ${(await textOf(answer.body)).trim().slice(0, 500)}`;
    // A date is as good as none: nobody waits for long.
    const [seconds] = /^\d+$/.exec(answer.headers['retry-after'] ?? '') ?? [];
    throw new RegistryError(answer.status, message, seconds === undefined ? undefined : Number(seconds));
  }

  /** The answer of the host that a blob is kept on, where the registry names one; it gets no login. */
  async #followed(call: Call, first: Answer): Promise<Answer> {
    let answer = first;
    let from = new URL(call.to, this.#base);
    for (let hop = 0; REDIRECTIONS.includes(answer.status) && hop < MOST_REDIRECTIONS; hop += 1) {
      const to = new URL(answer.headers.location ?? '', from);
      // What was asked for over TLS is not fetched without it.
      if (to.protocol !== 'https:' && from.protocol === 'https:') return answer;
      answer.body.resume();
      from = to;
      answer = await this.#send({ ...call, to: to.href });
    }
    return answer;
  }

  #send({ method, to, headers = {}, body }: Call): Promise<Answer> {
    const url = new URL(to, this.#base);
    const request = url.protocol === 'http:' ? requestPlain : requestTls;
    const login =
      url.host === this.#host && this.#authorization !== undefined
        ? { Authorization: this.#authorization }
        : {};
    const length = Buffer.isBuffer(body) ? { 'Content-Length': String(body.length) } : {};
    return new Promise((resolve, reject) => {
      const sent = request(
        url,
        {
          method,
          headers: { ...headers, ...login, ...length },
          signal: this.#signal,
          // A blob may be kept on another host.
          ...(url.host === this.#host ? { agent: this.#agent } : {}),
        },
        (response) => resolve(answerOf(response)),
      );
      sent.once('error', reject);
      sent.setTimeout(this.#silenceMs, () => sent.destroy(silent(url.host, this.#silenceMs)));
      if (isStream(body)) {
        body.once('error', (cause) => sent.destroy(cause));
        body.pipe(sent);
      } else sent.end(body);
    });
  }

  /** A header for the challenge of a registry: RFC 7617, or a token as Docker's registries give it. */
  async #authorize(challenge: string): Promise<string | undefined> {
    const credentials = await credentialsFor(this.#host, this.#settings.docker.config, this.#signal);
    const basic =
      credentials === undefined
        ? undefined
        : `Basic ${Buffer.from(`${credentials.user}:${credentials.secret}`).toString('base64')}`;
    if (!/^bearer /i.test(challenge)) return basic;
    return `Bearer ${await this.#token(challenge, basic, credentials)}`;
  }

  async #token(
    challenge: string,
    basic: string | undefined,
    credentials: Credentials | undefined,
  ): Promise<string> {
    const fields = Object.fromEntries(
      [...challenge.matchAll(/(\w+)="([^"]*)"/g)].map(([, name, value]) => [name, value ?? '']),
    );
    const url = new URL(fields.realm ?? '', this.#base);
    // A login that is given over TLS is not passed on without it.
    if (url.protocol !== 'https:' && this.#base.startsWith('https:'))
      throw new RegistryError(401, `${url.origin} gives tokens without TLS: it gets no login`);
    for (const name of ['service', 'scope'])
      if (fields[name] !== undefined) url.searchParams.set(name, fields[name]);
    if (credentials !== undefined) url.searchParams.set('account', credentials.user);
    const answer = await this.#send({
      method: 'GET',
      to: url.href,
      ...(basic === undefined ? {} : { headers: { Authorization: basic } }),
    });
    const text = await textOf(answer.body);
    if (answer.status !== 200)
      throw new RegistryError(answer.status, `no token from ${url.host}: ${text.slice(0, 300)}`);
    const { token, access_token: access } = JSON.parse(text) as { token?: string; access_token?: string };
    return token ?? access ?? '';
  }
}

/** Whether a host, with or without a port, is this machine: nobody on the way can read or change what is said to it. */
function isLoopback(host: string): boolean {
  return /^(localhost|127\.[\d.]+|\[::1\])(:\d+)?$/.test(host);
}

function silent(host: string, ms: number): NodeJS.ErrnoException {
  const error = new Error(`no byte from ${host} for ${ms / 1000} s`);
  return Object.assign(error, { code: 'ETIMEDOUT' });
}

function answerOf(response: IncomingMessage): Answer {
  return { status: response.statusCode ?? 0, headers: response.headers, body: response };
}

function isStream(body: Call['body']): body is Readable {
  return body !== undefined && !Buffer.isBuffer(body);
}

/** Small bodies only: manifests, tokens, complaints. */
export async function bytesOf(body: IncomingMessage, most = 4 * 1024 ** 2): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += (chunk as Buffer).length;
    if (bytes > most) throw new RegistryError(0, `an answer of more than ${most} bytes`);
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks);
}

async function textOf(body: IncomingMessage): Promise<string> {
  return (await bytesOf(body)).toString('utf8');
}
