import {
  chmodSync,
  constants,
  copyFileSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import type { Digest } from '../../domain/ids.ts';
import { type Content, contentOf, digestOf, SourcesDigest } from './contents.ts';
import type { SourceEntry, Sources } from './entries.ts';
import type { Listing } from './walk.ts';

/** What is known of a file of the view: while its size, time and mode are these, its content has this digest. */
interface Known {
  readonly digest: Digest;
  readonly size: number;
  /** Nanoseconds since the epoch, in decimal. */
  readonly mtime: string;
  readonly mode: number;
}

/** What a view held when it was last made whole. */
interface Manifest {
  /** Path → what is known of it. */
  readonly files: ReadonlyMap<string, Known>;
  /** Path → what it is, of links and of folders with nothing in them. */
  readonly others: ReadonlyMap<string, string>;
  /** As given to `fillView`. */
  readonly environment: string;
}

/** Milliseconds of work before others are let work. */
const SLICE_MS = 30;

/**
 * Makes a folder hold exactly what is listed, and gives the digest of what it holds then: of the copies, not of files
 * that may change meanwhile. A file whose content is the same keeps its time, and any other gets the time of now, which
 * is what cargo decides by; the project's own times mean nothing. What cargo cannot see the use of gets a new time, too:
 * see `touchReaders`. `manifest` is the file that remembers them: a view that was left half made is noticed by it;
 * `environment` stands for all else that a build reads. Throws the errors of the system.
 */
export async function fillView(
  listing: Listing,
  folder: string,
  manifest: string,
  environment = '',
): Promise<Sources> {
  const known = readManifest(manifest);
  const view = new View(folder, known?.files ?? new Map(), listing.entries);
  view.removeOthers();
  const digest = new SourcesDigest();
  const files = new Map<string, Known>();
  const others = new Map<string, string>();
  let since = performance.now();
  for (const entry of listing.entries) {
    if (performance.now() - since > SLICE_MS) {
      await setImmediate();
      since = performance.now();
    }
    if (entry.kind === 'link' || entry.kind === 'folder') {
      view.place(entry);
      digest.other(entry);
      others.set(entry.path, entry.kind === 'link' ? `-> ${entry.target}` : entry.kind);
      continue;
    }
    const file = view.write(entry);
    digest.file(entry.path, isExecutable(entry), file);
    files.set(entry.path, file);
  }
  if (known !== undefined) touchReaders(folder, known, { files, others, environment });
  const beside = `${manifest}.tmp`;
  writeFileSync(beside, JSON.stringify({ files: [...files], others: [...others], environment }));
  renameSync(beside, manifest);
  return {
    digest: digest.digest(),
    manifests: digest.manifests(),
    others: digest.others(),
    files: digest.files,
    bytes: digest.bytes,
    hidden: listing.hidden,
    outward: listing.outward,
  };
}

/**
 * Gives a new time to what may have read something that changed without cargo's knowledge, so that a program is what a
 * first build would make. A build script that names nothing to watch (`rerun-if-…`) is run again when a file of its
 * package has a new time (The Cargo Book, "Change Detection"): the manifest gets one with every change. Procedural
 * macros can have files tracked, but neither a folder's list of files nor a variable: then the sources get one, but for
 * build scripts, which name what they need.
 */
function touchReaders(
  folder: string,
  before: Manifest,
  now: Manifest & { readonly files: Map<string, Known> },
): void {
  const listChanged = !sameNames(before, now);
  const readElsewhere = listChanged || before.environment !== now.environment;
  const changed =
    readElsewhere ||
    [...now.files].some(([path, file]) => stateOf(before.files.get(path)) !== stateOf(file)) ||
    [...now.others].some(([path, what]) => before.others.get(path) !== what);
  if (!changed) return;
  const time = new Date();
  for (const [path, file] of now.files) {
    const isManifest = posix.basename(path) === 'Cargo.toml';
    const isSource = path.endsWith('.rs') && !isBuildScript(path, now.files);
    if (!isManifest && !(isSource && readElsewhere)) continue;
    const copy = join(folder, path);
    utimesSync(copy, time, time);
    now.files.set(path, { ...file, mtime: String(lstatSync(copy, { bigint: true }).mtimeNs) });
  }
}

function stateOf(file: Known | undefined): string | undefined {
  return file && `${file.digest} ${file.mode}`;
}

/** Whether the same is there, but for what is shown of a repository, which is read by its name. */
function sameNames(before: Manifest, now: Manifest): boolean {
  const names = ({ files, others }: Manifest): string =>
    JSON.stringify(
      [...files.keys(), ...others.keys()].filter((path) => !path.split('/').includes('.git')).sort(),
    );
  return names(before) === names(now);
}

function isBuildScript(path: string, files: ReadonlyMap<string, Known>): boolean {
  return posix.basename(path) === 'build.rs' && files.has(posix.join(posix.dirname(path), 'Cargo.toml'));
}

/** The same digest without a view. Throws the errors of the system. */
export async function digestListing(listing: Listing): Promise<Sources> {
  const digest = new SourcesDigest();
  let since = performance.now();
  for (const entry of listing.entries) {
    if (performance.now() - since > SLICE_MS) {
      await setImmediate();
      since = performance.now();
    }
    if (entry.kind === 'link' || entry.kind === 'folder') digest.other(entry);
    else digest.file(entry.path, isExecutable(entry), contentOf(entry, sizeOf(entry)));
  }
  const { files, bytes } = digest;
  return {
    digest: digest.digest(),
    manifests: digest.manifests(),
    others: digest.others(),
    files,
    bytes,
    hidden: listing.hidden,
    outward: listing.outward,
  };
}

class View {
  readonly #folder: string;
  readonly #known: ReadonlyMap<string, Known>;
  /** Path → what is to be there. */
  readonly #wanted = new Map<string, SourceEntry['kind']>();
  readonly #made = new Set<string>();

  constructor(folder: string, known: ReadonlyMap<string, Known>, entries: readonly SourceEntry[]) {
    this.#folder = folder;
    this.#known = known;
    for (const { kind, path } of entries) {
      this.#wanted.set(path, kind);
      for (let at = dirname(path); at !== '.' && !this.#wanted.has(at); at = dirname(at)) {
        this.#wanted.set(at, 'folder');
      }
    }
    mkdirSync(folder, { recursive: true });
    chmodSync(folder, 0o755);
  }

  /** Removes what is not to be there, or is there as something else. */
  removeOthers(below = ''): void {
    for (const entry of readdirSync(join(this.#folder, below), { withFileTypes: true })) {
      const path = below === '' ? entry.name : `${below}/${entry.name}`;
      const wanted = this.#wanted.get(path);
      const kind = entry.isDirectory() ? 'folder' : entry.isSymbolicLink() ? 'link' : 'file';
      if (wanted === undefined || kind !== (wanted === 'text' ? 'file' : wanted)) {
        rmSync(join(this.#folder, path), { recursive: true, force: true });
      } else if (kind === 'folder') this.removeOthers(path);
    }
  }

  place(entry: Extract<SourceEntry, { kind: 'link' | 'folder' }>): void {
    this.#makeFolder(entry.kind === 'folder' ? entry.path : dirname(entry.path));
    if (entry.kind === 'folder') return;
    const link = join(this.#folder, entry.path);
    if (lstatSync(link, { throwIfNoEntry: false }) !== undefined) {
      if (readlinkSync(link) === entry.target) return;
      rmSync(link);
    }
    symlinkSync(entry.target, link);
  }

  write(entry: Extract<SourceEntry, { kind: 'file' | 'text' }>): Known {
    this.#makeFolder(dirname(entry.path));
    const file = join(this.#folder, entry.path);
    const mode = isExecutable(entry) ? 0o755 : 0o644;
    let content = contentOf(entry, sizeOf(entry));
    const known = this.#known.get(entry.path);
    const there = lstatSync(file, { throwIfNoEntry: false, bigint: true });
    const same =
      known?.digest === content.digest &&
      there !== undefined &&
      Number(there.size) === known.size &&
      String(there.mtimeNs) === known.mtime;
    if (!same) content = copy(entry, content, file);
    if (there === undefined || (Number(there.mode) & 0o7777) !== mode) chmodSync(file, mode);
    const { size, mtimeNs } = lstatSync(file, { bigint: true });
    return { digest: content.digest, size: Number(size), mtime: String(mtimeNs), mode };
  }

  #makeFolder(path: string): void {
    if (path === '.' || this.#made.has(path)) return;
    this.#makeFolder(dirname(path));
    this.#made.add(path);
    const folder = join(this.#folder, path);
    if (lstatSync(folder, { throwIfNoEntry: false }) === undefined) {
      mkdirSync(folder);
      // mkdir(2) takes the umask off.
      chmodSync(folder, 0o755);
    }
  }
}

/** Gives the content that the copy has. */
function copy(entry: SourceEntry, content: Content, to: string): Content {
  if (content.bytes !== undefined || entry.kind !== 'file') {
    writeFileSync(to, content.bytes ?? '');
    return content;
  }
  copyFileSync(entry.source, to, constants.COPYFILE_FICLONE);
  return digestOf(to);
}

function isExecutable(entry: SourceEntry): boolean {
  return entry.kind === 'file' && entry.executable;
}

function sizeOf(entry: SourceEntry): number {
  return entry.kind === 'file' ? lstatSync(entry.source).size : 0;
}

function readManifest(file: string): Manifest | undefined {
  try {
    const { files, others, environment } = JSON.parse(readFileSync(file, 'utf8')) as {
      readonly files: [string, Known][];
      readonly others: [string, string][];
      readonly environment: string;
    };
    return { files: new Map(files), others: new Map(others), environment };
  } catch {
    // None yet, or damaged from outside: then every file is written anew.
    return undefined;
  }
}
