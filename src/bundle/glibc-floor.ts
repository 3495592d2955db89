import { join } from 'node:path';
import { defined } from '../domain/defined.ts';
import { compareReleases } from '../domain/glibc.ts';
import type { Failure, SourcePosition } from '../failure.ts';
import { packageOf } from './dist-info.ts';
import { type ElfFile, readWantedSymbols } from './elf.ts';
import { minimumGlibc, releaseOf } from './glibc-version.ts';

export interface FloorCheck {
  /** Folder of the unpacked bundle. */
  readonly folder: string;
  /** ELF files in it, by path relative to it. */
  readonly elves: ReadonlyMap<string, ElfFile>;
  /** What it has to start with. */
  readonly floors: readonly Floor[];
  /** Path of the program in it. */
  readonly program: string;
}

/** A glibc that a bundle has to start with: the recipe's `glibc`, or that of a system that it names. */
export interface Floor {
  /** `2.31`. */
  readonly version: string;
  readonly system?: string;
  /** Where the recipe names the system. */
  readonly at?: SourcePosition;
}

/** Symbols that are named for a file. */
const SYMBOLS_SHOWN = 5;

/** The failure of a bundle that asks for a newer glibc than it has to start with (`build/glibc-too-new`). */
export async function checkGlibcFloors(check: FloorCheck): Promise<Failure | undefined> {
  const { folder, elves, floors, program } = check;
  const needed = minimumGlibc(elves);
  if (needed === undefined) return undefined;
  const missed = floors
    .filter(({ version }) => compareReleases(needed.version, version) > 0)
    .toSorted((a, b) => compareReleases(a.version, b.version));
  const [oldest] = missed;
  if (oldest === undefined) return undefined;
  const found: string[] = [];
  const files: string[] = [];
  for (const [path, { versions }] of [...elves].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const symbols = (await readWantedSymbols(join(folder, path))) ?? new Map<string, readonly string[]>();
    const lines = newerThan(oldest.version, Object.values(versions).flat(), symbols);
    if (lines.length === 0) continue;
    const owner = await ownerOf(folder, path);
    found.push(...lines.map((line) => `${path}${owner === undefined ? '' : ` (${owner})`}: ${line}`));
    files.push(path);
  }
  const others = files.filter((path) => path !== program);
  return {
    code: 'build/glibc-too-new',
    what: `The bundle needs glibc ${needed.version}, and ${missed.map(statement).join(', ')}.`,
    why:
      others.length === 0
        ? 'The program itself calls these functions: a crate with C code, or a library that it is linked with.'
        : 'A package of Python with compiled modules, or a library of the sysroot, is made for a newer glibc than that.',
    fix: [
      ...(others.length === 0
        ? []
        : ['Use a version of the package whose wheel is for an older glibc, or leave the library out.']),
      ...remedies(missed, needed.version),
    ],
    ...defined({ at: missed.find(({ at }) => at !== undefined)?.at }),
    evidence: found,
  };
}

/** The Python package that brings a file of a bundle. */
function ownerOf(folder: string, path: string): Promise<string | undefined> {
  const [, site = '', within = ''] = /^(.*\/site-packages)\/(.+)$/.exec(path) ?? [];
  return site === '' ? Promise.resolve(undefined) : packageOf(join(folder, site), within);
}

function statement({ version, system }: Floor): string {
  return system === undefined
    ? `the recipe says \`glibc: "${version}"\``
    : `the system \`${system}\` has ${version}`;
}

/** What to write where such systems need not be reached. */
function remedies(missed: readonly Floor[], needed: string): readonly string[] {
  const systems = missed.flatMap(({ system }) => (system === undefined ? [] : [`\`${system}\``]));
  return [
    ...(missed.some(({ system }) => system === undefined)
      ? [`Or, where such systems need not be reached, write \`glibc: "${needed}"\`, or leave the key out.`]
      : []),
    ...(systems.length === 0
      ? []
      : [`Or, where it need not run there, leave ${systems.join(' and ')} out of \`systems\`.`]),
  ];
}

/** One line for each symbol version that is newer, the newest first, with symbols where there are any. */
function newerThan(
  floor: string,
  versions: readonly string[],
  wanted: ReadonlyMap<string, readonly string[]>,
): readonly string[] {
  const newer = [...new Set(versions)].flatMap((version) => {
    const release = releaseOf(version);
    return release === undefined || compareReleases(release, floor) <= 0 ? [] : [{ version, release }];
  });
  return newer
    .toSorted((a, b) => compareReleases(b.release, a.release))
    .map(({ version }) => {
      const symbols = wanted.get(version) ?? [];
      if (symbols.length === 0) return version;
      const more = symbols.length > SYMBOLS_SHOWN ? ` and ${symbols.length - SYMBOLS_SHOWN} more` : '';
      return `${version} (${symbols.slice(0, SYMBOLS_SHOWN).join(', ')}${more})`;
    });
}
