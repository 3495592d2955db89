import type { Fingerprint } from '../domain/ids.ts';
import { ok, type Result } from '../domain/result.ts';
import { downloadLayer, ZSTD } from '../engine/docker/blobs.ts';
import type { Key } from '../provenance/envelope.ts';
import { type Manifest, makeManifest, manifestDigest } from '../store/manifest.ts';
import type { EntryContent, EntryName, Json, RemoteStore } from '../store/store.ts';
import { Claims, type ClaimTimes } from './claims.ts';
import { Connection, type ConnectionOptions, isOutside } from './connection.ts';
import { moreNotUsed, notAsked, notUsed, type Pulled, pulled, waiting } from './notices.ts';
import { pushAll, pushOne } from './push.ts';
import { type SharedContent, type SharedName, type SharedRecord, tagOf, type Unusable } from './record.ts';

export interface RemoteStoreOptions extends ConnectionOptions {
  /** Signs what is pushed at the end; absent: nothing is. */
  readonly push?: Key;
  /** Version of this program. */
  readonly version: string;
  readonly claimTimes?: ClaimTimes;
}

/** Reasons that are said in one run. */
const MOST_REASONS = 5;

/** Entries of other machines' stores, in a repository of an OCI registry. */
export class RegistryStore implements RemoteStore {
  readonly #options: RemoteStoreOptions;
  readonly #connection: Connection;
  readonly #claims: Claims;
  /** Of what others may be waiting for. */
  readonly #pushes: Promise<void>[] = [];
  readonly #records = new Map<string, Promise<SharedRecord | undefined>>();
  /** What the store of this machine has used, by tag; a result with its value. */
  readonly #used = new Map<string, SharedName & { readonly value?: Json }>();
  readonly #reasons = new Set<string>();
  #unusable = 0;
  #pulled = { entries: 0, results: 0, bytes: 0 };
  #given = false;

  constructor(options: RemoteStoreOptions) {
    this.#options = options;
    this.#connection = new Connection(options);
    const { push: key, trusted, claimTimes } = options;
    this.#claims = new Claims(this.#connection, { key, trusted }, claimTimes);
  }

  async offered(name: EntryName): Promise<{ readonly meta: Json } | undefined> {
    const record = await this.#record(name);
    return record?.content === undefined ? undefined : { meta: record.value };
  }

  async pull(name: EntryName, root: string): Promise<Result<EntryContent | undefined>> {
    const record = await this.#record(name);
    if (record?.content === undefined) return ok(undefined);
    const { value: meta, content } = record;
    try {
      const came = await this.#unpack(name, content, root);
      if (!came.ok) return came;
      if (!('why' in came.value)) {
        this.#count({ entries: 1, bytes: content.layer.size });
        return ok({ meta, manifest: came.value });
      }
      this.#refuse(name, came.value.why);
    } catch (cause) {
      if (!isOutside(cause)) throw cause;
      if (!this.#options.context.signal.aborted) this.#refuse(name, (cause as Error).message);
    }
    // It is not offered again, and a push replaces it.
    this.#records.set(tagOf(name), Promise.resolve(undefined));
    return ok(undefined);
  }

  async #unpack(name: EntryName, content: SharedContent, root: string): Promise<Result<Manifest | Unusable>> {
    const { layer, items, bytes } = content;
    const { path, registry } = this.#connection;
    const from = { path, name: `the layer of ${tagOf(name)}`, limits: { files: items, bytes } };
    const unpacked = await downloadLayer(registry, from, { mediaType: ZSTD.mediaType, ...layer }, root, ZSTD);
    if (!unpacked.ok) {
      // The disk would not take it from anybody.
      if (unpacked.error.code.startsWith('store/')) return unpacked;
      return ok({ why: [unpacked.error.what, unpacked.error.why ?? ''].join(' ').trim() });
    }
    if (unpacked.value.digest !== layer.digest)
      return ok({ why: `its layer has the digest ${unpacked.value.digest}, not ${layer.digest}` });
    const manifest = await makeManifest(root);
    const digest = manifestDigest(manifest);
    if (digest !== content.manifest)
      return ok({ why: `its files have the digest ${digest}, not ${content.manifest}` });
    return ok(manifest);
  }

