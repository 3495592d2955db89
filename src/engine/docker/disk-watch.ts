import { setTimeout as sleep } from 'node:timers/promises';
import type { Machine } from './machine.ts';

/** Milliseconds between two looks, as long as it takes to fill some hundred megabytes. */
const LOOK_MS = 250;

/** Bytes that a folder in memory may hold beyond the limit, so that what exceeds it can be seen. */
const MORE = 1 << 20;

/**
 * The size of each folder of a container that a command with a limit may write. They are held in memory: an engine counts
 * them, which it does for no folder on its disk, and the kernel keeps to the size whatever happens between two looks.
 */
export function sizeOption(maxDisk: number | undefined): string {
  return maxDisk === undefined ? '' : `,size=${maxDisk + MORE}`;
}

/**
 * Looks again and again at how many bytes the files in a container's memory have, and reports once that they are more than
 * `maximum`. An engine that does not tell leaves it at the size of each folder. Returns what ends the watch.
 */
export function watchDisk(
  { api }: Machine,
  container: string,
  maximum: number,
  onExceeded: () => void,
): () => void {
  const ended = new AbortController();
  const look = async (): Promise<void> => {
    while (!ended.signal.aborted) {
      const bytes = await api.containers.filesInMemory(container).catch(() => undefined);
      // A container that has just begun, or ends, may have no counts.
      if (bytes !== undefined && bytes > maximum && !ended.signal.aborted) return onExceeded();
      await sleep(LOOK_MS, undefined, { signal: ended.signal }).catch(() => {});
    }
  };
  void look();
  return () => ended.abort();
}
