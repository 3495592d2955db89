import { createHash } from 'node:crypto';
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { makeLayoutLinks, type RootLayout } from '../../src/archive/root-layout.ts';
import { type PackageFile, type UnpackOptions, unpackPackages } from '../../src/archive/unpack.ts';
import { distribution } from '../../src/distro/distribution.ts';
import { temporaryFolder } from './cli.ts';
import { type DebCompression, type TarPart, writeDeb } from './deb.ts';

type After = { after(done: () => void): void };

/** No links, and everything is unpacked. */
export const BARE_LAYOUT: RootLayout = { links: {}, optional: [], exclude: [], keep: [], keepLinks: [] };

export interface UnpackingRoot {
  /** Where the `.deb` files are; hostile entries must not get here. */
  readonly outside: string;
  /** An empty root, three folders below it. */
  readonly root: string;
}

export function unpackingRoot(t: After, options: { readonly links?: boolean } = {}): UnpackingRoot {
  const outside = temporaryFolder(t, 'unpack ü, ');
  const root = join(outside, 'a', 'b', 'root');
  mkdirSync(root, { recursive: true });
  if (options.links) makeLayoutLinks(root, distribution.layout);
  return { outside, root };
}

/** Makes one `.deb` for each list of entries and unpacks them all into the root. */
export function unpackParts(
  at: UnpackingRoot,
  packages: readonly (readonly TarPart[])[],
  options: Partial<UnpackOptions> & { readonly compression?: DebCompression } = {},
) {
  const files = packages.map((parts, index) => {
    const path = join(at.outside, `package-${index}.deb`);
    writeDeb(path, parts, options.compression);
    return path;
  });
  return unpackFiles(at.root, files, options);
}

/** Writes bytes as a `.deb` and unpacks it. */
export function unpackBytes(at: UnpackingRoot, bytes: Uint8Array, options: Partial<UnpackOptions> = {}) {
  const path = join(at.outside, 'package.deb');
  writeFileSync(path, bytes);
  return unpackFiles(at.root, [path], options);
}

export function unpackFiles(root: string, files: readonly string[], options: Partial<UnpackOptions> = {}) {
  return unpackPackages({
    root,
    layout: distribution.layout,
    rules: { exclude: [] },
    open: distribution.openPackage,
    packages: arriving(files),
    jobs: 1,
    signal: new AbortController().signal,
    ...options,
  });
}

export async function* arriving(files: readonly string[]): AsyncGenerator<PackageFile> {
  for (const file of files) yield { file, name: basename(file), size: statSync(file).size };
}

/** Everything below a folder in one line each: `name mode mtime content`; for comparing trees. */
export function listing(root: string, folder = ''): string[] {
  return readdirSync(join(root, folder))
    .sort()
    .flatMap((name) => {
      const path = join(folder, name);
      const info = lstatSync(join(root, path));
      const facts = `${path} ${(info.mode & 0o7777).toString(8)} ${Math.floor(info.mtimeMs / 1000)}`;
      if (info.isDirectory()) return [facts, ...listing(root, path)];
      if (info.isSymbolicLink()) return [`${facts} → ${readlinkSync(join(root, path))}`];
      const content = readFileSync(join(root, path));
      const shown = content.length < 40 ? content : createHash('sha256').update(content).digest('hex');
      return [`${facts} ${shown}`];
    });
}

/** Names of everything below a folder; links are not followed. */
export function names(root: string, folder = ''): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      return entry.isDirectory() ? [path, ...names(root, path)] : [path];
    })
    .sort();
}
