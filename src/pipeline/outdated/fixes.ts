import { stat } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { pickFiles } from '../../archive/pick.ts';
import { distribution } from '../../distro/distribution.ts';
import type { Mirrors } from '../../distro/distro.ts';
import type { Context } from '../../domain/context.ts';
import type { LockedPackage } from '../../domain/packages.ts';
import { ok, type Result } from '../../domain/result.ts';
import { fetchPackages } from '../../fetch/fetch.ts';
import { fingerprint } from '../../store/fingerprint.ts';
import type { Store } from '../../store/store.ts';
import type { ChangedSource } from './compare.ts';

/** Incremented when the same changelog gives other numbers. */
const VERSION = 1;
/** Files that are tried for one changelog. */
const TRIED = 3;
/** Bytes that a changelog may have. */
const LARGEST = 16 * 2 ** 20;

export interface Fixes {
  /** Place in the list → numbers. */
  readonly fixes: ReadonlyMap<number, readonly string[]>;
  /** What is not known, and why. */
  readonly unknown: readonly string[];
}

/**
 * What the changelogs of newer sources say was corrected. They are in files that are fetched by the digests of the signed list, and stay in
 * the store. Failures: those of fetching and of reading archives, but for files that no mirror has.
 */
export async function findFixes(
  context: Context,
  store: Store,
  changed: readonly ChangedSource[],
): Promise<Result<Fixes>> {
  const fixes = new Map<number, readonly string[]>();
  const unknown: string[] = [];
  for (const { index, name, from, to, files, mirrors } of changed) {
    const found = await firstFixes(context, store, { files: files.slice(0, TRIED), mirrors, from });
    if (!found.ok) return found;
    if (found.value === undefined) unknown.push(`the changelog of ${name} ${to}: no mirror has it`);
    else fixes.set(index, found.value);
  }
  return ok({ fixes, unknown });
}

/** By the first file that can be had; what was read of it is kept in the store. */
async function firstFixes(
  context: Context,
  store: Store,
  { files, mirrors, from }: Pick<ChangedSource, 'files' | 'mirrors' | 'from'>,
): Promise<Result<readonly string[] | undefined>> {
  for (const file of files) {
    const key = fingerprint({ kind: 'fixes', version: VERSION, digest: file.digest, from });
    const known = await store.readResult<string[]>(key);
    if (known !== undefined) return ok(known);
    const text = await readChangelog(context, store, file, mirrors);
    if (!text.ok && text.error.code !== 'fetch/not-found') return text;
    if (!text.ok || text.value === undefined) continue;
    const fixes = [...distribution.updates.fixes(text.value, from)];
    const kept = await store.writeResult(key, fixes);
    return kept.ok ? ok(fixes) : kept;
  }
  return ok(undefined);
}

async function readChangelog(
  context: Context,
  store: Store,
  locked: LockedPackage,
  mirrors: Mirrors,
): Promise<Result<string | undefined>> {
  const { changelogIn } = distribution.updates;
  for await (const fetched of fetchPackages(context, store, [locked], mirrors, { stage: 'lock' })) {
    if (!fetched.ok) return fetched;
    const stretch = await stretchOf(locked, fetched.value.file);
    const wanted = (name: string): boolean => changelogIn([name]) !== undefined;
    const picked = await pickFiles(locked.path, stretch, wanted, context.signal, LARGEST);
    if (!picked.ok) return picked;
    const name = changelogIn([...picked.value.files.keys()]);
    const bytes = name === undefined ? undefined : picked.value.files.get(name);
    if (name === undefined || bytes === undefined) return ok(undefined);
    const plain = name.endsWith('.gz') ? gunzipSync(bytes, { maxOutputLength: LARGEST }) : bytes;
    return ok(plain.toString('utf8'));
  }
  return ok(undefined);
}

async function stretchOf(locked: LockedPackage, file: string) {
  if (locked.architecture !== distribution.sources.architecture)
    return distribution.openPackage(locked.path, file);
  const range = { file, start: 0, size: (await stat(file)).size };
  return { range, compression: locked.path.endsWith('.xz') ? 'xz' : 'gz' } as const;
}
