import { createHash } from 'node:crypto';
import type { ImageDefinition, SysrootDefinition } from '../domain/definitions.ts';
import type { PackageSet } from '../domain/packages.ts';
import type { Digest } from '../domain/words.ts';

export type LockedDefinition = ImageDefinition | SysrootDefinition;

/**
 * Checksum of what decides the packages of a definition, and of nothing else: a new description or exclude rule
 * leaves the lock as good as it was. The order in which packages are listed plays no part.
 */
export function definitionChecksum(definition: LockedDefinition): Digest {
  const sets = Object.entries(packageSets(definition)).map(([name, set]) => [
    name,
    { architecture: set.architecture, packages: sorted(set.packages), without: sorted(set.without ?? []) },
  ]);
  const canonical = JSON.stringify({ suite: definition.suite, sets });
  return `sha256:${createHash('sha256').update(canonical).digest('hex')}`;
}

/** The package sets of a definition under their names in the lock, sorted by name. */
export function packageSets(definition: LockedDefinition): Readonly<Record<string, PackageSet>> {
  if (definition.kind === 'image') return { rootfs: definition.rootfs };
  const { rootfs, sysroot } = definition;
  return definition.kind === 'packages'
    ? { rootfs, sysroot }
    : { rootfs, sources: definition.sources, sysroot };
}

function sorted(names: readonly string[]): readonly string[] {
  return [...new Set(names)].sort();
}
