import type { ElfFile } from './elf.ts';

/** The oldest version of a C library that has everything that some files ask it for. */
export interface LibcFloor {
  /** e.g. `2.34`. */
  readonly version: string;
  /** Names of the files that ask for this very version. */
  readonly neededBy: readonly string[];
}

/** Marks without a number, and the version of glibc that first had them (its NEWS). */
const NAMED: Readonly<Record<string, string>> = { GLIBC_ABI_DT_RELR: '2.36' };

/**
 * Measures the floor of glibc from symbol versions: name → what the file says. Undefined where nothing asks for one.
 * A symbol's version is the release in which it came or last changed incompatibly, so an older glibc lacks it.
 */
export function glibcFloor(files: ReadonlyMap<string, ElfFile>): LibcFloor | undefined {
  let floor: { version: string; neededBy: string[] } | undefined;
  for (const [name, file] of files) {
    const top = newest(Object.values(file.versions).flat());
    if (top === undefined) continue;
    const order = floor === undefined ? 1 : compareVersions(top, floor.version);
    if (order > 0) floor = { version: top, neededBy: [name] };
    else if (order === 0) floor?.neededBy.push(name);
  }
  return floor;
}

function newest(versions: readonly string[]): string | undefined {
  const numbers = versions.flatMap(
    (version) => /^GLIBC_(\d+(?:\.\d+)*)$/.exec(version)?.[1] ?? NAMED[version] ?? [],
  );
  return numbers.sort(compareVersions).at(-1);
}

/** By numbers, part by part: 2.9 is older than 2.34. */
function compareVersions(a: string, b: string): number {
  const [left, right] = [a.split('.').map(Number), b.split('.').map(Number)];
  for (let i = 0; i < Math.max(left.length, right.length); i += 1) {
    const order = (left[i] ?? 0) - (right[i] ?? 0);
    if (order !== 0) return order;
  }
  return 0;
}
