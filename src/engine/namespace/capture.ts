import { Socket } from 'node:net';

export interface CaptureOptions {
  /** Bytes kept. */
  readonly maximum: number;
  readonly onChunk: (chunk: Uint8Array) => void;
  /** Called once, when there is more than the maximum. */
  readonly onOverflow: () => void;
}

/** What a program wrote to one stream, up to a number of bytes; what comes after is read and dropped. */
export interface Captured {
  readonly chunks: readonly Buffer[];
  /** Resolves when every writer has closed the pipe. */
  readonly ended: Promise<void>;
}

/** Reads the end of a pipe; takes over the descriptor. */
export function capture(descriptor: number, options: CaptureOptions): Captured {
  const chunks: Buffer[] = [];
  let bytes = 0;
  let overflown = false;
  const stream = new Socket({ fd: descriptor, readable: true, writable: false });
  const ended = new Promise<void>((resolve, reject) => {
    stream.once('close', () => resolve());
    stream.once('error', reject);
  });
  stream.on('data', (chunk: Buffer) => {
    const part = chunk.subarray(0, Math.max(0, options.maximum - bytes));
    bytes += chunk.length;
    if (part.length > 0) {
      chunks.push(part);
      options.onChunk(part);
    }
    if (bytes > options.maximum && !overflown) {
      overflown = true;
      options.onOverflow();
    }
  });
  return { chunks, ended };
}
