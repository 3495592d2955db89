import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { unlessDeviceFailed } from '../domain/errno.ts';
import { type Manifest, readManifest } from './manifest.ts';
import { tableAt, textAt } from './toml.ts';
import { membersOf, workspaceOf } from './workspace.ts';

/**
 * How many documentation tests the library of a package has, or, with `all`, those of its workspace: blocks of Rust code in
 * its doc comments that are not ignored (The rustdoc book, "Documentation tests"). Macros that write doc comments are not
 * expanded.
 */
export async function countDocTests(folder: string, all: boolean): Promise<number> {
  const own = await readManifest(folder);
  if (!own.ok) return 0;
  let count = 0;
  for (const { folder: at, table } of all ? await packagesBeside(own.value) : [own.value]) {
    const lib = tableAt(table, 'lib');
    if (lib.doctest === false) continue;
    const file = join(at, textAt(lib, 'path') ?? 'src/lib.rs');
    if ((await read(file)) === undefined) continue;
    for (const source of await sourcesOf(dirname(file))) count += docTestsOf((await read(source)) ?? '');
  }
  return count;
}

async function packagesBeside(own: Manifest): Promise<readonly Manifest[]> {
  const workspace = await workspaceOf(own);
  const members = workspace.ok ? await membersOf(workspace.value) : workspace;
  return members.ok && members.value.length > 0 ? members.value : [own];
}

/** Files of a library: all below its folder but those of programs. */
async function sourcesOf(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(
    unlessDeviceFailed([]),
  );
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.rs'))
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !file.startsWith(join(folder, 'bin/')) && file !== join(folder, 'main.rs'));
}

/** Words behind the fence of a block that leave it a Rust test (The rustdoc book, "Attributes"). */
const RUST =
  /^(?:rust|should_panic|no_run|compile_fail|edition\d{4}|test_harness|standalone(?:_crate)?|E\d{4})$/;

/** What stands before a line in a doc comment. */
type Above = 'nothing' | 'text' | 'list' | 'code';

/** The number of documentation tests in the text of a source file. */
export function docTestsOf(text: string): number {
  let count = 0;
  let fence: string | undefined;
  let above: Above = 'nothing';
  let afterEmpty = true;
  for (const line of text.split('\n')) {
    const doc = /^\s*(?:\/\/[/!]|\*|\/\*[*!])\s?(.*)$/.exec(line)?.[1];
    if (doc === undefined) {
      if (!/^\s*#\[/.test(line)) fence = undefined;
      [above, afterEmpty] = ['nothing', true];
      continue;
    }
    const [, marks, info = ''] = /^\s*(`{3,}|~{3,})\s*(.*)$/.exec(doc) ?? [];
    if (marks === undefined && fence === undefined) {
      // An indented block, which interrupts no paragraph; below a list it is part of that (CommonMark, 4.4).
      const isCode: boolean =
        /^(?: {4}|\t)\s*\S/.test(doc) && (above === 'code' || (afterEmpty && above !== 'list'));
      if (isCode && above !== 'code') count += 1;
      if (doc.trim() !== '') above = isCode ? 'code' : kindOf(doc, above);
      afterEmpty = doc.trim() === '';
    }
    if (marks === undefined) continue;
    afterEmpty = true;
    if (fence !== undefined) {
      if (marks.startsWith(fence) && info.trim() === '') fence = undefined;
      continue;
    }
    fence = marks;
    const words = info.split(/[\s,{}]+/).filter((word) => word !== '');
    if (words.every((word) => RUST.test(word))) count += 1;
  }
  return count;
}

function kindOf(doc: string, above: Above): Above {
  if (/^ {0,3}(?:[-*+]|\d+[.)])\s/.test(doc)) return 'list';
  // What is indented below an item belongs to it.
  return above === 'list' && /^\s/.test(doc) ? 'list' : 'text';
}

async function read(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch(unlessDeviceFailed(undefined));
}
