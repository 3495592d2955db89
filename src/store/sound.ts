import { ok, type Result } from '../domain/result.ts';
import type { Store } from './store.ts';

/** Compares every byte of these entries with what was written, before their files are copied into another one. */
export async function verifyAll(
  store: Pick<Store, 'verify'>,
  folders: readonly string[],
): Promise<Result<void>> {
  for (const folder of folders) {
    const sound = await store.verify(folder);
    if (!sound.ok) return sound;
  }
  return ok(undefined);
}
