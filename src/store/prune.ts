import { rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errorCode } from '../domain/errno.ts';
import type { Fingerprint } from '../domain/ids.ts';
import { ok, type Result } from '../domain/result.ts';
import { onDisk } from './disk.ts';
import { tryLock } from './locks.ts';
import type { Store } from './store.ts';
import { oldestOtherSession, removeTree, sweep, temporaryPath } from './temporary.ts';
import { KIND_FOLDERS, type StoreKind, type Usage } from './usage.ts';
import { measure, namesIn } from './walk.ts';

export interface PruneOptions {
  /** Remove what was last used longer ago than this. Neither this nor `all`: only leftovers of dead processes. */
  readonly olderThanMs?: number;
  /** Remove everything that no live process uses. */
  readonly all?: boolean;
  /** Entries and results to keep in any case. */
  readonly keep?: ReadonlySet<Fingerprint>;
}

export interface Pruned {
  readonly removed: Usage;
  readonly kinds: Readonly<Partial<Record<StoreKind, Usage>>>;
  /** How many were due but are locked or in use by another process. */
  readonly inUse: number;
  /** How many were due but only another user may remove. */
  readonly foreign: number;
}

/** Clocks may be set back a little while a process runs. */
const CLOCK_TOLERANCE_MS = 5000;

const KINDS = [
  'blobs',
  'partial',
  'trees',
  'builds',
  'results',
  'volumes',
] as const satisfies readonly StoreKind[];

/**
 * Removes what is not needed. Every hit marks its entry as used, and every process that opens a store leaves a note of
 * when: what was used since the oldest note of a live process is left alone, as is what is locked.
 */
export async function prune(store: Store, options: PruneOptions): Promise<Result<Pruned>> {
  const swept = await onDisk(store.folder, () => sweep(store.folder));
  if (!swept.ok) return swept;
  const tally = new Tally();
  if (options.all || options.olderThanMs !== undefined) {
    const before = options.all ? Number.POSITIVE_INFINITY : Date.now() - (options.olderThanMs ?? 0);
    for (const kind of KINDS) {
      const outcome = await pruneKind(store.folder, kind, before, options.keep ?? new Set(), tally);
      if (!outcome.ok) return outcome;
    }
  }
  return ok(tally);
}

class Tally implements Pruned {
  removed: Usage = { bytes: 0, count: 0 };
  kinds: Partial<Record<StoreKind, Usage>> = {};
  inUse = 0;
  foreign = 0;

  add(kind: StoreKind, bytes: number): void {
    this.removed = plus(this.removed, bytes);
    this.kinds[kind] = plus(this.kinds[kind] ?? { bytes: 0, count: 0 }, bytes);
  }
}

function plus(usage: Usage, bytes: number): Usage {
  return { bytes: usage.bytes + bytes, count: usage.count + 1 };
}

async function pruneKind(
  store: string,
  kind: StoreKind,
  before: number,
  keep: ReadonlySet<Fingerprint>,
  tally: Tally,
): Promise<Result<void>> {
  const folder = join(store, KIND_FOLDERS[kind]);
  const names = await onDisk(folder, () => namesIn(folder));
  if (!names.ok) return names;
  for (const name of names.value) {
    if (keep.has(name.replace(/\.json$/, ''))) continue;
    const item: Item = { store, kind, name, path: join(folder, name) };
    const removed = await pruneItem(item, before);
    if (!removed.ok) return removed;
    if (removed.value === 'in-use') tally.inUse += 1;
    else if (removed.value === 'foreign') tally.foreign += 1;
    else if (removed.value !== 'kept') tally.add(kind, removed.value);
  }
  return ok(undefined);
}

interface Item {
  readonly store: string;
  readonly kind: StoreKind;
  readonly name: string;
  readonly path: string;
}

/** Bytes removed, or why nothing was. */
async function pruneItem(
  item: Item,
  before: number,
): Promise<Result<number | 'kept' | 'in-use' | 'foreign'>> {
  const used = await onDisk(item.path, () => lastUse(item.path));
  if (!used.ok) return used;
  if (used.value === undefined || used.value >= before) return ok('kept');
  const lock = await tryLock(item.store, lockKey(item));
  if (!lock.ok) return lock;
  if (!lock.value) return ok('in-use');
  await using _held = lock.value;
  return onDisk(item.path, async () => {
    try {
      return await removeUnused(item, used.value as number);
    } catch (cause) {
      // What was moved aside already is swept by whose it is.
      if (['EACCES', 'EPERM'].includes(errorCode(cause) ?? '')) return 'foreign';
      throw cause;
    }
  });
}

/** Name of the lock that makers and users of such an entry hold: `Store.obtain`, and the users of `Store.volume`. */
function lockKey({ kind, name }: Item): string {
  return kind === 'volumes' ? `volume-${name}` : `${kind}-${name}`;
}

/**
 * Moves the entry away first, then checks whether a process used it meanwhile: one that marks it as used after the
 * move finds it absent, one that did so before the move is noticed here.
 */
async function removeUnused(item: Item, usedAt: number): Promise<number | 'in-use'> {
  if (usedAt >= (await oldestOtherSession(item.store)) - CLOCK_TOLERANCE_MS) return 'in-use';
  const aside = temporaryPath(item.store);
  await rename(item.path, aside);
  if ((await lastUse(aside)) !== usedAt) {
    await rename(aside, item.path);
    return 'in-use';
  }
  const { bytes } = await measure(aside);
  await removeTree(aside);
  return bytes;
}

/** Milliseconds since the epoch; undefined when it is gone. */
async function lastUse(path: string): Promise<number | undefined> {
  for (const candidate of [join(path, 'entry.json'), path]) {
    try {
      return (await stat(candidate)).mtimeMs;
    } catch (cause) {
      if (!['ENOENT', 'ENOTDIR'].includes(errorCode(cause) ?? '')) throw cause;
    }
  }
  return undefined;
}
