import { defined } from '../domain/defined.ts';
import { eachAtOnce } from '../domain/each-at-once.ts';
import type { Digest } from '../domain/ids.ts';
import { uploadBytes, uploadLayer, ZSTD } from '../engine/docker/blobs.ts';
import { Unreadable } from '../engine/docker/pack.ts';
import { ENTRY_TYPE, type Key } from '../provenance/envelope.ts';
import { entryFolder, readRecord } from '../store/entries.ts';
import { makeManifest, manifestDigest, sizeOf } from '../store/manifest.ts';
import type { EntryName, Json } from '../store/store.ts';
import { Connection, type ConnectionOptions, isOutside, MANIFEST } from './connection.ts';
import { notPushed, pushed } from './notices.ts';
import {
  SCHEMA,
  type SharedContent,
  type SharedName,
  type SharedRecord,
  sealRecord,
  tagOf,
} from './record.ts';

export type Pushable = SharedName & { readonly value?: Json };

interface PushRequest {
  /** Folder of the store. */
  readonly store: string;
  readonly key: Key;
  /** Of this program. */
  readonly version: string;
  readonly entries: readonly Pushable[];
}

/** Entries that are sent at once. */
const AT_ONCE = 2;
/** Larger envelopes are kept in a blob alone. Bytes. */
const HELD = 64 << 10;

/** Sends what the registry has not, and says what was sent and what was not. */
export async function pushAll(options: ConnectionOptions, request: PushRequest): Promise<void> {
  const { address, context } = options;
  using connection = new Connection(options);
  const pusher = new Pusher(connection, request);
  await eachAtOnce(AT_ONCE, request.entries, async (entry) => {
    if (context.signal.aborted) pusher.leave(entry, 'Interrupted.');
    else await pusher.push(entry);
  });
  const { sent, bytes, there, left, cause } = pusher;
  if (sent > 0 || left.length === 0) context.emit(pushed(address, sent, bytes, there));
  if (left.length > 0) context.emit(notPushed(address, left, cause));
}

/** Sends one entry at once, and says nothing of it: `pushAll` finds it there. Whether the registry has it now. */
export async function pushOne(
  options: ConnectionOptions,
  request: Omit<PushRequest, 'entries'>,
  entry: Pushable,
): Promise<boolean> {
  using connection = new Connection(options);
  const pusher = new Pusher(connection, { ...request, entries: [] });
  await pusher.push(entry);
  return pusher.left.length === 0;
}

class Pusher {
  sent = 0;
  bytes = 0;
  there = 0;
  readonly left: string[] = [];
  /** Why the first was left. */
  cause = '';
  readonly #connection: Connection;
  readonly #request: PushRequest;
  #stopped = false;

  constructor(connection: Connection, request: PushRequest) {
    this.#connection = connection;
    this.#request = request;
  }

  leave(entry: Pushable, cause: string): void {
    this.left.push(tagOf(entry));
    if (this.cause === '') this.cause = cause;
  }

  async push(entry: Pushable): Promise<void> {
    if (this.#stopped) return this.leave(entry, this.cause);
    try {
      await this.#push(entry);
    } catch (cause) {
      if (cause instanceof Unreadable) return this.leave(entry, cause.failure.what);
      if (!isOutside(cause)) throw cause;
      // The next one would come to the same, after as long a wait.
      this.#stopped = true;
      this.leave(entry, (cause as Error).message);
    }
  }

  async #push(entry: Pushable): Promise<void> {
    // Whoever was first has made the same; what others may not use is replaced.
    const found = await this.#connection.record(entry);
    if (found !== undefined && !('why' in found)) {
      this.there += 1;
      return;
    }
    const { store, version, key } = this.#request;
    const read = entry.kind === 'results' ? entry : await this.#send(store, entry as EntryName);
    // Pruned meanwhile, or damaged: whoever uses it next notices.
    if (read?.value === undefined) return this.leave(entry, 'It is no longer whole in this store.');
    const { kind, fingerprint } = entry;
    const { value, content } = read as { value: Json; content?: SharedContent };
    const record: SharedRecord = {
      ...{ schema: SCHEMA, kind, fingerprint, pushed: new Date().toISOString(), provision: version, value },
      ...defined({ content }),
    };
    await this.#publish(entry, sealRecord(record, key), content);
    this.sent += 1;
  }

  /** Sends the files of an entry as a layer; nothing names it yet. */
  async #send(store: string, name: EntryName): Promise<{ value: Json; content: SharedContent } | undefined> {
    const record = await readRecord(store, name);
    if (record === undefined) return undefined;
    const folder = entryFolder(store, name.kind, name.fingerprint);
    const manifest = await makeManifest(folder);
    const digest: Digest = manifestDigest(manifest);
    if (record.manifest !== null && record.manifest.digest !== digest) return undefined;
    const { registry, path } = this.#connection;
    const layer = await uploadLayer(registry, path, folder, ZSTD);
    this.bytes += layer.size;
    const content = {
      ...{ manifest: digest, items: manifest.length, bytes: await sizeOf(folder) },
      layer: { digest: layer.digest, size: layer.size },
    };
    return { value: record.meta, content };
  }

  /** The manifest comes last: before it there is nothing that looks like an entry. */
  async #publish(name: SharedName, envelope: Buffer, content: SharedContent | undefined): Promise<void> {
    const { registry, path } = this.#connection;
    const config = await uploadBytes(registry, path, ENTRY_TYPE, envelope);
    const data = envelope.length <= HELD ? { data: envelope.toString('base64') } : {};
    const layer = content === undefined ? config : { mediaType: ZSTD.mediaType, ...content.layer };
    const manifest = {
      ...{ schemaVersion: 2, mediaType: MANIFEST, artifactType: ENTRY_TYPE },
      ...{ config: { ...config, ...data }, layers: [layer] },
    };
    const body = Buffer.from(JSON.stringify(manifest));
    const to = `${path}/manifests/${tagOf(name)}`;
    const put = await registry.call(
      { method: 'PUT', to, headers: { 'Content-Type': MANIFEST }, body },
      [201],
    );
    put.body.resume();
  }
}
