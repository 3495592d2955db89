import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext as NodeTest } from 'node:test';
import type { Mirrors } from '../../src/distro/distro.ts';
import type { LockedPackage } from '../../src/domain/packages.ts';
import type { Failure } from '../../src/failure.ts';
import { type Fetched, type FetchOptions, fetchPackages } from '../../src/fetch/fetch.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { temporaryFolder } from '../support/cli.ts';
import { type TestContext, testContext } from '../support/context.ts';

export interface Outcome {
  readonly fetched: readonly Fetched[];
  readonly failure?: Failure;
}

export async function freshStore(t: NodeTest): Promise<Store> {
  const opened = await openStore(join(temporaryFolder(t), 'störe of tests'));
  assert.ok(opened.ok);
  t.after(() => opened.value.settled());
  return opened.value;
}

export function mirrorsOf(...urls: readonly string[]): Mirrors {
  return { urls, proxies: {}, why: 'a test names them' };
}

/** Fetches to the end, with waits short enough for tests. */
export async function fetchAll(
  store: Store,
  packages: readonly LockedPackage[],
  mirrors: Mirrors,
  options: Partial<FetchOptions> = {},
  context: TestContext = testContext(),
): Promise<Outcome> {
  const fetched: Fetched[] = [];
  const quick: FetchOptions = { stage: 'toolchain', backoffMs: 5, idleMs: 2000, ...options };
  for await (const result of fetchPackages(context, store, packages, mirrors, quick)) {
    if (!result.ok) return { fetched, failure: result.error };
    fetched.push(result.value);
  }
  return { fetched };
}

/** The blob is there with exactly these bytes, and nothing half-done is left beside it. */
export function assertStored(store: Store, locked: LockedPackage, bytes: Uint8Array): void {
  assert.deepEqual(readFileSync(store.blobPath(locked.digest)), Buffer.from(bytes));
  assert.deepEqual(partials(store), []);
}

export function assertNotStored(store: Store, locked: LockedPackage): void {
  assert.equal(existsSync(store.blobPath(locked.digest)), false);
}

export function partials(store: Store): readonly string[] {
  return readdirSync(join(store.folder, 'partial'));
}
