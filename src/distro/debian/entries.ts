import type { LockedPackage } from '../../domain/packages.ts';
import type { EntryMistake } from '../distro.ts';

/** What the `Sources` index counts as an architecture. */
export const SOURCE = 'source';

/** Architecture of packages that fit every machine: Debian Policy 5.6.8. */
export const ANY_MACHINE = 'all';

/** Debian Policy 5.6.1 and 5.6.12. */
const NAME = /^[a-z0-9][a-z0-9+.-]+$/;
const VERSION = /^[0-9A-Za-z.+:~-]+$/;
/** A relative path of plain names: no empty, `.` or `..` part, nothing that a shell, URL or file system reads anew. */
const PATH = /^(?!\/)(?:(?!\.{1,2}\/)[A-Za-z0-9.+~:_-]+\/)*[A-Za-z0-9][A-Za-z0-9.+~:_-]*\.deb$/;
const SOURCE_PATH =
  /^(?!\/)(?:(?!\.{1,2}\/)[A-Za-z0-9.+~:_-]+\/)*[A-Za-z0-9][A-Za-z0-9.+~:_-]*\.(?:tar\.(?:xz|gz|bz2)|diff\.gz)$/;

/** Strict: these fields decide which files are fetched and where they are put. */
export function entryMistakes(
  { name, version, architecture, path }: Partial<LockedPackage>,
  wanted: string,
): readonly EntryMistake[] {
  const [pattern, ending] = wanted === SOURCE ? [SOURCE_PATH, '.tar.xz'] : [PATH, '.deb'];
  const rules: readonly (readonly [field: EntryMistake['field'], holds: boolean, mustBe: string])[] = [
    ['name', matches(name, NAME), 'the name of a package'],
    ['version', matches(version, VERSION), 'the version of a package'],
    [
      'architecture',
      architecture === wanted || architecture === ANY_MACHINE,
      `\`${wanted}\` or \`${ANY_MACHINE}\``,
    ],
    [
      'path',
      matches(path, pattern),
      `a path below the archive root that ends in \`${ending}\`, without \`..\``,
    ],
  ];
  return rules.flatMap(([field, holds, mustBe]) => (holds ? [] : [{ field, mustBe }]));
}

/** A lock is not yet known to hold what its types say. */
function matches(value: unknown, pattern: RegExp): boolean {
  return typeof value === 'string' && pattern.test(value);
}
