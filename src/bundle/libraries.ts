import { readdir, realpath } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { distribution } from '../distro/distribution.ts';
import { absentAsUndefined } from '../domain/errno.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Target } from '../domain/target.ts';
import type { Failure } from '../failure.ts';
import type { ElfFile } from './elf.ts';

/** Library file name → path relative to the tree's root, for the folders that the dynamic linker searches. */
export type LibraryIndex = ReadonlyMap<string, string>;

/** Indexes the shared libraries of a tree by the names that programs load them by. */
export async function indexLibraries(root: string, target: Target): Promise<LibraryIndex> {
  const index = new Map<string, string>();
  for (const folder of [`usr/lib/${target.multiarch}`, 'usr/lib', 'usr/lib64']) {
    for (const name of (await readdir(join(root, folder)).catch(absentAsUndefined)) ?? []) {
      if (!/\.so(\.|$)/.test(name) || index.has(name)) continue;
      const file = await realpath(join(root, folder, name)).catch(absentAsUndefined);
      if (file?.startsWith(`${root}/`)) index.set(name, relative(root, file));
    }
  }
  return index;
}

export interface ClosureInput {
  /** Files to start from, by name for messages. */
  readonly roots: ReadonlyMap<string, ElfFile>;
  /** Libraries that can be bundled. */
  readonly available: LibraryIndex;
  /** The headers of these libraries, by path relative to the root. */
  readonly elf: ReadonlyMap<string, ElfFile>;
  /** Libraries that every system of the target has: those of libc. */
  readonly provided: LibraryIndex;
}

/** The libraries to bundle: all direct and transitive dependencies that the target's libc packages do not provide. */
export function libraryClosure(input: ClosureInput): Result<ReadonlyMap<string, string>> {
  const bundled = new Map<string, string>();
  const missing = new Map<string, string[]>();
  const queue = [...input.roots].flatMap(([by, file]) => file.needed.map((name) => ({ name, by })));
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const { name, by } = next;
    if (input.provided.has(name) || bundled.has(name)) continue;
    const path = input.available.get(name);
    if (path === undefined) {
      missing.set(name, [...(missing.get(name) ?? []), by]);
      continue;
    }
    bundled.set(name, path);
    for (const needed of input.elf.get(path)?.needed ?? []) queue.push({ name: needed, by: name });
  }
  return missing.size === 0 ? ok(bundled) : err(missingLibraries(missing));
}

function missingLibraries(missing: ReadonlyMap<string, readonly string[]>): Failure {
  const names = [...missing.keys()];
  const packages = names.flatMap((name) => distribution.advice.packageOfLibrary(name) ?? []);
  return {
    code: 'build/missing-library',
    what: `${names.length} shared ${names.length === 1 ? 'library is' : 'libraries are'} in neither the sysroot nor the target's libc packages: ${names.join(', ')}.`,
    fix: [
      packages.length === 0
        ? 'Add the package that contains it to `sysroot.packages` in your recipe, then run `provision lock`.'
        : `Add the package: \`sysroot: { packages: [${packages.join(', ')}] }\` in a recipe that extends this one, then run \`provision lock\`.`,
    ],
    evidence: [...missing].flatMap(([name, needed]) => needed.map((by) => `${by} needs ${name}`)),
  };
}
