import { Readable } from 'node:stream';
import { ok, type Result } from '../../domain/result.ts';
import type { RootfsImage } from './images.ts';
import type { Machine } from './machine.ts';
import { freshName, labelChanges, ownedLabels } from './names.ts';
import { originOf } from './origin.ts';
import { digestOf, type Part, pack } from './pack.ts';
import { attempt } from './problem.ts';

/**
 * Images that add to a root tree what a sandbox has of its own: mount points, single files, the user's account. A
 * container's root is read-only and takes no files any more; so they are put into another one, which is made an image
 * and serves every sandbox of that kind as long as this process lives.
 */
export class SandboxImages {
  readonly #machine: Machine;
  readonly #known = new Map<string, Promise<Result<string>>>();

  constructor(machine: Machine) {
    this.#machine = machine;
  }

  /** Id of the image for a root tree with some parts added. */
  async ensure(base: RootfsImage, parts: readonly Part[]): Promise<Result<string>> {
    if (parts.length === 0) return ok(base.id);
    return attempt(this.#machine.address, 'making the image of a sandbox', async () => {
      const key = await this.#keyOf(base, parts);
      const known = this.#known.get(key) ?? this.#make(base, parts);
      this.#known.set(key, known);
      return known.catch((cause: unknown) => {
        this.#known.delete(key);
        throw cause;
      });
    });
  }

  forget(): void {
    this.#known.clear();
  }

  async close(): Promise<void> {
    for (const one of await Promise.allSettled(this.#known.values())) {
      if (one.status === 'fulfilled' && one.value.ok) await this.#machine.api.images.remove(one.value.value);
    }
    this.#known.clear();
  }

  async #make(base: RootfsImage, parts: readonly Part[]): Promise<Result<string>> {
    const { api, storeId, context } = this.#machine;
    const labels = ownedLabels(storeId, 'sandbox');
    const container = await api.containers.create({
      ...{ name: freshName('image'), Image: base.id, Cmd: ['-'], Labels: { ...labels } },
      HostConfig: { NetworkMode: 'none' },
    });
    const tar = Readable.from(pack(parts), { objectMode: false });
    try {
      await api.containers.put(container, tar, '/', context.signal);
      return ok(await api.containers.commit(container, labelChanges(labels)));
    } finally {
      tar.destroy();
      await api.containers.remove(container);
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
