import { existsSync } from 'node:fs';
import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Files that are read at most; a larger package is judged by its first ones. */
const MOST_FILES = 500;

/** The Rust sources of a package as one text, without comments: those below `src/`, and its examples. */
export async function readRust(folder: string): Promise<string> {
  const files: string[] = [];
  for (const below of ['src', 'examples']) {
    if (!existsSync(join(folder, below))) continue;
    for await (const name of glob(`${below}/**/*.rs`, { cwd: folder })) files.push(name);
  }
  const texts = await Promise.all(
    files
      .sort()
      .slice(0, MOST_FILES)
      .map((name) => readFile(join(folder, name), 'utf8').catch(() => '')),
  );
  return texts.map(withoutComments).join('\n');
}

/** A `//` inside of a string (an address) is none: what stands before it on its line is not blank or code's end. */
function withoutComments(text: string): string {
  return text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|[\s;{},)])\/\/.*$/gm, '$1');
}
