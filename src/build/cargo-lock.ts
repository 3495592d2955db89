import { isTable, parseToml, type Table } from '../crate/toml.ts';
import type { Crate } from '../domain/crate.ts';
import type { Failure } from '../failure.ts';

/** The failure for a crate without a `Cargo.lock`; undefined where there is one. */
export function missingCargoLock({ root, locked }: Crate): Failure | undefined {
  if (locked) return undefined;
  return {
    code: 'build/no-cargo-lock',
    what: `The project ${root} has no Cargo.lock.`,
    fix: ['Run `cargo generate-lockfile` there: builds use exactly the crates in the lock.'],
  };
}

/** cargo's messages for a lock that does not match the manifests ("--locked was passed to prevent this"). */
const STALE =
  /the lock file .* needs to be updated but --locked was passed|cannot update the lock file .* because --locked was passed/;

/** Turns a failure to fetch crates into `build/stale-cargo-lock` where the lock does not match the manifests. */
export function staleCargoLock(failure: Failure, { root }: Crate): Failure {
  if (!(failure.evidence ?? []).some((line) => STALE.test(line))) return failure;
  return {
    ...failure,
    code: 'build/stale-cargo-lock',
    what: `The Cargo.lock of ${root} is out of date: it does not match the manifests.`,
    why: 'Builds use exactly the crates in the lock.',
    fix: ['Run `cargo update --workspace` there, which changes only what is needed, and commit the lock.'],
  };
}

/** The `[[package]]` of a `Cargo.lock`, as they are; what is no such file has none. */
export function packagesIn(lock: string): readonly Table[] {
  const parsed = parseToml(lock);
  return parsed.ok && Array.isArray(parsed.value.package) ? parsed.value.package.filter(isTable) : [];
}
