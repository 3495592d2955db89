import { constants, statSync } from 'node:fs';
import { access, mkdir, open, readFile, rename, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { defined } from '../domain/defined.ts';
import { errorCode } from '../domain/errno.ts';
import type { Digest, Fingerprint } from '../domain/ids.ts';
import { ok, type Result } from '../domain/result.ts';
import { Background } from './background.ts';
import { Deferred } from './deferred.ts';
import { digestFile } from './digest.ts';
import { onDisk } from './disk.ts';
import { elsewhereKey } from './elsewhere.ts';
import { blobFile, entryFolder, hexOf, makeEntry, markUsed, readRecord, setAside } from './entries.ts';
import { fingerprint as fingerprintOf } from './fingerprint.ts';
import { type Again, type DamageReport, Integrity } from './integrity.ts';
import { safeName, takeLock } from './locks.ts';
import { formatResult, parseResult } from './record.ts';
import type {
  EntryContent,
  EntryKind,
  EntryName,
  Json,
  ObtainOptions,
  RemoteStore,
  ResultOptions,
  Store,
  StoreEntry,
} from './store.ts';
import { openSession, writeWhole } from './temporary.ts';

const LAYOUT = ['blobs/sha256', 'partial', 'trees', 'builds', 'results', 'volumes', 'locks', 'tmp'] as const;

/**
 * Opens a store, making its layout where it is missing, and starts to sweep what dead processes left in it.
 * Failures: `store/read-only`, `store/not-writable`, `store/no-space`, `store/not-a-folder`, …
 */
export async function openStore(
  folder: string,
  /** Told of everything damaged that is found and removed. */
  onDamage: (damage: DamageReport) => void = () => {},
  remote?: RemoteStore,
): Promise<Result<Store>> {
  const root = resolve(folder);
  const opened = await onDisk(root, async () => {
    for (const part of LAYOUT) await makeFolder(join(root, part));
    // mkdir of an existing folder always succeeds: check now rather than fail in the middle of a build.
    await Promise.all(LAYOUT.map((part) => access(join(root, part), constants.W_OK | constants.X_OK)));
    await openSession(root);
  });
  if (!opened.ok) return opened;
  return ok(new FolderStore(root, onDamage, remote));
}

/** Creates a folder and its parents. Node's own `recursive` reports ENOENT where the cause is EROFS or EACCES. */
async function makeFolder(path: string, parentThere = false): Promise<void> {
  try {
    await mkdir(path);
  } catch (cause) {
    const code = errorCode(cause);
    // Some file systems (proc) report ENOENT for a name that cannot be created: if the parent exists, that is final.
    if (code === 'ENOENT' && !parentThere && dirname(path) !== path) {
      await makeFolder(dirname(path));
      await makeFolder(path, true);
    } else if (code === 'EEXIST') {
      if (!statSync(path, { throwIfNoEntry: false })?.isDirectory()) throw notAFolder(path);
    } else throw code === 'ENOENT' ? refused(path, cause as Error) : cause;
  }
}

/** On such a file system ENOENT means that no folder can be created there. */
function refused(path: string, { message }: Error): NodeJS.ErrnoException {
  return Object.assign(new Error(message), { code: 'EACCES', path });
}

/** For a file or a link to nothing; the operating system has two different errors for them. */
function notAFolder(path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`ENOTDIR: not a directory, mkdir '${path}'`), { code: 'ENOTDIR', path });
}

class FolderStore implements Store {
  readonly folder: string;
  readonly #background: Background;
  readonly #integrity: Integrity;
  readonly #onDamage: (damage: DamageReport) => void;
  readonly #remote: RemoteStore | undefined;
  readonly #deferred = new Deferred();

