import { eachAtOnce } from '../domain/each-at-once.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { bytesOf, RegistryError } from '../engine/docker/registry.ts';
import { denied, refusedBy, unreachableRegistry } from '../engine/docker/registry-failures.ts';
import { type Failure, interrupted } from '../failure.ts';
import { Connection, type ConnectionOptions, isOutside, MANIFEST, payloadOf } from './connection.ts';
import { isTag, type SharedRecord } from './record.ts';

export interface PruneRequest {
  /** What was pushed longer ago is removed. */
  readonly olderThanMs: number;
  /** Nothing is removed, only counted. */
  readonly dryRun: boolean;
}

export interface PrunedCache {
  /** Entries and results in the repository. */
  readonly count: number;
  /** Of these, those that were due. */
  readonly removed: number;
  /** Bytes of their layers; the registry frees them when it collects its own garbage. */
  readonly bytes: number;
}

const AT_ONCE = 4;
/** Tags of one answer. */
const PAGE = 1000;

/**
 * Removes from a shared store what was pushed long ago, and what is no entry under an entry's name. Other tags of the repository
 * are left alone. Failures: `fetch/registry…`, `fetch/cache-no-deletes`.
 */
export async function pruneCache(
  options: ConnectionOptions,
  request: PruneRequest,
): Promise<Result<PrunedCache>> {
  const { text } = options.address;
  try {
    using connection = new Connection(options);
    const tags = (await tagsOf(connection)).filter(isTag);
    const before = Date.now() - request.olderThanMs;
    const tally = { count: tags.length, removed: 0, bytes: 0 };
    await eachAtOnce(AT_ONCE, tags, async (tag) => {
      const due = await whenDue(connection, tag, before);
      if (due === undefined) return;
      if (!request.dryRun) await remove(connection, due.digest);
      tally.removed += 1;
      tally.bytes += due.bytes;
    });
    return ok(tally);
  } catch (cause) {
    if (options.context.signal.aborted) return err(interrupted());
    if (!isOutside(cause)) throw cause;
    return err(failureOf(text, options.address.host, cause as Error));
  }
}

/** All tags of the repository; none where it is not there yet ("Listing tags" of the OCI distribution specification). */
async function tagsOf(connection: Connection): Promise<readonly string[]> {
  const all: string[] = [];
  let to: string | undefined = `${connection.path}/tags/list?n=${PAGE}`;
  while (to !== undefined) {
    const answer = await connection.ask({ method: 'GET', to }, [200, 404]);
    const body = await bytesOf(answer.body);
    if (answer.status === 404) break;
    const { tags } = JSON.parse(body.toString('utf8')) as { tags?: readonly string[] | null };
    all.push(...(tags ?? []));
    to = /<([^>]+)>;\s*rel="?next"?/.exec([answer.headers.link ?? ''].flat().join())?.[1];
  }
  return all;
}

/** What a tag names, where it is to go. Who may write in the registry may say any age: the signature is not asked. */
async function whenDue(
  connection: Connection,
  tag: string,
  before: number,
): Promise<{ readonly digest: string; readonly bytes: number } | undefined> {
  const manifest = await connection.manifest(tag);
  if (manifest === undefined) return undefined;
  const envelope = await connection.envelope(manifest.bytes);
  const record = envelope === undefined ? undefined : (payloadOf(envelope) as Partial<SharedRecord>);
  const pushed = Date.parse(record?.pushed ?? '');
  if (pushed >= before) return undefined;
  return { digest: manifest.digest, bytes: record?.content?.layer.size ?? 0 };
}

async function remove(connection: Connection, digest: string): Promise<void> {
  const call = {
    method: 'DELETE',
    to: `${connection.path}/manifests/${digest}`,
    headers: { Accept: MANIFEST },
  };
  const answer = await connection.ask(call, [202, 404]);
  answer.body.resume();
}

function failureOf(text: string, host: string, cause: Error): Failure {
  const { message } = cause;
  if (!(cause instanceof RegistryError)) return unreachableRegistry(text, message);
  if (cause.status === 401 || cause.status === 403) return denied(text, message);
  return cause.status === 405 ? noDeletes(text, host, message) : refusedBy(text, message);
}

function noDeletes(text: string, host: string, message: string): Failure {
  return {
    code: 'fetch/cache-no-deletes',
    what: `The registry of ${text} allows no deletes: nothing was removed.`,
    fix: [
      `Allow them where ${host} is set up: \`storage: delete: enabled: true\` in the configuration of Docker's registry (\`REGISTRY_STORAGE_DELETE_ENABLED=true\`).`,
      'Or let the registry itself remove old images, if it can.',
    ],
    evidence: [message],
  };
}
