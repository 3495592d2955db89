import { type RustPin, rustPin } from '../crate/rust-toolchain.ts';
import type { Crate } from '../domain/crate.ts';
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
    document,
  }: Pick<Recipe, 'rust'> & { readonly crate: Crate; readonly document: YamlDocument },
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
  const pin = rust === undefined ? await rustPin(crate.folder) : undefined;
  const wanted = rust === 'next' ? undefined : reasonFor(stable.value, crate, pin);
  if (rust !== 'next' && wanted === undefined) return ok({ image: stable });
  const newer = await loadImage(context, next);
  if (!newer.ok) return newer;
  // One that the crate does not take either is no better: the failure names the ways out.
  if (wanted !== undefined && reasonFor(newer.value.value, crate, pin) !== undefined)
    return ok({ image: stable });
  return ok({ image: newer.value, ...defined({ because: wanted }) });
}

/** Why a crate does not take the Rust of an image; undefined where it does, as far as is known. */
function reasonFor(
  { rust }: ImageDefinition,
  { rustVersion }: Crate,
  pin: RustPin | undefined,
): string | undefined {
  if (rust === undefined) return undefined;
  if (rustVersion !== undefined && compareReleases(rust, rustVersion) < 0) {
    return `Cargo.toml asks for Rust ${rustVersion} or newer.`;
  }
  // A name such as `stable`, or a nightly, says nothing of a release; of one that is pinned the patch level is not needed.
  const pinned = /^\d+\.\d+/.exec(pin?.channel ?? '')?.[0];
  if (pinned === undefined || compareReleases(rust, pinned) >= 0) return undefined;
  return `${pin?.file} asks for Rust ${pin?.channel}.`;
}
