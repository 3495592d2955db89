import type { LockedPackage } from '../domain/packages.ts';
import { err, type Result } from '../domain/result.ts';
import type { Failure } from '../failure.ts';

export interface Delivered {
  readonly package: LockedPackage;
  readonly file: string;
}

export interface Delivery<Key extends string> {
  readonly key: Key;
  readonly packages: readonly LockedPackage[];
}

/**
 * One download for several trees: what arrives goes to every tree that asked for it, so that the next tree's packages
 * come in while the present one is unpacked. Nothing is asked for before the first tree wants its files.
 */
export class Deliveries<Key extends string> {
  readonly #queues: ReadonlyMap<Key, Queue>;
  readonly #wanted: ReadonlyMap<string, readonly Key[]>;
  readonly #packages: readonly LockedPackage[];
  readonly #download: (packages: readonly LockedPackage[]) => AsyncIterable<Result<Delivered>>;
  #started = false;

  constructor(
    orders: readonly Delivery<Key>[],
    download: (packages: readonly LockedPackage[]) => AsyncIterable<Result<Delivered>>,
  ) {
    this.#download = download;
    this.#queues = new Map(
      orders.map(({ key, packages }) => [key, new Queue(new Set(packages.map(({ digest }) => digest)).size)]),
    );
    const wanted = new Map<string, Key[]>();
    const packages = new Map<string, LockedPackage>();
    for (const order of orders) {
      for (const one of order.packages) {
        packages.set(one.digest, packages.get(one.digest) ?? one);
        const keys = wanted.get(one.digest) ?? [];
        if (!keys.includes(order.key)) keys.push(order.key);
        wanted.set(one.digest, keys);
      }
    }
    this.#wanted = wanted;
    this.#packages = [...packages.values()];
  }

  /** The files of one order, as they arrive; a failure is the last item. */
  of(key: Key): AsyncIterable<Result<Delivered>> {
    const queue = this.#queues.get(key);
    if (queue === undefined) throw new Error(`nothing was ordered for ${key}`);
    if (!this.#started) {
      this.#started = true;
      void this.#run();
    }
    return queue.items();
  }

  async #run(): Promise<void> {
    try {
      for await (const item of this.#download(this.#packages)) {
        if (!item.ok) return this.#fail(item.error);
        for (const key of this.#wanted.get(item.value.package.digest) ?? []) this.#queues.get(key)?.put(item);
      }
    } catch (error) {
      for (const queue of this.#queues.values()) queue.throw(error);
    }
  }

  #fail(failure: Failure): void {
    for (const queue of this.#queues.values()) queue.put(err(failure));
  }
}

/** Items waiting for a tree; at its end after a known number of items or a failure. */
class Queue {
  readonly #waiting: Result<Delivered>[] = [];
  #left: number;
  #wake: () => void = () => {};
  #thrown: { readonly error: unknown } | undefined;

  constructor(expected: number) {
    this.#left = expected;
  }

  put(item: Result<Delivered>): void {
    this.#waiting.push(item);
    this.#wake();
  }

  throw(error: unknown): void {
    this.#thrown = { error };
    this.#wake();
  }

  async *items(): AsyncGenerator<Result<Delivered>> {
    while (this.#left > 0) {
      const item = this.#waiting.shift();
      if (item === undefined) {
        if (this.#thrown !== undefined) throw this.#thrown.error;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        continue;
      }
      this.#left = item.ok ? this.#left - 1 : 0;
      yield item;
    }
  }
}
