import childProcess from 'node:child_process';
import { hash } from 'node:crypto';
import fs, { type Stats } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Files and folders as they were when they were read; JSON. */
export interface ObservedFiles {
  /** Files, and what is not there, by absolute path. */
  readonly files: Readonly<Record<string, string>>;
  /** The same of links themselves. */
  readonly links: Readonly<Record<string, string>>;
  /** Folders that were listed: stamp and digest of their names and kinds. */
  readonly lists: Readonly<Record<string, readonly [stamp: string, names: string]>>;
  /** Files whose time of last use was set: digests of their content, by which they are known when others set it, too. */
  readonly used: Readonly<Record<string, string>>;
}

export interface ObserverOptions {
  /** Folders that may be written to; what is read in them counts. */
  readonly outputs: readonly string[];
  /** Folders that hold nothing that a result could depend on. */
  readonly ignored: readonly string[];
}

/** The kernel's own files: they have no times. */
const KERNEL = ['/proc', '/sys', '/dev'];

/** Functions that read what a path names, and those that read the name itself. */
const READS = ['access', 'createReadStream', 'exists', 'readFile', 'realpath', 'stat'];
const READS_LINK = ['lstat', 'readlink'];
const LISTS = ['opendir', 'readdir'];
/** Functions that change what a path names; of `copyFile`, `link`, `rename` and `symlink` the second one. */
const WRITES = [
  ...['appendFile', 'chmod', 'chown', 'createWriteStream', 'lchown', 'lutimes', 'mkdtemp', 'rm', 'rmdir'],
  ...['truncate', 'unlink', 'writeFile'],
];
const WRITES_SECOND = ['copyFile', 'link', 'rename', 'symlink'];
/** What these read cannot be seen here. */
const OPAQUE = ['cp', 'glob', 'statfs', 'watch', 'watchFile'];
const STARTS = ['exec', 'execFile', 'fork', 'spawn'];

/** Times of files are at least so fine; where they look coarser, the second number counts. */
const FINE_MS = 100;
const COARSE_MS = 2_100;

/** As they are before they are observed. */
const { lstatSync, readdirSync, readFileSync, statSync } = fs;

type Function = (...args: unknown[]) => unknown;
type Functions = Record<string, unknown>;

/**
 * Sees which files this process reads between `start` and `finish`. Every function of `node:fs` that takes a path is
 * replaced meanwhile by one that takes the file's size, times and inode first, and then does the same.
 */
export class FileObserver {
  readonly #options: ObserverOptions;
  readonly #files = new Map<string, Seen>();
  readonly #links = new Map<string, Seen>();
  readonly #lists = new Map<string, readonly string[]>();
  readonly #used = new Set<string>();
  readonly #written = new Set<string>();
  readonly #restore: (() => void)[] = [];
  /** Set where the process did something that no file tells. */
  #opaque = false;

  constructor(options: ObserverOptions) {
    this.#options = { ...options, ignored: [...options.ignored, ...KERNEL] };
  }

  start(): void {
    for (const functions of [fs as unknown as Functions, fs.promises as unknown as Functions]) {
      for (const name of READS) this.#wrap(functions, name, (path) => this.#sawFile(path));
      for (const name of READS_LINK) this.#wrap(functions, name, (path) => this.#sawLink(path));
      for (const name of LISTS) this.#wrap(functions, name, (path, options) => this.#sawList(path, options));
      for (const name of WRITES) this.#wrap(functions, name, (path) => this.#wrote(path));
      for (const name of WRITES_SECOND) this.#wrap(functions, name, (from, to) => this.#moved(from, to));
      for (const name of OPAQUE) this.#wrap(functions, name, () => this.#isOpaque());
      this.#wrap(functions, 'mkdir', (path) => this.#makes(path));
      this.#wrap(functions, 'open', (path, flags) => this.#opened(path, flags));
      this.#wrap(functions, 'utimes', (path) => this.#touched(path));
    }
    for (const name of STARTS) this.#wrap(childProcess as unknown as Functions, name, () => this.#isOpaque());
    syncBuiltinESMExports();
  }

