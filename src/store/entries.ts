import { mkdir, readFile, rename, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import type { Fingerprint } from '../domain/ids.ts';
import { err, type Result } from '../domain/result.ts';
import { interrupted } from '../failure.ts';
import { errorCode, onDisk } from './disk.ts';
import { bootId } from './process-tag.ts';
import type { EntryKind, Json, StoreEntry } from './store.ts';
import { removeTree, temporaryFolder, temporaryPath, writeFlushed, writeWhole } from './temporary.ts';

/** `entry.json` of an entry; its modification time is when the entry was last used. */
interface EntryRecord {
  readonly schema: 1;
  readonly fingerprint: Fingerprint;
  readonly made: string;
  readonly inputs: Readonly<Record<string, Json>>;
  readonly meta: Json;
  /** The kernel's run in which it was made. */
  readonly boot: string;
  /**
   * Whether all files are known to be on the disk. Flushing tens of thousands of files one by one would cost more
   * than unpacking them; so an entry counts at once within the same boot, and in later boots only when this is true.
   */
  readonly durable: boolean;
}

const SCHEMA = 1;

/** Where the content of an entry is or would be. */
export function entryFolder(store: string, kind: EntryKind, fingerprint: Fingerprint): string {
  return join(store, kind, fingerprint, 'root');
}

/** The entry when it is there and whole; marks it as used now. Starts no process. */
export async function lookUp(
  store: string,
  kind: EntryKind,
  fingerprint: Fingerprint,
): Promise<StoreEntry | undefined> {
  const entry = join(store, kind, fingerprint);
  const folder = entryFolder(store, kind, fingerprint);
  try {
    const record = parseRecord(await readFile(join(entry, 'entry.json'), 'utf8'), fingerprint);
    if (!record || (!record.durable && record.boot !== bootId())) return undefined;
    if (!(await stat(folder)).isDirectory()) return undefined;
    // Marked after it was read: when `prune` moved it away in between, this fails and the entry counts as absent.
    await markUsed(join(entry, 'entry.json'));
    return { kind, fingerprint, folder, meta: record.meta, hit: true };
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR'].includes(errorCode(cause) ?? '')) return undefined;
    throw cause;
  }
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

function parseRecord(text: string, fingerprint: Fingerprint): EntryRecord | undefined {
  let record: Partial<EntryRecord> | null;
  try {
    record = JSON.parse(text) as Partial<EntryRecord> | null;
  } catch {
    // Not written by us, or damaged: the entry is made again.
    return undefined;
  }
  return record?.schema === SCHEMA && record.fingerprint === fingerprint
    ? (record as EntryRecord)
    : undefined;
}

export interface Making {
  readonly kind: EntryKind;
  readonly fingerprint: Fingerprint;
  readonly inputs: Readonly<Record<string, Json>>;
  readonly make: (folder: string) => Promise<Result<Json>>;
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
    const made = await making.make(join(started.value, 'root'));
    if (!made.ok) return made;
    const entry = await onDisk(store, () => placeEntry(store, making, started.value, made.value));
    placed = entry.ok && !entry.value.hit;
    return entry;
  } finally {
    // What cannot be removed now is swept when the store is opened next.
    if (!placed) await onDisk(started.value, () => removeTree(started.value));
  }
}

async function placeEntry(store: string, making: Making, from: string, meta: Json): Promise<StoreEntry> {
  const { kind, fingerprint, inputs } = making;
  const record: EntryRecord = {
    schema: SCHEMA,
    fingerprint,
    made: new Date().toISOString(),
    inputs,
    meta,
    boot: bootId(),
    durable: false,
  };
  await writeFlushed(join(from, 'entry.json'), formatRecord(record));
  const to = join(store, kind, fingerprint);
  if (!(await moveInto(from, to))) {
    const winner = await lookUp(store, kind, fingerprint);
    if (winner) return winner;
    // What is there is not a valid entry: damaged, or left by a power loss.
    const aside = temporaryPath(store);
    await rename(to, aside);
    await rename(from, to);
    await removeTree(aside);
  }
  return { kind, fingerprint, folder: join(to, 'root'), meta, hit: false };
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
export async function recordDurable(store: string, kind: EntryKind, fingerprint: Fingerprint): Promise<void> {
  const file = join(store, kind, fingerprint, 'entry.json');
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') return; // Pruned meanwhile.
    throw cause;
  }
  const record = parseRecord(text, fingerprint);
  if (record) await writeWhole(store, file, formatRecord({ ...record, durable: true }));
}

function formatRecord(record: EntryRecord): string {
  return `${JSON.stringify(record, undefined, 2)}\n`;
}

export async function entryOrAbsent(
  store: string,
  kind: EntryKind,
  fingerprint: Fingerprint,
): Promise<StoreEntry | undefined> {
  const found = await onDisk(store, () => lookUp(store, kind, fingerprint));
  // An unreadable entry counts as absent; making it again reports what is wrong with the disk.
  return found.ok ? found.value : undefined;
}
