import { createHash } from 'node:crypto';
import { Readable, type Transform } from 'node:stream';
import {
  createGunzip,
  createGzip,
  createZstdCompress,
  createZstdDecompress,
  constants as zlib,
} from 'node:zlib';
import { applyFolderAttributes } from '../../archive/folder-attributes.ts';
import { Folders } from '../../archive/folders.ts';
import { Budget, DEFAULT_LIMITS, type Limits } from '../../archive/limits.ts';
import { refusable } from '../../archive/refusal.ts';
import { readTar } from '../../archive/tar-reader.ts';
import { Writer } from '../../archive/writer.ts';
import type { Digest } from '../../domain/ids.ts';
import type { Result } from '../../domain/result.ts';
import { pack, TREE } from './pack.ts';
import type { Registry } from './registry.ts';

/** Reference to content in a registry (OCI Image Format Specification, "Content Descriptors"). */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

export interface Layer extends Descriptor {
  /** sha256 of the tar stream in it. */
  readonly uncompressed: Digest;
}

interface Compression {
  readonly mediaType: string;
  compress(): Transform;
  decompress(): Transform;
}

/** Levels are fixed, because another one gives other bytes. */
export const GZIP: Compression = {
  mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip',
  compress: () => createGzip({ level: 6 }),
  decompress: () => createGunzip(),
};
export const ZSTD: Compression = {
  mediaType: 'application/vnd.oci.image.layer.v1.tar+zstd',
  compress: () => createZstdCompress({ params: { [zlib.ZSTD_c_compressionLevel]: 3 } }),
  decompress: () => createZstdDecompress(),
};

/** Sends everything below a folder as a layer; throws `Unreadable`, and what the registry throws. */
export async function uploadLayer(
  registry: Registry,
  path: string,
  root: string,
  { mediaType, compress }: Compression,
): Promise<Layer> {
  const [packed, plain] = [createHash('sha256'), createHash('sha256')];
  let size = 0;
  const tar = Readable.from(
    (function* () {
      for (const chunk of pack([{ kind: 'host', path: '', source: root, attributes: TREE }])) {
        plain.update(chunk);
        yield chunk;
      }
    })(),
    { objectMode: false },
  );
  const compressed = compress();
  tar.once('error', (cause) => compressed.destroy(cause));
  compressed.on('data', (chunk: Buffer) => {
    packed.update(chunk);
    size += chunk.length;
  });
  const upload = await openUpload(registry, path);
  try {
    const headers = { 'Content-Type': 'application/octet-stream' };
    const body = tar.pipe(compressed);
    const sent = await registry.call({ method: 'PATCH', to: upload, headers, body }, [202]);
    sent.body.resume();
    const digest: Digest = `sha256:${packed.digest('hex')}`;
    await closeUpload(registry, sent.headers.location ?? upload, digest);
    return { mediaType, digest, size, uncompressed: `sha256:${plain.digest('hex')}` };
  } finally {
    tar.destroy();
    compressed.destroy();
  }
}

export async function uploadBytes(
  registry: Registry,
  path: string,
  mediaType: string,
  body: Buffer,
): Promise<Descriptor> {
  const digest = digestOfBytes(body);
  await closeUpload(registry, await openUpload(registry, path), digest, body);
  return { mediaType, digest, size: body.length };
}

/** Also where a login is asked for, before anything large is sent. */
async function openUpload(registry: Registry, path: string): Promise<string> {
  const opened = await registry.call(
    { method: 'POST', to: `${path}/blobs/uploads/`, body: Buffer.alloc(0) },
    [202],
  );
  opened.body.resume();
  return opened.headers.location ?? '';
}

async function closeUpload(
  registry: Registry,
  location: string,
  digest: Digest,
  body: Buffer = Buffer.alloc(0),
): Promise<void> {
  const to = `${location}${location.includes('?') ? '&' : '?'}digest=${encodeURIComponent(digest)}`;
  const closed = await registry.call(
    { method: 'PUT', to, headers: { 'Content-Type': 'application/octet-stream' }, body },
    [201],
  );
  closed.body.resume();
}

/** What came of unpacking a layer: what it holds, and what its bytes really were. */
export interface Unpacked {
  readonly files: number;
  readonly bytes: number;
  readonly digest: Digest;
  readonly uncompressed: Digest;
}

export interface LayerSource {
  readonly path: string;
  /** For messages. */
  readonly name: string;
  /** What it may unpack to. */
  readonly limits?: Limits;
}

/** Unpacks a layer into an empty folder; whether the digests are right is the caller's to compare. */
export async function downloadLayer(
  registry: Registry,
  { path, name, limits = DEFAULT_LIMITS }: LayerSource,
  layer: Descriptor,
  root: string,
  { decompress }: Compression,
): Promise<Result<Unpacked>> {
  const answer = await registry.call({ method: 'GET', to: `${path}/blobs/${layer.digest}` }, [200]);
  const [packed, plain] = [createHash('sha256'), createHash('sha256')];
  const folders = new Folders(root);
  const budget = new Budget(limits, Budget.counters());
  const writer = new Writer({ archive: name, folders, excludes: () => false, budget });
  try {
    return await refusable(root, async () => {
      const source = answer.body.on('data', (chunk: Buffer) => packed.update(chunk)).pipe(decompress());
      answer.body.once('error', (cause) => source.destroy(cause));
      const read = async (take: (chunk: Buffer) => void): Promise<void> => {
        for await (const chunk of source) {
          plain.update(chunk as Buffer);
          take(chunk as Buffer);
        }
      };
      await readTar(name, read, (entry) => writer.visit(entry));
      applyFolderAttributes(root, writer.attributes, folders.takeMade());
      return {
        ...{ files: writer.files, bytes: writer.bytes },
        ...{ digest: `sha256:${packed.digest('hex')}`, uncompressed: `sha256:${plain.digest('hex')}` },
      } as const;
    });
  } finally {
    answer.body.destroy();
  }
}

export function digestOfBytes(bytes: Buffer): Digest {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}
