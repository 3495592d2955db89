import { distribution } from '../distro/distribution.ts';
import type { Mirrors } from '../distro/distro.ts';
import type { Context } from '../domain/context.ts';
import type { LockedPackage } from '../domain/packages.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { StageName } from '../events.ts';
import { type Failure, interrupted } from '../failure.ts';
import { onDisk } from '../store/disk.ts';
import type { Store } from '../store/store.ts';
import { Channel } from './channel.ts';
import type { Downloads } from './download.ts';
import { notFoundAll, offline } from './failures.ts';
import { Progress } from './progress.ts';
import { shared } from './shared.ts';

export interface FetchOptions {
  /** Stage that progress is reported for. */
  readonly stage: StageName;
  /** Downloads at once, over as many connections to a host. Default 8. */
  readonly connections?: number;
  /** Milliseconds without a byte after which a mirror counts as hanging. Default 30 000. */
  readonly idleMs?: number;
  /** Tries without a new byte before a mirror is given up. Default 4. */
  readonly attempts?: number;
  /** Milliseconds before the second try. Default 500. */
  readonly backoffMs?: number;
}

/** Nothing that answers at all takes longer; a silent address is given up sooner than a slow answer. */
const CONNECT_TIMEOUT_MS = 10_000;

/** A package in the store. */
export interface Fetched {
  readonly package: LockedPackage;
  /** Absolute path of the blob. */
  readonly file: string;
  /** It was there before. */
  readonly hit: boolean;
  /** Archive root it came from. */
  readonly mirror?: string;
}

/**
 * Brings packages into the store, many at once, and yields each as soon as it is there: first those that are there
 * already, then in the order of completion. Ends after the first failure, which is the last element; only packages that
 * no mirror has (`fetch/not-found`) let the others finish first. Leaving the loop early ends what is under way.
 * Failures: `fetch/offline`, `lock/no-mirror`, `fetch/no-network`, `fetch/not-found`, `fetch/digest-mismatch`, `fetch/refused`,
 * `fetch/server-error`, `fetch/cut-off`, `fetch/untrusted-connection`, `fetch/ca-bundle`, `fetch/bad-proxy`, the disk's.
 */
export async function* fetchPackages(
  context: Context,
  store: Store,
  packages: readonly LockedPackage[],
  mirrors: Mirrors,
  options: FetchOptions,
): AsyncGenerator<Result<Fetched>, void, void> {
  const missing: LockedPackage[] = [];
  for (const locked of packages) {
    const there = await onDisk(store.folder, () => store.verifyBlob(locked.digest));
    if (!there.ok) return void (yield there);
    if (there.value) yield ok({ package: locked, file: store.blobPath(locked.digest), hit: true });
    else missing.push(locked);
  }
  if (missing.length === 0) return;
  if (context.settings.offline) return void (yield err(offline(missing)));
  const none = distribution.noMirror(mirrors);
  if (none !== undefined) return void (yield err(none));
  yield* fetchMissing(context, store, missing, mirrors, options);
}

async function* fetchMissing(
  context: Context,
  store: Store,
  missing: readonly LockedPackage[],
  mirrors: Mirrors,
  options: FetchOptions,
): AsyncGenerator<Result<Fetched>, void, void> {
  const { caBundle } = context.settings;
  const connections = options.connections ?? 8;
  const idleMs = options.idleMs ?? 30_000;
  // Loaded here: a run that finds everything in the store needs no HTTP client.
  const { openClient } = await import('./client.ts');
  const { proxies } = mirrors;
  const opened = await openClient({
    proxies,
    connections,
    connectTimeoutMs: Math.min(idleMs, CONNECT_TIMEOUT_MS),
    ...(caBundle && { caBundle }),
  });
  if (!opened.ok) return void (yield opened);
  await using client = opened.value;
  const stop = new AbortController();
  const downloads: Downloads = {
    store,
    client,
    mirrors: mirrors.urls,
    unreachable: new Map(),
    idleMs,
    attempts: options.attempts ?? 4,
    backoffMs: options.backoffMs ?? 500,
    signal: AbortSignal.any([context.signal, stop.signal]),
  };
  const progress = new Progress(context.emit, options.stage, totalBytes(missing));
  const work = startWorkers(downloads, missing, progress, connections);
  try {
    yield* inOrderOfCompletion(work.results);
    progress.finish();
  } finally {
    stop.abort();
    await work.ended;
  }
}

/** A package in several sets is downloaded once. */
function totalBytes(packages: readonly LockedPackage[]): number {
  const sizes = new Map(packages.map(({ digest, size }) => [digest, size]));
  return [...sizes.values()].reduce((sum, size) => sum + size, 0);
}

async function* inOrderOfCompletion(
  results: Channel<Result<Fetched>>,
): AsyncGenerator<Result<Fetched>, void, void> {
  const absent: Failure[] = [];
  for await (const result of results) {
    if (!result.ok && result.error.code === 'fetch/not-found') {
      absent.push(result.error);
      continue;
    }
    yield result;
    if (!result.ok) return;
  }
  if (absent.length > 0) yield err(notFoundAll(absent));
}

interface Work {
  readonly results: Channel<Result<Fetched>>;
  /** Settled when no download is under way any more. */
  readonly ended: Promise<void>;
}

function startWorkers(
  downloads: Downloads,
  missing: readonly LockedPackage[],
  progress: Progress,
  count: number,
): Work {
  const results = new Channel<Result<Fetched>>();
  // The largest first: they take longest to unpack, and the end is not spent waiting for one of them.
  const queue = [...missing].sort((a, b) => b.size - a.size);
  const worker = async (): Promise<void> => {
    for (let locked = queue.shift(); locked !== undefined; locked = queue.shift()) {
      if (downloads.signal.aborted) return results.send(err(interrupted()));
      results.send(await fetchOne(downloads, locked, progress));
    }
  };
  const workers = Array.from({ length: Math.min(count, queue.length) }, () => worker().catch(results.fail));
  return { results, ended: Promise.all(workers).then(results.close) };
}

async function fetchOne(
  downloads: Downloads,
  locked: LockedPackage,
  progress: Progress,
): Promise<Result<Fetched>> {
  const got = await shared(downloads, locked, (offset) => progress.at(locked.digest, offset));
  if (!got.ok) return got;
  progress.at(locked.digest, locked.size);
  return ok({ package: locked, hit: false, ...got.value });
}
