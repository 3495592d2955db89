import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { readdir, readlink, realpath, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { err, ok, type Result } from '../domain/result.ts';
import type { Digest } from '../domain/words.ts';
import type { LeftOut } from '../engine/engine.ts';

export interface Sources {
  /** Over names, modes and contents of every file: changes when and only when a build could. */
  readonly digest: Digest;
  readonly files: number;
  /** Bytes. */
  readonly bytes: number;
  /** Links that lead out of the folder, relative to it: a build does not see what they point at. */
  readonly outward: readonly string[];
}

/** Folders that no build reads, whatever they lie in: the history, and what other tools bring. */
const NEVER_SOURCES: ReadonlySet<string> = new Set(['.git', '.hg', '.svn', 'node_modules', '__pycache__']);

/** Outputs, where they lie beside a manifest; below `src` they are modules like any other. */
const OUTPUTS: ReadonlySet<string> = new Set(['target', 'artifacts']);

/**
 * Folders of a crate that no build reads. Cargo, like other tools, marks its target folder wherever it is made (Cache
 * Directory Tagging Specification).
 */
export const notSources: LeftOut = (parent, name) =>
  NEVER_SOURCES.has(name) ||
  (OUTPUTS.has(name) && existsSync(join(parent, 'Cargo.toml'))) ||
  existsSync(join(parent, name, 'CACHEDIR.TAG'));

/**
 * Digest of a crate's files. `except` are absolute paths left out beside the standing ones: a sample suite inside the
 * crate changes without the program changing.
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
      if (link !== undefined && leadsOut(folder, file, link)) outward.push(relative(folder, file));
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
    // A link to a folder counts by its text: following it could leave the project or never end.
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

/** In a sandbox the folder lies elsewhere: an absolute link never leads back into it. */
function leadsOut(folder: string, file: string, link: string): boolean {
  if (link.startsWith('/')) return true;
  return relative(folder, resolve(dirname(file), link)).startsWith('..');
}
