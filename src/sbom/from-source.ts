import { distribution } from '../distro/distribution.ts';
import { defined } from '../domain/defined.ts';
import type { SourceSysroot } from '../domain/definitions.ts';
import type { LockedPackage } from '../domain/packages.ts';
import { licenceExpression } from './licence.ts';
import type { Component, LicenceText, Patch, Place } from './model.ts';

export interface SourceInput {
  readonly definition: SourceSysroot;
  /** The files of source packages in the lock: of each upstream's archive first, then the distribution's. */
  readonly sources: readonly LockedPackage[];
  /** The suite that a source package is from. */
  readonly suite: (source: string) => string;
  /** Of CPython, in full: `3.13.5`. */
  readonly pythonVersion: string;
  /** `inside` where it is linked into the program. */
  readonly place: Place;
  /** What a source archive holds, by its digest. */
  readonly contents: Readonly<
    Record<
      string,
      {
        readonly texts: readonly LicenceText[];
        readonly bundled?: string;
        readonly versions?: Readonly<Record<string, string>>;
        readonly version?: string;
      }
    >
  >;
}

/** Licence of CPython as a whole; of what it contains of others its own list says more. */
const PYTHON_LICENCE = 'Python-2.0.1';

/** CPython and the libraries that are built from source packages, with the patches that were applied. */
export function sourceComponents(input: SourceInput): readonly Component[] {
  const { definition, place, pythonVersion } = input;
  const { cpython, libraries } = definition.source;
  const parts = libraries.map((one) =>
    sourceComponent(input, {
      ...one,
      version: undefined,
      licence: one.license,
      patches: one.patches.map((name) => patchOf(name, 'distribution')),
    }),
  );
  const bundled = bundledComponents(input);
  const python = sourceComponent(input, {
    name: definition.python.implementation,
    description: 'The interpreter and its standard library',
    source: cpython.source,
    version: pythonVersion,
    licence: PYTHON_LICENCE,
    patches: [
      ...cpython.patches.map((name) => patchOf(name, 'distribution')),
      ...cpython.ownPatches.map(({ name }) => patchOf(name, 'provision')),
    ],
  });
  const all = [...parts, ...bundled];
  return [{ ...python, dependencies: all.map(({ id }) => id) }, ...all.map((one) => ({ ...one, place }))];
}

function patchOf(name: string, from: Patch['from']): Patch {
  return { name, from, resolves: [...new Set(name.match(/CVE-\d{4}-\d{4,}/g) ?? [])].sort() };
}

interface Built {
  readonly name: string;
  readonly description: string;
  readonly source: string;
  readonly version: string | undefined;
  readonly licence: string;
  readonly patches: readonly Patch[];
}

function sourceComponent({ sources, suite, place, contents }: SourceInput, built: Built): Component {
  const files = sources.filter(({ name }) => name === built.source);
  const [upstream] = files;
  // The distribution's archive has the version with its revision, by which its corrections are listed.
  const last = files.at(-1);
  if (upstream === undefined || last === undefined) throw new Error(`the lock has no ${built.source}`);
  // Whole: with an epoch less, a version is older than all that the lists of corrections name.
  const version = contents[last.digest]?.version ?? last.version;
  const purl = distribution.bill.purl({ ...last, version }, suite(built.source));
  return {
    // By the name that lists of corrections have: scanners look for the name of a component, not for that in its URL.
    ...{ id: purl, name: built.source, place, purl },
    description: built.name === built.source ? built.description : `${built.name}. ${built.description}`,
    version,
    licence: built.licence,
    sha256: upstream.digest.replace('sha256:', ''),
    source: { name: built.source, version },
    patches: built.patches,
    texts: contents[upstream.digest]?.texts ?? [],
  };
}

/** A package of the SPDX document that CPython's sources have of the sources of others among them. */
interface BundledPackage {
  readonly name?: string;
  readonly versionInfo?: string;
  readonly licenseConcluded?: string;
}

/** What no build of ours takes from there. */
const NOT_BUILT = new Set(['pip', 'CPython']);

/** Their licences, by the heads of their files and `Doc/license.rst` in CPython's sources: its own list states none. */
const LICENCES: Readonly<Record<string, string>> = {
  expat: 'MIT',
  'hacl-star': 'MIT',
  libb2: 'CC0-1.0',
  macholib: 'MIT',
  mimalloc: 'MIT',
  mpdecimal: 'BSD-2-Clause',
};

/** Libraries whose sources are part of CPython's: Expat, libmpdec, HACL*, mimalloc, … */
function bundledComponents({ definition, sources, contents }: SourceInput): readonly Component[] {
  const [upstream] = sources.filter(({ name }) => name === definition.source.cpython.source);
  // CPython has such a list from 3.12 on; of older ones their headers say it.
  const { bundled: text = '{}', versions = {} } = contents[upstream?.digest ?? ''] ?? {};
  const { packages = [] } = JSON.parse(text) as { readonly packages?: readonly BundledPackage[] };
  const listed = new Set(packages.map(({ name }) => name));
  const others = Object.keys(versions).filter((name) => !listed.has(name));
  const all: readonly BundledPackage[] = [...packages, ...others.map((name) => ({ name }))];
  return all.flatMap(({ name, versionInfo, licenseConcluded }): readonly Component[] => {
    // The list is changed by hand, and is behind the sources now and then.
    const version = name === undefined ? undefined : (versions[name] ?? versionInfo);
    if (name === undefined || version === undefined || NOT_BUILT.has(name)) return [];
    const purl = `pkg:generic/${encodeURIComponent(name)}@${encodeURIComponent(version)}`;
    return [
      {
        ...{ id: purl, name, version, place: 'inside', purl },
        description: `Its sources are part of ${definition.python.implementation}'s`,
        ...defined({ licence: licenceExpression(licenseConcluded) ?? LICENCES[name] }),
      },
    ];
  });
}
