import { join } from 'node:path';
import { compareReleases } from '../domain/glibc.ts';
import type { Failure } from '../failure.ts';
import { type ElfFile, readWantedSymbols } from './elf.ts';
import { minimumGlibc, releaseOf } from './glibc-version.ts';

export interface FloorCheck {
  /** Folder of the unpacked bundle. */
  readonly folder: string;
  /** ELF files in it, by path relative to it. */
  readonly elves: ReadonlyMap<string, ElfFile>;
  /** The oldest glibc that it has to start with: `2.31`. */
  readonly floor: string;
  /** Path of the program in it. */
  readonly program: string;
  /** Name of a sysroot that is built on an older glibc, where there is one. */
  readonly older?: string;
}

/** Symbols that are named for a file. */
const SYMBOLS_SHOWN = 5;

/** The failure of a bundle that asks for a newer glibc than it has to start with (`build/glibc-too-new`). */
export async function checkGlibcFloor(check: FloorCheck): Promise<Failure | undefined> {
  const { folder, elves, floor, program, older } = check;
  const needed = minimumGlibc(elves);
  if (needed === undefined || compareReleases(needed.version, floor) <= 0) return undefined;
  const found: string[] = [];
  const files: string[] = [];
  for (const path of [...elves.keys()].sort()) {
    const lines = newerThan(floor, (await readWantedSymbols(join(folder, path))) ?? new Map());
    found.push(...lines.map((line) => `${path}: ${line}`));
    if (lines.length > 0) files.push(path);
  }
  const ofPython = files.some((path) => path !== program);
  return {
    code: 'build/glibc-too-new',
    what: `The bundle needs glibc ${needed.version}, and the recipe says \`glibc: "${floor}"\`.`,
    why: ofPython
      ? 'Python or its libraries are made for a newer glibc than that.'
      : 'The program itself calls these functions: a crate with C code, or a library that it is linked with.',
    fix: [
      ...(ofPython && older !== undefined
        ? [`Write \`sysroot: ${older}\` into the recipe: its Python is built on an older glibc.`]
        : []),
      `Or, where such systems need not be reached, write \`glibc: "${needed.version}"\`, or leave the key out.`,
    ],
    evidence: found,
  };
}

/** One line for each symbol version that is newer, the newest first. */
function newerThan(floor: string, wanted: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const newer = [...wanted].flatMap(([version, symbols]) => {
    const release = releaseOf(version);
    return release === undefined || compareReleases(release, floor) <= 0
      ? []
      : [{ version, release, symbols }];
  });
  return newer
    .toSorted((a, b) => compareReleases(b.release, a.release))
    .map(({ version, symbols }) => {
      const more = symbols.length > SYMBOLS_SHOWN ? ` and ${symbols.length - SYMBOLS_SHOWN} more` : '';
      return `${version} (${symbols.slice(0, SYMBOLS_SHOWN).join(', ')}${more})`;
    });
}
