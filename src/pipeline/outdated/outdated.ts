import type { MachineFiles } from '../../distro/distro.ts';
import { defined } from '../../domain/defined.ts';
import type { Outdated, OutdatedReport, UsedPackage } from '../../domain/outdated.ts';
import { ok, type Result } from '../../domain/result.ts';
import type { Session } from '../session.ts';
import { askLists, compareSuites } from './compare.ts';
import type { OutdatedCrates } from './crates.ts';
import { findFixes } from './fixes.ts';

export interface Compared {
  readonly packages: readonly UsedPackage[];
  /** Names of all locks or bundles, also of those without packages. */
  readonly compared: readonly string[];
  readonly unknown: readonly string[];
  /** What of the wheels is outdated. */
  readonly wheels: () => Promise<Result<readonly Outdated[]>>;
  /** The same of crates; absent: there are none. */
  readonly crates?: () => Promise<Result<OutdatedCrates>>;
}

/** What there is newer versions of. Failures: those of the lists, of pip, and of fetching changelogs. */
export async function findOutdated(
  { context, store }: Pick<Session, 'context' | 'store'>,
  { packages, compared, unknown, wheels, crates }: Compared,
  machine: MachineFiles = {},
): Promise<Result<OutdatedReport>> {
  const [asked, newer, cargo] = await Promise.all([
    askLists(context, store, packages, machine),
    wheels(),
    crates?.() ?? ok(undefined),
  ]);
  if (!asked.ok) return asked;
  if (!newer.ok) return newer;
  if (!cargo.ok) return cargo;
  const { lists, outdated, gone, changed } = compareSuites(asked.value);
  const fixes = await findFixes(context, store, changed);
  if (!fixes.ok) return fixes;
  const all = [
    ...outdated.map((one, index) => ({ ...one, ...defined({ fixes: fixes.value.fixes.get(index) }) })),
    ...newer.value,
    ...(cargo.value?.outdated ?? []),
  ];
  return ok({
    ...{ schema: 1, compared, lists, gone },
    outdated: all.toSorted(byImportance),
    ...defined({ incompatible: cargo.value?.incompatible }),
    unknown: [
      ...unknown,
      ...(cargo.value?.unknown ?? []),
      ...fixes.value.unknown,
      ...lists.flatMap(({ suite, architecture, security }) =>
        security === undefined
          ? [`security updates of ${suite} for ${architecture}: no mirror has them`]
          : [],
      ),
    ],
  });
}

/** What is shipped comes first, then what closes vulnerabilities, then by name. */
function byImportance(a: Outdated, b: Outdated): number {
  const rank = ({ shipped, fixes = [] }: Outdated): number => (shipped ? 0 : 2) + (fixes.length > 0 ? 0 : 1);
  return rank(a) - rank(b) || (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
}
