import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NeededRust } from '../domain/crate.ts';
import type { Resolved } from '../domain/definitions.ts';
import { compareReleases } from '../domain/glibc.ts';
import type { Fingerprint } from '../domain/ids.ts';
import { fingerprint } from '../store/fingerprint.ts';
import { readStoredResult } from '../store/open.ts';
import type { Store } from '../store/store.ts';

/** Of cargo's refusal of a Rust that is too old for what it would compile: `  home@0.5.12 requires rustc 1.88`. */
const REQUIRES = /^ {2}(?<name>[\w-]+)@(?<version>\S+) requires rustc (?<release>\d[\d.]*)$/gm;

/** The newest Rust that crates ask for in what cargo printed; undefined where it refused none. */
export function neededRust(output: string): NeededRust | undefined {
  let newest: NeededRust | undefined;
  for (const { groups } of output.matchAll(REQUIRES)) {
    const { name, version, release = '' } = groups ?? {};
    if (newest === undefined || compareReleases(newest.release, release) < 0)
      newest = { release, by: `${name} ${version}` };
  }
  return newest;
}

/**
 * Keeps what a refused build tells of the crates that the lock names, where that decides about the toolchain: recipes that say
 * which Rust they want are left alone.
 */
export async function noteNeededRust(
  store: Pick<Store, 'writeResult'>,
  resolved: Resolved,
  output: string,
): Promise<void> {
  if (!isOpen(resolved)) return;
  const needed = neededRust(output);
  // Without it the next run finds out again.
  if (needed !== undefined) await store.writeResult(await keyOf(resolved), { ...needed });
}

/** What an earlier build of the same locked crates was refused for; undefined where none was. `store`: its folder, which need not be there. */
export async function knownNeededRust(store: string, resolved: Resolved): Promise<NeededRust | undefined> {
  if (!isOpen(resolved)) return undefined;
  return (await readStoredResult(store, await keyOf(resolved))) as NeededRust | undefined;
}

/** Whether the crate decides about the toolchain, and another could be taken. */
function isOpen({ recipe, toolchain }: Resolved): boolean {
  return recipe.rust === undefined && toolchain.next !== undefined;
}

/** What decides which of the locked crates are compiled, and by which Rust. */
async function keyOf({ recipe, crate, target, toolchain }: Resolved): Promise<Fingerprint> {
  const { bin, profile, features, defaultFeatures } = recipe.project;
  const files = [
    join(crate.root, 'Cargo.lock'),
    join(crate.root, 'Cargo.toml'),
    join(crate.folder, 'Cargo.toml'),
  ];
  return fingerprint({
    what: 'needed rust',
    ...{ bin, profile, features: [...features], defaultFeatures, target: target.rustTriple },
    rust: toolchain.rust ?? null,
    files: await Promise.all(files.map(digestOf)),
  });
}

async function digestOf(file: string): Promise<string> {
  const content = await readFile(file).catch(() => '');
  return createHash('sha256').update(content).digest('hex');
}
