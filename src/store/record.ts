import { hash } from 'node:crypto';
import type { Digest, Fingerprint } from '../domain/ids.ts';
import type { Json } from './store.ts';

/** `entry.json` of an entry; its modification time is when the entry was last used. */
export interface EntryRecord {
  readonly schema: 2;
  readonly fingerprint: Fingerprint;
  readonly made: string;
  readonly inputs: Readonly<Record<string, Json>>;
  readonly meta: Json;
  /** The kernel's run in which it was made. */
  readonly boot: string;
  /**
   * Whether all files are known to be on the disk. Flushing tens of thousands of files one by one would cost more
   * than unpacking them; so an entry counts at once within the same boot, and in later boots only when this is true.
   */
  readonly durable: boolean;
  /** Digest and number of items of the manifest; null while it is still made. */
  readonly manifest: { readonly digest: Digest; readonly items: number } | null;
}

const SCHEMA = 2;

/** A JSON text that says itself whether it is whole: `sum` is the digest of the rest. */
export function sealed(value: Readonly<Record<string, unknown>>): string {
  return `${JSON.stringify({ ...value, sum: sumOf(value) }, undefined, 2)}\n`;
}

/** The value of a sealed text; undefined for one that was not written by us, or that was damaged. */
function unsealed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const { sum, ...value } = JSON.parse(text) as Readonly<Record<string, unknown>>;
    return sum === sumOf(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function sumOf(value: Readonly<Record<string, unknown>>): string {
  return `sha256:${hash('sha256', JSON.stringify(value))}`;
}

/** The text of a result, which names what it is the result of: another one's may come into its place. */
export function formatResult(fingerprint: string, value: unknown): string {
  return sealed({ fingerprint, value });
}

/** The value of a result; undefined for a text that is none, or another one's. */
export function parseResult(text: string, fingerprint: string): unknown {
  const result = unsealed(text);
  return result?.fingerprint === fingerprint ? result.value : undefined;
}

export function formatRecord(record: Omit<EntryRecord, 'schema'>): string {
  return sealed({ schema: SCHEMA, ...record });
}

/** Undefined for a record that is none: the entry counts as absent then, and is made again. */
export function parseRecord(text: string, fingerprint: Fingerprint): EntryRecord | undefined {
  const record = unsealed(text) as Partial<EntryRecord> | undefined;
  return record?.schema === SCHEMA && record.fingerprint === fingerprint
    ? (record as EntryRecord)
    : undefined;
}
