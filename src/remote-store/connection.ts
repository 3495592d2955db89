import { setTimeout as sleep } from 'node:timers/promises';
import type { CacheAddress } from '../domain/cache-address.ts';
import type { Context } from '../domain/context.ts';
import { errorCode } from '../domain/errno.ts';
import { type Descriptor, digestOfBytes } from '../engine/docker/blobs.ts';
import { type Answer, bytesOf, type Call, Registry, RegistryError } from '../engine/docker/registry.ts';
import type { Key } from '../provenance/envelope.ts';
import { ENTRY_TYPE } from '../provenance/envelope.ts';
import { openRecord, type SharedName, type SharedRecord, tagOf, type Unusable } from './record.ts';

/** Media type of OCI manifests (OCI Image Format Specification, "Image Manifest"). */
export const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';

/** Milliseconds without a byte: a build waits for the registry meanwhile. */
const SILENCE_MS = 20_000;
/** Attempts at a call that a registry in trouble, or a connection, may answer the next time. */
const ATTEMPTS = 2;
const PAUSE_MS = 500;
/** A registry that asks to be left alone for longer is. Seconds. */
const LONGEST_PAUSE = 10;

export interface ConnectionOptions {
  readonly address: CacheAddress;
  readonly context: Context;
  readonly trusted: readonly Key[];
  readonly silenceMs?: number;
}

/** What is read from the registry of a shared store. Throws `RegistryError`, and what the connection throws. */
export class Connection implements Disposable {
  readonly #options: ConnectionOptions;
  readonly registry: Registry;

  constructor(options: ConnectionOptions) {
    const { address, context, silenceMs = SILENCE_MS } = options;
    this.#options = options;
    this.registry = new Registry(address, context.settings, context.signal, silenceMs);
  }

  get path(): string {
    return this.#options.address.path;
  }

  [Symbol.dispose](): void {
    this.registry[Symbol.dispose]();
  }

  /** What the registry says about an entry; undefined: it has none. */
  async record(name: SharedName): Promise<SharedRecord | Unusable | undefined> {
    const manifest = await this.manifest(tagOf(name));
    if (manifest === undefined) return undefined;
    const text = await this.envelope(manifest.bytes);
    return text === undefined
      ? { why: 'it is no entry of a store' }
      : openRecord(text, name, this.#options.trusted);
  }

  /** A manifest by its tag, and its digest; undefined: there is none. */
  async manifest(tag: string): Promise<{ readonly bytes: Buffer; readonly digest: string } | undefined> {
    const call = { method: 'GET', to: `${this.path}/manifests/${tag}`, headers: { Accept: MANIFEST } };
    const answer = await this.ask(call, [200, 404]);
    const bytes = await bytesOf(answer.body);
    return answer.status === 404 ? undefined : { bytes, digest: digestOfBytes(bytes) };
  }

  /** The envelope that a manifest names as its configuration, which it may hold itself ("Content Descriptors", `data`). */
  async envelope(manifest: Buffer): Promise<string | undefined> {
    const config = configOf(manifest);
    if (config === undefined) return undefined;
    if (config.data !== undefined) return Buffer.from(config.data, 'base64').toString('utf8');
    const answer = await this.ask({ method: 'GET', to: `${this.path}/blobs/${config.digest}` }, [200, 404]);
    const bytes = await bytesOf(answer.body);
    return answer.status === 404 ? undefined : bytes.toString('utf8');
  }

  /** A call without content, made again where that may help. */
  async ask(call: Call, wanted: readonly number[]): Promise<Answer> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.registry.call(call, wanted);
      } catch (cause) {
        const { signal } = this.#options.context;
        const pause = attempt < ATTEMPTS && !signal.aborted ? pauseAfter(cause) : undefined;
        if (pause === undefined) throw cause;
        await sleep(pause, undefined, { signal });
      }
    }
  }
}

/** Milliseconds until a call can be made again; undefined: it would come to the same. */
function pauseAfter(cause: unknown): number | undefined {
  if (!(cause instanceof RegistryError)) return isTransient(cause) ? PAUSE_MS : undefined;
  if (cause.status !== 429 && cause.status < 500) return undefined;
  const { retryAfter = PAUSE_MS / 1000 } = cause;
  return retryAfter > LONGEST_PAUSE ? undefined : retryAfter * 1000;
}

/** A connection that was kept may have been closed meanwhile, which is noticed when it is used. */
function isTransient(cause: unknown): boolean {
  return ['ECONNRESET', 'EPIPE'].includes(errorCode(cause) ?? '');
}

function configOf(manifest: Buffer): (Descriptor & { readonly data?: string }) | undefined {
  try {
    const { config } = JSON.parse(manifest.toString('utf8'));
    return config?.mediaType === ENTRY_TYPE ? config : undefined;
  } catch {
    return undefined;
  }
}

/** Errors of the registry, of the connection, and of content that is not what it should be; others are bugs. */
export function isOutside(cause: unknown): boolean {
  return cause instanceof RegistryError || errorCode(cause) !== undefined || cause instanceof SyntaxError;
}

/** What an envelope holds, whoever signed it; an empty record where it is none. */
export function payloadOf(envelope: string): Readonly<Record<string, unknown>> {
  try {
    const { payload } = JSON.parse(envelope);
    return JSON.parse(Buffer.from(payload, 'base64').toString('utf8')) ?? {};
  } catch {
    return {};
  }
}
