import type { Readable } from 'node:stream';

export type Stream = 'stdout' | 'stderr';

export interface CollectOptions {
  /** Bytes of each stream that are kept. */
  readonly maximum: number;
  readonly onChunk: (stream: Stream, chunk: Uint8Array) => void;
  /** Called once, when there is more. */
  readonly onOverflow: () => void;
}

/** What came so far of the two streams of a program, each up to a number of bytes; what is beyond is dropped. */
export class Collector {
  readonly #options: CollectOptions;
  readonly #kept: Readonly<Record<Stream, Buffer[]>> = { stdout: [], stderr: [] };
  readonly #bytes: Record<Stream, number> = { stdout: 0, stderr: 0 };
  #overflown = false;

  constructor(options: CollectOptions) {
    this.#options = options;
  }

  add(stream: Stream, chunk: Buffer): void {
    const { maximum, onChunk, onOverflow } = this.#options;
    const part = chunk.subarray(0, Math.max(0, maximum - this.#bytes[stream]));
    this.#bytes[stream] += chunk.length;
    if (part.length > 0) {
      this.#kept[stream].push(part);
      onChunk(stream, part);
    }
    if (this.#bytes[stream] > maximum && !this.#overflown) {
      this.#overflown = true;
      onOverflow();
    }
  }

  output(stream: Stream): Buffer {
    return Buffer.concat(this.#kept[stream]);
  }
}

/** Bytes of the header of a frame: stream type, three zeros, length (big endian). */
const HEADER = 8;
const STDERR = 2;

/**
 * Takes apart the stream of a container without a terminal, in which frames of stdout and stderr alternate (Docker
 * Engine API, "Attach to a container", stream format). Resolves at its end, rejects when it breaks.
 */
export function demultiplex(source: Readable, take: (stream: Stream, chunk: Buffer) => void): Promise<void> {
  let header = Buffer.alloc(0);
  let stream: Stream = 'stdout';
  let left = 0;
  const read = (chunk: Buffer): void => {
    let rest = chunk;
    while (rest.length > 0) {
      if (left > 0) {
        const part = rest.subarray(0, left);
        left -= part.length;
        rest = rest.subarray(part.length);
        take(stream, part);
        continue;
      }
      const missing = HEADER - header.length;
      header = Buffer.concat([header, rest.subarray(0, missing)]);
      rest = rest.subarray(missing);
      if (header.length < HEADER) return;
      stream = header[0] === STDERR ? 'stderr' : 'stdout';
      left = header.readUInt32BE(4);
      header = Buffer.alloc(0);
    }
  };
  return new Promise((resolve, reject) => {
    source.on('data', read);
    source.once('end', resolve);
    source.once('close', resolve);
    source.once('error', reject);
  });
}
