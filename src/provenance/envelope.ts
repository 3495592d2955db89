import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';

/** What is signed, for tools that look for statements (DSSE 1.0; in-toto, "Envelope"). */
const PAYLOAD_TYPE = 'application/vnd.in-toto+json';

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
}

/** Reads a private key in PEM (PKCS #8); undefined where it is no ed25519 key. */
export function readPrivateKey(pem: string): Key | undefined {
  return readKey(() => createPrivateKey(pem));
}

/** Reads a public key in PEM (SPKI), or the public half of a private one. */
export function readPublicKey(pem: string): Key | undefined {
  return readKey(() => createPublicKey(pem));
}

function readKey(create: () => KeyObject): Key | undefined {
  let key: KeyObject;
  try {
    key = create();
  } catch {
    return undefined;
  }
  if (key.asymmetricKeyType !== 'ed25519') return undefined;
  const open = key.type === 'private' ? createPublicKey(key) : key;
  const der = open.export({ type: 'spki', format: 'der' });
  return { key, id: createHash('sha256').update(der).digest('hex') };
}

/** DSSE's pre-authentication encoding. */
function encoded(type: string, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`DSSEv1 ${Buffer.byteLength(type)} ${type} ${body.length} `), body]);
}

/** The envelope of a text, as one line of JSON. Ed25519 signatures depend on key and text alone. */
export function seal(text: string, { key, id }: Key): string {
  const body = Buffer.from(text);
  const sig = sign(null, encoded(PAYLOAD_TYPE, body), key).toString('base64');
  const envelope: Envelope = {
    payloadType: PAYLOAD_TYPE,
    payload: body.toString('base64'),
    signatures: [{ keyid: id, sig }],
  };
  return `${JSON.stringify(envelope)}\n`;
}

export type Opened =
  | { readonly kind: 'signed'; readonly payload: string; readonly by: string }
  /** Signed by keys that are not among those given. */
  | { readonly kind: 'unknown-key'; readonly payload: string; readonly by: readonly string[] }
  /** One of the given keys is named, and did not make the signature. */
  | { readonly kind: 'wrong-signature'; readonly by: string }
  | { readonly kind: 'unreadable' };

/** Opens an envelope with the keys that are trusted. */
export function openEnvelope(text: string, trusted: readonly Key[]): Opened {
  const envelope = parseEnvelope(text);
  if (envelope === undefined) return { kind: 'unreadable' };
  const body = Buffer.from(envelope.payload, 'base64');
  const signed = encoded(envelope.payloadType, body);
  const verifies = ({ key }: Key, sig: string): boolean => {
    const open = key.type === 'private' ? createPublicKey(key) : key;
    return verify(null, signed, open, Buffer.from(sig, 'base64'));
  };
  // The name of a key is a hint that anybody can write: every key is tried on every signature.
  for (const key of trusted) {
    if (envelope.signatures.some(({ sig }) => verifies(key, sig)))
      return { kind: 'signed', payload: body.toString('utf8'), by: key.id };
  }
  const named = trusted.find(({ id }) => envelope.signatures.some(({ keyid }) => keyid === id));
  if (named !== undefined) return { kind: 'wrong-signature', by: named.id };
  const by = envelope.signatures.map(({ keyid }) => keyid ?? 'without a name');
  return { kind: 'unknown-key', payload: body.toString('utf8'), by };
}

function parseEnvelope(text: string): Envelope | undefined {
  let value: Partial<Envelope>;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { payloadType, payload, signatures } = value ?? {};
  const known =
    payloadType === PAYLOAD_TYPE &&
    typeof payload === 'string' &&
    Array.isArray(signatures) &&
    signatures.length > 0 &&
    signatures.every(({ sig }) => typeof sig === 'string');
  return known ? (value as Envelope) : undefined;
}
