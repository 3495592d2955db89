import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { readdir, readlink, realpath, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { Digest } from '../domain/ids.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { LeftOut } from '../engine/engine.ts';

export interface Sources {
  /** Digest of the names, modes and contents of all files. */
  readonly digest: Digest;
  readonly files: number;
  /** Bytes. */
  readonly bytes: number;
  /** Symbolic links, relative to the folder, that point outside of it: their targets are not visible to a build. */
  readonly outward: readonly string[];
}

/** Folders that no build reads, at any depth: version control, and folders of other tools. */
const NEVER_SOURCES: ReadonlySet<string> = new Set(['.git', '.hg', '.svn', 'node_modules', '__pycache__']);

/** Output folders where they are beside a manifest; elsewhere, as below `src`, they are ordinary modules. */
const OUTPUTS: ReadonlySet<string> = new Set(['target', 'artifacts']);

/**
 * Folders of a crate that no build reads. Cargo, like other tools, marks its target folder, wherever it is, with a tag
 * (Cache Directory Tagging Specification).
 */
export const notSources: LeftOut = (parent, name) =>
  NEVER_SOURCES.has(name) ||
  (OUTPUTS.has(name) && existsSync(join(parent, 'Cargo.toml'))) ||
  existsSync(join(parent, name, 'CACHEDIR.TAG'));

/**
 * Digest of a crate's files. `except` are further absolute paths to leave out: a change of the samples inside the crate
 * does not change the program.
 */
export async function digestSources(folder: string, except: readonly string[]): Promise<Result<Sources>> {
  const files: string[] = [];
  const outward: string[] = [];
  try {
    const real = await Promise.all(except.map((path) => realpath(path).catch(() => path)));
    await collect(folder, new Set([...except, ...real]), files);
    files.sort();
    const hash = createHash('sha256');
    let bytes = 0;
    for (const file of files) {
      const { size, link } = await digestFile(hash, folder, file);
      bytes += size;
      if (link !== undefined && pointsOutside(folder, file, link)) outward.push(relative(folder, file));
    }
    return ok({ digest: `sha256:${hash.digest('hex')}`, files: files.length, bytes, outward });
  } catch (error) {
    return err({
      code: 'build/sources-unreadable',
      what: `The project folder ${folder} could not be read.`,
      why: error instanceof Error ? error.message : String(error),
      fix: ['Check `project.path` in the recipe and the permissions of the folder.'],
    });
  }
}

async function collect(folder: string, except: ReadonlySet<string>, files: string[]): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (except.has(path)) continue;
    // A link to a folder is digested by its text: following it could leave the project or loop.
    if (entry.isDirectory()) {
      if (!notSources(folder, entry.name)) await collect(path, except, files);
    } else if (entry.isFile() || entry.isSymbolicLink()) files.push(path);
  }
}

async function digestFile(
  hash: ReturnType<typeof createHash>,
  folder: string,
  file: string,
): Promise<{ readonly size: number; readonly link?: string }> {
  const name = relative(folder, file);
  const link = await readlink(file).catch(() => undefined);
  if (link !== undefined) {
    hash.update(`link\0${name}\0${link}\0`);
    return { size: 0, link };
  }
  const { size, mode } = await stat(file);
  hash.update(`file\0${name}\0${mode & 0o111 ? 'x' : '-'}\0${size}\0`);
  await pipeline(createReadStream(file), async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) hash.update(chunk);
  });
  return { size };
}

/** The folder has another path in the sandbox, so an absolute link never points into it. */
function pointsOutside(folder: string, file: string, link: string): boolean {
  if (link.startsWith('/')) return true;
  return relative(folder, resolve(dirname(file), link)).startsWith('..');
}
