import { createHash, createSign, generateKeyPairSync, type KeyObject } from 'node:crypto';

/** A key that signs archives as Debian's do. Formats: RFC 4880. */
export interface SigningKey {
  /** The public key, as keyring files hold it. */
  readonly keyring: Buffer;
  /** A detached signature, ASCII-armoured. */
  sign(data: Buffer): string;
}

const USER_ID = Buffer.from('A test archive <test@example.org>');
const RSA = 1;
const SHA256 = 8;

export function generateSigningKey(): SigningKey {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 3072 });
  // An hour ago: a signature of this second may be in the future for another clock.
  const made = Math.floor(Date.now() / 1000) - 3600;
  const { n = '', e = '' } = publicKey.export({ format: 'jwk' });
  const body = Buffer.concat([Buffer.from([4]), uint32(made), Buffer.from([RSA]), mpi(n), mpi(e)]);
  const hashed = Buffer.concat([Buffer.from([0x99]), uint16(body.length), body]);
  const key = { privateKey, fingerprint: createHash('sha1').update(hashed).digest(), made };
  const certified = Buffer.concat([hashed, Buffer.from([0xb4]), uint32(USER_ID.length), USER_ID]);
  const keyFlags = subpacket(27, Buffer.from([3]));
  return {
    keyring: Buffer.concat([
      packet(6, body),
      packet(13, USER_ID),
      packet(2, signature(key, 0x13, certified, keyFlags)),
    ]),
    sign: (data) => armour(packet(2, signature(key, 0x00, data))),
  };
}

interface Key {
  readonly privateKey: KeyObject;
  readonly fingerprint: Buffer;
  readonly made: number;
}

/** RFC 4880, 5.2.3 and 5.2.4: a version 4 signature and what it is over. */
function signature(key: Key, type: number, data: Buffer, further: Buffer = Buffer.alloc(0)): Buffer {
  const fingerprint = subpacket(33, Buffer.concat([Buffer.from([4]), key.fingerprint]));
  const subpackets = Buffer.concat([subpacket(2, uint32(key.made)), fingerprint, further]);
  const head = Buffer.concat([Buffer.from([4, type, RSA, SHA256]), uint16(subpackets.length), subpackets]);
  const trailer = Buffer.concat([Buffer.from([4, 0xff]), uint32(head.length)]);
  const over = Buffer.concat([data, head, trailer]);
  const issuer = subpacket(16, key.fingerprint.subarray(12));
  const left = createHash('sha256').update(over).digest().subarray(0, 2);
  const value = createSign('sha256').update(over).sign(key.privateKey).toString('base64url');
  return Buffer.concat([head, uint16(issuer.length), issuer, left, mpi(value)]);
}

function packet(tag: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0xc0 | tag, 0xff]), uint32(body.length), body]);
}

function subpacket(type: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.from([body.length + 1, type]), body]);
}

/** A whole number: its bits, then its bytes without leading zeros. */
function mpi(base64url: string): Buffer {
  const bytes = Buffer.from(base64url, 'base64url');
  const start = bytes.findIndex((byte) => byte !== 0);
  const digits = bytes.subarray(start);
  return Buffer.concat([uint16(digits.length * 8 - Math.clz32(digits[0] ?? 0) + 24), digits]);
}

function armour(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  const sum = uint32(crc24(bytes)).subarray(1).toString('base64');
  return ['-----BEGIN PGP SIGNATURE-----', '', ...lines, `=${sum}`, '-----END PGP SIGNATURE-----', ''].join(
    '\n',
  );
}

function crc24(bytes: Buffer): number {
  let crc = 0xb704ce;
  for (const byte of bytes) {
    crc ^= byte << 16;
    for (let i = 0; i < 8; i++) crc = crc & 0x800000 ? (crc << 1) ^ 0x1864cfb : crc << 1;
  }
  return crc & 0xffffff;
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
