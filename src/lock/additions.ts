import { defined } from '../domain/defined.ts';
import type { ImageDefinition } from '../domain/definitions.ts';
import type { Lock } from '../domain/packages.ts';

/**
 * What a recipe's own lock of tools is made for: its packages and what they need beside the image as the image's lock
 * has it. An image that is locked anew makes the recipe's lock stale: the two are unpacked into one tree.
 */
export function toolsOn(
  { rootfs, ...image }: ImageDefinition,
  { sets }: Pick<Lock, 'sets'>,
  packages: readonly string[],
): ImageDefinition {
  const { architecture, others } = rootfs;
  const installed = (sets.rootfs ?? []).map(({ name, version, architecture: of }) => ({
    ...{ name, version },
    architecture: of,
  }));
  return {
    ...image,
    rustStd: {},
    rootfs: {
      ...{ architecture, packages, installed },
      ...defined({ others }),
      ...{ exclude: [], links: {}, files: {} },
    },
  };
}
