import { basename, dirname, posix } from 'node:path';
import { err, ok, type Result } from '../../domain/result.ts';
import type { ElfFile } from '../elf.ts';

/** A library that cannot be given to a file that needs it. */
export interface Tied {
  readonly file: string;
  readonly library: string;
  readonly why: string;
}

export interface LinkedLibraries {
  /** ELF file → the libraries of the bundle that it needs itself, by path, in order. */
  readonly needs: ReadonlyMap<string, readonly string[]>;
  /** All that the program needs, breadth first, as the loader does (ld.so(8)). */
  readonly loaded: readonly string[];
}

/**
 * Which libraries of a bundle its files need. The loader would look for them on the disk; in one file they are loaded before what needs
 * them, and the loader knows those that it has by the names that they give themselves (DT_SONAME).
 */
export function linkLibraries(
  elves: ReadonlyMap<string, ElfFile>,
  program: string,
): Result<LinkedLibraries, Tied> {
  const needs = new Map<string, readonly string[]>();
  for (const [file, elf] of elves) {
    const found: string[] = [];
    for (const library of elf.needed) {
      const path = pathOf(library, file, elf, elves);
      if (path === undefined) continue;
      if (elves.get(path)?.soname !== library)
        return err({ file, library, why: `${basename(path)} does not have this name itself (DT_SONAME).` });
      found.push(path);
    }
    needs.set(file, found);
  }
  const circle = circleOf(needs, program);
  if (circle !== undefined) {
    const [file, library] = circle;
    return err({ file, library, why: 'They need each other, and the loader is given one after the other.' });
  }
  const loaded = [...(needs.get(program) ?? [])];
  for (const path of loaded) loaded.push(...(needs.get(path) ?? []).filter((one) => !loaded.includes(one)));
  return ok({ needs, loaded: [...new Set(loaded)] });
}

/** Where the file says that its libraries are, else in `lib`, as the program says. */
function pathOf(
  library: string,
  file: string,
  { rpath, runpath }: ElfFile,
  elves: ReadonlyMap<string, ElfFile>,
): string | undefined {
  const folders = (runpath ?? rpath ?? '')
    .split(':')
    .filter((folder) => /^\$(ORIGIN|\{ORIGIN\})/.test(folder))
    .map((folder) => posix.join(dirname(file), folder.replace(/^\$(ORIGIN|\{ORIGIN\})/, '.')));
  const paths = [...folders, 'lib'].map((folder) => posix.join(folder, library));
  return paths.find((path) => elves.has(path));
}

/** Two files that need each other, over others or not. What the program needs itself is given to the loader at once. */
function circleOf(
  needs: ReadonlyMap<string, readonly string[]>,
  program: string,
): readonly [string, string] | undefined {
  const done = new Set<string>([program]);
  const visit = (file: string, above: readonly string[]): readonly [string, string] | undefined => {
    if (above.includes(file)) return [above.at(-1) as string, file];
    if (done.has(file)) return undefined;
    for (const library of needs.get(file) ?? []) {
      const found = visit(library, [...above, file]);
      if (found !== undefined) return found;
    }
    done.add(file);
    return undefined;
  };
  for (const file of needs.keys()) {
    const found = visit(file, []);
    if (found !== undefined) return found;
  }
  return undefined;
}
