import { createHash, randomUUID } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { lstat, mkdir, readdir, readlink, rename, rm, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Digest } from '../domain/ids.ts';
import type { Result } from '../domain/result.ts';
import type { Store } from '../store/store.ts';
import { ahead } from './ahead.ts';
import { readContent, type TarStretch } from './content.ts';
import { applyFolderAttributes } from './folder-attributes.ts';
import { Folders } from './folders.ts';
import { compressPiece, GzipFrame } from './gzip-pieces.ts';
import { lastingBytes } from './lasting.ts';
import { Budget, DEFAULT_LIMITS } from './limits.ts';
import { deviceNode, Refusal, refusable } from './refusal.ts';
import { isCaseless, nameOf } from './stored-names.ts';
import { DOT, END, type EntryOptions, type Item, type Piece, piecesOf, readPiece } from './tar-pieces.ts';
import { readTar } from './tar-reader.ts';
import { Writer } from './writer.ts';

export interface PackOptions extends ArchiveOptions {
  /** The folder whose content goes in; the folder itself does not. */
  readonly root: string;
  /** What is expected to be the same in the next archive: compressed once, and taken from the store then. */
  readonly lasting?: Lasting;
}

interface Lasting {
  readonly store: Store;
  /** A folder in the archive. */
  readonly folder: string;
}

export interface TarOptions extends ArchiveOptions, EntryOptions {
  readonly parts: readonly TarPart[];
  /** Symbolic links beside what the parts hold: name in the archive → what it points at. */
  readonly links?: Readonly<Record<string, string>>;
  readonly compress: 'gzip' | 'none';
  readonly lasting?: Lasting;
}

/** A folder whose content goes in. */
export interface TarPart {
  readonly root: string;
  /** Folder in the archive that gets the content; empty: its top. */
  readonly at: string;
  /** Names directly below `root` that stay out. */
  readonly without?: readonly string[];
}

interface ArchiveOptions {
  /** The file to write; replaced as a whole when it is there. Its folder must exist. */
  readonly archive: string;
  /** The time of every entry, seconds since the epoch. */
  readonly mtime: number;
  readonly signal?: AbortSignal;
}

export interface Packed {
  readonly digest: Digest;
  /** Of the archive before it was compressed. */
  readonly contentDigest: Digest;
  /** Bytes of the archive. */
  readonly bytes: number;
  /** Files and links in it. */
  readonly files: number;
}

/**
 * Writes a `.tar.gz` whose bytes depend only on names, contents, executable bits and link texts (and on `lasting.folder`, which
 * is compressed by itself): entries sorted by name, owner 0, modes 0644 or 0755, one time for all, none in the gzip header.
 * Hard links become files.
 */
export function packTarGz({ root, ...options }: PackOptions): Promise<Result<Packed>> {
  return packTar({ ...options, parts: [{ root, at: '' }], compress: 'gzip' });
}

/** The same for several folders put together, compressed or not. Of two entries of one name the later part's counts. */
export function packTar(options: TarOptions): Promise<Result<Packed>> {
  const { archive, signal } = options;
  return refusable(archive, async () => {
    const items = await collectParts(options);
    const temporary = `${archive}.${randomUUID()}.tmp`;
    const [content, whole] = [new Meter(), new Meter()];
    try {
      const target = createWriteStream(temporary, { flags: 'wx' });
      const bytes = whole.count(archiveOf(options, items, content));
      await pipeline(Readable.from(bytes, { objectMode: false }), target, signal ? { signal } : {});
      await rename(temporary, archive);
    } finally {
      await rm(temporary, { force: true });
    }
    const files = items.filter(({ type }) => type !== 'Directory').length;
    return { digest: whole.digest(), contentDigest: content.digest(), bytes: whole.bytes, files };
  });
}

/** Digest and size of what flows through. */
class Meter {
  bytes = 0;
  readonly #hash = createHash('sha256');

  add(chunk: Buffer): void {
    this.#hash.update(chunk);
    this.bytes += chunk.length;
  }

  async *count(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      this.add(chunk);
      yield chunk;
    }
  }

  digest(): Digest {
    return `sha256:${this.#hash.digest('hex')}`;
  }
}

/** The bytes of an archive; `content` gets those before they are compressed. */
async function* archiveOf(
  options: TarOptions,
  items: readonly Item[],
  content: Meter,
): AsyncGenerator<Buffer> {
  const frame = options.compress === 'gzip' ? new GzipFrame() : undefined;
  const add = (raw: Buffer): void => {
    content.add(raw);
    frame?.add(raw);
  };
  const written = async function* (pieces: Iterable<Piece>): AsyncGenerator<Buffer> {
    for await (const { raw, bytes } of ahead(pieces, (piece) => packPiece(piece, frame !== undefined))) {
      add(raw);
      yield bytes;
    }
  };
  if (frame !== undefined) yield frame.header;
  const { lasting } = options;
  const inside = ({ path }: Item): boolean => path.startsWith(`${lasting?.folder}/`);
  const [first, last] = [items.findIndex(inside), items.findLastIndex(inside)];
  if (lasting === undefined || frame === undefined || first < 0) yield* written(piecesOf(items, options));
  else {
    yield* written(piecesOf(items.slice(0, first), options));
    // What is in a folder follows it without anything between.
    yield* lastingBytes(
      lasting.store,
      () => piecesOf(items.slice(first, last + 1), options),
      add,
      options.signal,
    );
    yield* written(piecesOf(items.slice(last + 1), options));
  }
  yield* written([END]);
  if (frame !== undefined) yield frame.trailer();
}

