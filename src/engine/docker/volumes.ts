import { Readable } from 'node:stream';
import { defined } from '../../domain/defined.ts';
import type { Fingerprint } from '../../domain/ids.ts';
import { ok, type Result } from '../../domain/result.ts';
import { fingerprint } from '../../store/fingerprint.ts';
import { ownTag } from '../../store/process-tag.ts';
import type { LeftOut } from '../engine.ts';
import { formatAddress } from './address.ts';
import type { Afterwards } from './afterwards.ts';
import type { Machine } from './machine.ts';
import { freshId, freshName, LABELS, ownedLabels, shortHash } from './names.ts';
import { originOf } from './origin.ts';
import { type Attributes, digestOf, PACK_VERSION, type Part, pack, stampOf, TREE } from './pack.ts';
import { attempt } from './problem.ts';

/** A volume that holds the content of a folder of this machine, whole. */
export interface FilledVolume {
  readonly name: string;
  /** Label that distinguishes it from another volume of the same name. */
  readonly making: string;
}

/** A folder to be seen in a sandbox, read-only. */
export interface FolderSource {
  readonly kind: 'tree' | 'source';
  /** Real path on this machine. */
  readonly source: string;
  /** Folders that are left out. */
  readonly without?: LeftOut;
  /** Whether its volume stays for the next run, as that of a tree does; one for each folder. */
  readonly again?: true;
}

/** What a volume that stays is made of: an entry of the store, or a folder that is mounted again in the next run. */
type Kept = { readonly key: readonly string[] } & (
  | { readonly entry: Fingerprint }
  | { readonly again: string }
);

/** Where a container that is only there to be filled sees the volume. */
const FILLING_AT = '/provision';
/** Clocks that differ by less are taken as one: what is edited is built later than that. */
const SAME_CLOCK_MS = 2000;

/**
 * Volumes filled once through the copy API, so that they work on any machine. Those of finished store entries stay and
 * are found again by later runs, and those of folders that say so; those of other folders go with this process.
 */
export class FilledVolumes {
  readonly #machine: Machine;
  readonly #afterwards: Afterwards;
  readonly #known = new Map<string, Promise<Result<FilledVolume>>>();

  constructor(machine: Machine, afterwards: Afterwards) {
    this.#machine = machine;
    this.#afterwards = afterwards;
  }

  /** The volume of a folder. `image`: any image of the engine; a container needs one to be filled. */
  async ensure(folder: FolderSource, image: string): Promise<Result<FilledVolume>> {
    const { address, store } = this.#machine;
    return attempt(address, 'copying a folder into a volume', async () => {
      const origin = folder.kind === 'tree' ? originOf(store.folder, folder.source) : undefined;
      const parts = this.#partsOf(folder);
      const kept = origin ?? (folder.again === true ? this.#againOf(folder.source, parts) : undefined);
      const key = kept === undefined ? await digestOf(parts) : JSON.stringify(kept.key);
      const make = (): Promise<Result<FilledVolume>> =>
        kept === undefined ? this.#own(key, parts, image) : this.#kept(kept, parts, image);
      const known = this.#known.get(key) ?? make();
      this.#known.set(key, known);
      const found = await known.catch((cause: unknown) => {
        this.#known.delete(key);
        throw cause;
      });
      if (!found.ok) this.#known.delete(key);
      return found;
    });
  }

  /** Called when the engine turns out not to have a volume any more. */
  forget(): void {
    this.#known.clear();
  }

  /** Removes the volumes that go with this process. */
  async close(): Promise<void> {
    const settled = await Promise.allSettled(this.#known.values());
    for (const one of settled) {
      if (one.status !== 'fulfilled' || !one.value.ok || !one.value.value.name.includes('-source-')) continue;
      await this.#machine.api.volumes.remove(one.value.value.name);
    }
    this.#known.clear();
  }

  #partsOf({ kind, source, without }: FolderSource): readonly Part[] {
    const attributes = kind === 'tree' ? TREE : this.#sourceAttributes();
    return [{ kind: 'host', path: '', source, attributes, ...defined({ without }) }];
  }

  /** Cargo compares the times of sources with those of what it built of them, which are by the engine's clock. */
  #sourceAttributes(): Attributes {
    const { uid, gid, server } = this.#machine;
    const shift =
      Math.abs(server.clockAheadMs) < SAME_CLOCK_MS ? 0 : Math.round(server.clockAheadMs / 1000) * 1000;
    return { uid, gid, mtime: 'kept', shift };
  }

