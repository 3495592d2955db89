import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { defined } from '../domain/defined.ts';
import { oneLine } from '../domain/one-line.ts';

/**
 * What is signed (DSSE 1.0): statements, for tools that look for them (in-toto, "Envelope"), and entries of a shared store.
 * The type is signed, too: an envelope of the one kind is none of the other.
 */
export const STATEMENT_TYPE = 'application/vnd.in-toto+json';
export const ENTRY_TYPE = 'application/vnd.provision.entry+json';
export type PayloadType = typeof STATEMENT_TYPE | typeof ENTRY_TYPE;

interface Envelope {
  readonly payloadType: string;
  /** Base64. */
  readonly payload: string;
  readonly signatures: readonly { readonly keyid?: string; readonly sig: string }[];
}

/** An ed25519 key, and the name that signatures with it have: SHA-256 of the public key in DER. */
export interface Key {
  readonly key: KeyObject;
  readonly id: string;
  /** When nothing that it has signed counts any more; milliseconds since the epoch. Absent: never. */
  readonly expires?: number;
}

/**
 * A line before the key itself, where PEM has room for text (RFC 7468, section 2): `Expires: 2027-06-30`. Blanks and the mark of
 * an editor before it (U+FEFF) change nothing: a key that somebody has ended must not count for ever.
 */
const EXPIRES = /^\s*Expires[ \t]*:[ \t]*(.*?)[ \t]*$/im;

/** Reads a private key in PEM (PKCS #8); undefined where it is no ed25519 key. */
export function readPrivateKey(pem: string): Key | undefined {
  return readKey(pem, () => createPrivateKey(pem));
}

/** Reads a public key in PEM (SPKI), or the public half of a private one. */
export function readPublicKey(pem: string): Key | undefined {
  return readKey(pem, () => createPublicKey(pem));
}

function readKey(pem: string, create: () => KeyObject): Key | undefined {
  const date = EXPIRES.exec(pem.slice(0, Math.max(0, pem.indexOf('-----BEGIN'))))?.[1];
  // A date that cannot be read has passed: it was meant to limit the key.
  const expires = date === undefined ? undefined : Date.parse(date) || 0;
  let key: KeyObject;
  try {
    key = create();
  } catch {
    return undefined;
  }
  if (key.asymmetricKeyType !== 'ed25519') return undefined;
  const open = key.type === 'private' ? createPublicKey(key) : key;
  const der = open.export({ type: 'spki', format: 'der' });
  return { key, id: createHash('sha256').update(der).digest('hex'), ...defined({ expires }) };
}

/** DSSE's pre-authentication encoding. */
function encoded(type: string, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`DSSEv1 ${Buffer.byteLength(type)} ${type} ${body.length} `), body]);
}

/** Whether nothing that a key has signed counts any more. */
export function hasExpired({ expires }: Key, now = Date.now()): boolean {
  return expires !== undefined && expires <= now;
}

/** For how long a key that has expired has counted, behind "it counts". */
export function countsUntil(expires: number): string {
  return expires === 0
    ? 'no more, since the date behind `Expires:` in its file cannot be read'
    : `until ${new Date(expires).toISOString()}`;
}

/** The envelope of a text, as one line of JSON. Ed25519 signatures depend on key and text alone. */
export function seal(text: string, { key, id }: Key, payloadType: PayloadType = STATEMENT_TYPE): string {
  const body = Buffer.from(text);
  const sig = sign(null, encoded(payloadType, body), key).toString('base64');
  const envelope: Envelope = {
    payloadType,
    payload: body.toString('base64'),
    signatures: [{ keyid: id, sig }],
  };
  return `${JSON.stringify(envelope)}\n`;
}

/** Sigstore's bundle, version 0.3, as its protobuf is written in JSON: offline, with a key that the reader has. */
const BUNDLE_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json';

