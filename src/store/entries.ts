import { mkdir, readFile, rename, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../domain/errno.ts';
import type { Digest, Fingerprint } from '../domain/ids.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { interrupted } from '../failure.ts';
import { onDisk, onDiskOf } from './disk.ts';
import {
  formatManifest,
  type Manifest,
  makeManifest,
  manifestDigest,
  parseManifest,
  sizeOf,
} from './manifest.ts';
import { bootId } from './process-tag.ts';
import { type EntryRecord, formatRecord, parseRecord } from './record.ts';
import type { EntryContent, EntryKind, EntryName, Json, StoreEntry } from './store.ts';
import { removeTree, temporaryFolder, temporaryPath, writeFlushed, writeWhole } from './temporary.ts';

/** An entry of more bytes gets its manifest while the work goes on. */
const READ_AT_ONCE = 64 << 20;

/** Errors of something that is not there, or not what is looked for. */
const ABSENT = ['ENOENT', 'ENOTDIR', 'EISDIR', 'ELOOP'];

/** Where the content of an entry is or would be. */
export function entryFolder(store: string, kind: EntryKind, fingerprint: Fingerprint): string {
  return join(store, kind, fingerprint, 'root');
}

/** Where a blob is or would be. */
export function blobFile(store: string, digest: Digest): string {
  return join(store, 'blobs', 'sha256', digest.slice('sha256:'.length));
}

/** The entry's record when it is there and whole. */
export async function readRecord(store: string, name: EntryName): Promise<EntryRecord | undefined> {
  const file = recordFile(store, name);
  try {
    const record = parseRecord(await readFile(file, 'utf8'), name.fingerprint);
    if (!record || (!record.durable && record.boot !== bootId())) return undefined;
    if (!(await stat(entryFolder(store, name.kind, name.fingerprint))).isDirectory()) return undefined;
    // Marked after it was read: when `prune` moved it away in between, this fails and the entry counts as absent.
    await markUsed(file);
    return record;
  } catch (cause) {
    if (ABSENT.includes(errorCode(cause) ?? '')) return undefined;
    throw cause;
  }
}

function recordFile(store: string, { kind, fingerprint }: EntryName): string {
  return join(store, kind, fingerprint, 'entry.json');
}

function manifestFile(store: string, { kind, fingerprint }: EntryName): string {
  return join(store, kind, fingerprint, 'manifest');
}

/** What an entry was made of, file by file; undefined where that itself is damaged. */
export async function readManifest(
  store: string,
  name: EntryName,
  digest: Digest,
): Promise<Manifest | undefined> {
  try {
    return parseManifest(await readFile(manifestFile(store, name), 'utf8'), digest);
  } catch (cause) {
    if (ABSENT.includes(errorCode(cause) ?? '')) return undefined;
    throw cause;
  }
}

/** Writes the manifest of an entry that is in place, and names it in the record. */
export async function recordManifest(store: string, name: EntryName, manifest: Manifest): Promise<void> {
  await writeWhole(store, manifestFile(store, name), formatManifest(manifest));
  const described = { digest: manifestDigest(manifest), items: manifest.length };
  await rewrite(store, name, (record) => ({ ...record, manifest: described }));
}

/** Sets the time of last use to now. A file that only another user may touch is still good to read. */
export async function markUsed(file: string): Promise<void> {
  const now = new Date();
  try {
    await utimes(file, now, now);
  } catch (cause) {
    if (!['EPERM', 'EACCES', 'EROFS'].includes(errorCode(cause) ?? '')) throw cause;
  }
}

export interface Making extends EntryName {
  readonly inputs: Readonly<Record<string, Json>>;
  readonly make: (folder: string) => Promise<Result<Json>>;
  /** Fills the folder from elsewhere; undefined: it could not, and the entry is made. */
  readonly pull?: (folder: string) => Promise<Result<EntryContent | undefined>>;
  readonly signal: AbortSignal;
}

/** Makes an entry in a temporary folder and moves it into place. The caller holds the entry's lock. */
export async function makeEntry(store: string, making: Making): Promise<Result<StoreEntry>> {
  const started = await onDisk(store, async () => {
    const folder = await temporaryFolder(store);
    await mkdir(join(folder, 'root'));
    return folder;
  });
  if (!started.ok) return started;
  let placed = false;
  try {
    if (making.signal.aborted) return err(interrupted());
    const made = await onDiskOf(store, () => fillFolder(making, join(started.value, 'root')));
    if (!made.ok) return made;
    const entry = await onDisk(store, () => placeEntry(store, making, started.value, made.value));
    placed = entry.ok && !entry.value.hit;
    return entry;
  } finally {
    // What cannot be removed now is swept when the store is opened next.
    if (!placed) await onDisk(started.value, () => removeTree(started.value));
  }
}

type Filled = Pick<EntryContent, 'meta'> & Partial<EntryContent>;

async function fillFolder({ pull, make, signal }: Making, root: string): Promise<Result<Filled>> {
  const pulled = (await pull?.(root)) ?? ok(undefined);
  if (!pulled.ok) return pulled;
  if (pulled.value !== undefined) return ok(pulled.value);
  if (signal.aborted) return err(interrupted());
  if (pull !== undefined) {
    await removeTree(root);
    await mkdir(root);
  }
  const made = await make(root);
  return made.ok ? ok({ meta: made.value }) : made;
}

async function placeEntry(
  store: string,
  making: Making,
  from: string,
  { meta, manifest: known }: Filled,
): Promise<StoreEntry> {
  const { kind, fingerprint, inputs } = making;
  const record = {
    fingerprint,
    made: new Date().toISOString(),
    inputs,
    meta,
    boot: bootId(),
    durable: false,
  };
  const manifest = known ?? (await smallManifest(join(from, 'root')));
  if (manifest !== undefined) await writeFlushed(join(from, 'manifest'), formatManifest(manifest));
  const described =
    manifest === undefined ? null : { digest: manifestDigest(manifest), items: manifest.length };
  await writeFlushed(join(from, 'entry.json'), formatRecord({ ...record, manifest: described }));
  const to = join(store, kind, fingerprint);
  if (!(await moveInto(from, to))) {
    const winner = await readRecord(store, making);
    if (winner) return { kind, fingerprint, folder: join(to, 'root'), meta: winner.meta, hit: true };
    // What is there is not a valid entry: damaged, or left by a power loss.
    await setAside(store, to);
    await rename(from, to);
  }
  return { kind, fingerprint, folder: join(to, 'root'), meta, hit: false };
}

async function smallManifest(root: string): Promise<Manifest | undefined> {
  return (await sizeOf(root)) <= READ_AT_ONCE ? makeManifest(root) : undefined;
}

/** Takes something out of its place in the store, at once, and then removes it. */
export async function setAside(store: string, path: string): Promise<void> {
  const aside = temporaryPath(store);
  try {
    await rename(path, aside);
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') return;
    throw cause;
  }
  await removeTree(aside);
}

/** False when something is already there. */
async function moveInto(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (cause) {
    if (['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(errorCode(cause) ?? '')) return false;
    throw cause;
  }
}

/** Records that an entry is on the disk to stay. */
export function recordDurable(store: string, name: EntryName): Promise<void> {
  return rewrite(store, name, (record) => ({ ...record, durable: true }));
}

async function rewrite(
  store: string,
  name: EntryName,
  change: (record: EntryRecord) => EntryRecord,
): Promise<void> {
  const file = recordFile(store, name);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    if (ABSENT.includes(errorCode(cause) ?? '')) return; // Pruned meanwhile.
    throw cause;
  }
  const record = parseRecord(text, name.fingerprint);
  if (record) await writeWhole(store, file, formatRecord(change(record)));
}
