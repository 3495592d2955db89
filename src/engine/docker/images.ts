import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import type { Digest } from '../../domain/ids.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import { fingerprint } from '../../store/fingerprint.ts';
import { formatAddress } from './address.ts';
import { readEvents } from './events.ts';
import { imageDiffers } from './failures.ts';
import type { Machine } from './machine.ts';
import { LABELS, labelChanges, ROOTFS_REPOSITORY, shortHash } from './names.ts';
import { type Origin, originOf } from './origin.ts';
import { digestOf, PACK_VERSION, type Part, pack, TREE } from './pack.ts';
import { answerFailure, attempt } from './problem.ts';

/** The image of a root tree. */
export interface RootfsImage {
  readonly id: string;
  /** Of its only layer: the sha256 of the tar stream, the same wherever it is made. */
  readonly digest: Digest;
}

const SENDING = 'sending a root tree';

/** Bytes packed ahead of what the engine has taken: packing and taking go on side by side. */
const AHEAD = 8 << 20;

/** The images of root trees: made of a tree of the store by this tool, sent once, known by their content. */
export class RootfsImages {
  readonly #machine: Machine;
  readonly #locks: ReadonlyMap<string, string>;
  readonly #known = new Map<string, Promise<Result<RootfsImage>>>();

  /** `locks`: root tree → checksum of its lock; a label of the image. */
  constructor(machine: Machine, locks: ReadonlyMap<string, string> = new Map()) {
    this.#machine = machine;
    this.#locks = locks;
  }

  /** The image of a root tree, sent when the engine does not have it. */
  async ensure(rootfs: string): Promise<Result<RootfsImage>> {
    const origin = originOf(this.#machine.store.folder, rootfs);
    // A tree that is none of the store's may change between two calls.
    if (origin === undefined) return this.#find(rootfs, undefined);
    const known = this.#known.get(rootfs) ?? this.#find(rootfs, origin);
    this.#known.set(rootfs, known);
    const found = await known;
    if (!found.ok) this.#known.delete(rootfs);
    return found;
  }

  /** Called when the engine turns out not to have an image any more. */
  forget(rootfs: string): void {
    this.#known.delete(rootfs);
  }

  #find(rootfs: string, origin: Origin | undefined): Promise<Result<RootfsImage>> {
    const { address } = this.#machine;
    return attempt(address, SENDING, async () => {
      const present = await this.#present(rootfs, origin);
      if (present !== undefined) return ok(present);
      const lock = await this.#lock(rootfs);
      if (!lock.ok) return lock;
      await using _held = lock.value;
      const meanwhile = await this.#present(rootfs, origin);
      // Awaited here: the lock is held until it is there.
      return meanwhile === undefined ? await this.#send(rootfs, origin) : ok(meanwhile);
    });
  }

  /** The image when the engine has it, whole. */
  async #present(rootfs: string, origin: Origin | undefined): Promise<RootfsImage | undefined> {
    const { images } = this.#machine.api;
    const named = async (digest: Digest): Promise<RootfsImage | undefined> => {
      const found = await images.inspect(nameOf(digest));
      return found?.layers.length === 1 && found.layers[0] === digest ? { id: found.id, digest } : undefined;
    };
    if (origin === undefined) return named(await digestOf(partsOf(rootfs)));
    const recorded = await this.#recorded(origin);
    if (recorded !== undefined) return named(recorded);
    // Sent for another store, or by a run whose record is lost: its label says what it was made of.
    const [labelled] = await images.list([`${LABELS.content}=${contentOf(origin)}`]);
    const facts = labelled && (await images.inspect(labelled.id));
    const [layer] = facts?.layers ?? [];
    if (facts === undefined || layer === undefined) return undefined;
    await this.#record(origin, layer as Digest);
    return { id: facts.id, digest: layer as Digest };
  }

  async #send(rootfs: string, origin: Origin | undefined): Promise<Result<RootfsImage>> {
    const { api, address, context } = this.#machine;
    const hash = createHash('sha256');
    const tar = Readable.from(hashing(pack(partsOf(rootfs)), hash), {
      objectMode: false,
      highWaterMark: AHEAD,
    });
    let outcome: Result<string, string>;
    try {
      const changes = labelChanges(this.#labels(rootfs, origin));
      outcome = await readEvents(await api.images.import(tar, changes, context.signal));
    } finally {
      tar.destroy();
    }
    if (!outcome.ok) return err(answerFailure(formatAddress(address), SENDING, outcome.error));
    const id = outcome.value;
    const digest: Digest = `sha256:${hash.digest('hex')}`;
    const layers = (await api.images.inspect(id))?.layers ?? [];
    if (layers.length !== 1 || layers[0] !== digest) {
      await api.images.remove(id);
      return err(imageDiffers(formatAddress(address), digest, layers));
    }
    // By name only now: an image that is named is whole. Podman takes no name for an import anyway.
    await api.images.tag(id, ROOTFS_REPOSITORY, tagOf(digest));
    if (origin !== undefined) await this.#record(origin, digest);
    return ok({ id, digest });
  }

  #labels(rootfs: string, origin: Origin | undefined): Readonly<Record<string, string>> {
    const lock = this.#locks.get(rootfs);
    return {
      ...(lock === undefined ? {} : { [LABELS.lock]: lock }),
      [LABELS.store]: this.#machine.storeId,
      [LABELS.kind]: 'rootfs',
      ...(origin === undefined ? {} : { [LABELS.entry]: origin.entry, [LABELS.content]: contentOf(origin) }),
    };
  }

  async #recorded(origin: Origin): Promise<Digest | undefined> {
    const kept = await this.#machine.store.readResult<{ readonly digest: Digest }>(recordKey(origin));
    return kept?.digest;
  }

  /** A record that cannot be written costs time in the next run and nothing else. */
  async #record(origin: Origin, digest: Digest): Promise<void> {
    await this.#machine.store.writeResult(recordKey(origin), { digest });
  }

  #lock(rootfs: string): Promise<Result<AsyncDisposable>> {
    const { store, context } = this.#machine;
    return store.lock(`docker-image-${fingerprint({ rootfs })}`, {
      signal: context.signal,
      onWait: () =>
        context.emit({
          type: 'notice',
          level: 'info',
          code: 'engine/waiting',
          message: 'Another provision is sending the same root tree to the Docker engine; waiting for it.',
        }),
    });
  }
}

function partsOf(rootfs: string): readonly Part[] {
  return [{ kind: 'host', path: '', source: rootfs, attributes: TREE }];
}

function contentOf(origin: Origin): string {
  return shortHash([...origin.key, String(PACK_VERSION)]);
}

/** Where the digest of a tree's image layer is kept. */
function recordKey(origin: Origin): string {
  return fingerprint({ what: 'image layer', tree: [...origin.key], pack: PACK_VERSION });
}

function nameOf(digest: Digest): string {
  return `${ROOTFS_REPOSITORY}:${tagOf(digest)}`;
}

function tagOf(digest: Digest): string {
  return digest.slice('sha256:'.length);
}

function* hashing(chunks: Iterable<Buffer>, hash: { update(chunk: Buffer): unknown }): Generator<Buffer> {
  for (const chunk of chunks) {
    hash.update(chunk);
    yield chunk;
  }
}