/** An envelope as a bundle of Sigstore's, which its own tools verify with the public key. */
export function bundleOf(sealed: string, { id }: Key): string {
  const { payload, payloadType, signatures } = JSON.parse(sealed) as Envelope;
  const bundle = {
    mediaType: BUNDLE_TYPE,
    verificationMaterial: { publicKey: { hint: id }, tlogEntries: [] },
    dsseEnvelope: { payload, payloadType, signatures },
  };
  return `${JSON.stringify(bundle)}\n`;
}

/** The envelope in a bundle of Sigstore's, whoever wrote it; anything else as it is. */
export function unbundled(text: string): string {
  let value: { readonly mediaType?: unknown; readonly dsseEnvelope?: unknown } | null;
  try {
    value = JSON.parse(text);
  } catch {
    return text;
  }
  const isBundle = /^application\/vnd\.dev\.sigstore\.bundle[.+]/.test(String(value?.mediaType));
  return isBundle ? JSON.stringify(value?.dsseEnvelope ?? null) : text;
}

export type Opened =
  | { readonly kind: 'signed'; readonly payload: string; readonly by: string }
  /** Signed by keys that are not among those given. */
  | { readonly kind: 'unknown-key'; readonly payload: string; readonly by: readonly string[] }
  /** One of the given keys is named, and did not make the signature. */
  | { readonly kind: 'wrong-signature'; readonly by: string }
  /** Signed by one of the given keys, which counts no more: who has found it could have written this today. */
  | { readonly kind: 'expired-key'; readonly by: string; readonly expires: number }
  | { readonly kind: 'unreadable' };

/** Opens an envelope with the keys that are trusted. */
export function openEnvelope(
  text: string,
  trusted: readonly Key[],
  type: PayloadType = STATEMENT_TYPE,
  now = Date.now(),
): Opened {
  const envelope = parseEnvelope(text, type);
  if (envelope === undefined) return { kind: 'unreadable' };
  const body = Buffer.from(envelope.payload, 'base64');
  const signed = encoded(envelope.payloadType, body);
  const verifies = ({ key }: Key, sig: string): boolean => {
    const open = key.type === 'private' ? createPublicKey(key) : key;
    return verify(null, signed, open, Buffer.from(sig, 'base64'));
  };
  // The name of a key is a hint that anybody can write: every key is tried on every signature.
  const signers = trusted.filter((key) => envelope.signatures.some(({ sig }) => verifies(key, sig)));
  const signer = signers.find((key) => !hasExpired(key, now));
  if (signer !== undefined) return { kind: 'signed', payload: body.toString('utf8'), by: signer.id };
  const [expired] = signers;
  if (expired !== undefined) return { kind: 'expired-key', by: expired.id, expires: expired.expires ?? 0 };
  const named = trusted.find(({ id }) => envelope.signatures.some(({ keyid }) => keyid === id));
  if (named !== undefined) return { kind: 'wrong-signature', by: named.id };
  return { kind: 'unknown-key', payload: body.toString('utf8'), by: namesIn(envelope) };
}

/** Names of keys that are shown, and characters of each: anybody can write any number of any length. */
const SHOWN = { names: 3, characters: 2 * 64 };

function namesIn({ signatures }: Envelope): readonly string[] {
  const names = new Set(signatures.map(({ keyid }) => keyid || 'without a name'));
  const shown = [...names].slice(0, SHOWN.names).map((name) => oneLine(name.slice(0, SHOWN.characters)));
  return names.size > SHOWN.names ? [...shown, `${names.size - SHOWN.names} more`] : shown;
}

function parseEnvelope(text: string, type: PayloadType): Envelope | undefined {
  let value: Partial<Envelope>;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { payloadType, payload, signatures } = value ?? {};
  const known =
    payloadType === type &&
    typeof payload === 'string' &&
    Array.isArray(signatures) &&
    signatures.length > 0 &&
    signatures.every((one) => typeof one?.sig === 'string' && typeof (one.keyid ?? '') === 'string');
  return known ? (value as Envelope) : undefined;
}
