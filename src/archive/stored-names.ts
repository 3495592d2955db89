import { lstatSync, readdirSync } from 'node:fs';
import { basename, dirname } from 'node:path';

/** Of the private use area: no package has it in a name, and file systems keep it. */
const MARK = '\u{f8e0}';

/**
 * Whether the file system of an absolute folder takes names that differ by case alone for one, as those of macOS and Windows
 * do; of the nearest above it that is there and has a letter in its name.
 */
export function isCaseless(folder: string): boolean {
  const [parent, name] = [dirname(folder), basename(folder)];
  if (parent === folder) return false;
  const here = lstatSync(folder, { bigint: true, throwIfNoEntry: false });
  const other = name === name.toUpperCase() ? name.toLowerCase() : name.toUpperCase();
  if (here === undefined || other === name) return isCaseless(parent);
  const there = lstatSync(`${parent}/${other}`, { bigint: true, throwIfNoEntry: false });
  return there?.ino === here.ino && there.dev === here.dev;
}

/**
 * The name under which an entry of a folder is stored on a file system without case: its own, or, beside another that
 * differs from it by case alone, a marked one. Which of them is stored under its own name is left to chance.
 */
export function storedName(folder: string, name: string): string {
  const marked = markedName(name);
  if (marked === name) return name;
  if (lstatSync(`${folder}/${name}`, { throwIfNoEntry: false }) === undefined)
    return lstatSync(`${folder}/${marked}`, { throwIfNoEntry: false }) === undefined ? name : marked;
  return readdirSync(folder).includes(name) ? name : marked;
}

/** Whether a name is one that `storedName` could have made: no archive may have it. */
export function isMarked(name: string): boolean {
  return name.includes(MARK);
}

/** What was in the archive, of the name that it is stored under. */
export function nameOf(stored: string): string {
  const at = stored.indexOf(MARK);
  return at < 0 ? stored : stored.slice(0, at);
}

/** Another for each spelling; the name itself where it has but one. */
function markedName(name: string): string {
  let spelling = 0n;
  for (const character of name) {
    const other = character === character.toLowerCase() ? character.toUpperCase() : character.toLowerCase();
    if (other === character) continue;
    spelling = (spelling << 1n) | (character === character.toUpperCase() ? 1n : 0n);
  }
  return name.toLowerCase() === name.toUpperCase() ? name : `${name}${MARK}${spelling.toString(36)}`;
}
