import { createHash } from 'node:crypto';
import { lstat, readdir, readlink, realpath, stat } from 'node:fs/promises';
import { basename, join, posix } from 'node:path';
import { ARTIFACTS_MARK, SHARED_ARTIFACTS } from '../domain/artifacts.ts';
import { errorCode, unlessDeviceFailed } from '../domain/errno.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { StatedPath } from '../domain/stated-path.ts';
import type { PlacedEntry } from '../engine/engine.ts';
import { isWithin } from '../engine/paths.ts';
import { isThere } from '../exec/files.ts';
import type { Failure } from '../failure.ts';
import { digestFile } from '../store/digest.ts';
import type { WorkingFiles } from './observe.ts';

/**
 * What `files` of a command name, read and counted; `folder` is that of the recipe, and nothing outside of it is taken.
 * Fails with every path that cannot be taken (`recipe/test-file`).
 */
export async function readWorkingFiles(
  files: readonly StatedPath[],
  folder: string,
): Promise<Result<WorkingFiles>> {
  const listing = new Listing(await realpath(folder));
  const failures: Failure[] = [];
  for (const stated of files) {
    const failure = await listing.add(stated);
    if (failure !== undefined) failures.push(failure);
  }
  const [first, ...also] = failures;
  if (first !== undefined) return err({ ...first, ...(also.length > 0 ? { also } : {}) });
  return ok(await listing.counted());
}

/** Why a path cannot be taken, and what to do. */
class Unfit extends Error {
  readonly fix: string;

  constructor(what: string, fix: string) {
    super(what);
    this.fix = fix;
  }
}

class Listing {
  readonly #entries = new Map<string, PlacedEntry>();
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
  }

  async add({ path, text, at }: StatedPath): Promise<Failure | undefined> {
    try {
      const real = await this.#realPath(path, text);
      const placed = posix.normalize(text).replace(/\/$/, '');
      for (const parent of foldersAbove(placed)) this.#put({ kind: 'folder', path: parent });
      await this.#take(real, placed, text, real);
      return undefined;
    } catch (cause) {
      if (cause instanceof Unfit)
        return { code: 'recipe/test-file', what: cause.message, fix: [cause.fix], at };
      if (errorCode(cause) !== 'EACCES') throw cause;
      const what = `\`${text}\` cannot be read: ${(cause as Error).message}.`;
      return { code: 'recipe/test-file', what, fix: ['Make it readable for you.'], at };
    }
  }

  async counted(): Promise<WorkingFiles> {
    const entries = [...this.#entries.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
    const hash = createHash('sha256');
    let size = 0;
    for (const entry of entries) {
      const content = entry.kind === 'file' ? await digestFile(entry.source) : undefined;
      size += content?.size ?? 0;
      const of = entry.kind === 'link' ? entry.target : (content?.digest ?? '');
      const mode = entry.kind === 'file' && entry.executable;
      hash.update(`${JSON.stringify([entry.kind, entry.path, mode, of])}\n`);
    }
    return { entries, size, digest: `sha256:${hash.digest('hex')}` };
  }

  async #realPath(path: string, text: string): Promise<string> {
    if ((await lstat(path).catch(unlessMissing)) === undefined)
      throw new Unfit(`There is no \`${text}\`.`, 'Check the path: it is relative to the recipe.');
    const real = await realpath(path).catch(unlessMissing);
    if (real === undefined)
      throw new Unfit(
        `\`${text}\` is a symbolic link that leads nowhere.`,
        'Mend the link, or name what it stands for.',
      );
    if (!isWithin(real, this.#root))
      throw new Unfit(
        `\`${text}\` leads out of the folder of the recipe, to ${real}.`,
        'Copy it into that folder: what lies elsewhere is not taken.',
      );
    return real;
  }

  /** `top` is what was named. */
  async #take(source: string, path: string, text: string, top: string): Promise<void> {
    const info = await lstat(source);
    if (info.isDirectory()) return this.#takeFolder(source, path, text, top);
    if (info.isSymbolicLink()) return this.#takeLink(source, path, top);
    if (info.isFile())
      return this.#put({ kind: 'file', path, source, executable: (info.mode & 0o111) !== 0 });
    const what = source === top ? `\`${text}\`` : `\`${path}\` in \`${text}\``;
    throw new Unfit(`${what} is a socket, a pipe or a device.`, 'Remove it, or name the files beside it.');
  }

  /** Artifacts of ours are none of its content, nor is a folder that holds nothing else. */
  async #takeFolder(source: string, path: string, text: string, top: string): Promise<void> {
    const names = await readdir(source, { encoding: 'buffer' });
    if (source !== top && (await isArtifacts(source))) return;
    this.#put({ kind: 'folder', path });
    for (const bytes of names) {
      const name = bytes.toString();
      if (!Buffer.from(name).equals(bytes))
        throw new Unfit(
          `A name in \`${text}\` is not UTF-8: ${join(path, bytes.toString('latin1'))}.`,
          'Rename the file.',
        );
      await this.#take(join(source, name), posix.join(path, name), text, top);
    }
  }

  /**
   * It stays a link where it leads to what was named with it, or nowhere. What it leads to otherwise is copied, if that is a
   * file in the folder of the recipe.
   */
  async #takeLink(source: string, path: string, top: string): Promise<void> {
    const target = await readlink(source);
    const real = await realpath(source).catch(unlessDeviceFailed(undefined));
    const together = real !== undefined && isWithin(real, top) && !posix.isAbsolute(target);
    const copied = real !== undefined && !together && isWithin(real, this.#root);
    const info = copied ? await stat(real) : undefined;
    if (real === undefined || info?.isFile() !== true) return this.#put({ kind: 'link', path, target });
    this.#put({ kind: 'file', path, source: real, executable: (info.mode & 0o111) !== 0 });
  }

  #put(entry: PlacedEntry): void {
    this.#entries.set(entry.path, entry);
  }
}

/** Of `a/b/c`: `a`, `a/b`. */
function foldersAbove(path: string): readonly string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

/** What provision wrote for a recipe, or the folder `artifacts` with such ones. */
async function isArtifacts(folder: string): Promise<boolean> {
  if (isThere(join(folder, ARTIFACTS_MARK))) return true;
  if (basename(folder) !== 'artifacts') return false;
  const names = await readdir(folder);
  const others = names.filter((name) => !SHARED_ARTIFACTS.has(name));
  return others.length > 0 && others.every((name) => isThere(join(folder, name, ARTIFACTS_MARK)));
}

function unlessMissing(cause: unknown): undefined {
  if (!['ENOENT', 'ENOTDIR', 'ELOOP'].includes(errorCode(cause) ?? '')) throw cause;
  return undefined;
}
