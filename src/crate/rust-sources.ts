import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { unlessDeviceFailed } from '../domain/errno.ts';
import { isThere } from '../exec/files.ts';

/** Files that are read at most; a larger package is judged by its first ones. */
const MOST_FILES = 500;

/**
 * The Rust sources of a package as one text, without comments and unit tests: those below `src/`. Of several programs only
 * `bin`, which may be an example.
 */
export async function readRust(folder: string, bin?: string): Promise<string> {
  const files: string[] = [];
  for (const below of ['src', 'examples']) {
    if (!isThere(join(folder, below))) continue;
    for await (const name of glob(`${below}/**/*.rs`, { cwd: folder })) files.push(name);
  }
  const own = files.filter((name) => programOf(name) !== undefined && programOf(name) === bin);
  const main = files.includes('src/main.rs');
  const wanted = files.filter((name) => {
    const program = programOf(name);
    if (program === undefined) return name !== 'src/main.rs' || own.length === 0;
    // A program whose file the manifest names elsewhere is among all of them.
    return own.length > 0 ? program === bin : !main && name.startsWith('src/');
  });
  const texts = await Promise.all(
    wanted
      .sort()
      .slice(0, MOST_FILES)
      .map((name) => readFile(join(folder, name), 'utf8').catch(unlessDeviceFailed(''))),
  );
  return texts.map(withoutComments).map(withoutTests).join('\n');
}

/** The program that a file belongs to by its place (The Cargo Book, "Target auto-discovery"); `src/main.rs` has no name. */
function programOf(name: string): string | undefined {
  return /^(?:src\/bin|examples)\/([^/]+?)(?:\.rs$|\/)/.exec(name)?.[1];
}

function withoutTests(text: string): string {
  return text.replace(/#\[cfg\(test\)\]\s*mod \w+ \{[\s\S]*$/, '');
}

/** A `//` inside of a string (an address) follows a character that no comment follows. */
function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|[\s;{},)])\/\/.*$/gm, '$1');
}
