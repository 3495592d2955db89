import { dirname, join, posix } from 'node:path';
import type { CommandTest } from '../domain/definitions.ts';
import { leadsInside } from '../domain/stated-path.ts';
import { isThere } from '../exec/files.ts';
import type { Run } from './observe.ts';

/** How Rust, C and Python say that a file is not there (ENOENT is 2 on Linux, 44 in WASI preview 1). */
const MISSING = /No such file or directory|\(os error (?:2|44)\)|\bFileNotFoundError\b|\bNotFound\b/;

/** Words that may be names of files: quoted, or with a dot or a slash in them. */
const WORDS = /["'`]([^"'`\n]{1,200})["'`]|([\w.-]*\w[./]\w[\w./-]*)/g;

/**
 * What to write into the recipe where a command looks for a file that its working folder does not have; `file` is the recipe.
 * None where nothing says so.
 */
export function curesOfMissingFiles(
  { files }: Pick<CommandTest, 'files'>,
  { stderr, stdout }: Pick<Run, 'stderr' | 'stdout'>,
  file: string,
): readonly string[] {
  const text = [stderr, stdout].map((bytes) => Buffer.from(bytes).toString('utf8')).join('\n');
  const said = text.split('\n').filter((line) => MISSING.test(line));
  if (said.length === 0) return [];
  const words = said.flatMap((line) =>
    [...line.matchAll(WORDS)].map(([, quoted, bare]) => quoted ?? bare ?? ''),
  );
  const placed = files.map(({ text: one }) => posix.normalize(one).replace(/\/$/, ''));
  const there = [...new Set(words.map((word) => posix.normalize(word)))].filter(
    (word) =>
      leadsInside(word) &&
      !placed.some((one) => word === one || word.startsWith(`${one}/`)) &&
      isThere(join(dirname(file), word)),
  );
  const all = [...files.map(({ text: one }) => one), ...there];
  if (there.length > 0)
    return [
      `Write \`files: [${all.join(', ')}]\` into the test: the working folder of the program then begins with copies.`,
    ];
  if (files.length > 0)
    return [
      'The working folder of the program holds what `files` of the test names, and nothing else: name what is missing there, too.',
    ];
  return [
    'Name what the program opens beside the recipe as `files` of the test: its working folder is empty, unlike that of `cargo run`.',
  ];
}
