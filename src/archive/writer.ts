import { randomUUID } from 'node:crypto';
import {
  closeSync,
  constants,
  fchmodSync,
  futimesSync,
  linkSync,
  lstatSync,
  lutimesSync,
  openSync,
  symlinkSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { type Excludes, plainName } from './exclude.ts';
import { Folders } from './folders.ts';
import type { Budget } from './limits.ts';
import { badName, conflict, missingLinkTarget, Refusal, truncated } from './refusal.ts';
import { isMarked } from './stored-names.ts';
import type { Sink, TarEntry } from './tar-reader.ts';

/**
 * Permission bits of files: setuid and setgid are masked off, for a tree belongs to the user who unpacks it, and such
 * a bit would lend that user's rights to others on the machine. The owner can always read: the store is read later.
 */
const FILE_BITS = 0o777;
const FILE_ALWAYS = 0o400;

const MAKE_NEW = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/** A path that two archives both have; compared when everything is unpacked (`mergeCollisions`). */
export interface Collision {
  readonly archive: string;
  readonly name: string;
  /** Absolute path in the tree. */
  readonly path: string;
  /** Absolute path of this archive's own version. */
  readonly side: string;
}

/** Attributes of a folder, applied at the very end: writing into a folder changes its time. */
export interface FolderAttributes {
  /** Path below the root. */
  readonly name: string;
  readonly mode: number;
  /** Seconds since the epoch. */
  readonly mtime: number;
}

export interface WriterOptions {
  /** Named in failures. */
  readonly archive: string;
  readonly folders: Folders;
  readonly excludes: Excludes;
  readonly budget: Budget;
  /** Folder for this archive's version of a path that another one has as well; without it that is a failure. */
  readonly sideFolder?: string;
}

/**
 * Writes the entries of one archive below a root, synchronously. No entry can reach outside: parents are real folders
 * inside the root (`Folders`), and the last part of a path is created with O_EXCL, which follows no link.
 */
export class Writer {
  files = 0;
  bytes = 0;
  readonly collisions: Collision[] = [];
  readonly attributes: FolderAttributes[] = [];
  /** Hard links whose target was left out: target's name → links to it. Their content needs a second reading. */
  readonly orphans = new Map<string, TarEntry[]>();
  readonly #options: WriterOptions;
  /** Paths this archive made: a later entry of the same name replaces them, as in any tar archive. */
  readonly #own = new Set<string>();
  /** Names of the symbolic links this archive made, and modes of its folders. */
  readonly #links = new Map<string, string>();
  readonly #folderModes = new Map<string, number>();
  readonly #excluded = new Set<string>();
  /** Hard links that were not made → the file they stand for. */
  readonly #sameAs = new Map<string, string>();

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  visit(entry: TarEntry): Sink | undefined {
    if (isMarked(entry.name)) throw new Refusal(badName(this.#options.archive, entry.name));
    if (this.#isExcluded(entry)) return undefined;
    if (entry.type === 'file') return this.file(entry);
    if (entry.type === 'folder') this.#folder(entry);
    else if (entry.type === 'symlink') this.#symlink(entry);
    else this.hardLink(entry);
    return undefined;
  }

  /** Makes a regular file and returns the sink for its content. */
  file(entry: TarEntry): Sink {
    this.#options.budget.take(this.#options.archive, entry.name, entry.size);
    const descriptor = this.#create(entry, (path) => openSync(path, MAKE_NEW, 0o600));
    let left = entry.size;
    return {
      write: (chunk) => {
        for (let at = 0; at < chunk.length; ) at += writeSync(descriptor, chunk, at, chunk.length - at);
        left -= chunk.length;
        this.bytes += chunk.length;
      },
      end: () => {
        if (left === 0) {
          // open(2) takes the process's umask off the mode; this does not.
          fchmodSync(descriptor, (entry.mode & FILE_BITS) | FILE_ALWAYS);
          futimesSync(descriptor, entry.mtime, entry.mtime);
        }
        closeSync(descriptor);
        if (left !== 0) throw new Refusal(this.#tooShort(entry));
      },
    };
  }

  hardLink(entry: TarEntry): void {
    const { archive, budget } = this.#options;
    budget.take(archive, entry.name, 0);
    const target = this.#targetOf(entry);
    if (this.#excluded.has(target)) {
      this.orphans.set(target, [...(this.orphans.get(target) ?? []), entry]);
      this.#sameAs.set(plainName(entry.name), target);
      return;
    }
    const source = this.#existing(target);
    if (source === undefined) throw new Refusal(missingLinkTarget(archive, entry.name, entry.target));
    this.#create(entry, (path) => path !== source && linkSync(source, path));
  }

  /** The hard links that want the content of a file which was left out; they are made next. */
  takeOrphans(name: string): readonly TarEntry[] {
    const target = plainName(name);
    const links = this.orphans.get(target) ?? [];
    this.orphans.delete(target);
    if (links.length > 0) this.#excluded.delete(target);
    for (const link of links) this.#sameAs.delete(plainName(link.name));
    return links;
  }

  /** Name of the file that a hard link stands for, through other links that were not made. */
  #targetOf(entry: TarEntry): string {
    if (/[\0\ufffd]/.test(entry.target)) throw new Refusal(badName(this.#options.archive, entry.target));
    const named = Folders.parts(this.#options.archive, entry.target.replace(/^\/+/, '')).join('/');
    this.#refuseThroughOwnLink(entry, named);
    return this.#sameAs.get(named) ?? named;
  }

  #tooShort(entry: TarEntry) {
    const why = `The content of ${JSON.stringify(entry.name)} is shorter than its header declares.`;
    return truncated(this.#options.archive, why);
  }

  #isExcluded(entry: TarEntry): boolean {
    if (!this.#options.excludes(entry.name, entry.type === 'symlink')) return false;
    // The folder may still be created, for a licence in it.
    if (entry.type === 'folder') this.#note(entry);
    else if (entry.type === 'hard-link') this.#sameAs.set(plainName(entry.name), this.#targetOf(entry));
    else this.#excluded.add(plainName(entry.name));
    return true;
  }

  #folder(entry: TarEntry): void {
    const { archive, folders, budget } = this.#options;
    budget.take(archive, entry.name, 0);
    const name = Folders.parts(archive, entry.name).join('/');
    this.#refuseThroughOwnLink(entry, `${name}/`);
    if ((this.#folderModes.get(name) ?? entry.mode) !== entry.mode) {
      throw new Refusal(conflict(archive, entry.name, 'It holds that folder twice, with different modes.'));
    }
    this.#folderModes.set(name, entry.mode);
    folders.make(archive, name);
    this.#note(entry);
  }

  /**
   * No archive that was made of a tree has an entry behind one of its own links. Readers differ in where that leads:
   * GNU tar makes such a link last, or replaces it by a folder. Links of other archives are followed within the root.
   */
  #refuseThroughOwnLink({ name: shown }: TarEntry, name: string): void {
    if (this.#links.size === 0) return;
    for (let at = name.indexOf('/'); at >= 0; at = name.indexOf('/', at + 1)) {
      if (!this.#links.has(name.slice(0, at))) continue;
      const why = `It goes through ${JSON.stringify(name.slice(0, at))}, a symbolic link of the same archive.`;
      throw new Refusal(conflict(this.#options.archive, shown, why));
    }
  }

  #note(entry: TarEntry): void {
    this.attributes.push({ name: plainName(entry.name), mode: entry.mode, mtime: entry.mtime });
  }

  #symlink(entry: TarEntry): void {
    const { archive, budget } = this.#options;
    budget.take(archive, entry.name, 0);
    if (/[\0\ufffd]/.test(entry.target)) throw new Refusal(badName(archive, entry.target));
    this.#create(entry, (path) => {
      symlinkSync(entry.target, path);
      lutimesSync(path, entry.mtime, entry.mtime);
    });
    this.#links.set(plainName(entry.name), entry.target);
  }

  /** Path of an existing file, resolved as chroot(2) would; undefined when there is none. */
  #existing(name: string): string | undefined {
    const { archive, folders } = this.#options;
    const slash = name.lastIndexOf('/');
    const last = name.slice(slash + 1);
    const folder = folders.find(archive, slash < 0 ? '' : name.slice(0, slash));
    if (folder === undefined || last === '') return undefined;
    const path = folders.at(folder, last);
    const info = lstatSync(path, { throwIfNoEntry: false });
    return info && !info.isDirectory() ? path : undefined;
  }

  /**
   * Makes something new at the path of an entry. What this archive made there earlier is replaced; what another one
   * made is left unchanged, and ours is stored separately for comparison.
   */
  #create<T>(entry: TarEntry, make: (path: string) => T): T {
    const { folder, name } = this.#wantedPlace(entry);
    const { folders } = this.#options;
    let wanted = folders.at(folder, name);
    for (let path = wanted; ; ) {
      try {
        const made = make(path);
        this.#own.add(path);
        this.files += 1;
        return made;
      } catch (cause) {
        if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause;
        // Another thread has made one meanwhile that differs by case.
        const now = folders.at(folder, name);
        if (now !== wanted) path = wanted = now;
        else path = this.#vacate(entry, wanted) ? wanted : this.#aside(entry, wanted);
      }
    }
  }

  /** Absolute folder and name for a new file or link; the folder exists. */
  #wantedPlace(entry: TarEntry): { readonly folder: string; readonly name: string } {
    const { archive, folders } = this.#options;
    const parts = Folders.parts(archive, entry.name);
    this.#refuseThroughOwnLink(entry, parts.join('/'));
    // GNU tar makes links that may lead out last: whether the later entry stays is left to chance there.
    if (/^\/|(^|\/)\.\.(\/|$)/.test(this.#links.get(parts.join('/')) ?? '')) {
      const why = 'It holds that name once more, before it as a symbolic link that may lead out.';
      throw new Refusal(conflict(archive, entry.name, why));
    }
    this.#links.delete(parts.join('/'));
    const last = parts.pop();
    if (last === undefined) {
      throw new Refusal(conflict(archive, entry.name, 'That path is a folder and the entry is none.'));
    }
    return { folder: folders.make(archive, parts.join('/')), name: last };
  }

  /** Removes what this archive made at a path; false when it was another one. */
  #vacate(entry: TarEntry, path: string): boolean {
    const info = lstatSync(path, { throwIfNoEntry: false });
    if (!info) return true;
    if (info.isDirectory()) {
      throw new Refusal(
        conflict(this.#options.archive, entry.name, 'A folder is there, and this entry is none.'),
      );
    }
    if (!this.#own.delete(path)) return false;
    unlinkSync(path);
    this.files -= 1;
    // Paths resolved through this link may lead elsewhere now.
    if (info.isSymbolicLink()) this.#options.folders.forget();
    return true;
  }

  /** Where this archive's version of a taken path goes. */
  #aside(entry: TarEntry, path: string): string {
    const { archive, sideFolder } = this.#options;
    if (sideFolder === undefined) {
      throw new Refusal(conflict(archive, entry.name, 'Something else is at that path already.'));
    }
    const side = `${sideFolder}/${randomUUID()}`;
    this.collisions.push({ archive, name: entry.name, path, side });
    return side;
  }
}
