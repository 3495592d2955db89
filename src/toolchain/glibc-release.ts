import { existsSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FIXED_TIME } from '../archive/folder-attributes.ts';
import { compareReleases } from '../domain/glibc.ts';
import { err, ok, type Result } from '../domain/result.ts';
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
 * Headers state the release, and name no function that came later in place of another.
 */
export async function asGlibcRelease(root: string, name: string, release: string): Promise<Result<void>> {
  const done = await onDisk(root, async () => {
    if (hideIn(join(root, LIBRARIES), release) === 0) return LIBRARIES;
    return editHeaders(join(root, HEADERS), release);
  });
  if (!done.ok) return done;
  return done.value === undefined ? ok(undefined) : err(notGlibc(name, release, done.value));
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

/** In all libraries of a folder and below it. Returns the number of symbols. */
function hideIn(folder: string, release: string): number {
  let hidden = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) hidden += hideIn(path, release);
    if (!entry.isFile() || !/\.so(\.|$)/.test(entry.name)) continue;
    const bytes = readFileSync(path);
    const count = hideNewerSymbols(bytes, release);
    if (count > 0) write(path, bytes);
    hidden += count;
  }
  return hidden;
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
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined;
}

function write(file: string, data: string | Uint8Array): void {
  writeFileSync(file, data);
  utimesSync(file, FIXED_TIME, FIXED_TIME);
}
