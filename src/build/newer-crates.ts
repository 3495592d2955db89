import { basename } from 'node:path';
import type { Context } from '../domain/context.ts';
import { defined } from '../domain/defined.ts';
import type { Plan } from '../domain/plan.ts';
import { ok, type Result } from '../domain/result.ts';
import type { Sandbox } from '../engine/engine.ts';
import { PATHS } from '../engine/paths.ts';
import type { Store } from '../store/store.ts';
import { askAboutProject, type CargoInput, readCargoLock } from './ask-cargo.ts';
import { SCRIPT_ENV } from './cargo-home.ts';
import { packagesIn } from './cargo-lock.ts';

/** A locked crate of which the index has newer versions, or whose author has taken it back. */
export interface NewerCrate {
  readonly name: string;
  readonly version: string;
  /** What `cargo update` would take. */
  readonly compatible?: string;
  /** The newest there is, which the manifests or the toolchain's Rust do not admit, and cargo's remark about it. */
  readonly later?: string;
  readonly yanked: boolean;
}

/**
 * Asks cargo, as it is set on this machine, what it would lock today; nothing is changed. It has what it has where crates are
 * fetched: the tokens of the lock's registries, and nothing that the project could start. Failures: those of fetching crates.
 */
export async function newerCrates(
  context: Context,
  store: Store,
  input: Omit<CargoInput, 'log'>,
): Promise<Result<readonly NewerCrate[]>> {
  const text = await readCargoLock(input.plan.recipe.project);
  const lock = registryCrates(text);
  if (lock.length === 0) return ok([]);
  return askAboutProject(context, store, { ...input, log: 'outdated-crates.log' }, text, async (cargo) => {
    const run = await cargo.run('Asking the index for newer crates', ['update', '--dry-run', '--verbose']);
    if (!run.ok) return run;
    const index = await readIndex(cargo.box, lock);
    if (!index.ok) return index;
    const newer = parseUpdate(Buffer.from(run.value.stderr).toString('utf8'));
    return ok(joinFindings(newer, yankedOf(lock, index.value)));
  });
}

/** A crate of a registry in exactly one version. */
export interface RegistryCrate {
  readonly name: string;
  readonly version: string;
  /** SHA-256 of its file, in hexadecimal: crates of several registries may have the same name. */
  readonly checksum?: string;
}

export function keyOf({ name, version }: Pick<RegistryCrate, 'name' | 'version'>): string {
  return `${name} ${version}`;
}

/** The crates of registries in a `Cargo.lock`. */
export function registryCrates(lock: string): readonly RegistryCrate[] {
  return packagesIn(lock).flatMap(({ name, version, source, checksum }) =>
    /^(registry|sparse)\+/.test(String(source ?? ''))
      ? [
          {
            ...{ name: String(name), version: String(version) },
            ...defined({ checksum: typeof checksum === 'string' ? checksum : undefined }),
          },
        ]
      : [],
  );
}

/** Those of the crates that the index says were taken back, by `keyOf`. */
export function yankedOf(
  crates: readonly RegistryCrate[],
  index: readonly IndexEntry[],
): ReadonlySet<string> {
  const taken = index.filter(({ yanked }) => yanked);
  return new Set(
    crates
      .filter((one) =>
        taken.some(
          (entry) =>
            keyOf(entry) === keyOf(one) && (one.checksum === undefined || entry.checksum === one.checksum),
        ),
      )
      .map(keyOf),
  );
}

/** `    Updating a v1.0.0 -> v1.1.0 (available: v2.0.0)`, `   Unchanged b v0.1.0 (available: v0.2.0, requires Rust 1.90)`. */
const LINE =
  /^\s*(?:Updating|Unchanged|Downgrading) (?<name>[A-Za-z0-9_-]+) (?:\([^)]*\) )?v(?<from>\S+)(?: \(registry [^)]*\))?(?: -> v(?<to>\S+))?(?: \((?<rest>[^)]*)\))?/;

/** What cargo says that it would do, and what there is beyond (`cargo update --dry-run --verbose`). */
export function parseUpdate(text: string): readonly Omit<NewerCrate, 'yanked'>[] {
  return text.split('\n').flatMap((line) => {
    const { name, from, to, rest } = LINE.exec(line)?.groups ?? {};
    if (name === undefined || from === undefined) return [];
    const later = /available: v(.*)/.exec(rest ?? '')?.[1];
    return to === undefined && later === undefined
      ? []
      : [{ name, version: from, ...defined({ compatible: to, later }) }];
  });
}

/** Where the index has a crate (The Cargo Book, "Index files"). */
export function indexPath(name: string): string {
  const lower = name.toLowerCase();
  if (lower.length <= 2) return `${lower.length}/${lower}`;
  if (lower.length === 3) return `3/${lower[0]}/${lower}`;
  return `${lower.slice(0, 2)}/${lower.slice(2, 4)}/${lower}`;
}

/** Prints what cargo has read of indexes, of the crates whose paths are its input: one program for all, a line in front of each file. */
const READ_INDEX = `shopt -s nullglob
cd ${PATHS.cargo}/registry/index
files=()
while read -r path; do files+=(*/.cache/"$path"); done
[ "\${#files[@]}" = 0 ] || exec tail -v -c +1 -- "\${files[@]}"
`;

/** The line that `tail -v` prints in front of a file: the folder of an index, and below it that of a crate. */
const FILE_LINE = /^==> ([^/\n]+)\/\.cache\/.* <==$/m;

/** What cargo has read of the index about crates. */
export async function readIndex(
  box: Sandbox,
  crates: readonly Pick<RegistryCrate, 'name'>[],
): Promise<Result<readonly IndexEntry[]>> {
  const paths = [...new Set(crates.map(({ name }) => indexPath(name)))];
  const read = await box.run({
    argv: ['bash', '-c', READ_INDEX],
    env: SCRIPT_ENV,
    cwd: '/',
    stdin: `${paths.join('\n')}\n`,
  });
  return read.ok ? ok(indexEntries(Buffer.from(read.value.stdout))) : read;
}

/** A version of a crate in an index. */
export interface IndexEntry extends RegistryCrate {
  readonly checksum: string;
  readonly yanked: boolean;
  /** Which index it is in: other registries may have crates of the same name. */
  readonly index: string;
}

/** The entries of cargo's own copies of an index: JSON between zero bytes. */
export function indexEntries(cache: Buffer): readonly IndexEntry[] {
  let index = '';
  return cache
    .toString('utf8')
    .split('\0')
    .flatMap((piece): readonly IndexEntry[] => {
      index = FILE_LINE.exec(piece)?.[1] ?? index;
      const at = piece.indexOf('{"name"');
      if (at === -1) return [];
      try {
        const { name, vers, cksum, yanked } = JSON.parse(piece.slice(at));
        return [{ name, version: vers, checksum: cksum, yanked: yanked === true, index }];
      } catch {
        // Not an entry: the cache of another cargo.
        return [];
      }
    });
}

function joinFindings(
  newer: readonly Omit<NewerCrate, 'yanked'>[],
  yanked: ReadonlySet<string>,
): readonly NewerCrate[] {
  const named = new Set(newer.map(keyOf));
  const alone = [...yanked].filter((one) => !named.has(one)).map((one) => one.split(' '));
  return [
    ...newer.map((one) => ({ ...one, yanked: yanked.has(keyOf(one)) })),
    ...alone.map(([name = '', version = '']) => ({ name, version, yanked: true })),
  ];
}

/** What the lock is called in what is printed. */
export function lockName({ recipe: { project } }: Plan): string {
  return `${basename(project.root)}/Cargo.lock`;
}
