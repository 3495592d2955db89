import { setTimeout as sleep } from 'node:timers/promises';
import { defined } from '../domain/defined.ts';
import type { LockedPackage } from '../domain/packages.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { interrupted } from '../failure.ts';
import { onDisk } from '../store/disk.ts';
import type { Store } from '../store/store.ts';
import { readRest } from './attempt.ts';
import type { Client } from './client.ts';
import { type MirrorFailure, packageFailure } from './failures.ts';
import { PartialFile } from './partial.ts';
import { isPassing, type Problem } from './problem.ts';

/** What all downloads of one call share. */
export interface Downloads {
  readonly store: Store;
  readonly client: Client;
  /** Archive roots in the order to try. */
  readonly mirrors: readonly string[];
  /** Mirrors that could not be reached at all: others need not find out once more. */
  readonly unreachable: Map<string, Problem>;
  readonly idleMs: number;
  /** Tries without a new byte before a mirror is given up. */
  readonly attempts: number;
  /** Wait before the second try; doubled with each further one, and scattered. Milliseconds. */
  readonly backoffMs: number;
  readonly signal: AbortSignal;
}

/** Longer than this nobody wants to wait for one mirror; the next one is asked. */
const MAX_WAIT_MS = 30_000;

/** Brings one package into the store: the blob's path, and the mirror it came from. */
export async function download(
  all: Downloads,
  locked: LockedPackage,
  onBytes: (offset: number) => void,
): Promise<Result<{ readonly file: string; readonly mirror?: string }>> {
  const opened = await onDisk(all.store.partialPath(locked.digest), () =>
    PartialFile.open(all.store, locked.digest),
  );
  if (!opened.ok) return opened;
  await using partial = opened.value;
  onBytes(partial.offset);
  // A process that was ended after the last byte left a whole file.
  if (partial.offset === locked.size && partial.digest() === locked.digest)
    return commit(all, locked, partial);
  if (partial.offset >= locked.size) {
    const emptied = await onDisk(partial.path, () => partial.restart());
    if (!emptied.ok) return emptied;
  }
  const failures: MirrorFailure[] = [];
  for (const mirror of all.mirrors) {
    const known = all.unreachable.get(mirror);
    const problem = known ?? (await fromMirror(all, locked, mirror, partial, onBytes));
    if (problem === undefined) return commit(all, locked, partial, mirror);
    if (problem.kind === 'own') return err(problem.failure);
    if (problem.kind === 'connection') all.unreachable.set(mirror, problem);
    failures.push({ mirror, problem });
  }
  return err(packageFailure(locked, failures));
}

/** Tries one mirror until the bytes are all there and right, or trying again makes no sense. */
async function fromMirror(
  all: Downloads,
  locked: LockedPackage,
  mirror: string,
  partial: PartialFile,
  onBytes: (offset: number) => void,
): Promise<Problem | undefined> {
  const url = `${mirror}/${locked.path.split('/').map(encodeURIComponent).join('/')}`;
  const { client, idleMs, signal } = all;
  const attempt = {
    client,
    url,
    size: locked.size,
    partial,
    idleMs,
    signal,
    onBytes: () => onBytes(partial.offset),
  };
  let farthest = partial.offset;
  for (let tries = 1; ; tries++) {
    const read = await readRest(attempt);
    const problem = read.ok ? await compare(locked, partial) : read.error;
    if (problem === undefined || problem.kind === 'own' || !isPassing(problem)) return problem;
    // New bytes are progress: a bad line that gives some each time is worth keeping up.
    if (partial.offset > farthest) tries = 1;
    farthest = Math.max(farthest, partial.offset);
    const wait = waitBefore(tries, all.backoffMs, problem);
    if (tries >= all.attempts || wait > MAX_WAIT_MS) return problem;
    if (all.unreachable.has(mirror)) return all.unreachable.get(mirror);
    await sleep(wait, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return { kind: 'own', failure: interrupted() };
  }
}

/** Compares the whole file with its lock; wrong bytes are thrown away. */
async function compare(locked: LockedPackage, partial: PartialFile): Promise<Problem | undefined> {
  const got = partial.digest();
  if (got === locked.digest) return undefined;
  const resumed = partial.resumedFrom > 0;
  const emptied = await onDisk(partial.path, () => partial.restart());
  return emptied.ok
    ? { kind: 'wrong-bytes', detail: `got ${got}`, resumed }
    : { kind: 'own', failure: emptied.error };
}

async function commit(
  { store }: Downloads,
  { digest }: LockedPackage,
  partial: PartialFile,
  mirror?: string,
): Promise<Result<{ readonly file: string; readonly mirror?: string }>> {
  const released = await onDisk(partial.path, () => partial.release());
  if (!released.ok) return released;
  const committed = await store.commitBlob(digest);
  return committed.ok ? ok({ file: store.blobPath(digest), ...defined({ mirror }) }) : committed;
}

/** Milliseconds: what the mirror asked for, else doubling, scattered so that not all come back at once. */
function waitBefore(tries: number, backoffMs: number, problem: Problem): number {
  const scattered = backoffMs * 2 ** (tries - 1) * (0.5 + Math.random());
  const asked = problem.kind === 'busy' ? (problem.retryAfterMs ?? 0) : 0;
  return Math.max(asked, Math.min(scattered, MAX_WAIT_MS));
}
