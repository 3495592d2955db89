import { distribution } from '../../distro/distribution.ts';
import type { IndexedPackage, MachineFiles, Mirrors, Newest, NewestRequest } from '../../distro/distro.ts';
import type { Context } from '../../domain/context.ts';
import { defined } from '../../domain/defined.ts';
import { eachAtOnce } from '../../domain/each-at-once.ts';
import { Once } from '../../domain/once.ts';
import type { AskedList, Outdated, OutdatedReport, UsedPackage } from '../../domain/outdated.ts';
import type { LockedPackage } from '../../domain/packages.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import type { Failure } from '../../failure.ts';
import type { Store } from '../../store/store.ts';

/** A list with its security updates, and what is to be compared with them. */
export interface AskedSuite {
  readonly suite: string;
  readonly architecture: string;
  readonly used: readonly UsedPackage[];
  readonly newest: Newest;
  /** Absent: no mirror has them. */
  readonly security?: Newest;
}

/** Lists that are asked at once, each with its security updates. */
const AT_ONCE = 4;

/** Asks the lists that the packages are from. Failures: those of `Updates.newest`, `fetch/lists-offline`. */
export async function askLists(
  context: Context,
  store: Store,
  used: readonly UsedPackage[],
  machine: MachineFiles = {},
): Promise<Result<readonly AskedSuite[]>> {
  if (used.length > 0 && context.settings.offline) return err(offline());
  const groups = Map.groupBy(used, ({ suite, architecture }) => `${suite} ${architecture}`);
  const answers = new Map<string, Result<AskedSuite>>();
  const once = new Once();
  // A list is tens of megabytes of text while it is read.
  await eachAtOnce(AT_ONCE, [...groups], async ([key, group]) => {
    answers.set(key, await askList(context, store, { used: group, once }, machine));
  });
  const asked = [...groups.keys()].flatMap((key) => answers.get(key) ?? []);
  const failed = asked.find((one) => !one.ok);
  return failed ?? ok(asked.flatMap((one) => (one.ok ? [one.value] : [])));
}

async function askList(
  context: Context,
  store: Store,
  { used, once }: { readonly used: readonly UsedPackage[]; readonly once: Once },
  machine: MachineFiles,
): Promise<Result<AskedSuite>> {
  const [{ suite, architecture }] = used as readonly [UsedPackage];
  const names = [...new Set(used.map(({ name }) => name))];
  const request: NewestRequest = { suite, architecture, names, once };
  const [newest, security] = await Promise.all([
    distribution.updates.newest(context, store, request, machine),
    distribution.updates.newest(context, store, { ...request, security: true }, machine),
  ]);
  if (!newest.ok) return newest;
  // A mirror need not have them; what is wrongly signed is another thing.
  if (!security.ok && security.error.code !== 'lock/no-mirror') return security;
  const old = olderThanUsed(used, newest.value);
  if (old !== undefined) return err(old);
  return ok({
    ...{ suite, architecture, used, newest: newest.value },
    ...defined({ security: security.ok ? security.value : undefined }),
  });
}

/** The failure of a comparison that may ask nobody. */
export function offline(): Failure {
  return {
    code: 'fetch/lists-offline',
    what: 'What is newer is in the lists of the mirrors, and --offline prevents that they are asked.',
    fix: ['Run it without `--offline`.'],
  };
}

/** Packages do not become older: a list that says so is an old one, kept by the mirror or replayed by someone in between. */
function olderThanUsed(
  used: readonly UsedPackage[],
  { packages, mirrors, dated }: Newest,
): Failure | undefined {
  const older = used.flatMap((one) => {
    const listed = packages.get(one.name)?.version;
    const isOlder =
      listed !== undefined && distribution.updates.isNewer(one.version, listed, one.architecture);
    return isOlder ? [`${one.where}: ${one.name} ${one.version}; listed: ${listed}`] : [];
  });
  const [{ suite, architecture }] = used as readonly [UsedPackage];
  if (older.length === 0) return undefined;
  return {
    code: 'lock/old-list',
    what: `The list of ${suite} for ${architecture} is older than what is compared with it.`,
    why: `It is of ${dated ?? 'an unknown date'}: the mirror ${mirrors.urls[0]} is behind, or something in between serves an old list.`,
    fix: [distribution.advice.otherMirror],
    evidence: [...new Set(older)].slice(0, 5),
  };
}

