import { formatToml } from '../crate/toml.ts';
import type { Context } from '../domain/context.ts';
import { defined } from '../domain/defined.ts';
import { ok, type Result } from '../domain/result.ts';
import type { Failure } from '../failure.ts';
import type { Store } from '../store/store.ts';
import { askAboutFiles, type CargoInput, writtenLock } from './ask-cargo.ts';
import {
  type IndexEntry,
  keyOf,
  type NewerCrate,
  type RegistryCrate,
  readIndex,
  registryCrates,
  yankedOf,
} from './newer-crates.ts';

export interface BundledCrates {
  readonly newer: readonly NewerCrate[];
  /** Crates that were not compared, and why. */
  readonly unknown: readonly string[];
}

/**
 * Asks cargo for newer versions of crates of which nothing is known but name, version and checksum: it locks a package of ours that
 * depends on each in this version or a compatible newer one. Crates that the index has with another checksum are other ones of the same
 * name. No registry is asked that a bundle names, only those that this machine is set to use. Failures: those of fetching crates.
 */
export async function newerOfBundled(
  context: Context,
  store: Store,
  input: Omit<CargoInput, 'log' | 'writable'>,
  crates: readonly RegistryCrate[],
): Promise<Result<BundledCrates>> {
  const known = crates.filter((one) => one.checksum !== undefined && isPlain(one));
  const unknown = crates
    .filter((one) => !known.includes(one))
    .map((one) => `${keyOf(one)}: it is of no registry`);
  let asked = known;
  while (asked.length > 0) {
    const answer = await ask(context, store, input, asked, known);
    if (answer.ok) {
      const { newer, foreign } = answer.value;
      const others = foreign.map((one) => `${keyOf(one)}: the registry has no such file`);
      return ok({ newer, unknown: [...unknown, ...others] });
    }
    const name = lackingCrate(answer.error);
    const rest = asked.filter((one) => one.name !== name);
    if (rest.length === asked.length) return answer;
    asked = rest;
  }
  return ok({
    newer: [],
    unknown: [...unknown, ...known.map((one) => `${keyOf(one)}: the registry has no such file`)],
  });
}

/** Whoever wrote the list is not trusted. */
function isPlain({ name, version }: RegistryCrate): boolean {
  return /^[A-Za-z][\w-]*$/.test(name) && /^\d+\.\d+\.\d+[\w.+-]*$/.test(version);
}

/** `asked` are locked, `known` looked up in the index. */
async function ask(
  context: Context,
  store: Store,
  input: Omit<CargoInput, 'log' | 'writable'>,
  asked: readonly RegistryCrate[],
  known: readonly RegistryCrate[],
) {
  const question = { ...input, log: 'outdated-bundle.log' };
  return askAboutFiles(context, store, question, projectOf(asked), async (cargo) => {
    const run = await cargo.run('Asking the index for newer crates', ['generate-lockfile', '--verbose']);
    if (!run.ok) return run;
    const lock = await writtenLock(cargo);
    if (!lock.ok) return lock;
    const index = await readIndex(cargo.box, known);
    if (!index.ok) return index;
    const later = parseAvailable(Buffer.from(run.value.stderr).toString('utf8'));
    const entries = entriesOfSame(index.value, registryCrates(lock.value));
    const same = known.filter((one) => entries.some((entry) => isEntry(entry, one)));
    return ok({
      newer: compare(same, lock.value, later, yankedOf(same, entries)),
      foreign: known.filter((one) => !same.includes(one)),
    });
  });
}

/** The entries of the indexes that cargo took crates from: of earlier projects others may be there. */
function entriesOfSame(
  index: readonly IndexEntry[],
  locked: readonly RegistryCrate[],
): readonly IndexEntry[] {
  const taken = new Set(
    index.filter((entry) => locked.some((one) => isEntry(entry, one))).map((entry) => entry.index),
  );
  return index.filter((entry) => taken.has(entry.index));
}

function isEntry(entry: IndexEntry, one: RegistryCrate): boolean {
  return keyOf(entry) === keyOf(one) && entry.checksum === one.checksum;
}

function projectOf(crates: readonly RegistryCrate[]): Readonly<Record<string, string>> {
  const dependencies = crates.map(({ name, version }, i) => [
    `c${i}`,
    { package: name, version, 'default-features': false },
  ]);
  return {
    'Cargo.toml': formatToml({
      package: { name: 'what-is-bundled', version: '0.0.0', edition: '2021' },
      dependencies: Object.fromEntries(dependencies),
    }),
    'src/lib.rs': '',
    // No manifest says which Rust it is for: the toolchain's.
    '.cargo/config.toml': formatToml({ resolver: { 'incompatible-rust-versions': 'fallback' } }),
  };
}

function compare(
  crates: readonly RegistryCrate[],
  lock: string,
  later: ReadonlyMap<string, string>,
  yanked: ReadonlySet<string>,
): readonly NewerCrate[] {
  const locked = registryCrates(lock);
  return crates.flatMap(({ name, version }) => {
    const now = locked.find(
      (one) => one.name === name && compatibleWith(one.version) === compatibleWith(version),
    )?.version;
    const found = {
      ...{ name, version, yanked: yanked.has(keyOf({ name, version })) },
      ...defined({
        compatible: now === version ? undefined : now,
        later: now === undefined ? undefined : later.get(keyOf({ name, version: now })),
      }),
    };
    return found.compatible === undefined && found.later === undefined && !found.yanked ? [] : [found];
  });
}

/** Versions with the same answer are compatible (The Cargo Book, "Specifying Dependencies"). */
export function compatibleWith(version: string): string {
  const [major = '', minor = '', patch = ''] = version.split(/[.+-]/);
  if (major !== '0') return major;
  return minor === '0' ? `0.0.${patch}` : `0.${minor}`;
}

/** `      Adding a v1.1.0 (available: v2.0.0, requires Rust 1.90)`: crate → what there is beyond. */
export function parseAvailable(text: string): ReadonlyMap<string, string> {
  const lines = text.matchAll(/^\s*Adding ([\w-]+) v(\S+) (?:\(registry [^)]*\) )?\(available: v([^)]*)\)/gm);
  return new Map(
    [...lines].map(([, name = '', version = '', later = '']) => [keyOf({ name, version }), later]),
  );
}

/** The crate that cargo says the registry lacks, in any version or in those that fit. */
function lackingCrate({ evidence = [] }: Failure): string | undefined {
  return /(?:no matching package named|failed to select a version for the requirement) `([\w-]+)/.exec(
    evidence.join('\n'),
  )?.[1];
}
