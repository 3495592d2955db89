import { rmSync } from 'node:fs';
import { resolve } from 'node:path';
import type { TreeRules } from '../domain/packages.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { type Failure, interrupted } from '../failure.ts';
import { makeSideFolder, mergeCollisions } from './collisions.ts';
import type { TarStretch } from './content.ts';
import { applyFolderAttributes } from './folder-attributes.ts';
import { Budget, DEFAULT_LIMITS, type Limits } from './limits.ts';
import { refusable } from './refusal.ts';
import { layoutFolders, type RootLayout } from './root-layout.ts';
import type { Unpacked } from './unpack-tar.ts';
import { type Answer, UnpackThread } from './unpack-thread.ts';

export interface PackageFile {
  /** Absolute path. */
  readonly file: string;
  /** For failures and progress, e.g. `libc6 2.41-12 (arm64)`. */
  readonly name: string;
  /** Bytes of the package file. */
  readonly size: number;
}

export interface UnpackOptions {
  /** Absolute path of an existing folder; empty but for the links of the layout. */
  readonly root: string;
  readonly layout: RootLayout;
  readonly rules: Pick<TreeRules, 'exclude'>;
  /** Finds the files of a package within its package file; `archive` names it in the `Refusal` that it may throw. */
  readonly open: (archive: string, file: string) => TarStretch;
  /** In the order in which they arrive; among those waiting, the largest is taken first. */
  readonly packages: AsyncIterable<PackageFile>;
  /** Packages at once. */
  readonly jobs: number;
  readonly signal: AbortSignal;
  /** Called a few times a second: packages finished, bytes unpacked. */
  readonly onProgress?: (done: { readonly packages: number; readonly bytes: number }) => void;
  readonly limits?: Limits;
}

/** Part of the key of every tree: increased when the same packages give another tree, by this code or by a layout. */
export const UNPACK_VERSION = 1;

/** A thread takes about 35 MB: more of them would pass the 300 MB that the program allows itself. */
const MOST_THREADS = 4;
const PROGRESS_MS = 250;

/**
 * Unpacks a set of package files into one root, several at once, running nothing that is in them and without privileges.
 * The tree depends only on the set, not on the order in which the files arrive. On failure the root is incomplete and
 * unusable. Failures: `archive/escapes-root`, `archive/device-node`, `archive/truncated`, `archive/corrupt`,
 * `archive/too-large`, `archive/conflict`, `archive/missing-link-target`, `archive/no-xz`, `store/no-space`, …
 */
export async function unpackPackages(
  options: UnpackOptions,
): Promise<Result<{ readonly files: number; readonly bytes: number }>> {
  const root = resolve(options.root);
  const side = await refusable(root, async () => makeSideFolder(root));
  if (!side.ok) return side;
  const pool = new Pool(root, side.value, options);
  const unpacked = await pool.run();
  if (!unpacked.ok) return unpacked;
  return refusable(root, async () => {
    const dropped = mergeCollisions(unpacked.value.flatMap((one) => one.collisions));
    rmSync(side.value, { recursive: true });
    const attributes = unpacked.value.flatMap((one) => one.attributes);
    applyFolderAttributes(root, attributes, [...pool.made, ...layoutFolders(root, options.layout)]);
    const files = sum(unpacked.value.map((one) => one.files)) - dropped;
    return { files, bytes: sum(unpacked.value.map((one) => one.bytes)) };
  });
}

class Pool {
  /** Folders that were made without an entry of their own at that time. */
  readonly made: string[] = [];
  readonly #options: UnpackOptions;
  readonly #threads: UnpackThread[];
  readonly #budget: Budget;
  readonly #waiting: PackageFile[] = [];
  readonly #done: Unpacked[] = [];
  readonly #stop = new AbortController();
  #inputEnded = false;
  #failure: Failure | undefined;
  #wake = Promise.withResolvers<void>();

  constructor(root: string, sideFolder: string, options: UnpackOptions) {
    this.#options = options;
    const limits = options.limits ?? DEFAULT_LIMITS;
    const counters = Budget.counters();
    this.#budget = new Budget(limits, counters);
    const count = Math.max(1, Math.min(options.jobs, MOST_THREADS));
    const { layout, rules } = options;
    const setup = { root, sideFolder, layout, exclude: [...rules.exclude], limits, counters };
    this.#threads = Array.from({ length: count }, () => new UnpackThread(setup));
  }

  async run(): Promise<Result<readonly Unpacked[]>> {
    const onAbort = () => this.#fail(interrupted());
    this.#options.signal.addEventListener('abort', onAbort, { once: true });
    if (this.#options.signal.aborted) onAbort();
    const ticking = setInterval(() => this.#progress(), PROGRESS_MS);
    try {
      await Promise.all([this.#read(), ...this.#threads.map((thread) => this.#work(thread))]);
    } finally {
      clearInterval(ticking);
      this.#options.signal.removeEventListener('abort', onAbort);
      this.#stop.abort();
      await Promise.all(this.#threads.map((thread) => thread.close()));
    }
    if (this.#failure) return err(this.#failure);
    this.#progress();
    return ok(this.#done);
  }

  async #read(): Promise<void> {
    const iterator = this.#options.packages[Symbol.asyncIterator]();
    const stopped = new Promise<{ done: true }>((done) => {
      this.#stop.signal.addEventListener('abort', () => done({ done: true }), { once: true });
    });
    try {
      while (!this.#stop.signal.aborted) {
        const next = await Promise.race([iterator.next(), stopped]);
        if (next.done) break;
        this.#waiting.push(next.value);
        this.#wakeAll();
      }
    } catch (cause) {
      this.#stop.abort();
      throw cause;
    } finally {
      this.#inputEnded = true;
      this.#wakeAll();
      // Not awaited: a download in flight ends by its own signal, and may take a while to notice.
      if (this.#stop.signal.aborted) void iterator.return?.();
    }
  }

  async #work(thread: UnpackThread): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const next = this.#takeLargest();
      if (next) {
        const outcome = await this.#unpack(thread, next);
        if (outcome.ok) {
          this.#done.push(outcome.value.unpacked);
          this.made.push(...outcome.value.made);
          this.#progress();
        } else this.#fail(outcome.error);
      } else if (this.#inputEnded) return;
      else await this.#wake.promise;
    }
  }

  async #unpack(thread: UnpackThread, { name, file }: PackageFile): Promise<Answer> {
    const content = await refusable(file, async () => this.#options.open(name, file));
    return content.ok ? thread.unpack({ name, content: content.value }, this.#stop.signal) : content;
  }

  #takeLargest(): PackageFile | undefined {
    let largest = 0;
    for (const [index, one] of this.#waiting.entries()) {
      if (one.size > (this.#waiting[largest]?.size ?? 0)) largest = index;
    }
    return this.#waiting.splice(largest, 1)[0];
  }

  #fail(failure: Failure): void {
    this.#failure ??= failure;
    this.#stop.abort();
    this.#wakeAll();
  }

  #wakeAll(): void {
    this.#wake.resolve();
    this.#wake = Promise.withResolvers();
  }

  #progress(): void {
    this.#options.onProgress?.({ packages: this.#done.length, bytes: this.#budget.bytes });
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}
