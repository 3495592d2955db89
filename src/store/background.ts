import { type ChildProcess, spawn } from 'node:child_process';
import { err, ok, type Result } from '../domain/result.ts';
import type { Failure } from '../failure.ts';
import { onDisk } from './disk.ts';
import { entryFolder, recordDurable, recordManifest } from './entries.ts';
import { makeManifest } from './manifest.ts';
import type { EntryName } from './store.ts';
import { sweep } from './temporary.ts';

/** Background work of the store, awaited only at the end of the program. */
export class Background {
  readonly #store: string;
  readonly #work: Promise<Result<void>>[] = [];
  readonly #children = new Set<ChildProcess>();
  /** Whether somebody waits for all of it: what is started from now on keeps the program alive, too. */
  #awaited = false;

  constructor(store: string) {
    this.#store = store;
  }

  /** Removes what dead processes left behind. */
  sweep(): void {
    this.#add(onDisk(this.#store, () => sweep(this.#store)));
  }

  /** Flushes the file system that holds an entry and records that the entry is there to stay. */
  makeDurable(name: EntryName, described: boolean): void {
    const store = this.#store;
    const work = async (): Promise<Result<void>> => {
      const manifest = described ? ok(undefined) : await this.#describe(name);
      if (!manifest.ok) return manifest;
      const flushed = await this.#flush(store);
      return flushed.ok ? onDisk(store, () => recordDurable(store, name)) : flushed;
    };
    this.#add(work());
  }

  /** Makes the manifest of an entry that has none: its process ended too early. */
  describe(name: EntryName): void {
    this.#add(this.#describe(name));
  }

  #describe(name: EntryName): Promise<Result<void>> {
    const folder = entryFolder(this.#store, name.kind, name.fingerprint);
    return onDisk(folder, async () => recordManifest(this.#store, name, await makeManifest(folder)));
  }

  /** Waits for all of it; the first failure, if any. */
  async settled(): Promise<Result<void>> {
    this.#awaited = true;
    for (const child of this.#children) child.ref();
    const outcomes = await Promise.all(this.#work.splice(0));
    return outcomes.find((outcome) => !outcome.ok) ?? ok(undefined);
  }

  #add(work: Promise<Result<void>>): void {
    this.#work.push(work);
    // What it throws is thrown by `settled`; until then it must not end the program as an unhandled rejection.
    work.catch(() => {});
  }

  /** `sync -f` is syncfs(2), which Node does not have. */
  #flush(path: string): Promise<Result<void>> {
    return new Promise((resolve) => {
      const child = spawn('sync', ['-f', path], { stdio: 'ignore' });
      // A program that does not wait for `settled` may end: the entry then counts until the next boot only.
      if (!this.#awaited) child.unref();
      this.#children.add(child);
      child.once('error', (cause) => {
        this.#children.delete(child);
        resolve(err(notFlushed(cause.message)));
      });
      child.once('exit', (status, signal) => {
        this.#children.delete(child);
        resolve(
          status === 0
            ? ok(undefined)
            : err(notFlushed(`sync -f ended with ${signal ?? `status ${status}`}`)),
        );
      });
    });
  }
}

function notFlushed(line: string): Failure {
  return {
    code: 'store/not-flushed',
    what: 'New entries of the store could not be flushed to the disk; after a reboot they are made again.',
    fix: ['See the message of the system below; `dmesg` tells of errors of that disk.'],
    evidence: [line],
  };
}
