import { createHash, randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream, type Stats } from 'node:fs';
import { lstat, mkdir, readdir, readlink, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { Header, type HeaderData } from 'tar/header';
import { Pax } from 'tar/pax';
import type { Result } from '../domain/result.ts';
import type { Digest } from '../domain/words.ts';
import { readContent } from './content.ts';
import { Folders } from './folders.ts';
import { Budget, DEFAULT_LIMITS } from './limits.ts';
import { deviceNode, Refusal, truncated } from './refusal.ts';
import { settleFolders } from './settle.ts';
import { readTar } from './tar-reader.ts';
import { refusable } from './unpack-deb.ts';
import { Writer } from './writer.ts';

export interface PackOptions {
  /** The folder whose content goes in; the folder itself does not. */
  readonly root: string;
  /** The file to write; replaced as a whole when it is there. Its folder must exist. */
  readonly archive: string;
  /** The time of every entry, seconds since the epoch. */
  readonly mtime: number;
  readonly signal?: AbortSignal;
}

export interface Packed {
  readonly digest: Digest;
  /** Bytes of the archive. */
  readonly bytes: number;
  /** Files and links in it. */
  readonly files: number;
}

/** Fixed, for another level gives other bytes. */
const GZIP_LEVEL = 6;
const BLOCK = 512;

/**
 * Writes a `.tar.gz` whose bytes depend only on names, contents, executable bits and link texts: entries sorted by
 * name, owner 0, modes 0644 or 0755, one time for all, none in the gzip header. Hard links become files.
 */
export function packTarGz(options: PackOptions): Promise<Result<Packed>> {
  const { archive, signal } = options;
  return refusable(archive, async () => {
    const items = await collect(options.root, '');
    const temporary = `${archive}.${randomUUID()}.tmp`;
    const hash = createHash('sha256');
    let bytes = 0;
    async function* counted(chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
      for await (const chunk of chunks) {
        hash.update(chunk);
        bytes += chunk.length;
        yield chunk;
      }
    }
    try {
      const source = Readable.from(tarOf(options, items), { objectMode: false });
      const target = createWriteStream(temporary, { flags: 'wx' });
      await pipeline(source, createGzip({ level: GZIP_LEVEL }), counted, target, signal ? { signal } : {});
      await rename(temporary, archive);
    } finally {
      await rm(temporary, { force: true });
    }
    const files = items.filter((item) => !item.info.isDirectory()).length;
    return { digest: `sha256:${hash.digest('hex')}` as const, bytes, files };
  });
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
    settleFolders(root, writer.attributes, folders.takeMade());
    return { files: writer.files, bytes: writer.bytes };
  });
}

interface Item {
  /** Name in the archive. */
  readonly path: string;
  readonly source: string;
  readonly info: Stats;
}

/**
 * Everything below a folder, each folder's names sorted by their bytes: no locale or version of Unicode changes that.
 * What is in a folder follows it directly, for tar(1) sets its time when the next entry is outside of it.
 */
async function collect(root: string, folder: string): Promise<Item[]> {
  const items: Item[] = [];
  const names = await readdir(join(root, folder));
  for (const name of names.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))) {
    const path = folder === '' ? name : `${folder}/${name}`;
    const source = join(root, path);
    const info = await lstat(source);
    items.push({ path, source, info });
    if (info.isDirectory()) items.push(...(await collect(root, path)));
  }
  return items;
}

async function* tarOf(options: PackOptions, items: readonly Item[]): AsyncGenerator<Buffer> {
  const common = { uid: 0, gid: 0, mtime: new Date(options.mtime * 1000) };
  for (const { path, source, info } of items) {
    if (info.isDirectory()) {
      yield* header({ ...common, path: `${path}/`, type: 'Directory', mode: 0o755, size: 0 });
    } else if (info.isSymbolicLink()) {
      const linkpath = await readlink(source);
      yield* header({ ...common, path, linkpath, type: 'SymbolicLink', mode: 0o777, size: 0 });
    } else if (info.isFile()) {
      const mode = (info.mode & 0o111) === 0 ? 0o644 : 0o755;
      yield* header({ ...common, path, type: 'File', mode, size: info.size });
      yield* content(source, info.size);
    } else {
      throw new Refusal(deviceNode(options.archive, path, 'device, socket or pipe'));
    }
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
