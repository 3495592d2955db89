import { createHash } from 'node:crypto';
import type { Fingerprint } from '../domain/ids.ts';
import type { Json } from './store.ts';

/**
 * The key of a store entry: sha256 over the canonical JSON of its inputs (keys sorted by code unit, no white space).
 * The order in which inputs are written down does not matter; the order within a list does.
 */
export function fingerprint(inputs: Readonly<Record<string, Json>>): Fingerprint {
  return createHash('sha256').update(canonicalJson(inputs)).digest('hex');
}

function canonicalJson(value: Json): string {
  if (isList(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value === 'object' && value !== null) {
    const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
    return `{${fields.map(([key, item]) => `${JSON.stringify(key)}:${canonicalJson(item)}`).join(',')}}`;
  }
  // JSON.stringify would turn these into `null` or nothing: two different inputs would share one fingerprint.
  if (value === undefined || (typeof value === 'number' && !Number.isFinite(value))) {
    throw new TypeError(`not representable in JSON: ${String(value)}`);
  }
  return JSON.stringify(value);
}

/** `Array.isArray` does not narrow readonly lists. */
function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}
