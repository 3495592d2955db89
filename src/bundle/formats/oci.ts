import { createHash } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { packTar, type TarOptions } from '../../archive/pack.ts';
import { defined } from '../../domain/defined.ts';
import type { Digest } from '../../domain/ids.ts';
import { ok, type Result } from '../../domain/result.ts';
import type { FormatInput, Formatted } from './format.ts';

const TYPE = 'application/vnd.oci.image';
/** Mount points that the tree has for sandboxes. */
const NOT_IN_IMAGES = ['job'];

interface Blob {
  readonly digest: Digest;
  readonly size: number;
}

interface Layer extends Blob {
  readonly contentDigest: Digest;
}

/**
 * A container image of two layers: the target's run-time tree and the bundle. An OCI layout (OCI Image Format
 * Specification, "Image Layout") with the `manifest.json` of Docker archives, so that every engine can load it.
 */
export async function writeOci(input: FormatInput, folder: string): Promise<Result<Formatted>> {
  const layout = join(folder, '.layout');
  const blobs = join(layout, 'blobs', 'sha256');
  await mkdir(blobs, { recursive: true });
  const home = `opt/${input.name}`;
  const layers: Layer[] = [];
  for (const content of [
    { parts: [{ root: input.rootfs, at: '', without: NOT_IN_IMAGES }], modes: { tmp: 0o1777 } },
    { parts: [{ root: input.bundle, at: home }] },
  ]) {
    const layer = await writeLayer(blobs, { ...content, mtime: input.sourceDateEpoch });
    if (!layer.ok) return layer;
    layers.push(layer.value);
  }
  const config = await writeBlob(blobs, JSON.stringify(configuration(input, home, layers)));
  const manifest = await writeBlob(
    blobs,
    JSON.stringify({
      schemaVersion: 2,
      mediaType: `${TYPE}.manifest.v1+json`,
      config: { mediaType: `${TYPE}.config.v1+json`, ...config },
      layers: layers.map(({ digest, size }) => ({ mediaType: `${TYPE}.layer.v1.tar+gzip`, digest, size })),
    }),
  );
  const tag = tagOf(input);
  await writeFile(join(layout, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  await writeFile(join(layout, 'index.json'), JSON.stringify(index(input, manifest, tag)));
  await writeFile(join(layout, 'manifest.json'), JSON.stringify(dockerManifest(config, layers, tag)));
  const file = `${input.name}-${input.target.rustTriple}.oci.tar`;
  const packed = await packTar({
    parts: [{ root: layout, at: '' }],
    archive: join(folder, file),
    mtime: input.sourceDateEpoch,
    compress: 'none',
  });
  if (!packed.ok) return packed;
  await rm(layout, { recursive: true });
  return ok({ file, digest: packed.value.digest, size: packed.value.bytes, tag });
}

async function writeLayer(
  blobs: string,
  content: Pick<TarOptions, 'parts' | 'modes' | 'mtime'>,
): Promise<Result<Layer>> {
  const archive = join(blobs, 'layer');
  const packed = await packTar({ ...content, archive, compress: 'gzip' });
  if (!packed.ok) return packed;
  const { digest, contentDigest, bytes } = packed.value;
  await rename(archive, join(blobs, digest.slice('sha256:'.length)));
  return ok({ digest, contentDigest, size: bytes });
}

async function writeBlob(blobs: string, text: string): Promise<Blob> {
  const hex = createHash('sha256').update(text).digest('hex');
  await writeFile(join(blobs, hex), text);
  return { digest: `sha256:${hex}`, size: Buffer.byteLength(text) };
}

/** Metadata and entry point of the image (OCI Image Format Specification, "Image Configuration"). */
function configuration(input: FormatInput, home: string, layers: readonly Layer[]) {
  const created = new Date(input.sourceDateEpoch * 1000).toISOString();
  const [os, architecture, variant] = input.target.ociPlatform.split('/');
  return {
    created,
    architecture,
    ...defined({ variant }),
    os,
    config: {
      Env: [`PATH=/${home}/bin:/usr/local/bin:/usr/bin:/bin`, 'LANG=C.UTF-8'],
      Entrypoint: [`/${home}/${input.contents.manifest.program.file}`],
      WorkingDir: '/',
      Labels: {
        'org.opencontainers.image.title': input.name,
        'org.opencontainers.image.version': input.version,
        'org.opencontainers.image.description': input.description,
      },
    },
    rootfs: { type: 'layers', diff_ids: layers.map(({ contentDigest }) => contentDigest) },
    history: ["the target's C library and system data", 'the program and its Python'].map((comment) => ({
      created,
      created_by: 'provision',
      comment,
    })),
  };
}

function index({ target, version }: FormatInput, manifest: Blob, tag: string) {
  const [os, architecture, variant] = target.ociPlatform.split('/');
  return {
    schemaVersion: 2,
    mediaType: `${TYPE}.index.v1+json`,
    manifests: [
      {
        mediaType: `${TYPE}.manifest.v1+json`,
        ...manifest,
        platform: { architecture, os, ...defined({ variant }) },
        annotations: { 'io.containerd.image.name': tag, 'org.opencontainers.image.ref.name': version },
      },
    ],
  };
}

/** Read by `docker load` where its storage does not support OCI layouts: the layers by their path in the archive. */
function dockerManifest(config: Blob, layers: readonly Blob[], tag: string) {
  const path = ({ digest }: Blob): string => `blobs/sha256/${digest.slice('sha256:'.length)}`;
  return [{ Config: path(config), RepoTags: [tag], Layers: layers.map(path) }];
}

/** Image names are lower-case, and tags have no `+` (OCI Distribution Specification). */
function tagOf({ name, version }: FormatInput): string {
  const repository = basename(name)
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return `${repository || 'program'}:${version.replaceAll('+', '-')}`;
}
