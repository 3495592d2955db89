import { promisify } from 'node:util';
import { constants, crc32, deflateRaw } from 'node:zlib';

const deflate = promisify(deflateRaw);

/** Fixed, because another level gives other bytes. */
const LEVEL = 6;

/** RFC 1952, 2.3: deflate, no name and no time, made on Unix. */
const HEADER = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3]);

/** An empty last block with fixed codes: RFC 1951, 3.2.3. */
const LAST_BLOCK = Buffer.from([0x03, 0x00]);

/**
 * One part of a gzip file, compressed without what is before it and ending at a full byte: such parts, one after the other, are
 * one stream of deflate. They are compressed in threads of zlib's, several at once, and are the same bytes wherever they stand.
 */
export function compressPiece(bytes: Buffer): Promise<Buffer> {
  return deflate(bytes, { level: LEVEL, finishFlush: constants.Z_SYNC_FLUSH });
}

/** What stands before and after the parts of a gzip file. */
export class GzipFrame {
  readonly header = HEADER;
  #sum = 0;
  #size = 0;

  /** Call with what is compressed, from the first byte to the last. */
  add(bytes: Buffer): void {
    this.#sum = crc32(bytes, this.#sum);
    this.#size += bytes.length;
  }

  trailer(): Buffer {
    const sums = Buffer.alloc(8);
    sums.writeUInt32LE(this.#sum, 0);
    // Modulo 2^32, RFC 1952.
    sums.writeUInt32LE(this.#size % 2 ** 32, 4);
    return Buffer.concat([LAST_BLOCK, sums]);
  }
}
