import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { SHARED_STORE } from './cli.ts';

/** A copy of the shared store by hard links; parts may be left out. */
export function cloneStore(folder: string, without: readonly string[] = []): string {
  const store = join(folder, 'store');
  mkdirSync(store, { recursive: true });
  for (const part of ['blobs', 'trees', 'builds', 'results'].filter((one) => !without.includes(one))) {
    assert.equal(spawnSync('cp', ['-al', join(SHARED_STORE, part), join(store, part)]).status, 0);
  }
  if (!without.includes('volumes')) {
    assert.equal(spawnSync('cp', ['-a', join(SHARED_STORE, 'volumes'), join(store, 'volumes')]).status, 0);
  }
  return store;
}

/** Removes the trees made for an image or sysroot, which their entries name. */
export function removeEntries(store: string, kind: 'trees' | 'builds', matches: RegExp): number {
  let removed = 0;
  for (const name of readdirSync(join(store, kind))) {
    const entry = join(store, kind, name, 'entry.json');
    if (existsSync(entry) && matches.test(readFileSync(entry, 'utf8'))) {
      rmSync(join(store, kind, name), { recursive: true });
      removed += 1;
    }
  }
  return removed;
}
