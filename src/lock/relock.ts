import { distribution } from '../distro/distribution.ts';
import type { Context } from '../domain/context.ts';
import { defined } from '../domain/defined.ts';
import type { DefinitionFile } from '../domain/definitions.ts';
import type { Lock, LockedPackage } from '../domain/packages.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { LockedDefinition } from './checksum.ts';
import { byNameAndArchitecture, readLock, readOld, writeLock } from './lockfile.ts';
import { olderLists } from './replayed.ts';
import { type ResolveOptions, resolveLock } from './resolve.ts';

/** One package that changed. */
export interface LockDifference {
  readonly set: string;
  readonly name: string;
  readonly architecture: string;
  /** Version before; absent: new. */
  readonly from?: string;
  /** Version now; absent: gone. */
  readonly to?: string;
}

export interface Relocked {
  readonly lock: Lock;
  /** Whether the file was written. */
  readonly changed: boolean;
  /** Nothing changed, and the lists that it is from were added to a lock that named none. */
  readonly listed?: true;
  /** Packages that stay as they were because no mirror serves the newer ones of its lists. */
  readonly kept: readonly LockDifference[];
  readonly differences: readonly LockDifference[];
}

/**
 * Resolves a definition again and writes its lock if it changed; an unchanged lock is not touched, its time
 * included, but that one without lists gets those that name exactly its packages. What `unserved` names stays as it is locked.
 * Failures: `lock/old-list` where the archive's lists are older than those of the lock that is there, and those of `resolveLock`,
 * `unserved` and `writeLock`.
 */
export async function relock(
  context: Context,
  file: DefinitionFile,
  definition: LockedDefinition,
  options: ResolveOptions = {},
): Promise<Result<Relocked>> {
  const before = await readLock(file, definition);
  const old = await readOld(file);
  const resolved = await resolveLock(context, definition, { ...options, kept: await keptSets(file) });
  if (!resolved.ok) return resolved;
  const replayed = olderLists(file, old, resolved.value);
  if (replayed !== undefined) return err(replayed);
  const now = await keepServed({ sets: old.sets, same: before.ok }, resolved.value, options);
  if (!now.ok) return now;
  const kept = lockDifferences(now.value.sets, resolved.value.sets);
  if (before.ok && JSON.stringify(before.value.sets) === JSON.stringify(now.value.sets)) {
    const { lists } = now.value;
    const same = { changed: false, differences: [], kept };
    if (before.value.lists !== undefined || lists === undefined) return ok({ lock: before.value, ...same });
    const lock = { ...before.value, ...defined({ lists, kept: now.value.kept }) };
    const written = await writeLock(file, lock);
    return written.ok ? ok({ lock, listed: true, ...same }) : written;
  }
  const differences = lockDifferences(old.sets, now.value.sets);
  const written = await writeLock(file, now.value);
  return written.ok ? ok({ lock: now.value, changed: true, differences, kept }) : written;
}

/**
 * What was resolved, but packages that no mirror serves yet stay as they were locked: one source package with all its files, and of
 * the others all, for they are resolved to fit each other; of a lock of another definition (`same`) none, for they may lack what
 * this one needs.
 */
async function keepServed(
  before: { readonly sets: Lock['sets']; readonly same: boolean },
  now: Lock,
  { unserved }: ResolveOptions,
): Promise<Result<Lock>> {
  const changed = Object.entries(now.sets).flatMap(([set, packages]) => {
    const old = new Set(before.sets[set]?.map(({ digest }) => digest));
    return packages.filter(({ digest }) => !old.has(digest)).map((one) => ({ set, one }));
  });
  if (unserved === undefined || changed.length === 0) return ok(now);
  const asked = await unserved(
    changed.map(({ one }) => one),
    now.resolved,
  );
  if (!asked.ok) return asked;
  const isKeepable = ({ set, one }: (typeof changed)[number]): boolean =>
    isSource(one) ? before.sets[set]?.some(({ name }) => name === one.name) === true : before.same;
  const lacking = changed.filter((each) => asked.value.includes(each.one) && isKeepable(each));
  if (lacking.length === 0) return ok(now);
  const stays = new Set(lacking.map(({ one }) => togetherWith(one)));
  const sets = Object.entries(now.sets).map(([set, packages]) => {
    const old = before.sets[set] ?? [];
    const isKept = (one: LockedPackage): boolean => stays.has(togetherWith(one));
    const merged = [...old.filter(isKept), ...packages.filter((one) => !isKept(one))];
    return [set, merged.sort(byNameAndArchitecture)] as const;
  });
  const merged = Object.fromEntries(sets);
  const differing = Object.groupBy(lockDifferences(merged, now.sets), ({ set }) => set);
  const kept = Object.entries(differing).map(([set, all = []]) => [set, all.map(({ name }) => name)]);
  return ok({ ...now, kept: Object.fromEntries(kept), sets: merged });
}

/** Packages with the same answer stay or go together. */
function togetherWith(one: LockedPackage): string {
  return isSource(one) ? one.name : '';
}

function isSource({ architecture }: LockedPackage): boolean {
  return architecture === distribution.sources.architecture;
}

/**
 * Of a shipped definition that a recipe adds packages to: its sources. The patches of each are named beside them, so another
 * version would not be built; and CPython and its libraries stay the entries of the store that they are for everybody.
 */
async function keptSets({ addsTo }: DefinitionFile): Promise<Lock['sets']> {
  const { sources } = addsTo === undefined ? {} : (await readOld(addsTo)).sets;
  return sources === undefined ? {} : { sources };
}

/** The differences between the sets of two locks, by set and name. A rebuilt file of the same version counts too. */
function lockDifferences(before: Lock['sets'], after: Lock['sets']): readonly LockDifference[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].sort().flatMap((set) => setDifferences(set, before[set] ?? [], after[set] ?? []));
}

function setDifferences(
  set: string,
  before: readonly LockedPackage[],
  after: readonly LockedPackage[],
): readonly LockDifference[] {
  const old = new Map(before.map((each) => [each.name, each]));
  const now = new Map(after.map((each) => [each.name, each]));
  return [...new Set([...old.keys(), ...now.keys()])].sort().flatMap((name) => {
    const [from, to] = [old.get(name), now.get(name)];
    if (from?.digest === to?.digest) return [];
    const architecture = (to ?? from)?.architecture ?? '';
    return [{ set, name, architecture, ...(from && { from: from.version }), ...(to && { to: to.version }) }];
  });
}
