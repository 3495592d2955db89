import { readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FIXED_TIME } from '../archive/folder-attributes.ts';
import { compareReleases } from '../domain/glibc.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { isThere } from '../exec/files.ts';
import type { Failure } from '../failure.ts';
import { onDisk } from '../store/disk.ts';
import { hideNewerSymbols } from './symbol-versions.ts';

/** Increase it when the same tree and release give another tree. */
export const GLIBC_RELEASE_VERSION = 1;

/** Where libraries that are linked with are, below the root; and the headers. */
const LIBRARIES = 'usr/lib';
const HEADERS = 'usr/include';

/**
 * Makes glibc in a link-time tree look like an earlier release of itself. What its libraries got later is hidden from linkers:
 * a program that calls it has an undefined symbol, a configure script does not find it, and a function that got a newer version
 * is bound to the one of then. The libraries still work: they are the C library that an emulator runs checks of builds with.
 * Headers state the release, declare nothing that came later (sources bring their own of it), and name no function that came
 * later in place of another.
 */
export async function asGlibcRelease(root: string, name: string, release: string): Promise<Result<void>> {
  const done = await onDisk(root, async () => {
    const absent = new Set<string>();
    if (hideIn(join(root, LIBRARIES), release, absent) === 0) return LIBRARIES;
    undeclareIn(join(root, HEADERS), declarationsOf([...absent]));
    return editHeaders(join(root, HEADERS), release);
  });
  if (!done.ok) return done;
  return done.value === undefined ? ok(undefined) : err(notGlibc(name, release, done.value));
}

/** In all libraries of a folder and below it. Returns the number of symbols; names of those that came later go into `absent`. */
function hideIn(folder: string, release: string, absent: Set<string>): number {
  let changed = 0;
  for (const path of filesIn(folder)) {
    if (!/\.so(\.[\d.]+)?$/.test(path)) continue;
    const bytes = readFileSync(path);
    const hidden = hideNewerSymbols(bytes, release);
    if (hidden.changed > 0) write(path, bytes);
    changed += hidden.changed;
    for (const name of hidden.absent) absent.add(name);
  }
  return changed;
}

/** Removes declarations from the headers of glibc, not from those of other packages. */
function undeclareIn(folder: string, declarations: RegExp): void {
  for (const path of filesIn(folder)) {
    if (!path.endsWith('.h')) continue;
    const text = readFileSync(path, 'utf8');
    if (!text.includes('part of the GNU C Library')) continue;
    // Lines stay where they are.
    const without = text.replace(declarations, (declaration) => declaration.replaceAll(/[^\n]/g, ''));
    if (without !== text) write(path, without);
  }
}

/**
 * Matches declarations of functions as the headers of glibc have them, each behind the start of a line:
 * `extern int name (…) …;`, `extern int __REDIRECT (name, (…), other);`. Names that are reserved are called by other headers.
 */
function declarationsOf(names: readonly string[]): RegExp {
  const one = names.filter((name) => /^[A-Za-z]\w*$/.test(name)).join('|');
  const named = `(?:(?:${one})\\s*\\(|__REDIRECT\\w*\\s*\\((?:${one})\\s*,)`;
  return new RegExp(`^(?:extern\\s[\\w\\s*]*?|[A-Za-z_][\\w *]*?)\\b${named}(?:(?!\\*/)[^;{}#])*;`, 'gm');
}

/** Files in a folder and below it, links left out. */
function filesIn(folder: string): readonly string[] {
  if (!isThere(folder)) return [];
  // Not `recursive`, which follows links to folders.
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesIn(path) : entry.isFile() ? [path] : [];
  });
}

/** Returns the header that is not as it is expected, if one is not. */
function editHeaders(folder: string, release: string): string | undefined {
  for (const [path, edit] of Object.entries(EDITS)) {
    const file = join(folder, path);
    const text = readIfThere(file);
    const edited = text === undefined ? undefined : edit(text, release);
    if (edited === undefined) return `${HEADERS}/${path}`;
    if (edited !== text) write(file, edited);
  }
  return undefined;
}

function notGlibc(name: string, release: string, path: string): Failure {
  return {
    code: 'archive/no-glibc',
    what: `The C library in ${name} cannot be linked with as glibc ${release}.`,
    why: `\`${path}\` holds nothing that came later, or not as glibc has it.`,
    fix: ['Remove `oldest-release` from the definition of the C library, or `glibc` from the recipe.'],
  };
}

/** Header → its text for a release; undefined: it has not the lines that are to be changed. */
const EDITS: Readonly<Record<string, (text: string, release: string) => string | undefined>> = {
  'features.h': (text, release) =>
    replaced(text, /^(#define\s+__GLIBC_MINOR__\s+)\d+$/m, `$1${release.replace(/^2\./, '')}`),
  // glibc 2.28 gave fcntl(2) a second name for programs with large files, although nothing is otherwise on 64-bit machines.
  'fcntl.h': (text, release) =>
    compareReleases(release, '2.28') >= 0
      ? text
      : replaced(text, /^#ifndef __USE_FILE_OFFSET64(\nextern int fcntl \()/m, '#if 1$1'),
};

function replaced(text: string, pattern: RegExp, by: string): string | undefined {
  return pattern.test(text) ? text.replace(pattern, by) : undefined;
}

function readIfThere(file: string): string | undefined {
  return isThere(file) ? readFileSync(file, 'utf8') : undefined;
}

function write(file: string, data: string | Uint8Array): void {
  writeFileSync(file, data);
  utimesSync(file, FIXED_TIME, FIXED_TIME);
}
