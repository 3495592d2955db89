import { join } from 'node:path';
import { badCargoLock } from '../crate/cargo-lock.ts';
import { isTable, parseToml, type Table } from '../crate/toml.ts';
import type { Crate } from '../domain/crate.ts';
import { defined } from '../domain/defined.ts';
import type { Recipe } from '../domain/definitions.ts';
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

const NEWER =
  /lock file version `(?<format>[^`]+)` (?:was found, but this version of Cargo does not|requires `-Z)/;

/** cargo's message for a lock that is TOML, but not one that it writes; where it names a line, with that. */
const UNREADABLE =
  /failed to parse lock file at: .*\s+Caused by:\s+(?:TOML parse error at line (?<line>\d+), column (?<column>\d+)\s+\|\s+\d+ \| (?<text>.*)\s+\|.*\s+)?(?<reason>\S.*)/;

/** Turns a failure to fetch crates into one of the project where cargo cannot read its lock. */
export function unreadableCargoLock(
  failure: Failure,
  { crate, recipe }: { readonly crate: Pick<Crate, 'root'>; readonly recipe: Pick<Recipe, 'rust'> },
): Failure {
  const output = (failure.evidence ?? []).join('\n');
  const { evidence: _, ...rest } = failure;
  const file = join(crate.root, 'Cargo.lock');
  const format = NEWER.exec(output)?.groups?.format;
  if (format !== undefined) return { ...rest, ...newerCargoLock(file, format, recipe) };
  const { line, column, text, reason } = UNREADABLE.exec(output)?.groups ?? {};
  if (reason === undefined) return failure;
  const at = { file, line: Number(line), column: Number(column), ...defined({ text }) };
  return line === undefined
    ? { ...rest, ...badCargoLock(`${reason} (${file})`, undefined) }
    : { ...rest, ...badCargoLock(reason, at) };
}

/** The channels of the toolchain all read the same formats: `rust: next` is no way out. */
function newerCargoLock(file: string, format: string, { rust }: Pick<Recipe, 'rust'>): Failure {
  return {
    code: 'recipe/newer-cargo-lock',
    what: `${file} has the format ${format}, which the cargo of this build does not understand.`,
    fix: [
      ...(rust === 'host'
        ? []
        : [
            'Build with the Rust that wrote it, if that is the one of this machine: `rust: host` in the recipe.',
          ]),
      '`cargo generate-lockfile` with an older cargo makes it anew, with the newest crates that Cargo.toml allows; commit it.',
    ],
  };
}

/** The `[[package]]` of a `Cargo.lock`, as they are; what is no such file has none. */
export function packagesIn(lock: string): readonly Table[] {
  const parsed = parseToml(lock);
  return parsed.ok && Array.isArray(parsed.value.package) ? parsed.value.package.filter(isTable) : [];
}
