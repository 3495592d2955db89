import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../domain/errno.ts';
import type { Digest, Fingerprint } from '../domain/ids.ts';
import type { Result } from '../domain/result.ts';
import { digestFile } from './digest.ts';
import { onDisk } from './disk.ts';
import { entryFolder, readManifest, readRecord, setAside } from './entries.ts';
import type { DamageReport } from './integrity.ts';
import { tryLock } from './locks.ts';
import { type Damage, damages, sizeOf } from './manifest.ts';
import { parseResult } from './record.ts';
import type { EntryName, Store } from './store.ts';
import { KIND_FOLDERS } from './usage.ts';
import { namesIn } from './walk.ts';

/** Everything in a store, read from end to end. */
export interface Verified {
  /** Blobs, entries and results that were read. */
  readonly count: number;
  /** Of what was read. */
  readonly bytes: number;
  /** Entries that another process makes at present, or that have no manifest yet. */
  readonly unfinished: number;
  readonly damaged: readonly DamageReport[];
}

export interface VerifyOptions {
  /** Remove what is damaged: it is made or fetched anew when it is needed. */
  readonly repair: boolean;
  readonly signal: AbortSignal;
}

/** Blobs that are read at once. */
const AT_ONCE = 4;

const WHOLE: readonly Damage[] = [{ path: '', what: 'changed' }];

/** Reads every blob, entry and result of a store and compares it with its digest. */
export function verifyStore(store: Store, options: VerifyOptions): Promise<Result<Verified>> {
  return onDisk(store.folder, async () => {
    const tally = { count: 0, bytes: 0, unfinished: 0, damaged: [] as DamageReport[] };
    const look = async (path: string, one: Outcome): Promise<void> => {
      tally.count += 1;
      if (one === 'unfinished') tally.unfinished += 1;
      else {
        tally.bytes += one.bytes;
        if (one.damage.length === 0) return;
        tally.damaged.push({ path, damage: one.damage.filter(({ path: file }) => file !== '') });
        if (options.repair) await setAside(store.folder, path);
      }
    };
    for (const [folder, check] of CHECKS) {
      const names = (await namesIn(join(store.folder, folder))).values();
      const worker = async (): Promise<void> => {
        for (const name of names) {
          if (options.signal.aborted) return;
          await look(join(store.folder, folder, name), await check(store.folder, name));
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, worker));
    }
    tally.damaged.sort((a, b) => (a.path < b.path ? -1 : 1));
    return tally;
  });
}

type Outcome = { readonly bytes: number; readonly damage: readonly Damage[] } | 'unfinished';

const CHECKS: readonly [string, (store: string, name: string) => Promise<Outcome>][] = [
  [KIND_FOLDERS.blobs, verifyBlob],
  [
    KIND_FOLDERS.trees,
    (store, name) => verifyEntry(store, { kind: 'trees', fingerprint: name as Fingerprint }),
  ],
  [
    KIND_FOLDERS.builds,
    (store, name) => verifyEntry(store, { kind: 'builds', fingerprint: name as Fingerprint }),
  ],
  [KIND_FOLDERS.results, verifyResult],
];

async function verifyBlob(store: string, name: string): Promise<Outcome> {
  try {
    const { digest, size } = await digestFile(join(store, KIND_FOLDERS.blobs, name));
    return { bytes: size, damage: digest === (`sha256:${name}` as Digest) ? [] : WHOLE };
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') return { bytes: 0, damage: [] };
    if (errorCode(cause) === 'EISDIR') return { bytes: 0, damage: WHOLE };
    throw cause;
  }
}

async function verifyEntry(store: string, name: EntryName): Promise<Outcome> {
  // Whoever holds it makes the entry, or makes it anew.
  const lock = await tryLock(store, `${name.kind}-${name.fingerprint}`);
  if (!lock.ok || lock.value === undefined) return 'unfinished';
  await using _ = lock.value;
  const record = await readRecord(store, name);
  if (record === undefined) return { bytes: 0, damage: WHOLE };
  if (record.manifest === null) return 'unfinished';
  const manifest = await readManifest(store, name, record.manifest.digest);
  if (manifest === undefined) return { bytes: 0, damage: [{ path: 'manifest', what: 'changed' }] };
  const folder = entryFolder(store, name.kind, name.fingerprint);
  return { bytes: await sizeOf(folder), damage: await damages(folder, manifest) };
}

async function verifyResult(store: string, name: string): Promise<Outcome> {
  try {
    const text = await readFile(join(store, KIND_FOLDERS.results, name), 'utf8');
    return {
      bytes: text.length,
      damage: parseResult(text, name.replace(/\.json$/, '')) === undefined ? WHOLE : [],
    };
  } catch (cause) {
    if (errorCode(cause) === 'ENOENT') return { bytes: 0, damage: [] };
    if (errorCode(cause) === 'EISDIR') return { bytes: 0, damage: WHOLE };
    throw cause;
  }
}
