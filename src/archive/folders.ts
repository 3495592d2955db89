import { lstatSync, mkdirSync, readlinkSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import { badName, conflict, corrupt, escapesRoot, Refusal } from './refusal.ts';
import { isCaseless, storedName } from './stored-names.ts';

/** Bytes of a path name, limits.h(0p) `PATH_MAX` on Linux. */
const LONGEST_NAME = 4096;
/** Links followed in one resolution before it counts as a loop, as in the kernel: path_resolution(7). */
const MOST_LINKS = 40;

/**
 * Resolves a name below a root as chroot(2) would: absolute links start at the root, `..` stops at it.
 *
 * Results are cached, as a package has tens of entries in one folder. They stay valid because nothing in this module
 * ever removes or replaces a folder: a real folder inside the root remains one, whichever other thread is
 * unpacking. Only a link on the way may be replaced (by the package that made it), which calls `forget`.
 */
export class Folders {
  readonly root: string;
  readonly #caseless: boolean;
  readonly #known = new Map<string, string>();
  readonly #made = new Set<string>();

  /** `root` is absolute and without a slash at its end. */
  constructor(root: string) {
    this.root = root;
    this.#caseless = isCaseless(root);
  }

  /** Path of what has a name in a folder that `make` or `find` gave. */
  at(folder: string, name: string): string {
    return `${folder}/${this.#caseless ? storedName(folder, name) : name}`;
  }

  /** The parts of an entry's name; rejects absolute ones and those with `..`. */
  static parts(archive: string, name: string): string[] {
    if (name.includes('\0') || name.includes('\ufffd')) throw new Refusal(badName(archive, name));
    if (name.startsWith('/')) throw new Refusal(escapesRoot(archive, name));
    if (Buffer.byteLength(name) > LONGEST_NAME)
      throw new Refusal(corrupt(archive, 'A name in it is over 4096 bytes long.'));
    const parts = name.split('/').filter((part) => part !== '' && part !== '.');
    // Also where it would lead back into the root: through a link it means another place for each reader.
    if (parts.includes('..')) throw new Refusal(escapesRoot(archive, name));
    return parts;
  }

  /** Absolute path of the real folder that a name leads to, making what is missing. */
  make(archive: string, name: string): string {
    return this.#resolve({ archive, name, make: true, links: 0 }, name) ?? this.root;
  }

  /** The same, making nothing: undefined when it is not there. */
  find(archive: string, name: string): string | undefined {
    return this.#resolve({ archive, name, make: false, links: 0 }, name);
  }

  forget(): void {
    this.#known.clear();
  }

  /** The folders made so far, absolute; empties the list. */
  takeMade(): string[] {
    const made = [...this.#made];
    this.#made.clear();
    return made;
  }

  #resolve(walk: Walk, name: string): string | undefined {
    if (name === '') return this.root;
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const slash = name.lastIndexOf('/');
    const parent = this.#resolve(walk, slash < 0 ? '' : name.slice(0, slash));
    const found = parent === undefined ? undefined : this.#enter(walk, parent, name.slice(slash + 1));
    if (found !== undefined) this.#known.set(name, found);
    return found;
  }

  #enter(walk: Walk, folder: string, part: string): string | undefined {
    if (part === '' || part === '.') return folder;
    if (part === '..') return folder === this.root ? folder : dirname(folder);
    const path = this.at(folder, part);
    const info = lstatSync(path, { throwIfNoEntry: false });
    if (!info) return walk.make ? this.#makeFolder(walk, folder, part, path) : undefined;
    if (info.isDirectory()) return path;
    return this.#follow(walk, folder, path, info);
  }

  #makeFolder(walk: Walk, folder: string, part: string, path: string): string | undefined {
    try {
      mkdirSync(path, 0o755);
    } catch (cause) {
      // Another thread was first, perhaps with a link: check again.
      if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return this.#enter(walk, folder, part);
      throw cause;
    }
    this.#made.add(path);
    return path;
  }

  #follow(walk: Walk, folder: string, path: string, info: Stats): string | undefined {
    if (!info.isSymbolicLink()) {
      if (!walk.make) return undefined;
      throw new Refusal(
        conflict(walk.archive, walk.name, 'A file is where a folder of that path should be.'),
      );
    }
    walk.links += 1;
    if (walk.links > MOST_LINKS) {
      throw new Refusal(
        conflict(walk.archive, walk.name, 'That path leads through a loop of symbolic links.'),
      );
    }
    const target = readlinkSync(path);
    let at: string | undefined = target.startsWith('/') ? this.root : folder;
    for (const part of target.split('/')) {
      at = this.#enter(walk, at, part);
      if (at === undefined) return undefined;
    }
    return at;
  }
}

interface Walk {
  readonly archive: string;
  readonly name: string;
  readonly make: boolean;
  links: number;
}
