import type { Fingerprint } from '../domain/ids.ts';
import { fingerprint as fingerprintOf } from './fingerprint.ts';
import { formatResult } from './record.ts';
import type { EntryName, Json } from './store.ts';

/** Names the result that remembers an entry which is not here. */
export function elsewhereKey({ kind, fingerprint }: EntryName): Fingerprint {
  return fingerprintOf({ what: 'entry elsewhere', kind, fingerprint });
}

/** What is in the file of that result. */
export function elsewhereText(key: Fingerprint, meta: Json): string {
  return formatResult(key, { meta });
}
