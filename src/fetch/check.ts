import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { distribution } from '../distro/distribution.ts';
import type { Mirrors } from '../distro/distro.ts';
import type { Context } from '../domain/context.ts';
import type { LockedPackage } from '../domain/packages.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Failure } from '../failure.ts';
import { openStore } from '../store/open.ts';
import { withTemporaryFolder } from '../store/scratch.ts';
import { fetchPackages } from './fetch.ts';

/** What a mirror has of some packages. */
export interface MirrorCheck {
  /** Archive root. */
  readonly url: string;
  /** Packages that came with the right bytes. */
  readonly whole: number;
  /** Why not all of them did; absent: they did. */
  readonly failure?: Failure;
}

/**
 * Reads every byte of packages from each mirror and compares it with the locked digests. Nothing is kept, and nothing that is there
 * counts. Failures: `lock/no-mirror`, those of the disk, `interrupted`.
 */
export async function checkMirrors(
  context: Context,
  packages: readonly LockedPackage[],
  mirrors: Mirrors,
): Promise<Result<readonly MirrorCheck[]>> {
  const none = distribution.noMirror(mirrors);
  if (none !== undefined) return err(none);
  const checks: MirrorCheck[] = [];
  for (const url of mirrors.urls) {
    const check = await withTemporaryFolder(context.settings.store, 'check', (folder) =>
      checkMirror(context, folder, packages, { ...mirrors, urls: [url] }),
    );
    if (!check.ok) return check;
    checks.push({ url, ...check.value });
  }
  return ok(checks);
}

async function checkMirror(
  context: Context,
  folder: string,
  packages: readonly LockedPackage[],
  mirrors: Mirrors,
): Promise<Result<Omit<MirrorCheck, 'url'>>> {
  const store = await openStore(join(folder, 'store'));
  if (!store.ok) return store;
  let whole = 0;
  try {
    for await (const fetched of fetchPackages(context, store.value, packages, mirrors, { stage: 'lock' })) {
      if (!fetched.ok) {
        const own = /^(?:store|interrupted)/.test(fetched.error.code);
        return own ? err(fetched.error) : ok({ whole, failure: fetched.error });
      }
      whole += 1;
      // A lock may name gigabytes.
      await rm(fetched.value.file);
    }
    return ok({ whole });
  } finally {
    await store.value.settled();
  }
}
