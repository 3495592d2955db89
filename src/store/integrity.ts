import { AsyncLocalStorage } from 'node:async_hooks';
import { dirname } from 'node:path';
import { absentAsUndefined } from '../domain/errno.ts';
import type { Digest } from '../domain/ids.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Failure } from '../failure.ts';
import { onDisk } from './disk.ts';
import { entryFolder, type Making, makeEntry, readManifest, recordManifest, setAside } from './entries.ts';
import { type Damage, damages, type Manifest, makeManifest, suspects } from './manifest.ts';
import type { EntryRecord } from './record.ts';
import type { EntryName, Json, ObtainOptions } from './store.ts';

/** Entries of so few files are compared with their manifest whenever they are found. */
const FEW = 64;

/** What was damaged in a store, and what became of it. */
export interface DamageReport {
  /** Absolute path of the entry or file. */
  readonly path: string;
  /** Relative to it; none where it is the whole. */
  readonly damage: readonly Damage[];
}

/** How an entry that was found can be made again. */
export type Again = Omit<Making, keyof EntryName>;

interface Found extends EntryName {
  readonly again: Again | undefined;
  readonly meta: Json;
  readonly manifest: Digest | undefined;
  /** Whether its files look as they did when they were last read. */
  checked: boolean;
}

/** What an integrity check needs of its store. */
export interface IntegrityStore {
  readonly folder: string;
  readonly lock: (name: EntryName, options: ObtainOptions) => Promise<Result<AsyncDisposable>>;
  /** Called when an entry has been made again. */
  readonly made: (name: EntryName, meta: Json, again: Again) => Promise<void>;
  readonly onDamage: (damage: DamageReport) => void;
}

/**
 * Compares what this process has found in the store with its manifests before anything is made of it. What is damaged
 * is made again in its place.
 */
export class Integrity {
  readonly #store: string;
  readonly #deps: IntegrityStore;
  readonly #found = new Map<string, Found>();
  /** Set while an entry is made again: what it is made of is not held up by it. */
  readonly #mending = new AsyncLocalStorage<true>();
  #turn: Promise<unknown> = Promise.resolve();

  constructor(store: IntegrityStore) {
    this.#store = store.folder;
    this.#deps = store;
  }

