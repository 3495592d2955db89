import { Readable } from 'node:stream';
import { ok, type Result } from '../../domain/result.ts';
import { ownTag } from '../../store/process-tag.ts';
import type { Afterwards } from './afterwards.ts';
import type { Labels } from './api.ts';
import type { RootfsImage } from './images.ts';
import type { Machine } from './machine.ts';
import { freshName, LABELS, labelChanges, ownedLabels, shortHash } from './names.ts';
import { originOf } from './origin.ts';
import { digestOf, PACK_VERSION, type Part, pack } from './pack.ts';
import { attempt } from './problem.ts';

interface SandboxImage {
  readonly id: string;
  /** It stays when this process ends. */
  readonly kept: boolean;
}

/**
 * Images that add to a root tree what a sandbox has of its own: mount points, single files, the user's account. A
 * container's root is read-only and takes no files any more; so they are put into another one, which is made an image
 * and serves every sandbox of that kind as long as this process lives. What is opened again in the next run has its image kept.
 */
export class SandboxImages {
  readonly #machine: Machine;
  readonly #afterwards: Afterwards;
  readonly #known = new Map<string, Promise<Result<SandboxImage>>>();

  constructor(machine: Machine, afterwards: Afterwards) {
    this.#machine = machine;
    this.#afterwards = afterwards;
  }

  /** Id of the image for a root tree with some parts added. `again`: name of what opens it in the next run, too. */
  async ensure(base: RootfsImage, parts: readonly Part[], again?: string): Promise<Result<string>> {
    if (parts.length === 0) return ok(base.id);
    return attempt(this.#machine.address, 'making the image of a sandbox', async () => {
      const key = await this.#keyOf(base, parts);
      const known = this.#known.get(key) ?? this.#find(base, parts, { key, again });
      this.#known.set(key, known);
      const found = await known.catch((cause: unknown) => {
        this.#known.delete(key);
        throw cause;
      });
      return found.ok ? ok(found.value.id) : found;
    });
  }

  forget(): void {
    this.#known.clear();
  }

  async close(): Promise<void> {
    for (const one of await Promise.allSettled(this.#known.values())) {
      if (one.status === 'fulfilled' && one.value.ok && !one.value.value.kept)
        await this.#machine.api.images.remove(one.value.value.id);
    }
    this.#known.clear();
  }

  async #find(
    base: RootfsImage,
    parts: readonly Part[],
    { key, again }: { readonly key: string; readonly again: string | undefined },
  ): Promise<Result<SandboxImage>> {
    const { api, storeId } = this.#machine;
    if (again === undefined) {
      const made = await this.#make(base, parts, ownedLabels(storeId, 'sandbox'));
      return ok({ id: made, kept: false });
    }
    const labels = {
      ...{ [LABELS.store]: storeId, [LABELS.kind]: 'sandbox' },
      [LABELS.again]: shortHash([storeId, again]),
      [LABELS.content]: shortHash([key, String(PACK_VERSION)]),
    };
    const listed = await api.images.list([`${LABELS.again}=${labels[LABELS.again]}`]);
    const same = listed.find((one) => one.labels[LABELS.content] === labels[LABELS.content]);
    if (same !== undefined) return ok({ id: same.id, kept: true });
    const id = await this.#make(base, parts, labels);
    // One that another run has a container of stays until it is replaced again, or cleaned.
    for (const one of listed) this.#afterwards.begin(() => api.images.removeUnused(one.id));
    return ok({ id, kept: true });
  }

  async #make(base: RootfsImage, parts: readonly Part[], labels: Labels): Promise<string> {
    const { api, context, storeId } = this.#machine;
    const container = await api.containers.create({
      ...{
        name: freshName('image'),
        Image: base.id,
        Cmd: ['-'],
        Labels: { [LABELS.store]: storeId, [LABELS.kind]: 'image', [LABELS.filler]: ownTag() },
      },
      HostConfig: { NetworkMode: 'none' },
    });
    const tar = Readable.from(pack(parts), { objectMode: false });
    try {
      await api.containers.put(container, tar, '/', context.signal);
      return await api.containers.commit(container, labelChanges(labels));
    } finally {
      tar.destroy();
      this.#afterwards.begin(() => api.containers.remove(container));
    }
  }

  async #keyOf(base: RootfsImage, parts: readonly Part[]): Promise<string> {
    const { folder } = this.#machine.store;
    const keys: unknown[] = [base.id];
    for (const part of parts) {
      const origin =
        part.kind === 'host' && part.attributes.mtime !== 'kept' ? originOf(folder, part.source) : undefined;
      keys.push(origin === undefined ? await digestOf([part]) : [part.path, origin.key]);
    }
    return JSON.stringify(keys);
  }
}
