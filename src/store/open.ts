import { constants, statSync } from 'node:fs';
import { access, mkdir, open, readFile, rename, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Digest, Fingerprint } from '../domain/ids.ts';
import { ok, type Result } from '../domain/result.ts';
import { Background } from './background.ts';
import { errorCode, onDisk } from './disk.ts';
import { entryOrAbsent, lookUp, makeEntry, markUsed } from './entries.ts';
import { fingerprint as fingerprintOf } from './fingerprint.ts';
import { safeName, takeLock } from './locks.ts';
import type { EntryKind, Json, ObtainOptions, Store, StoreEntry } from './store.ts';
import { openSession, writeWhole } from './temporary.ts';

const LAYOUT = ['blobs/sha256', 'partial', 'trees', 'builds', 'results', 'volumes', 'locks', 'tmp'] as const;

/**
 * Opens a store, making its layout where it is missing, and starts to sweep what dead processes left in it.
 * Failures: `store/read-only`, `store/not-writable`, `store/no-space`, `store/not-a-folder`, …
 */
export async function openStore(folder: string): Promise<Result<Store>> {
  const root = resolve(folder);
  const opened = await onDisk(root, async () => {
    for (const part of LAYOUT) await makeFolder(join(root, part));
    // mkdir of an existing folder always succeeds: check now rather than fail in the middle of a build.
    await Promise.all(LAYOUT.map((part) => access(join(root, part), constants.W_OK | constants.X_OK)));
    await openSession(root);
  });
  if (!opened.ok) return opened;
  const store = new FolderStore(root);
  return ok(store);
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

  constructor(folder: string) {
    this.folder = folder;
    this.#background = new Background(folder);
    this.#background.sweep();
  }

  async find<Meta extends Json>(
    kind: EntryKind,
    fingerprint: Fingerprint,
  ): Promise<StoreEntry<Meta> | undefined> {
    return (await entryOrAbsent(this.folder, kind, fingerprint)) as StoreEntry<Meta> | undefined;
  }

  async obtain<Meta extends Json>(
    kind: EntryKind,
    inputs: Readonly<Record<string, Json>>,
    make: (folder: string) => Promise<Result<Meta>>,
    options: ObtainOptions,
  ): Promise<Result<StoreEntry<Meta>>> {
    const fingerprint = fingerprintOf(inputs);
    const found = await this.#present(kind, fingerprint);
    if (!found.ok || found.value) return found as Result<StoreEntry<Meta>>;
    const lock = await this.lock(`${kind}-${fingerprint}`, options);
    if (!lock.ok) return lock;
    await using _held = lock.value;
    const meanwhile = await this.#present(kind, fingerprint);
    if (!meanwhile.ok || meanwhile.value) return meanwhile as Result<StoreEntry<Meta>>;
    const entry = await makeEntry(this.folder, { kind, fingerprint, inputs, make, signal: options.signal });
    if (entry.ok && !entry.value.hit) this.#background.makeDurable(kind, fingerprint);
    return entry as Result<StoreEntry<Meta>>;
  }

  #present(kind: EntryKind, fingerprint: Fingerprint): Promise<Result<StoreEntry | undefined>> {
    return onDisk(this.folder, () => lookUp(this.folder, kind, fingerprint));
  }

  blobPath(digest: Digest): string {
    return join(this.folder, 'blobs', 'sha256', hexOf(digest));
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

  partialPath(digest: Digest): string {
    return join(this.folder, 'partial', hexOf(digest));
  }

  commitBlob(digest: Digest): Promise<Result<void>> {
    return onDisk(this.folder, async () => {
      try {
        await using handle = await open(this.partialPath(digest), 'r');
        // A name in blobs/ guarantees complete content: the content must reach the disk before the name does.
        await handle.sync();
        await rename(this.partialPath(digest), this.blobPath(digest));
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

  async readResult<T extends Json>(fingerprint: Fingerprint): Promise<T | undefined> {
    const file = this.#resultFile(fingerprint);
    try {
      const text = await readFile(file, 'utf8');
      await markUsed(file);
      return JSON.parse(text) as T;
    } catch (cause) {
      // Damaged from outside: treated as absent and written again.
      if (cause instanceof SyntaxError || errorCode(cause) === 'ENOENT') return undefined;
      throw cause;
    }
  }

  writeResult(fingerprint: Fingerprint, value: Json): Promise<Result<void>> {
    const file = this.#resultFile(fingerprint);
    return onDisk(file, () => writeWhole(this.folder, file, `${JSON.stringify(value)}\n`));
  }

  settled(): Promise<Result<void>> {
    return this.#background.settled();
  }

  #resultFile(fingerprint: Fingerprint): string {
    return join(this.folder, 'results', `${fingerprint}.json`);
  }
}

function hexOf(digest: Digest): string {
  const match = /^sha256:([0-9a-f]{64})$/.exec(digest);
  // A digest becomes a path: a malformed one must never get here.
  if (!match?.[1]) throw new TypeError(`not a sha256 digest: ${digest}`);
  return match[1];
}
