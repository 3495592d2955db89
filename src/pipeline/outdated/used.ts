import { distribution } from '../../distro/distribution.ts';
import type { UsedPackage } from '../../domain/outdated.ts';
import { packageSets } from '../../lock/checksum.ts';
import type { ListedComponent } from '../../sbom/listed.ts';
import { allLocks, type Locked, type Locks, suiteOf } from '../trees.ts';

/** The packages of a recipe's locks, as far as a run takes them. */
export function usedByLocks(locks: Locks): readonly UsedPackage[] {
  return allLocks(locks).flatMap((locked) => usedByLock(locks, locked));
}

function usedByLock(locks: Locks, locked: Locked): readonly UsedPackage[] {
  const needed = new Set(locked.needed.map(({ digest }) => digest));
  const sets: Readonly<Record<string, { readonly architecture: string }>> = packageSets(locked.definition);
  return Object.entries(locked.lock.sets).flatMap(([set, packages]) =>
    lastOfEach(packages.filter(({ digest }) => needed.has(digest))).map((one) => ({
      ...{ name: one.name, version: one.version },
      architecture: sets[set]?.architecture ?? one.architecture,
      suite: suiteOf(locks, locked, set, one),
      source: distribution.bill.source(one),
      shipped:
        isShipped(locks, locked, set) && !distribution.updates.isDeclarations(distribution.bill.source(one)),
      where: locked.file.id,
    })),
  );
}

/** Of a source package the file that comes last: its version has the distribution's revision. */
function lastOfEach<T extends { readonly name: string; readonly architecture: string }>(
  packages: readonly T[],
): readonly T[] {
  return [...new Map(packages.map((one) => [`${one.name}:${one.architecture}`, one])).values()];
}

/** Toolchain, interpreters and the roots that samples are run in stay where they are. */
function isShipped({ sysroot, base, systemData }: Locks, locked: Locked, set: string): boolean {
  if (locked === systemData) return true;
  return (locked === sysroot || locked === base) && set !== 'rootfs';
}

/** The packages that a bill of materials names, and those of them that no list can be asked for. */
export function usedByBundle(
  where: string,
  components: readonly ListedComponent[],
  fallback: string | undefined,
): { readonly used: readonly UsedPackage[]; readonly unknown: readonly string[] } {
  const named = components.flatMap(({ name, purl }) => {
    const one = purl === undefined ? undefined : distribution.bill.fromPurl(purl);
    return one === undefined ? [] : [{ component: name, ...one }];
  });
  const used: UsedPackage[] = [];
  const unknown: string[] = [];
  for (const { component, architecture, ...one } of named) {
    // Lists are made for one machine; packages for all of them are in each.
    const list = distribution.updates.isForAll(architecture) ? fallback : architecture;
    if (list === undefined) unknown.push(`${component}: nothing says for which architecture ${where} is`);
    else used.push({ ...one, architecture: list, shipped: true, where });
  }
  return { used, unknown };
}
