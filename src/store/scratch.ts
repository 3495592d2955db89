import { mkdir } from 'node:fs/promises';
import type { Result } from '../domain/result.ts';
import { onDisk } from './disk.ts';
import { openStore } from './open.ts';
import { removeTree, temporaryPath } from './temporary.ts';

/**
 * Opens a store and calls `use` with an empty folder in it, which is removed with its content afterwards; what a kill
 * leaves is swept with the store. No other folder of the machine is needed. Failures: those of `openStore`.
 */
export async function withTemporaryFolder<T>(
  store: string,
  purpose: string,
  use: (folder: string) => Promise<Result<T>>,
): Promise<Result<T>> {
  const opened = await openStore(store);
  if (!opened.ok) return opened;
  const folder = temporaryPath(opened.value.folder, purpose);
  const made = await onDisk(folder, () => mkdir(folder));
  if (!made.ok) return made;
  try {
    return await use(folder);
  } finally {
    // What cannot be removed now is swept when the store is opened next.
    await onDisk(folder, () => removeTree(folder));
  }
}
