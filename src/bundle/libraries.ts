import { readdir, realpath } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { distribution } from '../distro/distribution.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Target } from '../domain/target.ts';
import type { Failure } from '../failure.ts';
import type { ElfFile } from './elf.ts';

/** Library file name → path relative to the tree's root, for the folders the dynamic linker looks in. */
export type LibraryIndex = ReadonlyMap<string, string>;

/** Lists the shared libraries of a tree by the names that programs ask for. */
export async function indexLibraries(root: string, target: Target): Promise<LibraryIndex> {
  const index = new Map<string, string>();
  for (const folder of [`usr/lib/${target.multiarch}`, 'usr/lib', 'usr/lib64']) {
    for (const name of await readdir(join(root, folder)).catch(() => [] as string[])) {
      if (!/\.so(\.|$)/.test(name) || index.has(name)) continue;
      const file = await realpath(join(root, folder, name)).catch(() => undefined);
      if (file?.startsWith(`${root}/`)) index.set(name, relative(root, file));
    }
  }
  return index;
}

export interface ClosureInput {
  /** Files whose needs are to be met: name for messages → what readelf said. */
  readonly roots: ReadonlyMap<string, ElfFile>;
  /** Libraries that the bundle may bring. */
  readonly available: LibraryIndex;
  /** What readelf said of these, by path relative to the root. */
  readonly elf: ReadonlyMap<string, ElfFile>;
  /** Libraries that every system of the target has: libc's own. */
  readonly provided: LibraryIndex;
}

/** Libraries that a bundle must bring: everything needed, directly or through others, that the target's libc packages lack. */
export function closeOver(input: ClosureInput): Result<ReadonlyMap<string, string>> {
  const brought = new Map<string, string>();
  const missing = new Map<string, string[]>();
  const queue = [...input.roots].flatMap(([by, file]) => file.needed.map((name) => ({ name, by })));
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const { name, by } = next;
    if (input.provided.has(name) || brought.has(name)) continue;
    const path = input.available.get(name);
    if (path === undefined) {
      missing.set(name, [...(missing.get(name) ?? []), by]);
      continue;
    }
    brought.set(name, path);
    for (const needed of input.elf.get(path)?.needed ?? []) queue.push({ name: needed, by: name });
  }
  return missing.size === 0 ? ok(brought) : err(missingLibraries(missing));
}

function missingLibraries(missing: ReadonlyMap<string, readonly string[]>): Failure {
  const names = [...missing.keys()];
  const packages = names.flatMap((name) => distribution.advice.packageOfLibrary(name) ?? []);
  return {
    code: 'build/missing-library',
    what: `${names.length} shared ${names.length === 1 ? 'library is' : 'libraries are'} in neither the sysroot nor the target's libc packages: ${names.join(', ')}.`,
    fix: [
      packages.length === 0
        ? 'Add the package that brings it: `packages` below `sysroot` in your recipe, then `provision lock`.'
        : `Add what brings it: \`sysroot: { packages: [${packages.join(', ')}] }\` in a recipe that extends, then \`provision lock\`.`,
    ],
    evidence: [...missing].flatMap(([name, needed]) => needed.map((by) => `${by} needs ${name}`)),
  };
}