  async #own(key: string, parts: readonly Part[], image: string): Promise<Result<FilledVolume>> {
    const { storeId } = this.#machine;
    const name = `provision-source-${shortHash([ownTag(), storeId, key])}`;
    const making = freshId();
    await this.#machine.api.volumes.create(name, {
      ...ownedLabels(storeId, 'source'),
      [LABELS.making]: making,
    });
    await this.#fill(name, parts, image);
    return ok({ name, making });
  }

  /** A folder of the machine's, by what its files are without reading them: lstat(2) tells what was changed. */
  #againOf(source: string, parts: readonly Part[]): Kept {
    return { again: shortHash([this.#machine.storeId, source]), key: [source, stampOf(parts)] };
  }

  async #kept(origin: Kept, parts: readonly Part[], image: string): Promise<Result<FilledVolume>> {
    const { api, store, storeId, context } = this.#machine;
    const key = JSON.stringify(origin.key);
    const name = `provision-tree-${shortHash([storeId, key, String(PACK_VERSION)])}`;
    const whole = await this.#whole(name);
    if (whole !== undefined) return ok(whole);
    const lock = await store.lock(`docker-${name}`, { signal: context.signal });
    if (!lock.ok) return lock;
    await using _held = lock.value;
    const meanwhile = await this.#whole(name);
    if (meanwhile !== undefined) return ok(meanwhile);
    // Half filled by a run that was killed.
    await api.volumes.remove(name);
    const making = freshId();
    const labels = {
      [LABELS.store]: storeId,
      [LABELS.kind]: 'tree',
      ...('entry' in origin ? { [LABELS.entry]: origin.entry } : { [LABELS.again]: origin.again }),
      [LABELS.making]: making,
    };
    await api.volumes.create(name, labels);
    await this.#fill(name, parts, image);
    // Only now it counts; a record that cannot be written costs another filling.
    const now = (await api.volumes.labels(name))?.[LABELS.making] ?? '';
    await store.writeResult(this.#recordKey(name), { making: now });
    if ('again' in origin) this.#afterwards.begin(() => this.#removeOthers(origin.again, name));
    return ok({ name, making: now });
  }

  /** What the folder was before. One that another run has a container of stays until it is replaced again, or cleaned. */
  async #removeOthers(again: string, name: string): Promise<void> {
    const { api } = this.#machine;
    for (const { id } of await api.volumes.list([`${LABELS.again}=${again}`]))
      if (id !== name) await api.volumes.remove(id);
  }

  /** The volume when it is there and the one that was filled to the end. */
  async #whole(name: string): Promise<FilledVolume | undefined> {
    const { api, store } = this.#machine;
    const [labels, record] = await Promise.all([
      api.volumes.labels(name),
      store.readResult<{ readonly making: string }>(this.#recordKey(name)),
    ]);
    const making = labels?.[LABELS.making];
    return making !== undefined && making === record?.making ? { name, making } : undefined;
  }

  #recordKey(name: string): string {
    const { address, server } = this.#machine;
    const engine = [formatAddress(address), server.kind, server.root];
    return fingerprint({ what: 'filled volume', engine, name });
  }

  async #fill(name: string, parts: readonly Part[], image: string): Promise<void> {
    const { api, storeId, context } = this.#machine;
    const container = await api.containers.create({
      ...{ name: freshName('fill'), Image: image, Cmd: ['-'], Labels: { ...ownedLabels(storeId, 'fill') } },
      HostConfig: {
        NetworkMode: 'none',
        Mounts: [{ Type: 'volume', Source: name, Target: FILLING_AT, ReadOnly: false }],
      },
    });
    const tar = Readable.from(pack(parts), { objectMode: false });
    try {
      await api.containers.put(container, tar, FILLING_AT, context.signal);
    } finally {
      tar.destroy();
      this.#afterwards.begin(() => api.containers.remove(container));
    }
  }
}
