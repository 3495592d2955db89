import type { Crate } from '../domain/crate.ts';
import type { Failure } from '../failure.ts';

/** What to tell of a crate without a `Cargo.lock`; nothing where there is one. */
export function missingCargoLock({ root, locked }: Crate): Failure | undefined {
  if (locked) return undefined;
  return {
    code: 'build/no-cargo-lock',
    what: `The project ${root} has no Cargo.lock.`,
    fix: ['Run `cargo generate-lockfile` there: builds take exactly the crates that the lock names.'],
  };
}

/** cargo's words for a lock that does not fit the manifests ("--locked was passed to prevent this"). */
const STALE =
  /the lock file .* needs to be updated but --locked was passed|cannot update the lock file .* because --locked was passed/;

/** The failure to fetch crates, told as what it is where the lock does not fit the manifests. */
export function staleCargoLock(failure: Failure, { root }: Crate): Failure {
  if (!(failure.evidence ?? []).some((line) => STALE.test(line))) return failure;
  return {
    ...failure,
    code: 'build/stale-cargo-lock',
    what: `The Cargo.lock of ${root} is out of date: its manifests ask for something else.`,
    why: 'Builds take exactly the crates that the lock names.',
    fix: ['Run `cargo update --workspace` there, which changes no more than it has to, and commit the lock.'],
  };
}
