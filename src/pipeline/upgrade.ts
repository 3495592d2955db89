import { chmod, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { isAbsolute, relative } from 'node:path';
import type { Settings } from '../domain/context.ts';
import { absentAsUndefined } from '../domain/errno.ts';
import type { Plan } from '../domain/plan.ts';
import type { Planned } from './prepare.ts';
import { allLocks, type Locked } from './trees.ts';

/** Files as they were, to be put back. */
export class SavedFiles {
  readonly #contents: ReadonlyMap<string, Buffer | undefined>;

  private constructor(contents: ReadonlyMap<string, Buffer | undefined>) {
    this.#contents = contents;
  }

  static async of(files: readonly string[]): Promise<SavedFiles> {
    const contents = new Map<string, Buffer | undefined>();
    for (const file of files) contents.set(file, await contentOf(file));
    return new SavedFiles(contents);
  }

  /** Puts back those that have changed, each whole. */
  async restore(): Promise<void> {
    for (const [file, content] of this.#contents) {
      const now = await contentOf(file);
      if (now === content || (content !== undefined && now?.equals(content) === true)) continue;
      if (content === undefined) await rm(file, { force: true });
      else await replaceFile(file, content);
    }
  }
}

function contentOf(file: string): Promise<Buffer | undefined> {
  return readFile(file).catch(absentAsUndefined);
}

/** Writes a file so that it is there whole or as it was, with the mode that it has. Throws the errors of the system. */
export async function replaceFile(file: string, content: Buffer): Promise<void> {
  const beside = `${file}.${process.pid}.tmp`;
  try {
    const { mode = 0o644 } = (await stat(file).catch(absentAsUndefined)) ?? {};
    await writeFile(beside, content);
    await chmod(beside, mode & 0o777);
    await rename(beside, file);
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
}

/**
 * The locks of a recipe that are to be resolved again and are its owner's to write: a project's own, or the shipped ones where the
 * recipe is shipped, too. What is added to an image is locked for the image, and so goes with it.
 */
export function locksToUpgrade(
  { home }: Pick<Settings, 'home'>,
  { plan, locks }: Planned,
  ids: ReadonlySet<string>,
): readonly Locked[] {
  const ours = ({ file }: Locked): boolean => isOwners(home, plan, file.lockFile);
  const found = new Map<string, Locked>();
  for (const locked of allLocks(locks)) {
    const withImage = locked === locks.tools && found.has(locks.toolchain.file.id);
    if ((withImage || ids.has(locked.file.id)) && ours(locked)) found.set(locked.file.lockFile, locked);
  }
  return [...found.values()];
}

/** Whether a lock is the recipe's owner's to write. */
export function isOwners(home: string, { recipe }: Pick<Plan, 'recipe'>, lockFile: string): boolean {
  return isBelow(home, recipe.file) || !isBelow(home, lockFile);
}

function isBelow(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '' && !way.startsWith('..') && !isAbsolute(way);
}
