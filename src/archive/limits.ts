import { Refusal, tooLarge } from './refusal.ts';

/** How much a set of packages may unpack to: far above every real one, far below what fills a disk unnoticed. */
export interface Limits {
  readonly bytes: number;
  readonly files: number;
}

export const DEFAULT_LIMITS: Limits = { bytes: 8 * 1024 ** 3, files: 1_000_000 };

/** Counts against the limits; the counters are shared by all threads that unpack into one root. */
export class Budget {
  readonly #limits: Limits;
  readonly #used: BigInt64Array;

  constructor(limits: Limits, counters: SharedArrayBuffer) {
    this.#limits = limits;
    this.#used = new BigInt64Array(counters);
  }

  static counters(): SharedArrayBuffer {
    return new SharedArrayBuffer(2 * BigInt64Array.BYTES_PER_ELEMENT);
  }

  /** Bytes that headers have declared so far. */
  get bytes(): number {
    return Number(Atomics.load(this.#used, 0));
  }

  /** Takes one entry with the size that its header declares, before any of it is written; refuses what is too much. */
  take(archive: string, name: string, size: number): void {
    const files = Atomics.add(this.#used, 1, 1n) + 1n;
    if (files > this.#limits.files) throw new Refusal(tooLarge(archive, name, `${this.#limits.files} files`));
    const bytes = Atomics.add(this.#used, 0, BigInt(size)) + BigInt(size);
    if (bytes > this.#limits.bytes) {
      throw new Refusal(tooLarge(archive, name, `${Math.round(this.#limits.bytes / 1024 ** 2)} MiB`));
    }
  }
}
