import { distribution } from '../distro/distribution.ts';
import type { MachineFiles } from '../distro/distro.ts';
import type { Context } from '../domain/context.ts';
import type { Lock, LockedPackage } from '../domain/packages.ts';
import { ok, type Result } from '../domain/result.ts';
import { definitionChecksum, type LockedDefinition, packageSets } from './checksum.ts';
import { byNameAndArchitecture } from './lockfile.ts';

export interface ResolveOptions extends MachineFiles {
  /** Sets that stay as they are. */
  readonly kept?: Lock['sets'];
  /** Those of some packages that no mirror serves; absent: all count as served. */
  readonly unserved?: (
    packages: readonly LockedPackage[],
    resolved: string,
  ) => Promise<Result<readonly LockedPackage[]>>;
}

/** Finds the exact packages of a definition, as its distribution resolves them. Failures: those of `Distro.resolve`. */
export async function resolveLock(
  context: Context,
  definition: LockedDefinition,
  { kept = {}, ...options }: ResolveOptions = {},
): Promise<Result<Lock>> {
  const { suite } = definition;
  const resolved = `${new Date().toISOString().slice(0, 19)}Z`;
  const wanted = Object.entries(packageSets(definition));
  const asked = wanted.filter(([name]) => kept[name] === undefined);
  const stay = wanted.flatMap(([name]) => (kept[name] === undefined ? [] : [[name, kept[name]] as const]));
  const request = { suite, sets: Object.fromEntries(asked), resolved };
  const found = await distribution.resolve(context, request, options);
  if (!found.ok) return found;
  const all = [...Object.entries(found.value.sets), ...stay].sort(([a], [b]) => (a < b ? -1 : 1));
  const sets = all.map(([name, packages]) => [name, packages.toSorted(byNameAndArchitecture)] as const);
  return ok({
    schema: 1,
    definition: definitionChecksum(definition),
    suite,
    resolved,
    lists: found.value.lists,
    sets: Object.fromEntries(sets),
  });
}
