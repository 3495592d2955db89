import { join } from 'node:path';
import { writeDeb } from '../bundle/formats/deb.ts';
import type { BundleFormat, FormatInput, Formatted } from '../bundle/formats/format.ts';
import { writeOci } from '../bundle/formats/oci.ts';
import { writeOnefile } from '../bundle/formats/onefile.ts';
import { readContents } from '../bundle/inspect.ts';
import { ok, type Result } from '../domain/result.ts';
import { formatBytes } from '../domain/units.ts';
import type { StoreEntry } from '../store/store.ts';
import type { Planned } from './prepare.ts';
import type { Made } from './runtimes.ts';
import type { Session } from './session.ts';

/** Increase it when the same bundle gives another package. */
const FORMAT_VERSION = 3;

const WRITERS: Readonly<
  Record<BundleFormat, (input: FormatInput, folder: string) => Promise<Result<Formatted>>>
> = { oci: writeOci, deb: writeDeb, onefile: writeOnefile };

/** A bundle as it is shipped. */
export type Package = StoreEntry<Formatted> & { readonly format: BundleFormat };

/** Makes the packages of a bundle, or finds them made. */
export async function makePackages(
  session: Session,
  { plan, locks }: Planned,
  { bundle, unpacked, prepared, rootfs }: Made,
  formats: readonly BundleFormat[],
): Promise<Result<readonly Package[]>> {
  if (formats.length === 0) return ok([]);
  const { context, store } = session;
  const folder = join(unpacked.folder, unpacked.top);
  const contents = await readContents(folder);
  if (!contents.ok) return contents;
  const input: FormatInput = {
    bundle: folder,
    contents: contents.value,
    target: plan.target,
    rootfs: rootfs.folder,
    packages: locks.sysroot.lock.sets.rootfs ?? [],
    name: plan.recipe.project.bin,
    version: plan.crate.version ?? '0.0.0',
    description: plan.recipe.description,
    sourceDateEpoch: prepared.sourceDateEpoch,
  };
  const made: Package[] = [];
  for (const format of formats) {
    const inputs = {
      what: 'package',
      version: FORMAT_VERSION,
      format,
      bundle: bundle.meta.digest,
      // The image has it inside; the dependencies are names of what it is made of.
      rootfs: rootfs.fingerprint,
      name: input.name,
      crate: input.version,
      description: input.description,
      sourceDateEpoch: input.sourceDateEpoch,
    };
    const entry = await session.recorder.stage(
      'package',
      `Package ${format}`,
      () =>
        store.obtain<Formatted>(
          'builds',
          inputs,
          async (at) => {
            const sound = await store.verify(unpacked.folder);
            return sound.ok ? WRITERS[format](input, at) : sound;
          },
          { signal: context.signal },
        ),
      ({ hit, meta }) => ({ hit, detail: `${meta.file}, ${formatBytes(meta.size)}` }),
    );
    if (!entry.ok) return entry;
    made.push({ ...entry.value, format });
  }
  return ok(made);
}
