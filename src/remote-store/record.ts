import type { Digest, Fingerprint } from '../domain/ids.ts';
import { countsUntil, ENTRY_TYPE, type Key, openEnvelope, seal } from '../provenance/envelope.ts';
import type { EntryKind, Json } from '../store/store.ts';

/** Names what is shared: an entry of a store, or a result. */
export interface SharedName {
  readonly kind: EntryKind | 'results';
  readonly fingerprint: Fingerprint;
}

/** What an entry's signature is about: whose content has which digest. */
export interface SharedRecord extends SharedName {
  /** Form of the record and of what it names. */
  readonly schema: number;
  /** When it was pushed, ISO 8601. */
  readonly pushed: string;
  /** Version of the program that pushed it. */
  readonly provision: string;
  /** The entry's meta, or the result. */
  readonly value: Json;
  /** Absent: a result. */
  readonly content?: SharedContent;
}

export interface SharedContent {
  /** Of the store's own manifest: every name, kind, size and digest. */
  readonly manifest: Digest;
  /** Items of the manifest. */
  readonly items: number;
  /** Of all files. */
  readonly bytes: number;
  /** The compressed layer. */
  readonly layer: { readonly digest: Digest; readonly size: number };
}

export const SCHEMA = 1;

/** Clocks of two machines differ; what is of a later time than this is not of the past. Milliseconds. */
const CLOCKS_DIFFER = 3_600_000;

export function tagOf({ kind, fingerprint }: SharedName): string {
  return `${kind}-${fingerprint}`;
}

/** Whether a tag is one of ours, of an entry or of a claim on one; a repository may have others. */
export function isTag(tag: string): boolean {
  return /^(making-)?(trees|builds|results)-[0-9a-f]{64}$/.test(tag);
}

export function sealRecord(record: SharedRecord, key: Key): Buffer {
  return Buffer.from(seal(JSON.stringify(record), key, ENTRY_TYPE));
}

/** Why a record is not used. */
export interface Unusable {
  /** One part of a sentence, without names: what it has in common with others. */
  readonly why: string;
}

/** The record in an envelope, where a key that is trusted says that it is the wanted one. */
export function openRecord(
  text: string,
  wanted: SharedName,
  trusted: readonly Key[],
  now = Date.now(),
): SharedRecord | Unusable {
  if (isUnsigned(text)) return { why: 'it is not signed' };
  const opened = openEnvelope(text, trusted, ENTRY_TYPE, now);
  switch (opened.kind) {
    case 'unreadable':
      return { why: 'it is no entry of a store' };
    case 'unknown-key':
      return { why: `it is signed by a key that is not trusted here (${opened.by.join(', ')})` };
    case 'wrong-signature':
      return { why: `its signature is wrong: it names the key ${opened.by}, which did not make it` };
    case 'expired-key':
      return {
        why: `it is signed by the key ${opened.by}, which counts ${countsUntil(opened.expires)}`,
      };
    case 'signed':
      return readRecord(opened.payload, wanted, now);
  }
}

function isUnsigned(text: string): boolean {
  try {
    const { schema, payload, signatures } = JSON.parse(text);
    return payload === undefined ? schema !== undefined : signatures?.length === 0;
  } catch {
    return false;
  }
}

/** What is signed was written by a friend, perhaps of another version. */
function readRecord(payload: string, wanted: SharedName, now: number): SharedRecord | Unusable {
  const record = JSON.parse(payload) as SharedRecord;
  if (record.schema !== SCHEMA) {
    const from = `provision ${record.provision} in the form ${record.schema}`;
    return { why: `it was written by ${from}, and read here is the form ${SCHEMA}` };
  }
  if (record.kind !== wanted.kind || record.fingerprint !== wanted.fingerprint)
    return { why: `it is another one: ${record.kind}/${record.fingerprint}` };
  if (!(Date.parse(record.pushed) <= now + CLOCKS_DIFFER)) {
    const here = new Date(now).toISOString();
    return {
      why: `it is of ${record.pushed}, and here it is ${here}: one of the clocks is wrong, and whether a key has expired cannot be known`,
    };
  }
  return record;
}
