import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { closeSync, createReadStream, openSync, readSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { interrupted } from '../failure.ts';
import { corrupt, noXz, Refusal, truncated } from './refusal.ts';

export type Compression = 'xz' | 'gz' | 'zst' | 'none';

/** A stretch of bytes in a file. */
export interface Range {
  readonly file: string;
  readonly start: number;
  /** Bytes. */
  readonly size: number;
}

/** The decompressed bytes of a stretch of a file. Throws `Refusal` while read, when they are damaged or cut off. */
export function readContent(
  archive: string,
  range: Range,
  compression: Compression,
  signal: AbortSignal,
): AsyncIterable<Uint8Array> {
  return compression === 'xz'
    ? throughXz(archive, range, signal)
    : throughZlib(archive, range, compression, signal);
}

const COMMAND_NOT_FOUND = 127;

/**
 * Node has no xz. The program gets the file itself as its standard input, standing at the first byte; `--single-stream`
 * makes it stop at the end of the compressed stream and leave alone what follows in the file. `env` keeps the person's
 * own xz settings and language out of it. Source: xz(1).
 */
async function* throughXz(archive: string, range: Range, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const input = openAt(range);
  const program = ['xz', '--decompress', '--stdout', '--format=xz', '--single-stream', '--threads=1'];
  const child = spawn('env', ['-u', 'XZ_DEFAULTS', '-u', 'XZ_OPT', 'LC_ALL=C', ...program], {
    stdio: [input, 'pipe', 'pipe'],
  }) as ChildProcessByStdio<null, Readable, Readable>;
  closeSync(input);
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const closed = new Promise<{ status: number | null; name: string | null }>((resolve) => {
    child.once('error', () => resolve({ status: COMMAND_NOT_FOUND, name: null }));
    child.once('close', (status, name) => resolve({ status, name }));
  });
  const stop = () => child.kill('SIGKILL');
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    for await (const chunk of child.stdout) yield chunk as Buffer;
    const { status, name } = await closed;
    if (signal.aborted) throw new Refusal(interrupted());
    if (status === COMMAND_NOT_FOUND) throw new Refusal(noXz());
    if (status !== 0)
      throw new Refusal(xzFailure(archive, stderr || `xz ended with ${name ?? `status ${status}`}`));
  } finally {
    signal.removeEventListener('abort', stop);
    stop();
    await closed;
  }
}

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

async function* throughZlib(
  archive: string,
  range: Range,
  compression: Exclude<Compression, 'xz'>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  if (range.size === 0) return;
  const input = createReadStream(range.file, { start: range.start, end: range.start + range.size - 1 });
  const output =
    compression === 'none'
      ? input
      : input.pipe(compression === 'gz' ? createGunzip() : createZstdDecompress());
  const stop = () => output.destroy(new Refusal(interrupted()));
  if (output !== input) input.on('error', (error) => output.destroy(error));
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    for await (const chunk of output) yield chunk as Buffer;
  } catch (cause) {
    throw zlibRefusal(archive, cause) ?? cause;
  } finally {
    signal.removeEventListener('abort', stop);
    input.destroy();
  }
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