  async pullResult(fingerprint: Fingerprint): Promise<Json | undefined> {
    const record = await this.#record({ kind: 'results', fingerprint });
    if (record !== undefined) this.#count({ results: 1 });
    return record?.value;
  }

  used(name: EntryName): void {
    if (this.#options.push === undefined) return;
    const { kind, fingerprint } = name;
    this.#used.set(tagOf(name), { kind, fingerprint });
    if (this.#claims.holds(name)) this.#pushes.push(this.#pushClaimed({ kind, fingerprint }));
  }

  /** What others wait for goes there as soon as it is made, not at the end of the run. */
  async #pushClaimed(name: EntryName): Promise<void> {
    const { push: key, version, context } = this.#options;
    if (key === undefined || this.#given) return;
    const pushed = await pushOne(this.#options, { store: context.settings.store, key, version }, name);
    await this.#claims.release(name, pushed);
  }

  async awaitOther(name: EntryName): Promise<boolean> {
    const { address, context, trusted } = this.#options;
    if (this.#given || trusted.length === 0) return false;
    const isThere = async (): Promise<boolean> => {
      this.#records.delete(tagOf(name));
      return (await this.#record(name)) !== undefined;
    };
    return this.#claims.waitForOther(name, isThere, {
      signal: context.signal,
      onWait: (mostMs) => context.emit(waiting(address, tagOf(name), mostMs)),
    });
  }

  async claim(name: EntryName): Promise<void> {
    if (!this.#given) await this.#claims.claim(name);
  }

  async release(name: EntryName): Promise<void> {
    await this.#claims.release(name, false);
  }

  usedResult(fingerprint: Fingerprint, value: Json): void {
    if (this.#options.push === undefined) return;
    const name: SharedName = { kind: 'results', fingerprint };
    this.#used.set(tagOf(name), { ...name, value });
  }

  /** Pushes what is to be pushed, says what came of all of it, and ends the connection. */
  async finish(): Promise<void> {
    const { address, context, push: key, version } = this.#options;
    const shown = this.#reasons.size;
    if (this.#unusable > shown) context.emit(moreNotUsed(address, this.#unusable - shown));
    if (this.#pulled.entries + this.#pulled.results > 0) context.emit(pulled(address, this.#pulled));
    await Promise.all(this.#pushes);
    this.#claims.stop();
    if (key !== undefined && !context.signal.aborted) {
      const store = context.settings.store;
      await pushAll(this.#options, { ...{ store, key, version }, entries: [...this.#used.values()] });
    }
    this.#connection[Symbol.dispose]();
  }

  /** What is known of an entry, asked for once; undefined: there is none that can be used. */
  #record(name: SharedName): Promise<SharedRecord | undefined> {
    const tag = tagOf(name);
    const known = this.#records.get(tag) ?? this.#ask(name);
    this.#records.set(tag, known);
    return known;
  }

  async #ask(name: SharedName): Promise<SharedRecord | undefined> {
    const { address, context, trusted } = this.#options;
    if (this.#given || trusted.length === 0 || context.signal.aborted) return undefined;
    try {
      const record = await this.#connection.record(name);
      if (record === undefined || !('why' in record)) return record;
      this.#refuse(name, record.why);
    } catch (cause) {
      if (!isOutside(cause)) throw cause;
      // Said once: what is asked at the same time comes to the same.
      if (!this.#given && !context.signal.aborted) context.emit(notAsked(address, cause as Error));
      this.#given = true;
    }
    return undefined;
  }

  /** Each reason is said with the first that it holds for. */
  #refuse(name: SharedName, why: string): void {
    const { address, context } = this.#options;
    this.#unusable += 1;
    if (this.#reasons.has(why) || this.#reasons.size === MOST_REASONS) return;
    this.#reasons.add(why);
    context.emit(notUsed(address, tagOf(name), why));
  }

  #count({ entries = 0, results = 0, bytes = 0 }: Partial<Pulled>): void {
    const before = this.#pulled;
    this.#pulled = {
      entries: before.entries + entries,
      results: before.results + results,
      bytes: before.bytes + bytes,
    };
  }
}
