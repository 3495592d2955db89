import { compareReleases } from '../domain/glibc.ts';
import type { ElfFile } from './elf.ts';

/** The minimum version of glibc that a set of files needs. */
export interface GlibcRequirement {
  /** e.g. `2.34`. */
  readonly version: string;
  /** Names of the files that need exactly this version. */
  readonly neededBy: readonly string[];
}

/** Version symbols without a number, and the glibc release that introduced them (its NEWS). */
const NAMED: Readonly<Record<string, string>> = { GLIBC_ABI_DT_RELR: '2.36' };

/**
 * Determines the minimum glibc from the symbol versions of files, given by name. Undefined where no file needs any.
 * A symbol's version is the release that introduced or last incompatibly changed it, so an older glibc lacks it.
 */
export function minimumGlibc(files: ReadonlyMap<string, ElfFile>): GlibcRequirement | undefined {
  let minimum: { version: string; neededBy: string[] } | undefined;
  for (const [name, file] of files) {
    const needed = newest(Object.values(file.versions).flat());
    if (needed === undefined) continue;
    const order = minimum === undefined ? 1 : compareReleases(needed, minimum.version);
    if (order > 0) minimum = { version: needed, neededBy: [name] };
    else if (order === 0) minimum?.neededBy.push(name);
  }
  return minimum;
}

function newest(versions: readonly string[]): string | undefined {
  const numbers = versions.flatMap((version) => releaseOf(version) ?? []);
  return numbers.sort(compareReleases).at(-1);
}

/** The release of glibc that a symbol version is of: `GLIBC_2.34` → `2.34`. */
export function releaseOf(version: string): string | undefined {
  return /^GLIBC_(\d+(?:\.\d+)*)$/.exec(version)?.[1] ?? NAMED[version];
}
