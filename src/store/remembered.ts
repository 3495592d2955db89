import { ok, type Result } from '../domain/result.ts';
import { fingerprint } from './fingerprint.ts';
import type { Json, Store } from './store.ts';

/**
 * A small value that its inputs decide, wherever it is computed: kept in the store, and shared beyond this machine, so that
 * the entries that it is read from need not be here.
 */
export async function remembered<T extends Json>(
  store: Pick<Store, 'readResult' | 'writeResult'>,
  inputs: Readonly<Record<string, Json>>,
  compute: () => Promise<Result<T>>,
): Promise<Result<T>> {
  const key = fingerprint(inputs);
  const known = await store.readResult<T>(key, { anywhere: true });
  if (known !== undefined) return ok(known);
  const computed = await compute();
  if (!computed.ok) return computed;
  const written = await store.writeResult(key, computed.value, { anywhere: true });
  return written.ok ? computed : written;
}