/** What of the asked suites is newer, and what they have no more. */
export function compareSuites(
  asked: readonly AskedSuite[],
): Pick<OutdatedReport, 'lists' | 'outdated' | 'gone'> & { readonly changed: readonly ChangedSource[] } {
  const found = asked.flatMap((one) => one.used.flatMap((used) => compareOne(used, one)));
  const groups = Map.groupBy(found, keyOf);
  const outdated = [...groups.values()].map(joined);
  const gone = asked.flatMap(({ used, newest: { packages } }) =>
    used
      .filter(({ name }) => !packages.has(name))
      .map(({ name, suite, architecture }) => ({ name, suite, architecture })),
  );
  return {
    lists: asked.map(listOf),
    outdated: outdated.map(({ outdated: one }) => one),
    changed: outdated.flatMap(({ changed, outdated: one }, index) => {
      if (!one.shipped || changed === undefined) return [];
      // Where a mirror lacks a source, a package that was made of it has the same changelog.
      const same = outdated.flatMap(({ changed: other, outdated: { suite } }) =>
        other !== changed && other?.name === changed.name && other.to === changed.to && suite === one.suite
          ? other.files
          : [],
      );
      return [{ ...changed, index, files: [...changed.files, ...same] }];
    }),
    gone: uniqueBy(gone, ({ name, suite, architecture }) => `${suite} ${architecture} ${name}`),
  };
}

/** A shipped source package whose changelog says what is new. */
export interface ChangedSource {
  /** Place in the list of what is outdated. */
  readonly index: number;
  readonly name: string;
  /** Version of the source that is used, and the newest. */
  readonly from: string;
  readonly to: string;
  /** Files of the newest that have the changelog, the smallest first. */
  readonly files: readonly LockedPackage[];
  readonly mirrors: Mirrors;
}

interface Found {
  readonly used: UsedPackage;
  /** Where the newest of all is from. */
  readonly mirrors: Mirrors;
  readonly newest?: IndexedPackage;
  readonly security?: IndexedPackage;
}

function compareOne(used: UsedPackage, { newest, security }: AskedSuite): readonly Found[] {
  const { isNewer } = distribution.updates;
  const here = newest.packages.get(used.name);
  const fixed = security?.packages.get(used.name);
  const newer =
    here !== undefined && isNewer(here.version, used.version, used.architecture) ? here : undefined;
  const than = newer?.version ?? used.version;
  const apart = fixed !== undefined && isNewer(fixed.version, than, used.architecture) ? fixed : undefined;
  return newer === undefined && apart === undefined
    ? []
    : [
        {
          used,
          mirrors: (apart === undefined ? newest : (security ?? newest)).mirrors,
          ...defined({ newest: newer, security: apart }),
        },
      ];
}

function keyOf({ used, newest, security }: Found): string {
  const { suite, source, version, shipped } = used;
  return JSON.stringify([suite, source, version, newest?.version, security?.version, shipped]);
}

function joined(found: readonly Found[]) {
  const [{ used, newest, security }] = found as readonly [Found];
  const unique = (names: readonly string[]): readonly string[] => [...new Set(names)].sort();
  const outdated: Outdated = {
    ...{ kind: 'distribution', name: used.source, version: used.version, suite: used.suite },
    packages: unique(found.map((one) => one.used.name)),
    ...defined({ newest: newest?.version, security: security?.version }),
    shipped: used.shipped,
    where: unique(found.map((one) => one.used.where)),
  };
  return { outdated, ...defined({ changed: changedOf(found) }) };
}

/** Nothing where package and source have versions of their own: a changelog knows those of the source alone. */
function changedOf(found: readonly Found[]): Omit<ChangedSource, 'index'> | undefined {
  const { sourceVersion } = distribution.updates;
  const [{ used, mirrors }] = found as readonly [Found];
  const last = found.flatMap(({ newest, security }) => security ?? newest ?? []);
  const [one] = last;
  if (one === undefined || sourceVersion(one.version) !== one.source.version) return undefined;
  const files = last.flatMap(({ file }) => file ?? []).toSorted((a, b) => a.size - b.size);
  return {
    ...{ name: one.source.name, from: sourceVersion(used.version), to: one.source.version },
    ...{ files, mirrors },
  };
}

function listOf({ suite, architecture, newest, security }: AskedSuite): AskedList {
  return {
    ...{ suite, architecture },
    ...defined({
      dated: newest.dated,
      security: security === undefined ? undefined : defined({ dated: security.dated }),
    }),
  };
}

function uniqueBy<T>(values: readonly T[], key: (value: T) => string): readonly T[] {
  return [...new Map(values.map((value) => [key(value), value])).values()];
}
