/** Pieces that are worked on at once: more than there are threads, so that none of these waits. */
const AT_ONCE = 8;

/** What `work` makes of each, in their order; a few are begun before the first is asked for. */
export async function* ahead<T, R>(all: Iterable<T>, work: (one: T) => Promise<R>): AsyncGenerator<R> {
  const begun: Promise<R>[] = [];
  try {
    for (const one of all) {
      begun.push(work(one));
      if (begun.length === AT_ONCE) yield await (begun.shift() as Promise<R>);
    }
    while (begun.length > 0) yield await (begun.shift() as Promise<R>);
  } finally {
    // Whoever stops early has nothing running behind them.
    await Promise.allSettled(begun);
  }
}
