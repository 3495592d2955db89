import { readFile } from 'node:fs/promises';
import { createSecureContext, getCACertificates } from 'node:tls';
import { Agent, type Dispatcher, EnvHttpProxyAgent, request } from 'undici';
import { withoutLogin } from '../domain/address.ts';
import { err, ok, type Result } from '../domain/result.ts';

/** The head of an answer, and its body still to be read. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Its bytes, to be read once; leaving the loop early ends the connection. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Ends an answer whose body is not wanted. */
  discard(): Promise<void>;
}

/** Bytes of an unwanted body that are read to keep its connection; a longer one costs the connection. */
const WORTH_READING = 64 * 1024;

export interface Client extends AsyncDisposable {
  /** One GET; redirects are not followed. Throws what the connection throws. */
  get(url: URL, headers: Readonly<Record<string, string>>, signal: AbortSignal): Promise<Answer>;
}

export interface ClientOptions {
  /** `http_proxy`, `https_proxy`, `no_proxy`. */
  readonly proxies: Readonly<Record<string, string>>;
  /** PEM file of further authorities to trust. */
  readonly caBundle?: string;
  /** Connections to one host. */
  readonly connections: number;
  readonly connectTimeoutMs: number;
}

/** Connections that are kept and shared. Failures: `fetch/ca-bundle`, `fetch/bad-proxy`. */
export async function openClient(options: ClientOptions): Promise<Result<Client>> {
  const trust = await secureContext(options.caBundle);
  if (!trust.ok) return trust;
  const dispatcher = openDispatcher(options, trust.value);
  if (!dispatcher.ok) return dispatcher;
  return ok({
    get: async (url, headers, signal) => {
      // Time limits are the caller's: it knows when bytes last came.
      const limits = { headersTimeout: 0, bodyTimeout: 0 };
      const answer = await request(url, {
        dispatcher: dispatcher.value,
        method: 'GET',
        headers,
        signal,
        ...limits,
      });
      return {
        status: answer.statusCode,
        headers: answer.headers,
        body: answer.body,
        // Errors of a body that is not wanted are of no interest.
        discard: () => answer.body.dump({ limit: WORTH_READING, signal }).catch(() => undefined),
      };
    },
    [Symbol.asyncDispose]: () => dispatcher.value.destroy(),
  });
}

type Trust = { readonly secureContext?: ReturnType<typeof createSecureContext> };

async function secureContext(caBundle: string | undefined): Promise<Result<Trust>> {
  if (caBundle === undefined) return ok({});
  try {
    const bundle = await readFile(caBundle, 'utf8');
    // Node takes any text without a word, and then trusts nothing of it.
    if (!bundle.includes('-----BEGIN ')) throw new Error('it holds no certificate in PEM form');
    const ca = [...getCACertificates('default'), bundle];
    return ok({ secureContext: createSecureContext({ ca }) });
  } catch (error) {
    return err({
      code: 'fetch/ca-bundle',
      what: `The CA bundle ${caBundle} cannot be used.`,
      fix: ['Let `SSL_CERT_FILE` name a readable PEM file, or unset it.'],
      evidence: [(error as Error).message],
    });
  }
}

function openDispatcher(options: ClientOptions, trust: Trust): Result<Dispatcher> {
  const shared = {
    connections: options.connections,
    // One request at a time on a connection; many small ones share it one after the other.
    pipelining: 1,
    allowH2: false,
    connect: { timeout: options.connectTimeoutMs, ...trust },
  };
  const {
    http_proxy: httpProxy = '',
    https_proxy: httpsProxy = '',
    no_proxy: noProxy = '',
  } = options.proxies;
  if (httpProxy === '' && httpsProxy === '') return ok(new Agent(shared));
  try {
    // All three are given, if empty: what is not given is read from this process's environment.
    const proxied = { httpProxy: withScheme(httpProxy), httpsProxy: withScheme(httpsProxy), noProxy };
    return ok(new EnvHttpProxyAgent({ ...shared, ...proxied, requestTls: trust, proxyTls: trust }));
  } catch (error) {
    return err({
      code: 'fetch/bad-proxy',
      what: 'The proxy settings cannot be used.',
      fix: ['Write `http_proxy` and `https_proxy` as `http://host:port`.'],
      evidence: [...[httpProxy, httpsProxy].filter(Boolean).map(withoutLogin), (error as Error).message],
    });
  }
}

/** `host:port` alone is what curl takes as well. */
function withScheme(proxy: string): string {
  return proxy === '' || proxy.includes('://') ? proxy : `http://${proxy}`;
}
