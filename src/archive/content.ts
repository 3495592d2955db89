import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { closeSync, createReadStream, openSync, readSync } from 'node:fs';
import { type Readable, Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { interrupted } from '../failure.ts';
import { countReleased } from './gc-pressure.ts';
import { corrupt, noXz, Refusal, truncated } from './refusal.ts';
import { lengthOfXzStream } from './xz-stream.ts';

export type Compression = 'xz' | 'gz' | 'zst' | 'none';

/** A stretch of bytes in a file. */
export interface Range {
  readonly file: string;
  readonly start: number;
  /** Bytes. */
  readonly size: number;
}

/** Where a tar archive is within a file, and how it is compressed; can be cloned. */
export interface TarStretch {
  readonly range: Range;
  readonly compression: Compression;
}

/** Takes decompressed bytes as they come; what it throws ends the reading. */
export type Take = (chunk: Buffer) => void;

/**
 * Reads and decompresses a stretch of a file. Throws `Refusal` when the data is damaged or cut off, or on an interrupt;
 * no process is left behind.
 */
export function readContent(
  archive: string,
  range: Range,
  compression: Compression,
  signal: AbortSignal,
  take: Take,
): Promise<void> {
  return compression === 'xz'
    ? throughXz(archive, range, signal, take)
    : throughZlib(archive, range, compression, signal, take);
}

const COMMAND_NOT_FOUND = 127;

/**
 * Node has no xz. The program gets the file itself as its standard input, standing at the first byte; `--single-stream`
 * makes it stop at the end of the compressed stream and leave alone what follows in the file. `env` keeps the user's
 * own xz settings and language out of it. Source: xz(1).
 */
async function throughXz(archive: string, range: Range, signal: AbortSignal, take: Take): Promise<void> {
  const input = openAt(range);
  const program = ['xz', '--decompress', '--stdout', '--format=xz', '--single-stream', '--threads=1'];
  const child = spawn('env', ['-u', 'XZ_DEFAULTS', '-u', 'XZ_OPT', 'LC_ALL=C', ...program], {
    stdio: [input, 'pipe', 'pipe'],
  }) as ChildProcessByStdio<null, Readable, Readable>;
  closeSync(input);
  const stop = () => child.kill('SIGKILL');
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  const { status, name, stderr, thrown } = await drain(child, take);
  signal.removeEventListener('abort', stop);
  if (thrown) throw thrown.error;
  if (signal.aborted) throw new Refusal(interrupted());
  if (status === COMMAND_NOT_FOUND) throw new Refusal(noXz());
  // Not the archive is damaged then.
  if (READ_ERROR.test(stderr))
    throw Object.assign(new Error(stderr.trim()), { code: 'EIO', path: range.file });
  if (status !== 0)
    throw new Refusal(xzFailure(archive, stderr || `xz ended with ${name ?? `status ${status}`}`));
  if (lengthOfXzStream(range) !== range.size) throw new Refusal(trailing(archive));
}

interface Drained {
  readonly status: number | null;
  readonly name: NodeJS.Signals | null;
  readonly stderr: string;
  /** What the taker threw. */
  readonly thrown?: { readonly error: unknown };
}

/** Reads a child to its end. By events, not by iteration, which would copy most of the bytes once more. */
function drain(child: ChildProcessByStdio<null, Readable, Readable>, take: Take): Promise<Drained> {
  return new Promise((resolve) => {
    let stderr = '';
    let thrown: Drained['thrown'];
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.stdout.on('data', (chunk: Buffer) => {
      if (thrown) return;
      try {
        take(chunk);
        countReleased(chunk.length);
      } catch (error) {
        thrown = { error };
        child.kill('SIGKILL');
      }
    });
    child.once('error', (error) => resolve({ status: COMMAND_NOT_FOUND, name: null, stderr: error.message }));
    child.once('close', (status, name) => resolve({ status, name, stderr, ...(thrown && { thrown }) }));
  });
}

/** What xz says of read(2) alone: `xz: (stdin): Read error: Input/output error` (io_read in its `file_io.c`). */
const READ_ERROR = /: Read error: /;

function xzFailure(archive: string, message: string) {
  const evidence = message.trim().split('\n');
  return message.includes('Unexpected end of input')
    ? truncated(archive, 'Its compressed data is cut off.', evidence)
    : corrupt(archive, 'Its compressed data cannot be read.', evidence);
}

/** Opens the file and reads up to the first byte: a child that inherits the descriptor goes on from there. */
function openAt(range: Range): number {
  const input = openSync(range.file, 'r');
  const buffer = Buffer.allocUnsafe(1 << 16);
  for (let at = 0; at < range.start; ) {
    const got = readSync(input, buffer, 0, Math.min(buffer.length, range.start - at), null);
    if (got === 0) break;
    at += got;
  }
  return input;
}

async function throughZlib(
  archive: string,
  range: Range,
  compression: Exclude<Compression, 'xz'>,
  signal: AbortSignal,
  take: Take,
): Promise<void> {
  if (range.size === 0) return;
  const input = createReadStream(range.file, { start: range.start, end: range.start + range.size - 1 });
  const output = new Writable({
    write(chunk: Buffer, _encoding, done) {
      try {
        take(chunk);
        done();
      } catch (error) {
        done(error as Error);
      }
    },
  });
  const decoder = compression === 'gz' ? createGunzip() : createZstdDecompress();
  try {
    if (compression === 'none') await pipeline(input, output, { signal });
    else await pipeline(input, decoder, output, { signal });
  } catch (cause) {
    if (signal.aborted) throw new Refusal(interrupted());
    throw zlibRefusal(archive, cause) ?? cause;
  }
  // The decoder stops where the compressed data ends.
  if (compression !== 'none' && decoder.bytesWritten !== range.size) throw new Refusal(trailing(archive));
}

function trailing(archive: string) {
  return corrupt(archive, 'Something comes after the end of its compressed data.');
}

/** Codes: zlib.h and zstd_errors.h, as Node names them. */
function zlibRefusal(archive: string, cause: unknown): Refusal | undefined {
  const code = cause instanceof Error ? (cause as NodeJS.ErrnoException).code : undefined;
  if (code === undefined || !/^(Z_|ZSTD_|ERR_ZSTD)/.test(code)) return undefined;
  const evidence = [(cause as Error).message];
  return new Refusal(
    code === 'Z_BUF_ERROR'
      ? truncated(archive, 'Its compressed data is cut off.', evidence)
      : corrupt(archive, 'Its compressed data cannot be read.', evidence),
  );
}
