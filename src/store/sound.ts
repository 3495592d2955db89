import { ok, type Result } from '../domain/result.ts';
import type { Store } from './store.ts';

/** An entry of which files are copied or compiled; absent: all of them. */
export interface Copied {
  readonly folder: string;
  readonly wanted?: (path: string) => boolean;
}

/** Compares every byte of these entries with what was written, before their files are copied into another one. */
export async function verifyAll(
  store: Pick<Store, 'verify'>,
  copied: readonly Copied[],
): Promise<Result<void>> {
  for (const { folder, wanted } of copied) {
    const sound = await store.verify(folder, wanted);
    if (!sound.ok) return sound;
  }
  return ok(undefined);
}
