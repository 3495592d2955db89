import { wordsOf } from '../crate/cargo-files.ts';
import { isTable, type Table, tableAt } from '../crate/toml.ts';

export type Variables = Readonly<Record<string, string>>;

export interface JoinedFlags {
  readonly variables: Variables;
  /** Flags that only cargo can decide about, as a configuration file of the lowest rank; absent: none. */
  readonly config?: Table;
}

/** The separator of `CARGO_ENCODED_RUSTFLAGS` (The Cargo Book, "Environment variables"). */
const ENCODED = '\x1f';

/**
 * Joins a build's own flags with those of the project, whose order and meaning are cargo's ("build.rustflags" in The Cargo
 * Book): of `CARGO_ENCODED_RUSTFLAGS`, `RUSTFLAGS`, `target.….rustflags` and `build.rustflags` only the first that is there
 * counts. So ours are put behind the one that counts. Whether a `target.'cfg(…)'` applies is cargo's to say: ours then stand
 * below `build`, and below one condition that holds where any of the project's does.
 */
export function joinFlags(input: {
  /** The target's, without blanks in any of them. */
  readonly own: readonly string[];
  readonly triple: string;
  /** Cargo's configuration, everything together. */
  readonly config: Table;
  /** Variables of the recipe. */
  readonly env: Variables;
}): JoinedFlags {
  const { own, triple, config, env } = input;
  const { CARGO_ENCODED_RUSTFLAGS: encoded, RUSTFLAGS: plain, CARGO_BUILD_RUSTFLAGS: build } = env;
  if (encoded !== undefined) {
    const theirs = encoded === '' ? [] : encoded.split(ENCODED);
    return { variables: { CARGO_ENCODED_RUSTFLAGS: [...theirs, ...own].join(ENCODED) } };
  }
  if (plain !== undefined) return { variables: { RUSTFLAGS: behind(plain, own) } };
  const name = targetVariable(triple, 'RUSTFLAGS');
  const targets = tableAt(config, 'target');
  const forAll = [...wordsOf(tableAt(config, 'build').rustflags), ...wordsOf(build)];
  const forTarget = [...wordsOf(tableAt(targets, triple).rustflags), ...wordsOf(env[name])];
  if (forAll.length === 0 || forTarget.length > 0)
    return { variables: { [name]: behind(env[name] ?? '', own) } };
  const conditions = conditionsOf(targets);
  return {
    variables: { CARGO_BUILD_RUSTFLAGS: behind(build ?? '', own) },
    ...(conditions.length === 0
      ? {}
      : { config: { target: { [`cfg(any(${conditions.join(', ')}))`]: { rustflags: [...own] } } } }),
  };
}

/** What stands in the `cfg(…)` of each table of the project that has flags. */
function conditionsOf(targets: Table): readonly string[] {
  return Object.entries(targets).flatMap(([name, one]) => {
    const condition = /^cfg\((.*)\)$/s.exec(name.trim())?.[1];
    return condition !== undefined && isTable(one) && wordsOf(one.rustflags).length > 0 ? [condition] : [];
  });
}

function behind(theirs: string, own: readonly string[]): string {
  return [...wordsOf(theirs), ...own].join(' ');
}

/** The variable for a key of `[target.<triple>]` (The Cargo Book, "Environment variables" of "Configuration"). */
export function targetVariable(triple: string, key: string): string {
  return `CARGO_TARGET_${triple.toUpperCase().replaceAll('-', '_').replaceAll('.', '_')}_${key}`;
}