  /** Puts the functions of Node back. */
  pause(): void {
    for (const restore of this.#restore.splice(0).reverse()) restore();
    syncBuiltinESMExports();
  }

  /** Undefined where what was done depends on more than files that were left alone meanwhile. */
  finish(): ObservedFiles | undefined {
    this.pause();
    if (this.#opaque) return undefined;
    const files = this.#settled(this.#files, stampOf);
    const links = this.#settled(this.#links, stampOfLink);
    const lists = this.#settledLists();
    if (files === undefined || links === undefined || lists === undefined) return undefined;
    for (const path of this.#written) files[path] = stampOf(path);
    const used: Record<string, string> = {};
    for (const path of this.#used) {
      const digest = contentOf(path);
      if (digest !== undefined) used[path] = digest;
    }
    return { files, links, lists, used };
  }

  #wrap(functions: Functions, name: string, see: (...args: unknown[]) => void): void {
    for (const full of [name, `${name}Sync`]) {
      const original = functions[full] as Function | undefined;
      if (original === undefined) continue;
      const observed = function (this: unknown, ...args: unknown[]): unknown {
        see(...args);
        return original.apply(this, args);
      };
      // `realpath.native`, and what promisify(3) looks for.
      functions[full] = Object.assign(observed, original);
      this.#restore.push(() => {
        functions[full] = original;
      });
    }
  }

