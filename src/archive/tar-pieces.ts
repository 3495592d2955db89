import { open } from 'node:fs/promises';
import { Header, type HeaderData } from 'tar/header';
import { Pax } from 'tar/pax';
import { defined } from '../domain/defined.ts';
import { Refusal, truncated } from './refusal.ts';

const BLOCK = 512;

/** Most bytes of an archive that are read and compressed at once. Another size gives other compressed bytes. */
const PIECE = 1 << 20;

/** An entry of an archive that is written. */
export interface Item {
  /** Name in the archive, without a slash at its end. */
  readonly path: string;
  readonly type: 'Directory' | 'File' | 'SymbolicLink';
  readonly mode: number;
  /** The file that the bytes come from. */
  readonly source: string;
  /** Bytes. */
  readonly size: number;
  readonly linkpath?: string;
}

export interface EntryOptions {
  /** The time of every entry, seconds since the epoch. */
  readonly mtime: number;
  /** Modes of entries that need another one than all others have, by name. */
  readonly modes?: Readonly<Record<string, number>>;
  /** Names begin with `./`, as packages of Debian have them. */
  readonly dotted?: boolean;
}

/** Bytes that follow each other in an archive: blocks that are known, and parts of files. */
export interface Piece {
  readonly size: number;
  readonly parts: readonly (Buffer | FilePart)[];
}

interface FilePart {
  readonly source: string;
  readonly start: number;
  readonly end: number;
}

/**
 * Cuts entries into pieces of at most 1 MiB. A piece ends where the next entry does not fit any more; a larger entry is cut
 * by itself. So an entry that changes changes no pieces but its own and, where its size changes, those of the small ones after it.
 */
export function* piecesOf(items: Iterable<Item>, options: EntryOptions): Generator<Piece> {
  let parts: (Buffer | FilePart)[] = [];
  let size = 0;
  for (const item of items) {
    const header = headerOf(item, options);
    const padding = (BLOCK - (item.size % BLOCK)) % BLOCK;
    const whole = header.length + item.size + padding;
    if (size > 0 && size + whole > PIECE) {
      yield { size, parts };
      [parts, size] = [[], 0];
    }
    parts.push(header);
    size += header.length;
    for (let start = 0; start < item.size; ) {
      const end = Math.min(item.size, start + PIECE - size);
      parts.push({ source: item.source, start, end });
      size += end - start;
      start = end;
      if (start < item.size) {
        yield { size, parts };
        [parts, size] = [[], 0];
      }
    }
    if (padding > 0) parts.push(Buffer.alloc(padding));
    size += padding;
    if (whole > PIECE) {
      yield { size, parts };
      [parts, size] = [[], 0];
    }
  }
  if (size > 0) yield { size, parts };
}

/** Two blocks of zeros end an archive, tar(5). */
export const END: Piece = { size: 2 * BLOCK, parts: [Buffer.alloc(2 * BLOCK)] };

/** The folder that an archive with dotted names begins with. */
export const DOT: Item = { path: '.', type: 'Directory', mode: 0o755, source: '', size: 0 };

/** The block of an entry, after an extended one (pax) where a name is too long or not ASCII. */
function headerOf({ path, type, mode, size, linkpath }: Item, options: EntryOptions): Buffer {
  const start = options.dotted === true && path !== DOT.path ? './' : '';
  const data: HeaderData = {
    ...{ uid: 0, gid: 0, mtime: new Date(options.mtime * 1000) },
    path: `${start}${path}${type === 'Directory' ? '/' : ''}`,
    ...defined({ linkpath }),
    ...{ type, mode: options.modes?.[path] ?? mode, size },
  };
  const block = Buffer.alloc(BLOCK);
  if (!new Header(data).encode(block)) return block;
  const names = { ...defined({ path: data.path }), ...defined({ linkpath }) };
  return Buffer.concat([new Pax(names).encode(), block]);
}

/** The bytes of a piece. Throws a `Refusal` for a file that is shorter than it was. */
export async function readPiece({ size, parts }: Piece): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(size);
  let at = 0;
  for (const part of parts) {
    if (Buffer.isBuffer(part)) at += part.copy(bytes, at);
    else {
      await readInto(bytes.subarray(at, at + part.end - part.start), part);
      at += part.end - part.start;
    }
  }
  return bytes;
}

async function readInto(bytes: Buffer, { source, start }: FilePart): Promise<void> {
  await using file = await open(source);
  for (let at = 0; at < bytes.length; ) {
    const { bytesRead } = await file.read(bytes, at, bytes.length - at, start + at);
    if (bytesRead === 0) throw new Refusal(truncated(source, 'It became shorter while it was packed.'));
    at += bytesRead;
  }
}
