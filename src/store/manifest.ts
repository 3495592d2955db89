import { createHash, hash } from 'node:crypto';
import { createReadStream, lstatSync, readdirSync, type Stats } from 'node:fs';
import { readFile, readlink } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { eachAtOnce } from '../domain/each-at-once.ts';
import { absentAsUndefined, errorCode } from '../domain/errno.ts';
import type { Digest } from '../domain/ids.ts';

/** What lies at a path of an entry. */
export type ManifestItem =
  | { readonly type: 'folder'; readonly path: string }
  | { readonly type: 'link'; readonly path: string; readonly target: string }
  | {
      readonly type: 'file';
      readonly path: string;
      readonly executable: boolean;
      /** Bytes. */
      readonly size: number;
      readonly digest: Digest;
      readonly seen: Seen;
    };

/** How a file looked when its bytes were last read: while that is so, they are taken to be the same. */
export interface Seen {
  /** Modification time, milliseconds since the epoch with fractions. */
  readonly mtimeMs: number;
  readonly inode: number;
}

/** Everything below an entry's folder, sorted by path. Paths hold a character for each byte, whatever the encoding. */
export type Manifest = readonly ManifestItem[];

/** A path of a manifest that is not as recorded. */
export interface Damage {
  readonly path: string;
  readonly what: 'missing' | 'changed' | 'added';
}

/** Files that are read at once. */
const AT_ONCE = 16;
/** Larger files are read as a stream. Bytes. */
const WHOLE = 4 << 20;
/** Paths between two looks at the clock. */
const STRETCH = 64;
/** Milliseconds of work before others are let work. */
const SLICE_MS = 10;

/** Reads everything below a folder. */
export async function makeManifest(root: string): Promise<Manifest> {
  const found = await list(root);
  const items: ManifestItem[] = [];
  await eachAtOnce(AT_ONCE, found, async ({ path, stats }) => {
    const item = await read(root, path, stats);
    if (item !== undefined) items.push(item);
  });
  return items.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Digest of what does not change when an entry is copied elsewhere: all but times and inodes. */
export function manifestDigest(manifest: Manifest): Digest {
  const sum = createHash('sha256');
  for (const item of manifest) sum.update(`${JSON.stringify(lasting(item))}\n`);
  return `sha256:${sum.digest('hex')}`;
}

function lasting(item: ManifestItem): readonly (string | number)[] {
  switch (item.type) {
    case 'folder':
      return ['d', item.path];
    case 'link':
      return ['l', item.path, item.target];
    case 'file':
      return ['f', item.path, item.executable ? 'x' : '-', item.size, item.digest];
  }
}

/** One JSON array a line. */
export function formatManifest(manifest: Manifest): string {
  return manifest
    .map((item) => {
      const seen = item.type === 'file' ? [item.seen.mtimeMs, item.seen.inode] : [];
      return `${JSON.stringify([...lasting(item), ...seen])}\n`;
    })
    .join('');
}

/** Undefined for a text that is none, or whose digest is another. */
export function parseManifest(text: string, digest: Digest): Manifest | undefined {
  try {
    const lines = text.split('\n').filter((line) => line !== '');
    const known = `sha256:${hash('sha256', lines.map((line) => `${lastingText(line)}\n`).join(''))}`;
    if (known !== digest) return undefined;
    return (JSON.parse(`[${lines.join(',')}]`) as readonly (readonly unknown[])[]).map(parseItem);
  } catch {
    return undefined;
  }
}

/** A line without what is not in the digest: the time and the inode of a file, two numbers at its end. */
function lastingText(line: string): string {
  if (!line.startsWith('["f",')) return line;
  return `${line.slice(0, line.lastIndexOf(',', line.lastIndexOf(',') - 1))}]`;
}

function parseItem(fields: readonly unknown[]): ManifestItem {
  const [type, path] = fields as readonly string[];
  if (path === undefined) throw new TypeError('no path');
  if (type === 'd') return { type: 'folder', path };
  if (type === 'l') return { type: 'link', path, target: fields[2] as string };
  const [, , mode, size, digest, mtimeMs, inode] = fields;
  return {
    type: 'file',
    path,
    executable: mode === 'x',
    size: size as number,
    digest: digest as Digest,
    seen: { mtimeMs: mtimeMs as number, inode: inode as number },
  };
}

/** Compares names, kinds, sizes, times and inodes, and reads nothing: what looks other than it was. */
export async function suspects(root: string, manifest: Manifest): Promise<readonly Damage[]> {
  const found = await list(root);
  return compare(manifest, found, (item, stats) =>
    stats.size === item.size &&
    stats.mtimeMs === item.seen.mtimeMs &&
    stats.ino === item.seen.inode &&
    isExecutable(stats) === item.executable
      ? undefined
      : { path: item.path, what: 'changed' },
  );
}

/**
 * Reads the files of a manifest (those that `wanted` picks) and compares every byte. What is there besides counts as
 * damage only where all are looked at.
 */
export async function damages(
  root: string,
  manifest: Manifest,
  wanted?: (path: string) => boolean,
): Promise<readonly Damage[]> {
  const items = wanted === undefined ? manifest : manifest.filter(({ path }) => wanted(path));
  const found = wanted === undefined ? await list(root) : await look(root, items);
  const first = compare(items, found, () => undefined);
  const bad = new Set(first.map(({ path }) => path));
  const files = items.filter((item) => item.type !== 'folder' && !bad.has(item.path));
  const changed: Damage[] = [];
  const stats = new Map(found.map((one) => [one.path, one.stats]));
  await eachAtOnce(AT_ONCE, files, async (item) => {
    const now = await read(root, item.path, stats.get(item.path) as Stats).catch(absentAsUndefined);
    if (now === undefined || JSON.stringify(lasting(now)) !== JSON.stringify(lasting(item))) {
      changed.push({ path: item.path, what: 'changed' });
    }
  });
  return [...first, ...changed];
}

interface Found {
  readonly path: string;
  readonly stats: Stats;
}

function compare(
  items: Manifest,
  found: readonly Found[],
  file: (item: ManifestItem & { type: 'file' }, stats: Stats) => Damage | undefined,
): readonly Damage[] {
  const rest = new Map(found.map((one) => [one.path, one.stats]));
  const damage: Damage[] = [];
  for (const item of items) {
    const stats = rest.get(item.path);
    rest.delete(item.path);
    if (stats === undefined) damage.push({ path: item.path, what: 'missing' });
    else if (kindOf(stats) !== item.type) damage.push({ path: item.path, what: 'changed' });
    else if (item.type === 'file') {
      const one = file(item, stats);
      if (one !== undefined) damage.push(one);
    }
  }
  return [...damage, ...[...rest.keys()].map((path) => ({ path, what: 'added' }) as const)];
}

function kindOf(stats: Stats): ManifestItem['type'] | 'other' {
  if (stats.isDirectory()) return 'folder';
  if (stats.isSymbolicLink()) return 'link';
  return stats.isFile() ? 'file' : 'other';
}

/** Everything below a folder, folders before what is in them. */
async function list(root: string): Promise<readonly Found[]> {
  const found: Found[] = [];
  const folders = [''];
  const pause = new Pause();
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const one of await look(root, named(folder, namesIn(at(root, folder))), pause)) {
      found.push(one);
      if (one.stats.isDirectory()) folders.push(one.path);
    }
  }
  return found;
}

