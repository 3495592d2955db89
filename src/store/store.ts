import type { Digest, Fingerprint } from '../domain/ids.ts';
import type { Result } from '../domain/result.ts';

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

export type EntryKind = 'trees' | 'builds';

/** A finished, immutable folder of the store. */
export interface StoreEntry<Meta extends Json = Json> {
  readonly kind: EntryKind;
  readonly fingerprint: Fingerprint;
  /** Absolute path of the content. */
  readonly folder: string;
  readonly meta: Meta;
  /** True when it was there before this call. */
  readonly hit: boolean;
}

export interface ObtainOptions {
  readonly signal: AbortSignal;
  /** Called once when another process is making the same entry and we wait for it. */
  readonly onWait?: () => void;
}

/**
 * Content-addressed and immutable. Layout: `blobs/sha256/<hex>`, `partial/<hex>`, `trees/<fingerprint>/{entry.json,root/}`,
 * `builds/<fingerprint>/{entry.json,root/}`, `results/<fingerprint>.json`, `volumes/<name>/`, `locks/`, `tmp/`.
 */
export interface Store {
  readonly folder: string;
  /** The entry when it is there and whole. */
  find<Meta extends Json>(kind: EntryKind, fingerprint: Fingerprint): Promise<StoreEntry<Meta> | undefined>;
  /**
   * The entry, made by `make` when it is missing. `make` fills an empty folder below `tmp/`; on success that folder is
   * renamed into place with an `entry.json` that records `inputs` and the returned meta. One process makes, others wait.
   */
  obtain<Meta extends Json>(
    kind: EntryKind,
    inputs: Readonly<Record<string, Json>>,
    make: (folder: string) => Promise<Result<Meta>>,
    options: ObtainOptions,
  ): Promise<Result<StoreEntry<Meta>>>;
  /**
   * Compares the entries that this process has found with their manifests, by size, time and inode, before something is
   * made of them. Damaged ones are made again in their place. Fails with `store/damaged` where that cannot be.
   */
  check(): Promise<Result<void>>;
  /** Reads files of an entry, given by its folder, and compares every byte; `wanted` picks paths, default all. */
  verify(folder: string, wanted?: (path: string) => boolean): Promise<Result<void>>;
  /** Removes the entry of a folder, in which a path was found damaged. The failure is `store/damaged`. */
  reject(folder: string, path: string): Promise<Result<never>>;
  /** Where a blob is or would be. */
  blobPath(digest: Digest): string;
  hasBlob(digest: Digest): Promise<boolean>;
  /** Whether a blob is there and its bytes are those of its name; a damaged one is removed. */
  verifyBlob(digest: Digest): Promise<boolean>;
  /** Where the first bytes of a blob are kept between attempts. */
  partialPath(digest: Digest): string;
  /** Moves a finished, verified partial into place. */
  commitBlob(digest: Digest): Promise<Result<void>>;
  /** A persistent, mutable folder; made when missing. Who writes in it holds the lock `volume-<name>`. */
  volume(name: string): Promise<Result<string>>;
  /** Exclusive across processes; released by dispose and by the death of the process however it dies. */
  lock(key: string, options: ObtainOptions): Promise<Result<AsyncDisposable>>;
  readResult<T extends Json>(fingerprint: Fingerprint): Promise<T | undefined>;
  writeResult(fingerprint: Fingerprint, value: Json): Promise<Result<void>>;
  /**
   * Waits for the work that goes on behind `obtain`: flushing new entries to the disk and removing leftovers. Call it
   * once at the end of the program; left out (an interrupt), entries not yet flushed are made again after a reboot.
   */
  settled(): Promise<Result<void>>;
}
