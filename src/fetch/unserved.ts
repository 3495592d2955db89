import { distribution } from '../distro/distribution.ts';
import type { Mirrors } from '../distro/distro.ts';
import type { Context } from '../domain/context.ts';
import { defined } from '../domain/defined.ts';
import { eachAtOnce } from '../domain/each-at-once.ts';
import type { LockedPackage } from '../domain/packages.ts';
import { ok, type Result } from '../domain/result.ts';
import { loginOf } from './attempt.ts';
import type { Client } from './client.ts';

/** Questions at once, over as many connections to a host. */
const CONNECTIONS = 8;
const LIMIT_MS = 30_000;

/** Where the files of locks are read from that were resolved at these times (ISO 8601), without what is asked in need alone. */
export async function regularMirrors(context: Context, resolved: readonly string[]): Promise<Mirrors> {
  const { lastResorts = 0, ...mirrors } = await distribution.locate(context, resolved);
  return { ...mirrors, urls: mirrors.urls.slice(0, mirrors.urls.length - lastResorts) };
}

/**
 * Those of some packages that no mirror serves: each says that it does not have them. One that says nothing, or anything else,
 * may have them. `resolved`: when they were found (ISO 8601). Failures: `fetch/ca-bundle`, `fetch/bad-proxy`.
 */
export async function unservedPackages(
  context: Context,
  packages: readonly LockedPackage[],
  resolved: string,
): Promise<Result<readonly LockedPackage[]>> {
  const { urls, proxies } = await regularMirrors(context, [resolved]);
  if (packages.length === 0 || urls.length === 0) return ok([]);
  const { caBundle } = context.settings;
  const { openClient } = await import('./client.ts');
  const opened = await openClient({
    ...{ proxies, connections: CONNECTIONS, connectTimeoutMs: LIMIT_MS },
    ...(caBundle && { caBundle }),
  });
  if (!opened.ok) return opened;
  await using client = opened.value;
  const absent = new Set<LockedPackage>();
  await eachAtOnce(CONNECTIONS, packages, async (one) => {
    if (await nobodyHas(client, urls, one.path, context.signal)) absent.add(one);
  });
  return ok(packages.filter((one) => absent.has(one)));
}

async function nobodyHas(
  client: Client,
  urls: readonly string[],
  path: string,
  signal: AbortSignal,
): Promise<boolean> {
  for (const url of urls) if (!(await lacks(client, `${url}/${path}`, signal))) return false;
  return true;
}

/** Asked for its first byte, for not every mirror that has a file answers to HEAD. */
async function lacks(client: Client, address: string, signal: AbortSignal): Promise<boolean> {
  try {
    const url = new URL(address);
    const headers = {
      ...{ 'accept-encoding': 'identity', 'user-agent': 'provision', range: 'bytes=0-0' },
      ...defined({ authorization: loginOf(url) }),
    };
    const limit = AbortSignal.any([signal, AbortSignal.timeout(LIMIT_MS)]);
    const answer = await client.get(url, headers, limit);
    await answer.discard();
    return answer.status === 404 || answer.status === 410;
  } catch {
    return false;
  }
}
