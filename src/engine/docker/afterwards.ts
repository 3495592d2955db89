/** Milliseconds that an engine is waited for when it is to remove something. */
const MOST = 10_000;

/**
 * Removals that nothing waits for but the end of the engine: what cannot be removed then carries labels, and is swept at the next
 * start.
 */
export class Afterwards {
  readonly #pending = new Set<Promise<unknown>>();

  begin(work: () => Promise<unknown>): void {
    const done = withTimeout(work).finally(() => this.#pending.delete(done));
    this.#pending.add(done);
  }

  async settle(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }
}

/** Removes something; what cannot be removed within a time is left. */
export async function withTimeout(work: () => Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, MOST);
  });
  await Promise.race([work().catch(() => {}), late]);
  clearTimeout(timer);
}
