import { distribution } from '../distro/distribution.ts';
import type { DefinitionFile } from '../domain/definitions.ts';
import type { Lock, LockedPackage } from '../domain/packages.ts';
import type { Failure } from '../failure.ts';
import type { OldLock } from './lockfile.ts';

/** What is lost where an old list was replayed: a lock never goes back. */
export function olderLists(file: DefinitionFile, before: OldLock, now: Lock): Failure | undefined {
  const evidence = before.lists === undefined ? olderPackages(before, now) : olderDates(before.lists, now);
  if (evidence.length === 0) return undefined;
  return {
    code: 'lock/old-list',
    what: `The archive's lists are older than those that ${file.id} was locked from; nothing of them was used.`,
    why: 'They are rightly signed. The mirror is behind, or something between it and this machine replays an old list to keep corrections back.',
    fix: [
      distribution.advice.otherMirror,
      `If the archive itself went back, remove \`${file.lockFile}\` and lock again.`,
    ],
    evidence,
  };
}

function olderDates(before: NonNullable<Lock['lists']>, { lists = [] }: Lock): readonly string[] {
  return lists.flatMap(({ suite, architecture, dated = '' }) => {
    const known = before.find((one) => one.suite === suite && one.architecture === architecture)?.dated;
    return known !== undefined && Date.parse(dated) < Date.parse(known)
      ? [`${suite} for ${architecture}: of ${dated}, locked from that of ${known}`]
      : [];
  });
}

/** A lock that an older version of this tool wrote does not name its lists. */
function olderPackages(before: OldLock, now: Lock): readonly string[] {
  // Those of another suite are other versions.
  if (before.suite !== now.suite) return [];
  const keyOf = ({ name, architecture }: LockedPackage): string => `${name}:${architecture}`;
  const known = new Map(
    Object.values(before.sets).flatMap((set) => set.map((one) => [keyOf(one), one.version])),
  );
  const all = new Map(Object.values(now.sets).flatMap((set) => set.map((one) => [keyOf(one), one.version])));
  return [...all].flatMap(([key, version]) => {
    const old = known.get(key);
    return old !== undefined && distribution.compareVersions(version, old) < 0
      ? [`${key}: ${version}, locked is ${old}`]
      : [];
  });
}