  /** Whether a record's entry may be used. One of few files is compared at once, others before they are used. */
  async found(name: EntryName, record: EntryRecord, again: Again | undefined): Promise<boolean> {
    const folder = entryFolder(this.#store, name.kind, name.fingerprint);
    if (this.#found.get(folder)?.checked === true) return true;
    const one: Found = {
      ...name,
      again: again ?? this.#found.get(folder)?.again,
      meta: record.meta,
      manifest: record.manifest?.digest,
      checked: false,
    };
    if (record.manifest !== null && record.manifest.items <= FEW) {
      const damage = await this.#compare(one);
      if (damage.length > 0) {
        await this.#condemn(one, damage);
        return false;
      }
      one.checked = true;
    }
    this.#found.set(folder, one);
    return true;
  }

  /** What this process has made itself, or read from end to end. */
  made(name: EntryName, meta: Json, manifest: Digest | undefined, again: Again): void {
    const folder = entryFolder(this.#store, name.kind, name.fingerprint);
    this.#found.set(folder, { ...name, again, meta, manifest, checked: true });
  }

  /** Compares what has been found since the last call, by size, time and inode. */
  async check(): Promise<Result<void>> {
    if (this.#mending.getStore() === true) return ok(undefined);
    return this.#inTurn(async () => {
      for (const [folder, one] of this.#found) {
        if (one.checked) continue;
        const damage = await onDisk(folder, () => this.#compare(one));
        if (!damage.ok) return damage;
        one.checked = true;
        const mended =
          damage.value.length === 0 ? ok(undefined) : await this.#mend(folder, one, damage.value);
        if (!mended.ok) return mended;
      }
      return ok(undefined);
    });
  }

  /** Reads the files of an entry, those whose paths are `wanted`, and compares every byte. */
  async verify(folder: string, wanted?: (path: string) => boolean): Promise<Result<void>> {
    const one = this.#found.get(folder);
    const digest = one?.manifest;
    if (one === undefined || digest === undefined) return ok(undefined);
    return this.#inTurn(async () => {
      const damage = await onDisk(folder, async () => {
        const manifest = await readManifest(this.#store, one, digest);
        return manifest === undefined ? MANIFEST : damages(folder, manifest, wanted);
      });
      if (!damage.ok) return damage;
      return damage.value.length === 0 ? ok(undefined) : this.#mend(folder, one, damage.value);
    });
  }

  /** Puts an entry aside in which a file was found damaged. */
  async reject(folder: string, path: string): Promise<Result<never>> {
    const one = this.#found.get(folder);
    if (one !== undefined) await this.#condemn(one, [{ path, what: 'changed' }]);
    return err(damaged(folder, path));
  }

  async #compare(one: Found): Promise<readonly Damage[]> {
    if (one.manifest === undefined) return [];
    const folder = entryFolder(this.#store, one.kind, one.fingerprint);
    const manifest = await readManifest(this.#store, one, one.manifest);
    if (manifest === undefined) return MANIFEST;
    const suspect = await suspects(folder, manifest);
    if (suspect.length === 0) return [];
    const damage = await damages(folder, manifest);
    // A copy of a store, or one from a cache: the same bytes in other files, which need not be read again.
    if (damage.length === 0) await this.#seenAnew(one, folder, manifest);
    return damage;
  }

  async #seenAnew(one: Found, folder: string, manifest: Manifest): Promise<void> {
    const now = await makeManifest(folder);
    // Not writable, perhaps: then they are read again next time.
    if (now.length === manifest.length) await onDisk(folder, () => recordManifest(this.#store, one, now));
  }

  async #mend(folder: string, one: Found, damage: readonly Damage[]): Promise<Result<void>> {
    await this.#condemn(one, damage);
    const { again } = one;
    if (again === undefined) return err(damaged(folder, damage[0]?.path ?? ''));
    const lock = await this.#deps.lock(one, { signal: again.signal });
    if (!lock.ok) return lock;
    await using _ = lock.value;
    const entry = await this.#mending
      .run(true, () => makeEntry(this.#store, { ...again, ...one }))
      .catch(absentAsUndefined);
    // What it is made of was damaged, too, and is away: who begins again makes that first.
    if (entry === undefined) return err(damaged(folder, damage[0]?.path ?? ''));
    if (!entry.ok) return entry;
    await this.#deps.made(one, entry.value.meta, again);
    // What is under way was told of the other one.
    if (JSON.stringify(entry.value.meta) !== JSON.stringify(one.meta)) {
      return err(damaged(folder, damage[0]?.path ?? ''));
    }
    return ok(undefined);
  }

  async #condemn(one: Found, damage: readonly Damage[]): Promise<void> {
    const folder = entryFolder(this.#store, one.kind, one.fingerprint);
    this.#found.delete(folder);
    this.#deps.onDamage({ path: dirname(folder), damage });
    await onDisk(folder, () => setAside(this.#store, dirname(folder)));
  }

  /** One at a time, so that nobody uses an entry while it is made again. */
  #inTurn<T>(work: () => Promise<Result<T>>): Promise<Result<T>> {
    if (this.#mending.getStore() === true) return work();
    const mine = this.#turn.then(work, work);
    this.#turn = mine.catch(() => {});
    return mine;
  }
}

const MANIFEST: readonly Damage[] = [{ path: 'manifest', what: 'changed' }];

/** The run in which it is found has to begin again: it was told what is not true any more. */
function damaged(folder: string, path: string): Failure {
  return {
    code: 'store/damaged',
    what: `${path === '' ? 'A file' : path} in ${dirname(folder)} is damaged: the entry was removed from the store.`,
    why: 'Its bytes are not those that were written: the disk, another program or a cache that was cut off changed them.',
    fix: ['Run the same command again: the entry is made anew. `provision store verify` looks for more.'],
  };
}
