import { join } from 'node:path';
import { unpackTarGz } from '../archive/pack.ts';
import type { Context } from '../domain/context.ts';
import { ok, type Result } from '../domain/result.ts';
import type { Store } from '../store/store.ts';
import type { Bundle } from './bundle.ts';

export interface Unpacked {
  readonly folder: string;
  readonly fingerprint: string;
  /** Name of the archive's single top-level folder. */
  readonly top: string;
}

/** Unpacks a bundle, so that tests run what users get. */
export async function unpackBundle(
  context: Context,
  store: Store,
  bundle: Bundle,
): Promise<Result<Unpacked>> {
  const { archive, digest } = bundle.meta;
  const entry = await store.obtain<null>(
    'builds',
    { what: 'unpacked bundle', bundle: digest },
    async (folder) => {
      const sound = await store.verify(bundle.folder);
      if (!sound.ok) return sound;
      const unpacked = await unpackTarGz(join(bundle.folder, archive), folder);
      return unpacked.ok ? ok(null) : unpacked;
    },
    { signal: context.signal, local: true, reads: [] },
  );
  if (!entry.ok) return entry;
  return ok({
    folder: entry.value.folder,
    fingerprint: entry.value.fingerprint,
    top: archive.replace(/\.tar\.gz$/, ''),
  });
}
