import { createHash } from 'node:crypto';
import { defined } from '../domain/defined.ts';
import type { ImageDefinition, SysrootDefinition } from '../domain/definitions.ts';
import type { Digest } from '../domain/ids.ts';
import type { PackageSet } from '../domain/packages.ts';
import type { SystemDefinition } from '../domain/system.ts';

export type LockedDefinition = ImageDefinition | SysrootDefinition | SystemDefinition;

/**
 * Checksum of what decides the packages of a definition, and of nothing else: a new description or exclude rule
 * leaves the lock valid. The order in which packages are listed does not matter.
 */
export function definitionChecksum(definition: LockedDefinition): Digest {
  const sets = Object.entries(packageSets(definition))
    .filter(([name]) => !isRustStd(definition, name))
    .map(([name, set]) => [name, { architecture: set.architecture, ...listsOf(set) }]);
  const canonical = JSON.stringify({ suite: definition.suite, sets, ...rustStdLists(definition) });
  return `sha256:${createHash('sha256').update(canonical).digest('hex')}`;
}

/** The package sets of a definition under their names in the lock, sorted by name. */
export function packageSets(definition: LockedDefinition): Readonly<Record<string, PackageSet>> {
  if (definition.kind === 'image') return { rootfs: definition.rootfs, ...rustStdSets(definition) };
  if (definition.kind === 'system') return { rootfs: definition.rootfs };
  const { rootfs, sysroot, source } = definition;
  return { rootfs, ...defined({ sources: source?.sources }), sysroot };
}

function listsOf({ suite, elsewhere, packages, upstreamOnly, without = [], installed }: PackageSet): object {
  const there = installed?.map(({ name, version, architecture }) => `${name}:${architecture}=${version}`);
  return {
    ...defined({ suite, elsewhere: elsewhere && Object.entries(elsewhere).sort() }),
    packages: sorted(packages),
    ...(upstreamOnly === undefined ? {} : { upstreamOnly: sorted(upstreamOnly) }),
    without: sorted(without),
    ...(there === undefined ? {} : { installed: sorted(there) }),
  };
}

/** The request for all targets: one more target leaves the lock valid for the others. */
function rustStdLists(definition: LockedDefinition): object {
  if (definition.kind !== 'image') return {};
  const lists = Object.values(rustStdSets(definition)).map((set) => JSON.stringify(listsOf(set)));
  return lists.length === 0 ? {} : { rustStd: sorted(lists) };
}

/** Names of the sets that a lock may have been made without: of targets that came later. */
export function addedLater(definition: LockedDefinition): readonly string[] {
  return definition.kind === 'image' ? Object.keys(rustStdSets(definition)) : [];
}

function isRustStd(definition: LockedDefinition, name: string): boolean {
  return addedLater(definition).includes(name);
}

/** Rust's standard library for each target is a set of its own: a run fetches the one of its target. */
function rustStdSets({ rustStd }: ImageDefinition): Readonly<Record<string, PackageSet>> {
  const sets = Object.values(rustStd).flatMap((std) =>
    std.from === 'packages' ? [[std.set, std.tree] as const] : [],
  );
  return Object.fromEntries(sets.sort(([a], [b]) => (a < b ? -1 : 1)));
}

function sorted(names: readonly string[]): readonly string[] {
  return [...new Set(names)].sort();
}