async function packPiece(piece: Piece, compress: boolean): Promise<{ raw: Buffer; bytes: Buffer }> {
  const raw = await readPiece(piece);
  return { raw, bytes: compress ? await compressPiece(raw) : raw };
}

/** Unpacks a `.tar.gz` below a folder, which is made when missing; guarded as the unpacking of packages is. */
export async function unpackTarGz(
  file: string,
  folder: string,
  signal: AbortSignal = new AbortController().signal,
): Promise<Result<Written>> {
  const range = { file, start: 0, size: (await stat(file)).size };
  return unpackStretch({ range, compression: 'gz' }, folder, signal);
}

/** What was written. */
interface Written {
  readonly files: number;
  readonly bytes: number;
}

/** The same of an archive within a file: the files of a package, a layer of an image. */
export function unpackStretch(
  { range, compression }: TarStretch,
  folder: string,
  signal: AbortSignal,
): Promise<Result<Written>> {
  const { file } = range;
  return refusable(folder, async () => {
    const root = resolve(folder);
    await mkdir(root, { recursive: true });
    const folders = new Folders(root);
    const budget = new Budget(DEFAULT_LIMITS, Budget.counters());
    const writer = new Writer({ archive: file, folders, excludes: () => false, budget });
    await readTar(
      file,
      (take) => readContent(file, range, compression, signal, take),
      (entry) => writer.visit(entry),
    );
    applyFolderAttributes(root, writer.attributes, folders.takeMade());
    return { files: writer.files, bytes: writer.bytes };
  });
}

/**
 * Everything that goes in, each folder's names sorted by their bytes: no locale or version of Unicode changes that.
 * What is in a folder follows it directly, for tar(1) sets its time when the next entry is outside of it.
 */
async function collectParts({ archive, parts, links = {}, dotted }: TarOptions): Promise<readonly Item[]> {
  const items = new Map<string, Item>();
  const add = (item: Item): void => {
    for (let at = item.path.lastIndexOf('/'); at > 0; at = item.path.lastIndexOf('/', at - 1)) {
      const path = item.path.slice(0, at);
      if (!items.has(path)) items.set(path, folderItem(path));
    }
    items.set(item.path, item);
  };
  for (const part of parts) {
    if (part.at !== '') add(folderItem(part.at));
    const names = isCaseless(resolve(part.root)) ? nameOf : String;
    for await (const item of below(archive, part, '', names)) add(item);
  }
  for (const [path, linkpath] of Object.entries(links)) add(linkItem(path, linkpath));
  const sorted = [...items.values()].sort((a, b) => inTreeOrder(a.path, b.path));
  return dotted === true ? [DOT, ...sorted] : sorted;
}

/** `names`: what is stored under a name. */
async function* below(
  archive: string,
  part: TarPart,
  folder: string,
  names: (stored: string) => string,
): AsyncGenerator<Item> {
  for (const name of await readdir(join(part.root, folder))) {
    if (folder === '' && part.without?.includes(name)) continue;
    const relative = folder === '' ? name : `${folder}/${name}`;
    const path = (part.at === '' ? relative : `${part.at}/${relative}`).split('/').map(names).join('/');
    const source = join(part.root, relative);
    const info = await lstat(source);
    if (info.isDirectory()) {
      yield folderItem(path);
      yield* below(archive, part, relative, names);
    } else if (info.isSymbolicLink()) {
      yield linkItem(path, await readlink(source));
    } else if (info.isFile()) {
      const mode = (info.mode & 0o111) === 0 ? 0o644 : 0o755;
      yield { path, type: 'File', mode, source, size: info.size };
    } else {
      throw new Refusal(deviceNode(archive, path, 'device, socket or pipe'));
    }
  }
}

function folderItem(path: string): Item {
  return { path, type: 'Directory', mode: 0o755, source: '', size: 0 };
}

function linkItem(path: string, linkpath: string): Item {
  return { path, type: 'SymbolicLink', mode: 0o777, source: '', size: 0, linkpath };
}

/** A folder directly before what is in it: names are compared part by part. */
function inTreeOrder(a: string, b: string): number {
  const [left, right] = [a.split('/'), b.split('/')];
  for (let i = 0; i < Math.min(left.length, right.length); i += 1) {
    if (left[i] === right[i]) continue;
    return Buffer.compare(Buffer.from(left[i] as string), Buffer.from(right[i] as string));
  }
  return left.length - right.length;
}