function namesIn(folder: Buffer | string): readonly string[] {
  try {
    return readdirSync(folder, { encoding: 'latin1' });
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT' || errorCode(cause) === 'ENOTDIR') return [];
    throw cause;
  }
}

/** Lets other work of this process go on, now and then. */
class Pause {
  #since = performance.now();

  async now(): Promise<void> {
    if (performance.now() - this.#since < SLICE_MS) return;
    await setImmediate();
    this.#since = performance.now();
  }
}

function named(folder: string, names: readonly string[]): readonly { readonly path: string }[] {
  return names.map((name) => ({ path: folder === '' ? name : `${folder}/${name}` }));
}

/** What is there of some paths. */
async function look(
  root: string,
  paths: readonly { readonly path: string }[],
  pause = new Pause(),
): Promise<readonly Found[]> {
  const found: Found[] = [];
  // Thousands of calls that each take microseconds: one by one through the pool of threads they take tens of times that.
  for (let begin = 0; begin < paths.length; begin += STRETCH) {
    for (const { path } of paths.slice(begin, begin + STRETCH)) {
      const stats = lookAt(at(root, path));
      if (stats !== undefined) found.push({ path, stats });
    }
    await pause.now();
  }
  return found;
}

/** Undefined for what no entry holds: sockets, devices. */
async function read(root: string, path: string, stats: Stats): Promise<ManifestItem | undefined> {
  switch (kindOf(stats)) {
    case 'folder':
      return { type: 'folder', path };
    case 'link':
      return { type: 'link', path, target: await readlink(at(root, path), { encoding: 'latin1' }) };
    case 'file': {
      const { size, digest } = await digestOf(at(root, path), stats.size);
      const seen = { mtimeMs: stats.mtimeMs, inode: stats.ino };
      return { type: 'file', path, executable: isExecutable(stats), size, digest, seen };
    }
    default:
      return undefined;
  }
}

async function digestOf(path: Buffer | string, size: number): Promise<{ size: number; digest: Digest }> {
  if (size <= WHOLE) {
    const bytes = await readFile(path);
    return { size: bytes.length, digest: `sha256:${hash('sha256', bytes)}` };
  }
  const sum = createHash('sha256');
  let read = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    read += (chunk as Buffer).length;
    sum.update(chunk as Buffer);
  }
  return { size: read, digest: `sha256:${sum.digest('hex')}` };
}

function isExecutable(stats: Stats): boolean {
  return (stats.mode & 0o111) !== 0;
}

const ASCII = /^[\0-\x7f]*$/;

/** The host's path: bytes where names may be other than UTF-8, which takes twice as long as text. */
function at(root: string, path: string): Buffer | string {
  if (ASCII.test(path)) return path === '' ? root : `${root}/${path}`;
  return Buffer.concat([Buffer.from(`${root}/`, 'utf8'), Buffer.from(path, 'latin1')]);
}

function lookAt(path: Buffer | string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (cause) {
    return absentAsUndefined(cause);
  }
}

/** Bytes of all files below a folder. */
export async function sizeOf(root: string): Promise<number> {
  return (await list(root)).reduce((sum, { stats }) => sum + (stats.isFile() ? stats.size : 0), 0);
}
