import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { lstat, mkdir, readdir, readlink, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { Header, type HeaderData } from 'tar/header';
import { Pax } from 'tar/pax';
import { defined } from '../domain/defined.ts';
import type { Digest } from '../domain/ids.ts';
import type { Result } from '../domain/result.ts';
import { readContent } from './content.ts';
import { applyFolderAttributes } from './folder-attributes.ts';
import { Folders } from './folders.ts';
import { Budget, DEFAULT_LIMITS } from './limits.ts';
import { deviceNode, Refusal, refusable, truncated } from './refusal.ts';
import { readTar } from './tar-reader.ts';
import { Writer } from './writer.ts';

export interface PackOptions extends ArchiveOptions {
  /** The folder whose content goes in; the folder itself does not. */
  readonly root: string;
}

export interface TarOptions extends ArchiveOptions {
  readonly parts: readonly TarPart[];
  /** Symbolic links beside what the parts hold: name in the archive → what it points at. */
  readonly links?: Readonly<Record<string, string>>;
  /** Modes of entries that need another one than all others have, by name. */
  readonly modes?: Readonly<Record<string, number>>;
  /** Names begin with `./`, as packages of Debian have them. */
  readonly dotted?: boolean;
  readonly compress: 'gzip' | 'none';
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

/** Fixed, because another level gives other bytes. */
const GZIP_LEVEL = 6;
const BLOCK = 512;

/**
 * Writes a `.tar.gz` whose bytes depend only on names, contents, executable bits and link texts: entries sorted by
 * name, owner 0, modes 0644 or 0755, one time for all, none in the gzip header. Hard links become files.
 */
export function packTarGz({ root, ...options }: PackOptions): Promise<Result<Packed>> {
  return packTar({ ...options, parts: [{ root, at: '' }], compress: 'gzip' });
}

/** The same for several folders put together, compressed or not. Of two entries of one name the later part's counts. */
export function packTar(options: TarOptions): Promise<Result<Packed>> {
  const { archive, signal, compress } = options;
  return refusable(archive, async () => {
    const items = await collectParts(options);
    const temporary = `${archive}.${randomUUID()}.tmp`;
    const [content, whole] = [new Meter(), new Meter()];
    try {
      const source = Readable.from(content.count(tarOf(options, items)), { objectMode: false });
      const target = createWriteStream(temporary, { flags: 'wx' });
      const through = compress === 'gzip' ? createGzip({ level: GZIP_LEVEL }) : new PassThrough();
      const count = (chunks: AsyncIterable<Buffer>): AsyncIterable<Buffer> => whole.count(chunks);
      await pipeline(source, through, count, target, signal ? { signal } : {});
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

  async *count(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of chunks) {
      this.#hash.update(chunk);
      this.bytes += chunk.length;
      yield chunk;
    }
  }

  digest(): Digest {
    return `sha256:${this.#hash.digest('hex')}`;
  }
}

/** Unpacks a `.tar.gz` below a folder, which is made when missing; guarded as the unpacking of packages is. */
export function unpackTarGz(
  file: string,
  folder: string,
  signal: AbortSignal = new AbortController().signal,
): Promise<Result<{ readonly files: number; readonly bytes: number }>> {
  return refusable(folder, async () => {
    const root = resolve(folder);
    await mkdir(root, { recursive: true });
    const folders = new Folders(root);
    const budget = new Budget(DEFAULT_LIMITS, Budget.counters());
    const writer = new Writer({ archive: file, folders, excludes: () => false, budget });
    const range = { file, start: 0, size: (await lstat(file)).size };
    await readTar(
      file,
      (take) => readContent(file, range, 'gz', signal, take),
      (entry) => writer.visit(entry),
    );
    applyFolderAttributes(root, writer.attributes, folders.takeMade());
    return { files: writer.files, bytes: writer.bytes };
  });
}

interface Item {
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

/**
 * Everything that goes in, each folder's names sorted by their bytes: no locale or version of Unicode changes that.
 * What is in a folder follows it directly, for tar(1) sets its time when the next entry is outside of it.
 */
async function collectParts({ archive, parts, links = {} }: TarOptions): Promise<readonly Item[]> {
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
    for await (const item of below(archive, part, '')) add(item);
  }
  for (const [path, linkpath] of Object.entries(links)) add(linkItem(path, linkpath));
  return [...items.values()].sort((a, b) => inTreeOrder(a.path, b.path));
}

async function* below(archive: string, part: TarPart, folder: string): AsyncGenerator<Item> {
  for (const name of await readdir(join(part.root, folder))) {
    if (folder === '' && part.without?.includes(name)) continue;
    const relative = folder === '' ? name : `${folder}/${name}`;
    const path = part.at === '' ? relative : `${part.at}/${relative}`;
    const source = join(part.root, relative);
    const info = await lstat(source);
    if (info.isDirectory()) {
      yield folderItem(path);
      yield* below(archive, part, relative);
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

async function* tarOf(options: TarOptions, items: readonly Item[]): AsyncGenerator<Buffer> {
  const common = { uid: 0, gid: 0, mtime: new Date(options.mtime * 1000) };
  const start = options.dotted === true ? './' : '';
  if (options.dotted === true)
    yield* header({ ...common, path: './', type: 'Directory', mode: 0o755, size: 0 });
  for (const { path, type, mode, source, size, linkpath } of items) {
    const name = `${start}${path}${type === 'Directory' ? '/' : ''}`;
    const link = defined({ linkpath });
    yield* header({ ...common, path: name, ...link, type, mode: options.modes?.[path] ?? mode, size });
    if (type === 'File') yield* content(source, size);
  }
  // Two blocks of zeros end the archive, tar(5).
  yield Buffer.alloc(2 * BLOCK);
}

/** The block of an entry, after an extended one (pax) where a name is too long or not ASCII. */
function* header(data: HeaderData): Generator<Buffer> {
  const block = Buffer.alloc(BLOCK);
  if (new Header(data).encode(block)) {
    const { path, linkpath } = data;
    yield new Pax({ ...(path && { path }), ...(linkpath && { linkpath }) }).encode();
  }
  yield block;
}

async function* content(source: string, size: number): AsyncGenerator<Buffer> {
  let left = size;
  if (size > 0) {
    for await (const chunk of createReadStream(source, { end: size - 1, highWaterMark: 1 << 18 })) {
      left -= chunk.length;
      yield chunk;
    }
  }
  if (left !== 0) throw new Refusal(truncated(source, 'It became shorter while it was packed.'));
  if (size % BLOCK !== 0) yield Buffer.alloc(BLOCK - (size % BLOCK));
}