  #sawFile(named: unknown): void {
    this.#see(this.#files, named, stampOf);
  }

  #sawLink(named: unknown): void {
    this.#see(this.#links, named, stampOfLink);
  }

  #see(seen: Map<string, Seen>, named: unknown, stamp: (path: string) => string): void {
    const path = this.#pathOf(named);
    if (path === undefined || seen.has(path)) return;
    seen.set(path, { stamp: stamp(path), at: Date.now() });
  }

  #sawList(named: unknown, options: unknown): void {
    const path = this.#pathOf(named);
    if (path === undefined || this.#lists.has(path)) return;
    if ((options as { recursive?: boolean } | undefined)?.recursive === true) this.#sawAllBelow(path);
    else this.#lists.set(path, namesIn(path));
  }

  #sawAllBelow(path: string): void {
    this.#lists.set(path, namesIn(path));
    for (const entry of entriesOf(path))
      if (entry.isDirectory()) this.#sawList(`${path}${sep}${entry.name}`, { recursive: true });
  }

  #wrote(named: unknown): void {
    const path = this.#pathOf(named);
    if (path === undefined) return;
    if (isBelow(path, this.#options.outputs)) this.#written.add(path);
    else this.#opaque = true;
  }

  #moved(from: unknown, to: unknown): void {
    this.#sawFile(from);
    this.#wrote(to);
  }

  /** One that is there is not made. */
  #makes(named: unknown): void {
    const path = this.#pathOf(named);
    if (path === undefined) return;
    if (!stampOf(path).startsWith('d ')) this.#wrote(named);
    else this.#sawFile(named);
  }

  #opened(named: unknown, flags: unknown): void {
    if (flags === undefined || flags === 'r' || flags === 0) this.#sawFile(named);
    else if (typeof flags === 'number' && (flags & 3) === fs.constants.O_RDONLY) this.#sawFile(named);
    else this.#wrote(named);
  }

  #touched(named: unknown): void {
    const path = this.#pathOf(named);
    if (path === undefined) return;
    this.#sawFile(path);
    this.#used.add(path);
  }

  #isOpaque(): void {
    this.#opaque = true;
  }

  /** Absolute; undefined for an open file, and for what does not count. */
  #pathOf(named: unknown): string | undefined {
    let path: string;
    if (typeof named === 'string') path = resolve(named);
    else if (named instanceof URL) path = fileURLToPath(named);
    else if (named instanceof Uint8Array) {
      path = resolve(Buffer.from(named).toString());
      // A name in no encoding.
      if (!Buffer.from(path).equals(named)) this.#opaque = true;
    } else return undefined;
    return isBelow(path, this.#options.ignored) ? undefined : path;
  }

  /** Whether all is as it was when it was read: nobody changed it while this process went on. */
  #settled(seen: Map<string, Seen>, stamp: (path: string) => string): Record<string, string> | undefined {
    const settled: Record<string, string> = {};
    for (const [path, { stamp: before, at }] of seen) {
      const now = stamp(path);
      settled[path] = now;
      if (this.#written.has(path)) continue;
      if (this.#used.has(path) ? identityOf(now) !== identityOf(before) : now !== before) return undefined;
      if (!this.#used.has(path) && isFresh(now, at)) return undefined;
    }
    return settled;
  }

  #settledLists(): Record<string, [string, string]> | undefined {
    const settled: Record<string, [string, string]> = {};
    for (const [path, before] of this.#lists) {
      const stamp = stampOfFolder(path);
      const now = namesIn(path);
      const others = (names: readonly string[]): string =>
        names.filter((name) => !this.#written.has(`${path}${sep}${name.slice(1)}`)).join('\0');
      if (others(now) !== others(before)) return undefined;
      settled[path] = [stamp, digestOf(now)];
    }
    return settled;
  }
}

interface Seen {
  readonly stamp: string;
  /** When it was taken. */
  readonly at: number;
}

/**
 * The same files, where all are as they were: with the times of last use that others have set meanwhile, and of folders in
 * which something came and went. Undefined where anything else has changed.
 */
export function compareObserved(observed: ObservedFiles): ObservedFiles | undefined {
  const { files, links, lists, used } = observed;
  const moved: Record<string, string> = {};
  const listed: Record<string, [string, string]> = {};
  for (const path in files) {
    const now = stampOf(path);
    if (now === files[path]) continue;
    // In this order: what is written after the stamp was taken changes the next one.
    if (used[path] === undefined || used[path] !== contentOf(path)) return undefined;
    moved[path] = now;
  }
  for (const path in links) if (stampOfLink(path) !== links[path]) return undefined;
  for (const path in lists) {
    const [stamp, names] = lists[path] as readonly [string, string];
    const now = stampOfFolder(path);
    if (now === stamp) continue;
    if (digestOf(namesIn(path)) !== names) return undefined;
    listed[path] = [now, names];
  }
  if (Object.keys(moved).length === 0 && Object.keys(listed).length === 0) return observed;
  return { ...observed, files: { ...files, ...moved }, lists: { ...lists, ...listed } };
}

function isBelow(path: string, folders: readonly string[]): boolean {
  return folders.some((folder) => path === folder || path.startsWith(`${folder}${sep}`));
}

/** Of a folder only what a program can rely on: its times are those of its entries. */
function stampOf(path: string): string {
  return stamp(() => statSync(path, { throwIfNoEntry: false }));
}

function stampOfLink(path: string): string {
  return stamp(() => lstatSync(path, { throwIfNoEntry: false }));
}

function stamp(look: () => Stats | undefined): string {
  try {
    const found = look();
    if (found === undefined) return '';
    const { size, mtimeMs, ctimeMs, ino, mode } = found;
    return found.isDirectory() ? `d ${ino} ${mode}` : `${ino} ${mode} ${size} ${mtimeMs} ${ctimeMs}`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'error';
  }
}

function stampOfFolder(path: string): string {
  try {
    const { ino, mode, mtimeMs, ctimeMs } = statSync(path);
    return `${ino} ${mode} ${mtimeMs} ${ctimeMs}`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'error';
  }
}

/** A stamp without its times. */
function identityOf(stampOfFile: string): string {
  return stampOfFile.split(' ').slice(0, 3).join(' ');
}

/** Whether a file was changed so shortly before that it could change again with the same times. */
function isFresh(stampOfFile: string, at: number): boolean {
  const [, , , mtime, ctime] = stampOfFile.split(' ').map(Number);
  if (mtime === undefined || ctime === undefined) return false;
  return Math.max(mtime, ctime) > at - (Number.isInteger(ctime / 1000) ? COARSE_MS : FINE_MS);
}

function entriesOf(path: string): readonly fs.Dirent[] {
  try {
    return readdirSync(path, { withFileTypes: true });
  } catch {
    return [];
  }
}

/** Each behind a letter for its kind. */
function namesIn(path: string): readonly string[] {
  return entriesOf(path)
    .map((entry) => `${kindOf(entry)}${entry.name}`)
    .sort();
}

function digestOf(names: readonly string[]): string {
  return hash('sha256', names.join('\0'));
}

function kindOf(entry: fs.Dirent): string {
  return entry.isDirectory() ? 'd' : entry.isSymbolicLink() ? 'l' : entry.isFile() ? 'f' : 'o';
}

function contentOf(path: string): string | undefined {
  try {
    return hash('sha256', readFileSync(path));
  } catch {
    return undefined;
  }
}
