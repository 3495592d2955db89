// The messages of FUSE, version 7.31, as `linux/fuse.h` has them; all numbers little-endian.
import type { BigIntStats, StatsFs } from 'node:fs';

/** Operation codes. */
export const OP = {
  lookup: 1,
  forget: 2,
  getattr: 3,
  setattr: 4,
  readlink: 5,
  symlink: 6,
  mknod: 8,
  mkdir: 9,
  unlink: 10,
  rmdir: 11,
  rename: 12,
  link: 13,
  open: 14,
  read: 15,
  write: 16,
  statfs: 17,
  release: 18,
  fsync: 20,
  flush: 25,
  init: 26,
  opendir: 27,
  readdir: 28,
  releasedir: 29,
  create: 35,
  interrupt: 36,
  destroy: 38,
  batchForget: 42,
  rename2: 45,
} as const;

export type OpName = keyof typeof OP;

export const ROOT_ID = 1;
export const HEADER_BYTES = 40;
/** Bytes that one write may carry. */
export const MAX_WRITE = 128 * 1024;

/** A request of the kernel. */
export interface Request {
  readonly opcode: number;
  readonly unique: bigint;
  readonly node: number;
  readonly body: Buffer;
}

export function parseRequest(message: Buffer): Request {
  return {
    opcode: message.readUInt32LE(4),
    unique: message.readBigUInt64LE(8),
    node: Number(message.readBigUInt64LE(16)),
    body: message.subarray(HEADER_BYTES),
  };
}

/** Names that end with a zero byte, from an offset on. */
export function namesIn(body: Buffer, offset: number): readonly string[] {
  return body.toString('latin1', offset).split('\0').slice(0, -1);
}

/** `error`: 0, or the negative errno(3). */
export function reply(unique: bigint, error: number, body: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(16);
  head.writeUInt32LE(16 + body.length, 0);
  head.writeInt32LE(error, 4);
  head.writeBigUInt64LE(unique, 8);
  return Buffer.concat([head, body]);
}

export function initReply(): Buffer {
  const body = Buffer.alloc(64);
  const [ASYNC_READ, BIG_WRITES] = [1, 32];
  for (const [index, value] of [7, 31, MAX_WRITE, ASYNC_READ | BIG_WRITES].entries())
    body.writeUInt32LE(value, index * 4);
  body.writeUInt32LE(MAX_WRITE, 20);
  body.writeUInt32LE(1, 24); // Granularity of times in nanoseconds.
  return body;
}

const NANO = 1_000_000_000n;

function attributes(stats: BigIntStats): Buffer {
  const attr = Buffer.alloc(88);
  const long = [stats.ino, stats.size, stats.blocks];
  const times = [stats.atimeNs, stats.mtimeNs, stats.ctimeNs];
  for (const [index, value] of [...long, ...times.map((time) => time / NANO)].entries())
    attr.writeBigUInt64LE(value, index * 8);
  const short = [...times.map((time) => time % NANO), stats.mode, stats.nlink, stats.uid, stats.gid];
  for (const [index, value] of [...short, 0n, 4096n].entries())
    attr.writeUInt32LE(Number(value), 48 + index * 4);
  return attr;
}

/** Seconds that the kernel may take an answer for the truth: nothing changes but through it. */
const VALID = 1n;

export function attrReply(stats: BigIntStats): Buffer {
  const head = Buffer.alloc(16);
  head.writeBigUInt64LE(VALID, 0);
  return Buffer.concat([head, attributes(stats)]);
}

export function entryReply(node: number, stats: BigIntStats): Buffer {
  const head = Buffer.alloc(40);
  head.writeBigUInt64LE(BigInt(node), 0);
  head.writeBigUInt64LE(VALID, 16);
  head.writeBigUInt64LE(VALID, 24);
  return Buffer.concat([head, attributes(stats)]);
}

export function openReply(handle: number): Buffer {
  const body = Buffer.alloc(16);
  body.writeBigUInt64LE(BigInt(handle), 0);
  return body;
}

export function writeReply(bytes: number): Buffer {
  const body = Buffer.alloc(8);
  body.writeUInt32LE(bytes, 0);
  return body;
}

export function statfsReply(stats: StatsFs): Buffer {
  const body = Buffer.alloc(80);
  const long = [stats.blocks, stats.bfree, stats.bavail, stats.files, stats.ffree];
  for (const [index, value] of long.entries()) body.writeBigUInt64LE(BigInt(value), index * 8);
  for (const [index, value] of [stats.bsize, 255, stats.bsize].entries())
    body.writeUInt32LE(value, 40 + index * 4);
  return body;
}

/** What a folder's handle holds, from an entry on, in at most `size` bytes. */
export function readdirReply(names: readonly string[], from: number, size: number): Buffer {
  const parts: Buffer[] = [];
  let taken = 0;
  for (const [index, name] of names.entries()) {
    if (index < from) continue;
    const bytes = Buffer.from(name, 'latin1');
    const entry = Buffer.alloc(Math.ceil((24 + bytes.length) / 8) * 8);
    entry.writeBigUInt64LE(BigInt(index + 1), 0); // An inode number that is not 0; stat(2) has the real one.
    entry.writeBigUInt64LE(BigInt(index + 1), 8);
    entry.writeUInt32LE(bytes.length, 16);
    bytes.copy(entry, 24);
    if (taken + entry.length > size) break;
    parts.push(entry);
    taken += entry.length;
  }
  return Buffer.concat(parts);
}
