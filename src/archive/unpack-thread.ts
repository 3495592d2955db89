import { getCompileCacheDir } from 'node:module';
import { Worker } from 'node:worker_threads';
import type { Result } from '../domain/result.ts';
import type { TarStretch } from './content.ts';
import type { Limits } from './limits.ts';
import type { RootLayout } from './root-layout.ts';
import type { Unpacked } from './unpack-tar.ts';

/** What a thread is given at its start; can be cloned. */
export interface ThreadSetup {
  readonly root: string;
  readonly sideFolder: string;
  readonly layout: RootLayout;
  readonly exclude: readonly string[];
  readonly limits: Limits;
  readonly counters: SharedArrayBuffer;
}

/** A package whose files were found in its package file. */
export interface LocatedPackage {
  /** For failures. */
  readonly name: string;
  readonly content: TarStretch;
}

/** To the thread. */
export type Order = { readonly type: 'unpack'; readonly package: LocatedPackage } | { readonly type: 'stop' };

/** From the thread, one for each `unpack`. `made`: folders made since the last answer. */
export type Answer = Result<{ readonly unpacked: Unpacked; readonly made: readonly string[] }>;

/** The same file is run as it is or compiled, then beside this one: its ending is ours. */
const PROGRAM = new URL(
  import.meta.url.endsWith('.ts') ? './unpack-worker.ts' : './unpack-worker.cjs',
  import.meta.url,
);

/**
 * Threads do not take part in Node's compile cache by themselves, and without it each loads the 15 MB that turn
 * TypeScript into JavaScript. So a thread begins with this script, which joins the cache where the program uses it.
 */
const BEGINNING = `
const { program, cache } = require('node:worker_threads').workerData;
const { enableCompileCache, flushCompileCache } = require('node:module');
if (cache) enableCompileCache();
import(program).then(() => cache && flushCompileCache());
`;

/** A thread that unpacks one package at a time. A bug in it is thrown here. */
export class UnpackThread {
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  #answer: PromiseWithResolvers<Answer> | undefined;
  #bug: unknown;

  constructor(setup: ThreadSetup) {
    const cache = getCompileCacheDir() !== undefined;
    this.#worker = new Worker(BEGINNING, {
      eval: true,
      workerData: { ...setup, program: PROGRAM.href, cache },
      // Most objects here are short-lived: with a small young generation the collector frees buffers before they add up.
      resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 1 },
    });
    this.#worker.on('message', (answer: Answer) => this.#answer?.resolve(answer));
    this.#worker.on('error', (bug) => this.#crash(bug));
    this.#exited = new Promise((resolve) => {
      this.#worker.once('exit', () => {
        this.#crash(new Error('a thread that unpacks ended by itself'));
        resolve();
      });
    });
  }

  async unpack(one: LocatedPackage, signal: AbortSignal): Promise<Answer> {
    if (this.#bug !== undefined) throw this.#bug;
    this.#answer = Promise.withResolvers();
    const stop = () => this.#send({ type: 'stop' });
    signal.addEventListener('abort', stop, { once: true });
    this.#send({ type: 'unpack', package: one });
    try {
      return await this.#answer.promise;
    } finally {
      signal.removeEventListener('abort', stop);
      this.#answer = undefined;
    }
  }

  /** Ends the thread; its children have ended before. */
  async close(): Promise<void> {
    await this.#worker.terminate();
    await this.#exited;
  }

  #send(order: Order): void {
    this.#worker.postMessage(order);
  }

  #crash(bug: unknown): void {
    this.#bug ??= bug;
    this.#answer?.reject(this.#bug);
  }
}
