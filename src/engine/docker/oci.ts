import type { Context } from '../../domain/context.ts';
import { defined } from '../../domain/defined.ts';
import type { Digest } from '../../domain/ids.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import { interrupted } from '../../failure.ts';
import { type Descriptor, digestOfBytes, downloadLayer, GZIP, uploadBytes, uploadLayer } from './blobs.ts';
import { LABELS } from './names.ts';
import { Unreadable } from './pack.ts';
import { formatReference, type Reference } from './reference.ts';
import { bytesOf, Registry, RegistryError } from './registry.ts';
import { absent, denied, differs, foreign, refusedBy, unreachableRegistry } from './registry-failures.ts';

/** Media types of the OCI image specification, and Docker's own for the same things. */
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
const CONFIG = 'application/vnd.oci.image.config.v1+json';
const ACCEPTED = [MANIFEST, 'application/vnd.docker.distribution.manifest.v2+json'].join(', ');

/** What an image of a locked tree is made of. */
export interface TreeImage {
  /** Folder of the tree. */
  readonly root: string;
  /** Its fingerprint in the store: what the lock and the definition come to. */
  readonly fingerprint: string;
  /** Of the lock file. */
  readonly lock: Digest;
  /** ISO 8601: when the lock was made. */
  readonly created: string;
  /** e.g. `linux/…`, as the OCI names it. */
  readonly platform: string;
}

export interface Pushed {
  /** Of the manifest: names the image exactly. */
  readonly digest: Digest;
  /** sha256 of the uncompressed layer: the same as that of the engine's own image of this tree. */
  readonly layer: Digest;
  /** Bytes of the compressed layer. */
  readonly size: number;
}

/** Sends a tree to a registry as an image of one layer. Failures: `fetch/registry…`, `engine/unreadable-source`. */
export function pushTree(context: Context, reference: Reference, image: TreeImage): Promise<Result<Pushed>> {
  return speaking(context, reference, async (registry) => {
    const { uncompressed, ...layer } = await uploadLayer(registry, reference.path, image.root, GZIP);
    const config = await uploadBytes(registry, reference.path, CONFIG, configOf(image, uncompressed));
    const manifest = Buffer.from(
      JSON.stringify({ schemaVersion: 2, mediaType: MANIFEST, config, layers: [layer] }),
    );
    await registry.call(
      {
        method: 'PUT',
        to: `${reference.path}/manifests/${reference.tag}`,
        headers: { 'Content-Type': MANIFEST },
        body: manifest,
      },
      [201],
    );
    return ok({ digest: digestOfBytes(manifest), layer: uncompressed, size: layer.size });
  });
}

/** What a pulled image says of itself, every part checked against its digest. */
export interface Pulled {
  readonly digest: Digest;
  readonly fingerprint: string | undefined;
  readonly platform: string;
  readonly layer: Descriptor;
  readonly uncompressed: Digest;
}

/** Reads manifest and configuration of an image; nothing of its layer yet. */
export function readImage(context: Context, reference: Reference): Promise<Result<Pulled>> {
  return speaking(context, reference, async (registry) => {
    const asked = reference.digest ?? reference.tag;
    const answer = await registry.call(
      { method: 'GET', to: `${reference.path}/manifests/${asked}`, headers: { Accept: ACCEPTED } },
      [200],
    );
    const bytes = await bytesOf(answer.body);
    const digest = digestOfBytes(bytes);
    const expected = (reference.digest ?? answer.headers['docker-content-digest']) as Digest | undefined;
    if (expected !== undefined && expected !== digest)
      return err(differs(reference, 'manifest', expected, digest));
    const manifest = JSON.parse(bytes.toString('utf8')) as {
      config?: Descriptor;
      layers?: readonly Descriptor[];
    };
    const [layer] = manifest.layers ?? [];
    if (manifest.config === undefined || layer === undefined || manifest.layers?.length !== 1) {
      return err(foreign(reference, 'It is not an image of one layer.'));
    }
    const blob = await registry.call(
      { method: 'GET', to: `${reference.path}/blobs/${manifest.config.digest}` },
      [200],
    );
    const config = await bytesOf(blob.body);
    if (digestOfBytes(config) !== manifest.config.digest) {
      return err(differs(reference, 'configuration', manifest.config.digest, digestOfBytes(config)));
    }
    const said = JSON.parse(config.toString('utf8')) as ImageConfig;
    const [uncompressed] = said.rootfs.diff_ids;
    if (uncompressed === undefined) return err(foreign(reference, 'Its configuration names no layer.'));
    const variant = said.variant === undefined ? '' : `/${said.variant}`;
    const platform = `${said.os}/${said.architecture}${variant}`;
    return ok({ digest, fingerprint: said.config?.Labels?.[LABELS.entry], platform, layer, uncompressed });
  });
}

/** Unpacks the layer of an image into an empty folder; what is not what its digests say is a failure, found at the end. */
export function unpackLayer(
  context: Context,
  reference: Reference,
  image: Pulled,
  root: string,
): Promise<Result<{ files: number; bytes: number }>> {
  return speaking(context, reference, async (registry) => {
    const from = { path: reference.path, name: formatReference(reference) };
    const unpacked = await downloadLayer(registry, from, image.layer, root, GZIP);
    if (!unpacked.ok) return unpacked;
    const { digest, uncompressed, files, bytes } = unpacked.value;
    if (digest !== image.layer.digest) return err(differs(reference, 'layer', image.layer.digest, digest));
    if (uncompressed !== image.uncompressed)
      return err(differs(reference, 'unpacked layer', image.uncompressed, uncompressed));
    return ok({ files, bytes });
  });
}

interface ImageConfig {
  readonly architecture: string;
  readonly os: string;
  readonly variant?: string;
  readonly config?: { readonly Labels?: Readonly<Record<string, string>> | null };
  readonly rootfs: { readonly diff_ids: readonly Digest[] };
}

function configOf({ fingerprint, lock, created, platform }: TreeImage, uncompressed: Digest): Buffer {
  const [os, architecture, variant] = platform.split('/');
  const Labels = { [LABELS.entry]: fingerprint, 'provision.lock': lock };
  return Buffer.from(
    JSON.stringify({
      ...{ created, architecture, os, ...defined({ variant }) },
      config: { Env: ['PATH=/usr/local/bin:/usr/bin:/bin'], Cmd: ['/bin/sh'], Labels },
      rootfs: { type: 'layers', diff_ids: [uncompressed] },
      history: [{ created, created_by: 'provision image push' }],
    }),
  );
}

/** Runs a conversation; what the registry or the way to it refuses becomes a failure. */
async function speaking<T>(
  context: Context,
  reference: Reference,
  talk: (registry: Registry) => Promise<Result<T>>,
): Promise<Result<T>> {
  const name = formatReference(reference);
  try {
    using registry = new Registry(reference, context.settings, context.signal);
    return await talk(registry);
  } catch (cause) {
    if (context.signal.aborted) return err(interrupted());
    if (cause instanceof Unreadable) return err(cause.failure);
    if (cause instanceof RegistryError)
      return err(
        cause.status === 401 || cause.status === 403
          ? denied(name, cause.message)
          : cause.status === 404
            ? absent(name, cause.message)
            : refusedBy(name, cause.message),
      );
    if (cause instanceof SyntaxError) return err(foreign(reference, cause.message));
    if (cause instanceof Error && 'code' in cause) return err(unreachableRegistry(name, cause.message));
    throw cause;
  }
}
