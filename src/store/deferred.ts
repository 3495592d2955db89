import { AsyncLocalStorage } from 'node:async_hooks';
import { ok, type Result } from '../domain/result.ts';

interface Deferral {
  /** An entry is made of those that were known before it. */
  readonly order: number;
  readonly get: () => Promise<Result<unknown>>;
  getting?: Promise<Result<unknown>>;
}

/** Entries of which all but their files is known: these are fetched, or made, when something reads them. */
export class Deferred {
  readonly #entries = new Map<string, Deferral>();
  /** Set while an entry is fetched or made: it waits for none that came after it, nor for itself. */
  readonly #limit = new AsyncLocalStorage<number>();

  /** `folder`: where its files will be. */
  add(folder: string, get: () => Promise<Result<unknown>>): void {
    if (this.#entries.get(folder) === undefined)
      this.#entries.set(folder, { order: this.#entries.size, get });
  }

  /** Fetches, side by side, the entries that paths lie in; without paths all that are known so far. */
  async ready(paths?: readonly string[]): Promise<Result<void>> {
    const limit = this.#limit.getStore() ?? Number.POSITIVE_INFINITY;
    const wanted = [...this.#entries].filter(
      ([folder, { order }]) =>
        order < limit &&
        (paths === undefined || paths.some((path) => path === folder || path.startsWith(`${folder}/`))),
    );
    const got = await Promise.all(wanted.map(([, one]) => this.#get(one)));
    return got.find((one) => !one.ok) ?? ok(undefined);
  }

  #get(one: Deferral): Promise<Result<unknown>> {
    one.getting ??= this.#limit.run(one.order, one.get);
    return one.getting;
  }
}
