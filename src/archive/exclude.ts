import { nameBehindLinks, type RootLayout } from './root-layout.ts';

/** Whether an entry is left out, by its name in the archive. */
export type Excludes = (name: string, isSymlink: boolean) => boolean;

/**
 * Compiles a layout's rules and a definition's own. Patterns are relative to the root; `*` stands for any characters
 * within one name, `?` for one of them, `**` for any depth; `a/**` means `a` and all below it. Names are matched as they
 * are behind the layout's links: where `lib` is a link to `usr/lib`, a package's `lib/x` is matched as `usr/lib/x`. What
 * a pattern with `!` in front matches is unpacked all the same, whatever the order of the patterns.
 */
export function compileExcludes(layout: RootLayout, patterns: readonly string[]): Excludes {
  const standing = anyOf(layout, layout.exclude);
  const keep = anyOf(layout, layout.keep);
  const keepLinks = anyOf(layout, layout.keepLinks);
  const own = anyOf(
    layout,
    patterns.filter((pattern) => !pattern.startsWith('!')),
  );
  const ownKept = anyOf(
    layout,
    patterns.flatMap((pattern) => (pattern.startsWith('!') ? [pattern.slice(1)] : [])),
  );
  return (name, isSymlink) => {
    const path = nameBehindLinks(partsOf(name), layout);
    if (own(path) && !ownKept(path)) return true;
    if (!standing(path)) return false;
    return !(keep(path) || (isSymlink && keepLinks(path)));
  };
}

/** The name of an entry without `./` and the like. */
export function plainName(name: string): string {
  return partsOf(name).join('/');
}

function partsOf(name: string): readonly string[] {
  return name.split('/').filter((part) => part !== '' && part !== '.');
}

function anyOf(layout: RootLayout, patterns: readonly string[]): (path: string) => boolean {
  if (patterns.length === 0) return () => false;
  const sources = patterns.map((pattern) => toExpression(nameBehindLinks(partsOf(pattern), layout)));
  const expression = new RegExp(`^(?:${sources.join('|')})$`, 's');
  return (path) => expression.test(path);
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
