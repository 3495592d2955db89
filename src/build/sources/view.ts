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
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
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

/** Path → what is known of it. */
type Manifest = ReadonlyMap<string, Known>;

/** Milliseconds of work before others are let work. */
const SLICE_MS = 30;

/**
 * Makes a folder hold exactly what is listed, and gives the digest of what it holds then: of the copies, not of files
 * that may change meanwhile. A file whose content is the same keeps its time, and any other gets the time of now, which
 * is what cargo decides by; the project's own times mean nothing. `manifest` is the file that remembers them: a view
 * that was left half made is noticed by it. Throws the errors of the system.
 */
export async function fillView(listing: Listing, folder: string, manifest: string): Promise<Sources> {
  const known = readManifest(manifest);
  const view = new View(folder, known, listing.entries);
  view.removeOthers();
  const digest = new SourcesDigest();
  const now = new Map<string, Known>();
  let since = performance.now();
  for (const entry of listing.entries) {
    if (performance.now() - since > SLICE_MS) {
      await setImmediate();
      since = performance.now();
    }
    if (entry.kind === 'link' || entry.kind === 'folder') {
      view.place(entry);
      digest.other(entry);
      continue;
    }
    const file = view.write(entry);
    digest.file(entry.path, isExecutable(entry), file);
    now.set(entry.path, file);
  }
  const beside = `${manifest}.tmp`;
  writeFileSync(beside, JSON.stringify([...now]));
  renameSync(beside, manifest);
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
  readonly #known: Manifest;
  /** Path → what is to be there. */
  readonly #wanted = new Map<string, SourceEntry['kind']>();
  readonly #made = new Set<string>();

  constructor(folder: string, known: Manifest, entries: readonly SourceEntry[]) {
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

function readManifest(file: string): Manifest {
  try {
    return new Map(JSON.parse(readFileSync(file, 'utf8')) as [string, Known][]);
  } catch {
    // None yet, or damaged from outside: then every file is written anew.
    return new Map();
  }
}
