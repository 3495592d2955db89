import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir, readlink, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { err, ok, type Result } from '../domain/result.ts';
import type { Digest } from '../domain/words.ts';

export interface Sources {
  /** Over names, modes and contents of every file: changes when and only when a build could. */
  readonly digest: Digest;
  readonly files: number;
  /** Bytes. */
  readonly bytes: number;
}

/** Folders that no build reads: outputs and the history. */
export const NOT_SOURCES: ReadonlySet<string> = new Set([
  'target',
  '.git',
  '.hg',
  '.svn',
  'node_modules',
  'artifacts',
  '__pycache__',
]);

/**
 * Digest of a crate's files. `except` are absolute paths left out beside the standing ones: a sample suite inside the
 * crate changes without the program changing.
 */
export async function digestSources(folder: string, except: readonly string[]): Promise<Result<Sources>> {
  const files: string[] = [];
  try {
    await collect(folder, new Set(except), files);
    files.sort();
    const hash = createHash('sha256');
    let bytes = 0;
    for (const file of files) {
      const size = await digestFile(hash, folder, file);
      bytes += size;
    }
    return ok({ digest: `sha256:${hash.digest('hex')}`, files: files.length, bytes });
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
    if (NOT_SOURCES.has(entry.name) || except.has(path)) continue;
    // A link to a folder counts by its text: following it could leave the project or never end.
    if (entry.isDirectory()) await collect(path, except, files);
    else files.push(path);
  }
}

async function digestFile(
  hash: ReturnType<typeof createHash>,
  folder: string,
  file: string,
): Promise<number> {
  const name = relative(folder, file);
  const link = await readlink(file).catch(() => undefined);
  if (link !== undefined) {
    hash.update(`link\0${name}\0${link}\0`);
    return 0;
  }
  const { size, mode } = await stat(file);
  hash.update(`file\0${name}\0${mode & 0o111 ? 'x' : '-'}\0${size}\0`);
  await pipeline(createReadStream(file), async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) hash.update(chunk);
  });
  return size;
}
