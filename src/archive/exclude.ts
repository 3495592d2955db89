import { MERGED_FOLDERS } from './merged-usr.ts';

/**
 * What is never unpacked: nothing reads it at build or run time, and it is a third of all files. Licences stay, for
 * they must travel with what is shipped (Debian Policy 12.5: `/usr/share/doc/<package>/copyright`).
 */
const STANDING = [
  'usr/share/doc/**',
  'usr/share/doc-base/**',
  'usr/share/man/**',
  'usr/share/info/**',
  'usr/share/locale/**',
  'usr/share/i18n/**',
  'usr/share/help/**',
  'usr/share/gtk-doc/**',
  'usr/share/lintian/**',
  'usr/share/linda/**',
  'usr/share/bug/**',
];

const LICENCE = /^usr\/share\/doc\/[^/]+\/copyright$/;

/** One package's documentation folder that is a link to another's, where the licence is. */
const DOCUMENTATION_FOLDER = /^usr\/share\/doc\/[^/]+$/;

/** Says of an entry (its name in the archive) whether it is left out. */
export type Excludes = (name: string, isSymlink: boolean) => boolean;

/**
 * Compiles the standing rules and a definition's own. Patterns are relative to the root; `*` stands for any characters
 * within one name, `?` for one of them, `**` for any depth; `a/**` means `a` and all below it. Names are matched as
 * they are after the merge of /usr: `usr/lib/…` also where a package still says `lib/…`. What a pattern with `!` in front
 * matches is unpacked all the same, whatever the order of the patterns.
 */
export function compileExcludes(patterns: readonly string[]): Excludes {
  const standing = matching(STANDING);
  const own = anyOf(patterns.filter((pattern) => !pattern.startsWith('!')));
  const kept = anyOf(patterns.flatMap((pattern) => (pattern.startsWith('!') ? [pattern.slice(1)] : [])));
  return (name, isSymlink) => {
    const path = mergedName(name);
    if (own?.test(path) && !kept?.test(path)) return true;
    if (!standing.test(path)) return false;
    return !(LICENCE.test(path) || (isSymlink && DOCUMENTATION_FOLDER.test(path)));
  };
}

/** The name of an entry without `./` and the like. */
export function plainName(name: string): string {
  return name.split('/').filter(isNamed).join('/');
}

function mergedName(name: string): string {
  const parts = name.split('/').filter(isNamed);
  if (parts.length > 1 && MERGED_FOLDERS.includes(parts[0] ?? '')) parts.unshift('usr');
  return parts.join('/');
}

function isNamed(part: string): boolean {
  return part !== '' && part !== '.';
}

function anyOf(patterns: readonly string[]): RegExp | undefined {
  return patterns.length === 0 ? undefined : matching(patterns);
}

function matching(patterns: readonly string[]): RegExp {
  return new RegExp(`^(?:${patterns.map((pattern) => toExpression(mergedName(pattern))).join('|')})$`, 's');
}

function toExpression(pattern: string): string {
  return pattern.replace(/\/\*\*$|\*\*\/|\*\*|\*|\?|[\\^$.|+()[\]{}]/g, (token) => {
    switch (token) {
      case '/**':
        return '(?:/.*)?';
      case '**/':
        return '(?:.*/)?';
      case '**':
        return '.*';
      case '*':
        return '[^/]*';
      case '?':
        return '[^/]';
      default:
        return `\\${token}`;
    }
  });
}
