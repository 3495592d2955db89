import type { Pyo3Use } from '../domain/crate.ts';
import { compareReleases } from '../domain/glibc.ts';
import { ok, type Result } from '../domain/result.ts';
import { isThere } from '../exec/files.ts';
import type { Failure } from '../failure.ts';
import { bindingsFile } from './folders.ts';
import { BINDINGS } from './json-schema.ts';
import { load } from './load.ts';
import { list } from './message-text.ts';
import type { PythonDefinition } from './pythons.ts';
import type { Reader } from './reader.ts';
import type { BindingsFile } from './schemas.ts';

/** Release of PyO3 → the versions of CPython that it compiles for. */
export type Pyo3Releases = BindingsFile['releases'];

/** What a crate asks of the Python that it embeds. */
export interface CrateNeeds {
  readonly pyo3?: Pyo3Use;
  /** Environment of its build. */
  readonly env: Readonly<Record<string, string>>;
}

/** Why a crate does not compile for a version. */
export interface Misfit {
  readonly code: 'recipe/pyo3-misfit' | 'recipe/abi3-misfit';
  /** The crate's side of it, as the beginning of a sentence. */
  readonly says: string;
  /** What to change in the crate. */
  readonly cure: string;
}

export async function loadPyo3Releases(home: string, read: Reader): Promise<Result<Pyo3Releases>> {
  const file = bindingsFile(home, 'pyo3');
  if (!isThere(file)) return ok({});
  const loaded = await load<BindingsFile, Pyo3Releases>(file, BINDINGS, ({ releases }) => releases, { read });
  return loaded.ok ? ok(loaded.value.value) : loaded;
}

/**
 * Why the crate would not compile for a version of CPython, as far as that is known before the build. `named`: the version is
 * asked for, so it may be one that the release of PyO3 is not ready for. `freeThreaded`: it has no global interpreter lock.
 */
export function misfitOf(
  version: string,
  { pyo3, env }: CrateNeeds,
  releases: Pyo3Releases,
  { named = false, freeThreaded = false }: { readonly named?: boolean; readonly freeThreaded?: boolean } = {},
): Misfit | undefined {
  if (pyo3 === undefined) return undefined;
  const stable = stableAbi(pyo3);
  if (stable !== undefined && compareReleases(stable.oldest, version) > 0)
    return {
      code: 'recipe/abi3-misfit',
      says: `The crate's \`${stable.feature}\` asks for Python ${stable.oldest} or newer`,
      cure: `Take the feature \`${stable.kind}-py${version.replace('.', '')}\` of PyO3, or an older one, in place of \`${stable.feature}\`.`,
    };
  const range = rangeOf(pyo3, releases);
  if (range === undefined || env.UNSAFE_PYO3_SKIP_VERSION_CHECK === '1') return undefined;
  const { oldest, newest, experimental } = range;
  const last = named ? (experimental ?? newest) : newest;
  if (freeThreaded && !compilesFree(range, version)) return freeMisfit(pyo3, range, version, releases);
  if (compareReleases(version, oldest) < 0)
    return {
      code: 'recipe/pyo3-misfit',
      says: `PyO3 ${pyo3.version}, which \`Cargo.lock\` has, compiles for Python ${oldest} and newer`,
      cure: takeRelease(version, releases),
    };
  if (last === undefined || compareReleases(version, last) <= 0 || isForwardCompatible(env)) return undefined;
  return {
    code: 'recipe/pyo3-misfit',
    says: `PyO3 ${pyo3.version}, which \`Cargo.lock\` has, compiles for Python ${oldest} to ${newest}`,
    cure: takeRelease(version, releases),
  };
}

function compilesFree({ 'free-threaded': oldest }: Pyo3Releases[string], version: string): boolean {
  return oldest !== undefined && compareReleases(oldest, version) <= 0;
}

function freeMisfit(
  pyo3: Pyo3Use,
  { 'free-threaded': oldest }: Pyo3Releases[string],
  version: string,
  releases: Pyo3Releases,
): Misfit {
  const free = Object.fromEntries(Object.entries(releases).filter(([, one]) => compilesFree(one, version)));
  const from = oldest === undefined ? 'for none' : `for Python ${oldest} and newer alone`;
  return {
    code: 'recipe/pyo3-misfit',
    says: `PyO3 ${pyo3.version}, which \`Cargo.lock\` has, compiles ${from} without the global interpreter lock`,
    cure: takeRelease(version, free, releases),
  };
}

interface StableAbi {
  readonly feature: string;
  readonly kind: string;
  readonly oldest: string;
}

/** The lowest version among the features that name one, as PyO3 reads them. */
function stableAbi({ features }: Pyo3Use): StableAbi | undefined {
  return features
    .flatMap((feature): readonly StableAbi[] => {
      const [, kind = '', minor] = /^(abi3t?)-py3(\d+)$/.exec(feature) ?? [];
      return minor === undefined ? [] : [{ feature, kind, oldest: `3.${minor}` }];
    })
    .toSorted((one, other) => compareReleases(one.oldest, other.oldest))[0];
}

function rangeOf({ version }: Pyo3Use, releases: Pyo3Releases): Pyo3Releases[string] | undefined {
  const [release] = /^\d+\.\d+/.exec(version ?? '') ?? [];
  return release === undefined ? undefined : releases[release];
}

/** PyO3 then builds for any newer version, by the stable ABI (its guide, "Building and distribution"). */
function isForwardCompatible(env: CrateNeeds['env']): boolean {
  return ['PYO3_USE_ABI3_FORWARD_COMPATIBILITY', 'PYO3_USE_STABLE_ABI_FORWARD_COMPATIBILITY'].some(
    (name) => env[name] === '1',
  );
}

/** `all`: what there is beside those that serve. */
function takeRelease(version: string, releases: Pyo3Releases, all = releases): string {
  const fitting = Object.entries(releases)
    .filter(
      ([, { oldest, newest }]) =>
        compareReleases(oldest, version) <= 0 &&
        newest !== undefined &&
        compareReleases(version, newest) <= 0,
    )
    .map(([release]) => release)
    .toSorted(compareReleases);
  const [first] = fitting;
  const last = fitting.at(-1);
  const isLatest = last === Object.keys(all).toSorted(compareReleases).at(-1);
  if (first === undefined || last === undefined)
    return `No release of PyO3 that is known here compiles for Python ${version}.`;
  const which = isLatest ? `${first} or newer` : first === last ? first : `${first} to ${last}`;
  return `PyO3 ${which} compiles for Python ${version}: write \`pyo3 = "${last}"\` into \`Cargo.toml\`, then \`cargo update\`.`;
}

/** A Python that the crate does not compile for. `others`: those that it does, and that there are for the target. */
export function misfitFailure(
  misfit: Misfit,
  about: string,
  others: readonly PythonDefinition[],
): Pick<Failure, 'code' | 'what' | 'fix'> {
  const words = others.map(({ word }) => word);
  const [first] = words;
  return {
    code: misfit.code,
    what: `${misfit.says}; ${about}.`,
    fix: [
      ...(first === undefined
        ? []
        : [
            `It compiles for ${list(words)}: write \`python: {version: "${first}"}\`, or \`--python ${first}\`.`,
          ]),
      misfit.cure,
    ],
  };
}
