import { type RustPin, rustPin } from '../crate/rust-toolchain.ts';
import type { Crate, NeededRust } from '../domain/crate.ts';
import { defined } from '../domain/defined.ts';
import type { ImageDefinition, Recipe } from '../domain/definitions.ts';
import { compareReleases } from '../domain/glibc.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { YamlDocument } from './document.ts';
import { type ImageContext, loadImage } from './images.ts';
import type { Loaded } from './load.ts';

export interface ChosenImage {
  readonly image: Loaded<ImageDefinition>;
  /** Why it is not the one with the older Rust, where the crate and not the recipe says so. */
  readonly because?: string;
}

/** The image that a program is built in: of the channel that the recipe names, or of the oldest that the crate takes. */
export async function chooseImage(
  context: ImageContext,
  stable: Loaded<ImageDefinition>,
  {
    rust,
    crate,
    needed,
    document,
  }: Pick<Recipe, 'rust'> & {
    readonly crate: Crate;
    /** By a crate that the lock names, as a build found out. */
    readonly needed?: NeededRust;
    readonly document: YamlDocument;
  },
): Promise<Result<ChosenImage>> {
  const { next, name } = stable.value;
  if (rust === 'stable' || rust === 'host') return ok({ image: stable });
  if (next === undefined) {
    return rust === 'next'
      ? err({
          code: 'recipe/no-next-rust',
          what: `The toolchain image \`${name}\` has no successor with a newer Rust.`,
          fix: ['Remove `rust: next`, or `toolchain`.', 'Or build with your own Rust: `rust: host`.'],
          at: document.locate(['rust'], 'value'),
        })
      : ok({ image: stable });
  }
  const asking = { crate, pin: rust === undefined ? await rustPin(crate.folder) : undefined, needed };
  const wanted = rust === 'next' ? undefined : reasonFor(stable.value, asking);
  if (rust !== 'next' && wanted === undefined) return ok({ image: stable });
  const newer = await loadImage(context, next);
  if (!newer.ok) return newer;
  // One that the crate does not take either is no better: the failure names the ways out.
  if (wanted !== undefined && reasonFor(newer.value.value, asking) !== undefined)
    return ok({ image: stable });
  return ok({ image: newer.value, ...defined({ because: wanted }) });
}

interface Asking {
  readonly crate: Crate;
  readonly pin: RustPin | undefined;
  readonly needed: NeededRust | undefined;
}

/** Why a crate does not take the Rust of an image; undefined where it does, as far as is known. */
function reasonFor({ rust }: ImageDefinition, { crate, pin, needed }: Asking): string | undefined {
  if (rust === undefined) return undefined;
  const { rustVersion } = crate;
  if (rustVersion !== undefined && compareReleases(rust, rustVersion) < 0) {
    return `Cargo.toml asks for Rust ${rustVersion} or newer.`;
  }
  if (needed !== undefined && compareReleases(rust, needed.release) < 0) {
    return `${needed.by}, which Cargo.lock names, asks for Rust ${needed.release} or newer.`;
  }
  // A name such as `stable`, or a nightly, says nothing of a release; of one that is pinned the patch level is not needed.
  const pinned = /^\d+\.\d+/.exec(pin?.channel ?? '')?.[0];
  if (pinned === undefined || compareReleases(rust, pinned) >= 0) return undefined;
  return `${pin?.file} asks for Rust ${pin?.channel}.`;
}
