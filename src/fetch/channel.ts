/** Values from several producers to one consumer, in the order they are sent. Producers never wait. */
export class Channel<T> implements AsyncIterable<T> {
  readonly #values: T[] = [];
  readonly #errors: unknown[] = [];
  #open = true;
  #wake: (() => void) | undefined;

  readonly send = (value: T): void => {
    this.#values.push(value);
    this.#wake?.();
  };

  /** No more values come. */
  readonly close = (): void => {
    this.#open = false;
    this.#wake?.();
  };

  /** A producer threw: the consumer gets the error once it has read what came before. */
  readonly fail = (error: unknown): void => {
    this.#errors.push(error);
    this.#wake?.();
  };

  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, void> {
    for (;;) {
      for (let value = this.#values.shift(); value !== undefined; value = this.#values.shift()) yield value;
      if (this.#errors.length > 0) throw this.#errors[0];
      if (!this.#open) return;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
