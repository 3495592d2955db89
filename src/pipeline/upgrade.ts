import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { isAbsolute, relative } from 'node:path';
import type { Settings } from '../domain/context.ts';
import { absentAsUndefined } from '../domain/errno.ts';
import type { Planned } from './prepare.ts';
import { allLocks, type Locked } from './trees.ts';

/** Files as they were, to be put back. */
export class SavedFiles {
  readonly #texts: ReadonlyMap<string, string | undefined>;

  private constructor(texts: ReadonlyMap<string, string | undefined>) {
    this.#texts = texts;
  }

  static async of(files: readonly string[]): Promise<SavedFiles> {
    const texts = new Map<string, string | undefined>();
    for (const file of files) texts.set(file, await readFile(file, 'utf8').catch(absentAsUndefined));
    return new SavedFiles(texts);
  }

  /** Puts back those that have changed, each whole. */
  async restore(): Promise<void> {
    for (const [file, text] of this.#texts) {
      if ((await readFile(file, 'utf8').catch(absentAsUndefined)) === text) continue;
      if (text === undefined) {
        await rm(file, { force: true });
        continue;
      }
      const beside = `${file}.${process.pid}.tmp`;
      await writeFile(beside, text);
      await rename(beside, file);
    }
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
  const ours = ({ file }: Locked): boolean =>
    isBelow(home, plan.recipe.file) || !isBelow(home, file.lockFile);
  const found = new Map<string, Locked>();
  for (const locked of allLocks(locks)) {
    const withImage = locked === locks.tools && found.has(locks.toolchain.file.id);
    if ((withImage || ids.has(locked.file.id)) && ours(locked)) found.set(locked.file.lockFile, locked);
  }
  return [...found.values()];
}

function isBelow(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '' && !way.startsWith('..') && !isAbsolute(way);
}
