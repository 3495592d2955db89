import { copyFile, link, mkdir, readdir, readlink, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../domain/context.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import type { StoredTree } from '../../domain/stored-tree.ts';
import { onDisk } from '../../store/disk.ts';
import { verifyAll } from '../../store/sound.ts';
import type { Store, StoreEntry } from '../../store/store.ts';

const COMPOSE_VERSION = 1;

export type Part = StoredTree;

export type ComposedMeta = { readonly packages: number; readonly files: number; readonly bytes: number };

/** One tree of several: later ones may add to the folders of earlier ones, not replace their files. */
export function compose(
  context: Context,
  store: Store,
  parts: readonly Part[],
  meta: ComposedMeta,
): Promise<Result<StoreEntry<ComposedMeta>>> {
  const inputs = {
    what: 'composed',
    version: COMPOSE_VERSION,
    parts: parts.map(({ fingerprint }) => fingerprint),
  };
  const make = async (folder: string): Promise<Result<ComposedMeta>> => {
    // Their files become those of this entry: what is damaged in them would count as sound here.
    const sound = await verifyAll(store, parts);
    if (!sound.ok) return sound;
    for (const part of parts) {
      const laid = await onDisk(folder, () => lay(part.folder, folder));
      if (!laid.ok) return laid;
      if (laid.value !== undefined) return err(clash(laid.value));
    }
    return ok(meta);
  };
  const reads = parts.map(({ folder }) => folder);
  return store.obtain('trees', inputs, make, { signal: context.signal, lazily: true, reads });
}

/** Lays a tree under another: what that one has stays. */
export async function layUnder(from: string, to: string): Promise<void> {
  await lay(from, to, () => false);
}

/** Lays a tree over another; the path at which both have something, if there is one. */
async function lay(from: string, to: string, clashes = (_path: string) => true): Promise<string | undefined> {
  await mkdir(to, { recursive: true });
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const [source, destination] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) {
      const clashing = await lay(source, destination, clashes);
      if (clashing !== undefined) return clashing;
      continue;
    }
    try {
      if (entry.isSymbolicLink()) await symlink(await readlink(source), destination);
      else await share(source, destination);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
      if (clashes(destination)) return destination;
    }
  }
  return undefined;
}

/** Entries never change, so that two may have a file in common; where the file system cannot do that, a copy. */
async function share(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (cause) {
    if (!['EPERM', 'EXDEV', 'EMLINK', 'ENOTSUP'].includes((cause as NodeJS.ErrnoException).code ?? ''))
      throw cause;
    await copyFile(from, to);
  }
}

function clash(path: string) {
  return {
    code: 'archive/conflict',
    what: `Two parts of the sysroot have ${path}.`,
    fix: ['Leave one of them out: `exclude` in the sysroot definition, or the library that brings it.'],
  } as const;
}
