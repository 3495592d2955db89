import type { Digest } from '../domain/ids.ts';
import type { LockedPackage } from '../domain/packages.ts';
import { ok, type Result } from '../domain/result.ts';
import { onDisk } from '../store/disk.ts';
import type { Store } from '../store/store.ts';
import { type Downloads, download } from './download.ts';

type Downloaded = Result<{ readonly file: string; readonly mirror?: string }>;

/** What is being downloaded in this process, per store: sets that share a package share its download. */
const underWay = new WeakMap<Store, Map<Digest, Promise<Downloaded>>>();

/** Downloads a package, or waits for the one in this process that does so already. */
export async function shared(
  all: Downloads,
  locked: LockedPackage,
  onBytes: (offset: number) => void,
): Promise<Downloaded> {
  const ours = underWay.get(all.store) ?? new Map<Digest, Promise<Downloaded>>();
  underWay.set(all.store, ours);
  for (;;) {
    const other = ours.get(locked.digest);
    if (other === undefined) return start(ours, all, locked, onBytes);
    const outcome = await other;
    // The other one was called off, and we were not: then it is ours to do.
    if (outcome.ok || all.signal.aborted || outcome.error.code !== 'interrupted/signal') return outcome;
  }
}

async function start(
  ours: Map<Digest, Promise<Downloaded>>,
  all: Downloads,
  locked: LockedPackage,
  onBytes: (offset: number) => void,
): Promise<Downloaded> {
  const running = unlessThere(all, locked, onBytes);
  ours.set(locked.digest, running);
  try {
    return await running;
  } finally {
    ours.delete(locked.digest);
  }
}

/** It may have come into the store since it was found missing. */
async function unlessThere(
  all: Downloads,
  locked: LockedPackage,
  onBytes: (offset: number) => void,
): Promise<Downloaded> {
  const there = await onDisk(all.store.folder, () => all.store.hasBlob(locked.digest));
  if (!there.ok) return there;
  return there.value ? ok({ file: all.store.blobPath(locked.digest) }) : download(all, locked, onBytes);
}
