import { createHash } from 'node:crypto';
import { closeSync, lstatSync, openSync, readdirSync, readlinkSync, readSync, type Stats } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { Header, type HeaderData } from 'tar/header';
import { Pax } from 'tar/pax';
import { FIXED_TIME } from '../../archive/folder-attributes.ts';
import { nameOf } from '../../archive/stored-names.ts';
import { defined } from '../../domain/defined.ts';
import { errorCode } from '../../domain/errno.ts';
import type { Digest } from '../../domain/ids.ts';
import type { Failure } from '../../failure.ts';
import type { LeftOut } from '../engine.ts';

/** Raised when the same tree is packed to other bytes. */
export const PACK_VERSION = 1;

/** Owner and time of what is packed. */
export interface Attributes {
  readonly uid: number;
  readonly gid: number;
  /** Milliseconds since the epoch; `kept` takes each file's own. */
  readonly mtime: number | 'kept';
  /** Milliseconds added to times that are kept: how far the engine's clock is ahead of ours. */
  readonly shift?: number;
}

/** Of trees, whose bytes are to depend on names, modes and contents only. */
export const TREE: Attributes = { uid: 0, gid: 0, mtime: FIXED_TIME * 1000 };

/** One thing to pack. `path` is its name in the archive: relative, without a slash at the end. */
export type Part =
  /** A folder of its own. */
  | { readonly kind: 'folder'; readonly path: string; readonly mode: number; readonly attributes: Attributes }
  | { readonly kind: 'link'; readonly path: string; readonly target: string; readonly attributes: Attributes }
  | { readonly kind: 'text'; readonly path: string; readonly text: string; readonly attributes: Attributes }
  /** A file, link or folder of this machine; of a folder everything below it, and itself unless `path` is empty. */
  | {
      readonly kind: 'host';
      readonly path: string;
      readonly source: string;
      readonly attributes: Attributes;
      /** Of a file; absent: its own. */
      readonly mode?: number;
      /** Folders that are left out. */
      readonly without?: LeftOut;
    };

/** Carries a failure to read what is packed out of the stream that reads it. */
export class Unreadable extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.what);
    this.failure = failure;
  }
}

const BLOCK = 512;
/** Bytes handed on at once. */
const CHUNK = 1 << 20;

/** sha256 of a tar stream, read through without keeping it; lets others work in between. */
export async function digestOf(parts: readonly Part[]): Promise<Digest> {
  const hash = createHash('sha256');
  for (const chunk of pack(parts)) {
    hash.update(chunk);
    await setImmediate();
  }
  return `sha256:${hash.digest('hex')}`;
}

/** What tells that a part has changed, without reading its files: their names, kinds, sizes, modes, inodes and times. */
export function stampOf(parts: readonly Part[]): Digest {
  const hash = createHash('sha256');
  for (const part of parts)
    for (const { path, type, mode, size, mtime, linkpath, seen, attributes } of itemsOf(part))
      hash.update(JSON.stringify([path, type, mode, size, mtime, linkpath, seen, attributes]));
  return `sha256:${hash.digest('hex')}`;
}

/**
 * The tar stream of some parts, in their order, whose bytes are a function of what they are: names sorted by their
 * bytes, hard links of one stream kept as such, no names of users, nothing of the machine. Throws `Unreadable`.
 * Source of the format: tar(5), pax(1).
 */
export function* pack(parts: readonly Part[]): Generator<Buffer> {
  const chunks = new Chunks();
  // Inode → the name under which its content is packed.
  const links = new Map<string, string>();
  for (const part of parts) {
    for (const item of itemsOf(part)) {
      const first = item.inode === undefined ? undefined : links.get(item.inode);
      chunks.add(headerOf(item, first));
      if (first === undefined) yield* contentOf(item, chunks);
      if (item.inode !== undefined && first === undefined) links.set(item.inode, item.path);
    }
  }
  // Two blocks of zeros end the archive.
  chunks.add(Buffer.alloc(2 * BLOCK));
  yield chunks.take();
}

/** Gathers small pieces, so that a stream is not made of thousands of them. */
class Chunks {
  #pieces: Buffer[] = [];
  #bytes = 0;

  get full(): boolean {
    return this.#bytes >= CHUNK;
  }

  add(piece: Buffer): void {
    this.#pieces.push(piece);
    this.#bytes += piece.length;
  }

