import { closeSync, openSync, readSync } from 'node:fs';
import type { Range } from './content.ts';

/** Stream Header and Stream Footer have the same length. */
const EDGE = 12;
/** Of an Index: a package of 8 GiB in blocks of 1 MiB has one of 64 KiB. Bytes. */
const LARGEST_INDEX = 1 << 24;

/**
 * Bytes of the stream that ends where a stretch of a file ends, by its Index; undefined where none ends there. `xz`
 * itself does not say where the stream ended that it has read, and verifies that its Index is true. Source: The .xz
 * File Format, sections 2.1.2 and 4.
 */
export function lengthOfXzStream({ file, start, size }: Range): number | undefined {
  const descriptor = openSync(file, 'r');
  try {
    const footer = read(descriptor, start + size - EDGE, EDGE);
    if (footer.toString('latin1', 10) !== 'YZ') return undefined;
    const indexSize = (footer.readUInt32LE(4) + 1) * 4;
    if (indexSize > Math.min(LARGEST_INDEX, size - 2 * EDGE)) return undefined;
    const blocks = sizeOfBlocks(read(descriptor, start + size - EDGE - indexSize, indexSize));
    return blocks === undefined ? undefined : EDGE + blocks + indexSize + EDGE;
  } finally {
    closeSync(descriptor);
  }
}

/** Of an Index: its indicator, the number of records, and of each record the unpadded size and the uncompressed size. */
function sizeOfBlocks(index: Buffer): number | undefined {
  if (index[0] !== 0) return undefined;
  let at = 1;
  const integer = (): number => {
    let value = 0;
    for (let factor = 1; at < index.length; factor *= 128) {
      const byte = index[at] as number;
      at += 1;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) break;
    }
    return value;
  };
  let total = 0;
  for (let left = integer(); left > 0 && at < index.length; left -= 1) {
    total += Math.ceil(integer() / 4) * 4;
    integer();
  }
  return total;
}

function read(descriptor: number, at: number, length: number): Buffer {
  const buffer = Buffer.alloc(length);
  return buffer.subarray(0, at < 0 ? 0 : readSync(descriptor, buffer, 0, length, at));
}
