import { fstatSync, lstatSync, readdirSync, readlinkSync, type Stats } from 'node:fs';
import { dirname, isAbsolute, join, posix } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { errorCode } from '../../domain/errno.ts';
import { isWithin } from '../../engine/paths.ts';
import type { HiddenPath, SourceEntry, SourcePart } from './entries.ts';
import { gitEntries } from './git.ts';
import { hiddenFile, hiddenFolder } from './hidden.ts';

/** What a build sees of a project, and what it does not. */
export interface Listing {
  /** Sorted by path, each path once. */
  readonly entries: readonly SourceEntry[];
  readonly hidden: readonly HiddenPath[];
  readonly outward: readonly string[];
}

/** Milliseconds that a walk takes before it lets others work. */
const SLICE_MS = 30;

/**
 * Lists what a build sees of the parts of a project. `except` maps further absolute paths to why they are not seen.
 * Throws the errors of the system.
 */
export async function listSources(
  parts: readonly SourcePart[],
  except: ReadonlyMap<string, string>,
): Promise<Listing> {
  const walk = new Walk(parts, except);
  for (const part of parts) await walk.add(part);
  return walk.listing();
}

class Walk {
  readonly #entries = new Map<string, SourceEntry>();
  /** Path → why. */
  readonly #hidden = new Map<string, string>();
  readonly #places: readonly string[];
  readonly #except: ReadonlyMap<string, string>;
  readonly #output = ownOutput();
  #since = performance.now();

  constructor(parts: readonly SourcePart[], except: ReadonlyMap<string, string>) {
    this.#places = parts.map(({ at }) => at);
    this.#except = except;
  }

  async add({ at, source }: SourcePart): Promise<void> {
    const stats = lstatSync(source);
    if (!stats.isDirectory()) return this.#file(source, at, stats);
    await this.#children(source, at, this.#names(source, at));
  }

  listing(): Listing {
    const entries = [...this.#entries.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
    const outward = entries.flatMap((entry) =>
      entry.kind === 'link' && this.#leaves(entry) ? [entry.path] : [],
    );
    const hidden = [...this.#hidden].map(([path, why]) => ({ path, why }));
    return { entries, hidden, outward };
  }

  /** A folder of which nothing is seen although it holds something is not there itself. */
  async #children(folder: string, at: string, names: readonly string[]): Promise<void> {
    if (names.length === 0 && at !== '' && readdirSync(folder).length === 0) {
      this.#put({ kind: 'folder', path: at });
    }
    for (const name of names) {
      if (performance.now() - this.#since > SLICE_MS) {
        await setImmediate();
        this.#since = performance.now();
      }
      const source = join(folder, name);
      const path = at === '' ? name : `${at}/${name}`;
      const stats = lstatSync(source, { throwIfNoEntry: false });
      // Removed meanwhile.
      if (stats === undefined) continue;
      const why = this.#except.get(source) ?? hiddenFile(folder, name, names);
      if (why !== undefined) this.#hide(path, why);
      else if (name === '.git') this.#repository(source, path);
      else if (stats.isDirectory()) await this.#folder(source, path);
      else this.#file(source, path, stats);
    }
  }

  async #folder(source: string, path: string): Promise<void> {
    const names = this.#names(source, path);
    const why = hiddenFolder(source, names);
    if (why === undefined) await this.#children(source, path, names);
    else this.#hide(path, why);
  }

  #file(source: string, path: string, stats: Stats): void {
    if (stats.isFile() && this.#output.has(inodeOf(stats))) {
      this.#hide(path, 'the output of this command goes there');
    } else if (stats.isFile()) {
      this.#put({ kind: 'file', path, source, executable: (stats.mode & 0o111) !== 0 });
    } else if (stats.isSymbolicLink()) {
      // A dependency that is reached through it is a part of its own, in the link's place.
      if (this.#places.some((at) => isWithin(at, path))) return;
      const target = readlinkSync(source, 'buffer');
      if (isText(target)) this.#put({ kind: 'link', path, target: target.toString() });
      else this.#hide(path, 'the link is not UTF-8');
    } else this.#hide(path, 'it is a socket, a pipe or a device');
  }

  #repository(source: string, path: string): void {
    const entries = gitEntries(source, path);
    for (const entry of entries ?? []) this.#put(entry);
    const why = 'of a repository only HEAD and the branch that it names can be seen';
    this.#hide(path, entries === undefined ? 'it has no `HEAD` that can be read' : why);
  }

  #names(folder: string, at: string): readonly string[] {
    const names: string[] = [];
    for (const name of readdirSync(folder, { encoding: 'buffer' })) {
      if (isText(name)) names.push(name.toString());
      else this.#hide(posix.join(at, name.toString('latin1')), 'its name is not UTF-8');
    }
    return names;
  }

  #put(entry: SourceEntry): void {
    this.#entries.set(entry.path, entry);
  }

  #hide(path: string, why: string): void {
    this.#hidden.set(path, why);
  }

  /** The project has another path in the sandbox, so an absolute link never points into it. */
  #leaves({ path, target }: { readonly path: string; readonly target: string }): boolean {
    if (isAbsolute(target)) return true;
    const to = posix.join(dirname(path), target);
    return !this.#places.some((at) => (at === '' ? to.split('/')[0] !== '..' : isWithin(to, at)));
  }
}

/** Files that standard output and standard error are written to: they change as long as the command runs. */
function ownOutput(): ReadonlySet<string> {
  const files = [1, 2].flatMap((descriptor) => {
    try {
      const stats = fstatSync(descriptor);
      return stats.isFile() ? [inodeOf(stats)] : [];
    } catch (cause) {
      // Closed.
      if (errorCode(cause) !== 'EBADF') throw cause;
      return [];
    }
  });
  return new Set(files);
}

function inodeOf({ dev, ino }: Stats): string {
  return `${dev}:${ino}`;
}

function isText(name: Buffer): boolean {
  return Buffer.from(name.toString()).equals(name);
}