  constructor(folder: string, onDamage: (damage: DamageReport) => void, remote: RemoteStore | undefined) {
    this.folder = folder;
    this.#onDamage = onDamage;
    this.#remote = remote;
    this.#background = new Background(folder);
    this.#background.sweep();
    this.#integrity = new Integrity({
      folder,
      lock: ({ kind, fingerprint }, options) => this.lock(`${kind}-${fingerprint}`, options),
      made: (name, meta, again) => this.#made(name, meta, again),
      onDamage,
    });
  }

  async offers(kind: EntryKind, fingerprint: Fingerprint): Promise<boolean> {
    if ((await this.find(kind, fingerprint)) !== undefined) return true;
    return (await this.#known({ kind, fingerprint }, this.#remote)) !== undefined;
  }

  async find<Meta extends Json>(
    kind: EntryKind,
    fingerprint: Fingerprint,
  ): Promise<StoreEntry<Meta> | undefined> {
    const found = await this.#present({ kind, fingerprint });
    // An unreadable entry counts as absent; making it again reports what is wrong with the disk.
    return found.ok ? (found.value as StoreEntry<Meta> | undefined) : undefined;
  }

  async obtain<Meta extends Json>(
    kind: EntryKind,
    inputs: Readonly<Record<string, Json>>,
    make: (folder: string) => Promise<Result<Meta>>,
    options: ObtainOptions,
  ): Promise<Result<StoreEntry<Meta>>> {
    const name = { kind, fingerprint: fingerprintOf(inputs) };
    const remote = options.local === true ? undefined : this.#remote;
    const { costly = false } = options;
    const pull = remote && ((root: string) => pullOrAwait(remote, name, root, costly));
    const makeOfReady = async (folder: string): Promise<Result<Meta>> => {
      const ready = await this.#deferred.ready(options.reads);
      if (!ready.ok) return ready;
      if (remote === undefined || !costly) return make(folder);
      await remote.claim(name);
      const made = await make(folder);
      if (!made.ok) await remote.release(name);
      return made;
    };
    const again: Again = { inputs, make: makeOfReady, signal: options.signal, ...defined({ pull }) };
    const get = async (): Promise<Result<StoreEntry>> => {
      const entry = await this.#obtain(name, again, options);
      if (entry.ok) remote?.used(entry.value);
      return entry;
    };
    const deferred = options.lazily === true ? await this.#defer(name, again, remote, get) : ok(undefined);
    if (!deferred.ok) return deferred;
    return (deferred.value === undefined ? get() : deferred) as Promise<Result<StoreEntry<Meta>>>;
  }

  /** An entry that is not here, but known; undefined: it is here, or nothing is known of it. */
  async #defer(
    name: EntryName,
    again: Again,
    remote: RemoteStore | undefined,
    get: () => Promise<Result<StoreEntry>>,
  ): Promise<Result<StoreEntry | undefined>> {
    const found = await this.#present(name, again);
    if (!found.ok || found.value !== undefined) return found.ok ? ok(undefined) : found;
    const known = await this.#known(name, remote);
    if (known === undefined) return ok(undefined);
    // Remembered, so that nobody need be asked the next time. It only saves time.
    await this.#writeOwnResult(elsewhereKey(name), { meta: known.meta });
    const folder = entryFolder(this.folder, name.kind, name.fingerprint);
    this.#deferred.add(folder, get);
    return ok({ ...name, folder, meta: known.meta, hit: true });
  }

  /** What is known of an entry that is not here. */
  async #known(
    name: EntryName,
    remote: RemoteStore | undefined,
  ): Promise<{ readonly meta: Json } | undefined> {
    const own = (await readStoredResult(this.folder, elsewhereKey(name))) as
      | { readonly meta: Json }
      | undefined;
    return own ?? (await remote?.offered(name));
  }

  ready(paths: readonly string[]): Promise<Result<void>> {
    return this.#deferred.ready(paths);
  }

  async #obtain(name: EntryName, again: Again, options: ObtainOptions): Promise<Result<StoreEntry>> {
    const found = await this.#present(name, again);
    if (!found.ok) return found;
    if (found.value) return ok(found.value);
    // Before the lock: what is damaged is made again under a lock of its own.
    const sound = await this.#integrity.check();
    if (!sound.ok) return sound;
    const lock = await this.lock(`${name.kind}-${name.fingerprint}`, options);
    if (!lock.ok) return lock;
    await using _held = lock.value;
    const meanwhile = await this.#present(name, again);
    if (!meanwhile.ok) return meanwhile;
    if (meanwhile.value) return ok(meanwhile.value);
    const entry = await makeEntry(this.folder, { ...name, ...again });
    if (entry.ok && !entry.value.hit) await this.#made(name, entry.value.meta, again);
    return entry;
  }

  #present(name: EntryName, again?: Again): Promise<Result<StoreEntry | undefined>> {
    return onDisk(this.folder, async () => {
      const record = await readRecord(this.folder, name);
      if (record === undefined || !(await this.#integrity.found(name, record, again))) return undefined;
      if (record.manifest === null) this.#background.describe(name);
      const folder = entryFolder(this.folder, name.kind, name.fingerprint);
      return { ...name, folder, meta: record.meta, hit: true };
    });
  }

  async #made(name: EntryName, meta: Json, again: Again): Promise<void> {
    const record = await readRecord(this.folder, name);
    this.#integrity.made(name, meta, record?.manifest?.digest, again);
    this.#background.makeDurable(name, record?.manifest !== null);
  }

  check(): Promise<Result<void>> {
    return this.#integrity.check();
  }

  verify(folder: string, wanted?: (path: string) => boolean): Promise<Result<void>> {
    return this.#integrity.verify(folder, wanted);
  }

  reject(folder: string, path: string): Promise<Result<never>> {
    return this.#integrity.reject(folder, path);
  }

  blobPath(digest: Digest): string {
    return blobFile(this.folder, digest);
  }

  async hasBlob(digest: Digest): Promise<boolean> {
    try {
      await markUsed(this.blobPath(digest));
      return (await stat(this.blobPath(digest))).isFile();
    } catch (cause) {
      if (errorCode(cause) === 'ENOENT') return false;
      throw cause;
    }
  }

  async verifyBlob(digest: Digest): Promise<boolean> {
    if (!(await this.hasBlob(digest))) return false;
    const path = this.blobPath(digest);
    if ((await digestFile(path)).digest === digest) return true;
    this.#onDamage({ path, damage: [] });
    await setAside(this.folder, path);
    return false;
  }

  partialPath(digest: Digest): string {
    return join(this.folder, 'partial', hexOf(digest));
  }

  commitBlob(digest: Digest): Promise<Result<void>> {
    return onDisk(this.folder, async () => {
      try {
        await using handle = await open(this.partialPath(digest), 'r');
        // A name in blobs/ guarantees complete content: the content must reach the disk before the name does.
        await handle.sync();
        const blob = this.blobPath(digest);
        await this.#clearly(blob, () => rename(this.partialPath(digest), blob));
      } catch (cause) {
        // Another process committed the same file first: losing the race is success.
        if (errorCode(cause) !== 'ENOENT' || !(await this.hasBlob(digest))) throw cause;
      }
    });
  }

  volume(name: string): Promise<Result<string>> {
    const folder = join(this.folder, 'volumes', safeName(name));
    return onDisk(folder, async () => {
      await makeFolder(folder);
      await markUsed(folder);
      return folder;
    });
  }

  lock(key: string, options: ObtainOptions): Promise<Result<AsyncDisposable>> {
    return takeLock(this.folder, key, options);
  }

  async readResult<T extends Json>(
    fingerprint: Fingerprint,
    { anywhere = false }: ResultOptions = {},
  ): Promise<T | undefined> {
    const remote = anywhere ? this.#remote : undefined;
    const own = await readStoredResult(this.folder, fingerprint);
    const value = own ?? (await remote?.pullResult(fingerprint));
    // It only saves time: a disk that does not take it is the concern of what is made next.
    if (own === undefined && value !== undefined) await this.#writeOwnResult(fingerprint, value);
    if (value !== undefined) remote?.usedResult(fingerprint, value);
    return value as T | undefined;
  }

  async writeResult(
    fingerprint: Fingerprint,
    value: Json,
    { anywhere = false }: ResultOptions = {},
  ): Promise<Result<void>> {
    const written = await this.#writeOwnResult(fingerprint, value);
    if (anywhere && written.ok) this.#remote?.usedResult(fingerprint, value);
    return written;
  }

  #writeOwnResult(fingerprint: Fingerprint, value: Json): Promise<Result<void>> {
    const file = resultFile(this.folder, fingerprint);
    const text = formatResult(fingerprint, value);
    return onDisk(file, () => this.#clearly(file, () => writeWhole(this.folder, file, text)));
  }

  /** Writes a file, also where something else lies in its place. */
  async #clearly(file: string, write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (cause) {
      if (!['EISDIR', 'ENOTEMPTY', 'EEXIST'].includes(errorCode(cause) ?? '')) throw cause;
      await setAside(this.folder, file);
      await write();
    }
  }

  settled(): Promise<Result<void>> {
    return this.#background.settled();
  }
}

/** A result of a store that need not be there, or not whole: undefined then. */
export async function readStoredResult(store: string, fingerprint: Fingerprint): Promise<Json | undefined> {
  const file = resultFile(store, fingerprint);
  try {
    const value = parseResult(await readFile(file, 'utf8'), fingerprint);
    await markUsed(file);
    // Damaged from outside: treated as absent and written again.
    return value as Json | undefined;
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR', 'EISDIR'].includes(errorCode(cause) ?? '')) return undefined;
    throw cause;
  }
}

function resultFile(store: string, fingerprint: Fingerprint): string {
  return join(store, 'results', `${fingerprint}.json`);
}

/** Fills an empty folder from a store beyond this one, where that is faster than making it also when another machine has just begun. */
async function pullOrAwait(
  remote: RemoteStore,
  name: EntryName,
  root: string,
  costly: boolean,
): Promise<Result<EntryContent | undefined>> {
  const offered = costly ? await remote.offered(name) : undefined;
  if (costly && offered === undefined && !(await remote.awaitOther(name))) return ok(undefined);
  return remote.pull(name, root);
}
