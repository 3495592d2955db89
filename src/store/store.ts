import type { Digest, Fingerprint } from '../domain/ids.ts';
import type { Result } from '../domain/result.ts';
import type { Manifest } from './manifest.ts';

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

export type EntryKind = 'trees' | 'builds';

/** Names one entry of a store. */
export interface EntryName {
  readonly kind: EntryKind;
  readonly fingerprint: Fingerprint;
}

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

/** What is the same wherever its inputs are. */
export interface EntryContent {
  readonly meta: Json;
  readonly manifest: Manifest;
}

/**
 * A store beyond this machine, in which entries are looked for before they are made. It is never the cause of a failure:
 * what it has not, or cannot prove, is made here.
 */
export interface RemoteStore {
  /** What it says of an entry that can be taken from it; undefined: it has none. */
  offered(name: EntryName): Promise<Pick<EntryContent, 'meta'> | undefined>;
  /**
   * Fills an empty folder with an entry, whose files are those of its manifest. Undefined: it has none that is of use, and
   * what is in the folder is to be removed. Its failures are those of the disk.
   */
  pull(name: EntryName, root: string): Promise<Result<EntryContent | undefined>>;
  /** Waits while another machine makes an entry, for a bounded time; true: it is there now. */
  awaitOther(name: EntryName): Promise<boolean>;
  /** Says to other machines that an entry is made here, until it was used or is released. */
  claim(name: EntryName): Promise<void>;
  release(name: EntryName): Promise<void>;
  pullResult(fingerprint: Fingerprint): Promise<Json | undefined>;
  /** Told of what this store has and has used, which may be pushed at the end. */
  used(name: EntryName): void;
  usedResult(fingerprint: Fingerprint, value: Json): void;
}

export interface ObtainOptions {
  readonly signal: AbortSignal;
  /** The entry is of use on this machine only, or is made faster than it is sent: it is not looked for elsewhere. */
  readonly local?: boolean;
  /**
   * Where the entry can be taken from a store beyond this one it is not, until something reads it: its folder is empty or absent before
   * `ready`. What is made of it, and sandboxes, wait for it by themselves.
   */
  readonly lazily?: boolean;
  /** It takes minutes to make: of several machines one does, and the others wait for it. */
  readonly costly?: boolean;
  /** Folders of the entries that `make` reads outside of sandboxes; by default all that were obtained lazily. */
  readonly reads?: readonly string[];
  /** Called once when another process is making the same entry and we wait for it. */
  readonly onWait?: () => void;
}

export interface ResultOptions {
  /** It is the same on every machine: it may come from a store beyond this one, and go there. */
  readonly anywhere?: boolean;
}

/**
 * Content-addressed and immutable. Layout: `blobs/sha256/<hex>`, `partial/<hex>`, `trees/<fingerprint>/{entry.json,root/}`,
 * `builds/<fingerprint>/{entry.json,root/}`, `results/<fingerprint>.json`, `volumes/<name>/`, `locks/`, `tmp/`.
 */
export interface Store {
  readonly folder: string;
  /** Whether an entry is there, or can be taken from a store beyond this machine instead of being made. */
  offers(kind: EntryKind, fingerprint: Fingerprint): Promise<boolean>;
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
  /** Takes the entries that paths lie in from where they are, where that was put off. */
  ready(paths: readonly string[]): Promise<Result<void>>;
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
  readResult<T extends Json>(fingerprint: Fingerprint, options?: ResultOptions): Promise<T | undefined>;
  writeResult(fingerprint: Fingerprint, value: Json, options?: ResultOptions): Promise<Result<void>>;
  /**
   * Waits for the work that goes on behind `obtain`: flushing new entries to the disk and removing leftovers. Call it
   * once at the end of the program; left out (an interrupt), entries not yet flushed are made again after a reboot.
   */
  settled(): Promise<Result<void>>;
}
