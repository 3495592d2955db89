import { readFile } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { unlessDeviceFailed } from '../domain/errno.ts';
import { isWithin, PATHS } from '../engine/paths.ts';
import { isThere } from '../exec/files.ts';

/** A build script that stops because something is not there, which Rust says without a name (`std::io::Error`). */
const STOPPED =
  /failed to run custom build command for `[^`]*?(?:\((?<package>[^)`]+)\))?`[\s\S]*?panicked at (?<file>[^\s:]+\.rs):(?<line>\d+):\d+:\n[^\n]*\bkind: NotFound\b/g;

/** A program by its name alone is looked for on `PATH`. */
const STARTS = /\bCommand::new\(\s*"([\w.+-]+)"\s*\)/g;

/** Lines before the one that stopped in which a program is set up. */
const LINES_BEFORE = 15;

/**
 * Programs that build scripts of the project were stopped for want of, one line for each: what is started in the line of
 * the source that is named, or last before it. `view` is the folder of the project as a build sees it.
 */
export async function missingPrograms(
  output: string,
  { view, toolchain }: { readonly view: string; readonly toolchain: string },
): Promise<readonly string[]> {
  const said: string[] = [];
  for (const { groups = {} } of output.matchAll(STOPPED)) {
    const { package: folder = PATHS.project, file = '', line = '' } = groups;
    const text = await sourceOf(view, [PATHS.project, folder], file);
    const upTo = (text?.split('\n') ?? []).slice(0, Number(line)).slice(-LINES_BEFORE).join('\n');
    const program = [...upTo.matchAll(STARTS)].at(-1)?.[1];
    if (program === undefined || isInstalled(toolchain, program)) continue;
    said.push(`${file}:${line} starts \`${program}\`: command \`${program}\` not found`);
  }
  return [...new Set(said)];
}

/** The compiler names a file relative to the workspace; the package is where else it may be. */
async function sourceOf(view: string, folders: readonly string[], file: string): Promise<string | undefined> {
  for (const folder of folders) {
    const path = posix.resolve(folder, file);
    if (!isWithin(path, PATHS.project)) continue;
    const text = await readFile(join(view, posix.relative(PATHS.project, path)), 'utf8').catch(
      unlessDeviceFailed(undefined),
    );
    if (text !== undefined) return text;
  }
  return undefined;
}

function isInstalled(toolchain: string, program: string): boolean {
  return ['usr/bin', 'usr/sbin', 'usr/local/bin'].some((folder) => isThere(join(toolchain, folder, program)));
}