  take(): Buffer {
    const all = Buffer.concat(this.#pieces, this.#bytes);
    this.#pieces = [];
    this.#bytes = 0;
    return all;
  }
}

interface Item {
  readonly path: string;
  readonly type: 'Directory' | 'SymbolicLink' | 'File';
  readonly mode: number;
  readonly size: number;
  readonly attributes: Attributes;
  /** Milliseconds since the epoch. */
  readonly mtime: number;
  readonly linkpath?: string;
  readonly content?: { readonly file: string } | { readonly text: Buffer };
  /** Name of its inode, where it has further names. */
  readonly inode?: string;
  /** Of a file of this machine: its inode and when that was last changed. */
  readonly seen?: string;
}

function* itemsOf(part: Part): Generator<Item> {
  const { path, attributes } = part;
  const plain = { path, attributes, mtime: attributes.mtime === 'kept' ? 0 : attributes.mtime };
  switch (part.kind) {
    case 'folder':
      yield { ...plain, type: 'Directory', mode: part.mode, size: 0 };
      return;
    case 'link':
      yield { ...plain, type: 'SymbolicLink', mode: 0o777, size: 0, linkpath: part.target };
      return;
    case 'text': {
      const text = Buffer.from(part.text);
      yield { ...plain, type: 'File', mode: 0o644, size: text.length, content: { text } };
      return;
    }
    case 'host':
      yield* walk(part.source, path, part);
  }
}

function* walk(source: string, path: string, part: Extract<Part, { kind: 'host' }>): Generator<Item> {
  const info = readable(source, () => lstatSync(source));
  const item = itemOf(source, path, info, part.attributes);
  // Sockets, pipes and devices have no place in an archive, and nothing is built from them.
  if (item === undefined) return;
  if (path !== '') yield { ...item, ...defined({ mode: part.mode }) };
  if (item.type !== 'Directory') return;
  const real = part.attributes === TREE ? nameOf : String;
  const names = readable(source, () => readdirSync(source)).map((stored) => [real(stored), stored] as const);
  for (const [name, stored] of names.sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)))) {
    const below = `${source}/${stored}`;
    const folder = part.without !== undefined && lstatSync(below, { throwIfNoEntry: false })?.isDirectory();
    if (folder === true && part.without?.(source, name)) continue;
    yield* walk(below, path === '' ? name : `${path}/${name}`, part);
  }
}

function itemOf(source: string, path: string, info: Stats, attributes: Attributes): Item | undefined {
  // A part of a millisecond counts as one: a file must not look older than it is.
  const kept = Math.ceil(info.mtimeMs) + (attributes.shift ?? 0);
  const common = {
    ...{ path, attributes, mode: info.mode & 0o7777 },
    mtime: attributes.mtime === 'kept' ? kept : attributes.mtime,
    seen: `${info.dev} ${info.ino} ${info.ctimeMs} ${info.mtimeMs}`,
  };
  if (info.isDirectory()) return { ...common, type: 'Directory', size: 0 };
  if (info.isSymbolicLink()) {
    const linkpath = readable(source, () => readlinkSync(source));
    return { ...common, type: 'SymbolicLink', mode: 0o777, size: 0, linkpath };
  }
  if (!info.isFile()) return undefined;
  const inode = info.nlink > 1 ? { inode: `${info.dev}:${info.ino}` } : {};
  return { ...common, type: 'File', size: info.size, content: { file: source }, ...inode };
}

/** The block of an item, after an extended one (pax) where a name is long or not ASCII, or a time is not whole. */
function headerOf(item: Item, hardLinkTo: string | undefined): Buffer {
  const linkpath = hardLinkTo ?? item.linkpath;
  const path = item.type === 'Directory' ? `${item.path}/` : item.path;
  const data: HeaderData = {
    ...{ path, type: hardLinkTo === undefined ? item.type : 'Link', mode: item.mode },
    ...{ uid: item.attributes.uid, gid: item.attributes.gid, mtime: new Date(item.mtime) },
    size: hardLinkTo === undefined ? item.size : 0,
    ...defined({ linkpath }),
  };
  const block = Buffer.alloc(BLOCK);
  const long = new Header(data).encode(block);
  const fraction = item.mtime % 1000 !== 0;
  if (!long && !fraction) return block;
  const extended = new Pax({
    ...(long ? { path, ...defined({ linkpath }) } : {}),
    // 11 octal digits are what the plain header holds.
    ...(item.size >= 8 ** 11 ? { size: item.size } : {}),
    ...(fraction ? { mtime: new Date(item.mtime) } : {}),
  });
  return Buffer.concat([extended.encode(), block]);
}

function* contentOf(item: Item, chunks: Chunks): Generator<Buffer> {
  const { content, size } = item;
  if (content !== undefined && 'text' in content) chunks.add(content.text);
  if (content !== undefined && 'file' in content && size > 0) yield* fileContent(content.file, size, chunks);
  if (content !== undefined && size % BLOCK !== 0) chunks.add(Buffer.alloc(BLOCK - (size % BLOCK)));
  if (chunks.full) yield chunks.take();
}

function* fileContent(file: string, size: number, chunks: Chunks): Generator<Buffer> {
  const descriptor = readable(file, () => openSync(file, 'r'));
  try {
    for (let left = size; left > 0; ) {
      const piece = Buffer.allocUnsafe(Math.min(left, CHUNK));
      const got = readable(file, () => readSync(descriptor, piece));
      if (got === 0) throw new Unreadable(changed(file));
      left -= got;
      chunks.add(got === piece.length ? piece : piece.subarray(0, got));
      if (chunks.full) yield chunks.take();
    }
  } finally {
    closeSync(descriptor);
  }
}

/** Runs a step of reading; an error of the system becomes `Unreadable`. */
function readable<T>(path: string, step: () => T): T {
  try {
    return step();
  } catch (cause) {
    if (errorCode(cause) === undefined) throw cause;
    throw new Unreadable({
      code: 'engine/unreadable-source',
      what: `${path} cannot be read, and it is to be copied into the sandbox.`,
      fix: ['Check that it is there and that you may read it.'],
      evidence: [(cause as Error).message],
    });
  }
}

function changed(file: string): Failure {
  return {
    code: 'engine/unreadable-source',
    what: `${file} became shorter while it was copied into the sandbox.`,
    fix: ['Run the same command again when nothing changes the file.'],
  };
}
