/**
 * Does `work` for each item, for at most `count` of them at once. Rejects with the first that fails: nothing is begun after it, and
 * what had begun has ended by then, so that a folder can be removed in which it was at work.
 */
export async function eachAtOnce<T>(
  count: number,
  items: readonly T[],
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  let failed: { readonly cause: unknown } | undefined;
  const worker = async (): Promise<void> => {
    for (const item of queue) {
      if (failed !== undefined) return;
      try {
        await work(item);
      } catch (cause) {
        failed ??= { cause };
      }
    }
  };
  await Promise.all(Array.from({ length: count }, worker));
  if (failed !== undefined) throw (failed as { readonly cause: unknown }).cause;
}
