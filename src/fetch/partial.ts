import { createHash, type Hash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { copyFile, type FileHandle, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errorCode } from '../domain/errno.ts';
import type { Digest } from '../domain/ids.ts';
import { livenessOf, ownTag } from '../store/process-tag.ts';
import type { Store } from '../store/store.ts';

/** Beyond this age the file of a process that cannot be asked (another boot, a container) is taken as left behind. */
const FOREIGN_LEFTOVER_MS = 3600 * 1000;

/**
 * The first bytes of a blob and their hash. Each process has a file of its own, so that two that fetch the same blob
 * never write to one file; what a dead one left is copied, not taken over, for it might not be dead after all.
 * Every method may throw errors of the disk.
 */
export class PartialFile implements AsyncDisposable {
  /** Bytes that are there and hashed. */
  offset = 0;
  /** Bytes that were there at the start or since the last `restart`. */
  resumedFrom = 0;
  readonly #store: Store;
  readonly #digest: Digest;
  readonly path: string;
  #hash: Hash = createHash('sha256');
  #handle: FileHandle | undefined;

  private constructor(store: Store, digest: Digest) {
    this.#store = store;
    this.#digest = digest;
    this.path = `${store.partialPath(digest)}.${ownTag()}`;
  }

  static async open(store: Store, digest: Digest): Promise<PartialFile> {
    const file = new PartialFile(store, digest);
    await file.#adopt();
    file.#handle = await open(file.path, constants.O_RDWR | constants.O_CREAT, 0o644);
    await file.#rehash();
    return file;
  }

  async append(chunk: Uint8Array): Promise<void> {
    this.#hash.update(chunk);
    let written = 0;
    while (written < chunk.length) {
      const { bytesWritten } = await this.#open().write(
        chunk,
        written,
        chunk.length - written,
        this.offset + written,
      );
      written += bytesWritten;
    }
    this.offset += chunk.length;
  }

  /** Forgets all bytes. */
  async restart(): Promise<void> {
    await this.#open().truncate(0);
    this.#hash = createHash('sha256');
    this.offset = 0;
    this.resumedFrom = 0;
  }

  /** Marks that the bytes from here on come from another attempt. */
  markResumed(): void {
    this.resumedFrom = this.offset;
  }

  digest(): Digest {
    return `sha256:${this.#hash.copy().digest('hex')}`;
  }

  /** Moves the whole, verified file to where the store commits it from. */
  async release(): Promise<void> {
    await this[Symbol.asyncDispose]();
    await rename(this.path, this.#store.partialPath(this.#digest));
  }

  /** Closes the file; its bytes stay for the next attempt. */
  async [Symbol.asyncDispose](): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    await handle?.close();
    if (this.offset === 0) await rm(this.path, { force: true });
  }

  async #adopt(): Promise<void> {
    const left = await this.#leftBehind();
    const own = (await sizeOf(this.path)) ?? 0;
    const best = left.reduce((a, b) => (b.size > a.size ? b : a), { path: '', size: own });
    if (best.path !== '')
      await copyFile(best.path, this.path, constants.COPYFILE_FICLONE).catch(ignoreAbsent);
    for (const { path } of left) await rm(path, { force: true });
  }

  async #leftBehind(): Promise<readonly { readonly path: string; readonly size: number }[]> {
    const base = this.#store.partialPath(this.#digest);
    const prefix = `${basename(base)}.`;
    const found: { path: string; size: number }[] = [];
    for (const name of await readdir(dirname(base))) {
      const path = join(dirname(base), name);
      if (!name.startsWith(prefix) || path === this.path) continue;
      if (!(await isLeftBehind(path, name.slice(prefix.length)))) continue;
      found.push({ path, size: (await sizeOf(path)) ?? 0 });
    }
    return found;
  }

  async #rehash(): Promise<void> {
    for await (const chunk of createReadStream(this.path, { highWaterMark: 1 << 20 })) {
      this.#hash.update(chunk as Buffer);
      this.offset += (chunk as Buffer).length;
    }
    this.markResumed();
  }

  #open(): FileHandle {
    if (this.#handle === undefined) throw new Error('a partial file is used after it was closed');
    return this.#handle;
  }
}

async function isLeftBehind(path: string, tag: string): Promise<boolean> {
  const liveness = livenessOf(tag);
  if (liveness !== 'unknown') return liveness === 'dead';
  const { mtimeMs } = (await stat(path).catch(ignoreAbsent)) ?? { mtimeMs: Date.now() };
  return Date.now() - mtimeMs > FOREIGN_LEFTOVER_MS;
}

async function sizeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(ignoreAbsent))?.size;
}

function ignoreAbsent(error: unknown): undefined {
  if (errorCode(error) === 'ENOENT') return undefined;
  throw error;
}
