import { lstatSync, lutimesSync, mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * What roots of a distribution have in common; paths are relative to the root. Part of the key of every tree by way of
 * `UNPACK_VERSION`: raise it where a layout is changed.
 */
export interface RootLayout {
  /** Symbolic links that are there before anything is unpacked: name → the folder behind it. */
  readonly links: Readonly<Record<string, string>>;
  /** Those of the links that go where nothing was unpacked behind them. */
  readonly optional: readonly string[];
  /** Patterns of what is never unpacked, as `compileExcludes` takes them … */
  readonly exclude: readonly string[];
  /** … of what is unpacked in spite of them … */
  readonly keep: readonly string[];
  /** … and of symbolic links that are. */
  readonly keepLinks: readonly string[];
}

/** Makes the links in an empty root, and the folders behind them. May throw errors of the disk. */
export function makeLayoutLinks(root: string, { links, optional }: RootLayout): void {
  for (const [name, target] of Object.entries(links)) {
    mkdirSync(join(root, optional.includes(name) ? dirname(target) : target), { recursive: true });
    symlinkSync(target, join(root, name));
    // Not the time of now: where a package brings the same link, the later of both times is taken.
    lutimesSync(join(root, name), 0, 0);
  }
}

/** Absolute paths of the folders behind the links that are there, and of what holds them. May throw errors of the disk. */
export function layoutFolders(root: string, { links }: RootLayout): string[] {
  const folders = new Set(Object.values(links).flatMap((target) => [dirname(target), target]));
  const paths = [...folders].filter((folder) => folder !== '.').map((folder) => join(root, folder));
  return paths.filter((path) => lstatSync(path, { throwIfNoEntry: false })?.isDirectory());
}

/** Removes the optional links behind which nothing is. May throw errors of the disk. */
export function dropUnusedLinks(root: string, { links, optional }: RootLayout): void {
  for (const name of optional) {
    const target = links[name];
    if (target !== undefined && !lstatSync(join(root, target), { throwIfNoEntry: false }))
      rmSync(join(root, name), { force: true });
  }
}

/** Name of an entry, given by its parts, as it is behind the links. */
export function nameBehindLinks(parts: readonly string[], { links }: RootLayout): string {
  const [first = '', ...rest] = parts;
  const target = rest.length > 0 && Object.hasOwn(links, first) ? links[first] : undefined;
  return [target ?? first, ...rest].join('/');
}
