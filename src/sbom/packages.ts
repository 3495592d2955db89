import { distribution } from '../distro/distribution.ts';
import { defined } from '../domain/defined.ts';
import type { LockedPackage } from '../domain/packages.ts';
import type { Component, LicenceText, Place } from './model.ts';

export interface PackagesInput {
  /** Packages that the program was linked with. */
  readonly packages: readonly LockedPackage[];
  /** The suite of each package. */
  readonly suite: (one: LockedPackage) => string;
  /** Libraries and objects in each package file, by its digest. */
  readonly contents: Readonly<Record<string, { readonly binaries: readonly string[] }>>;
  /** Paths of the shared libraries and modules in the bundle, relative to the root of the packages. */
  readonly bundled: readonly string[];
  /** Names of the libraries that the system has: those of its C library. */
  readonly ofSystem: readonly string[];
  /** Nothing is loaded: what is linked is inside. */
  readonly allStatic: boolean;
  /** The licence file of a package. */
  readonly copyright: (name: string) => string | undefined;
}

/** Packages of which something is in the program or in its bundle. What only the system has is left out. */
export function packageComponents(input: PackagesInput): readonly Component[] {
  const { packages, suite, contents, ofSystem } = input;
  const system = new Set(
    packages
      .filter(({ digest }) => contents[digest]?.binaries.some((path) => ofSystem.includes(nameOf(path))))
      .map((one) => distribution.bill.source(one)),
  );
  return packages.flatMap((one): readonly Component[] => {
    const place = placeOf(one, input);
    // Its start files are linked, and are of the C library that the system has.
    if (place === undefined || (place === 'inside' && system.has(distribution.bill.source(one)))) return [];
    return [packageComponent(one, suite(one), place, input.copyright(one.name))];
  });
}

export function packageComponent(
  one: LockedPackage,
  suite: string,
  place: Place,
  copyright: string | undefined,
): Component {
  const purl = distribution.bill.purl(one, suite);
  const texts: readonly LicenceText[] =
    copyright === undefined ? [] : [{ name: 'copyright', text: copyright }];
  return {
    ...{ id: purl, name: one.name, version: one.version, place, purl, texts },
    sha256: one.digest.replace('sha256:', ''),
    source: { name: distribution.bill.source(one), version: one.version },
    ...defined({ licence: copyright === undefined ? undefined : distribution.bill.licence(copyright) }),
  };
}

/** Objects that every program is linked with, and libraries of Rust. */
const ALWAYS = /(?:\/(?:crt|rcrt|Scrt|gcrt|Mcrt)[^/]*\.o|\.rlib)$/;

/** Where the package's files are; undefined where none is shipped. */
function placeOf({ digest }: LockedPackage, input: PackagesInput): Place | undefined {
  const binaries = (input.contents[digest]?.binaries ?? []).map(merged);
  const bundled = new Set(input.bundled.map(merged));
  if (binaries.some((path) => bundled.has(path))) return 'beside';
  if (binaries.some((path) => ALWAYS.test(path))) return 'inside';
  // Where there is a shared library beside an archive, the linker takes that.
  const shared = new Set(binaries.filter((path) => path.endsWith('.so')).map(nameOf));
  const archives = binaries.filter((path) => path.endsWith('.a'));
  const linked = archives.filter(
    (path) => input.allStatic || !shared.has(nameOf(path).replace(/\.a$/, '.so')),
  );
  return linked.length > 0 ? 'inside' : undefined;
}

/** A path as it is where `lib` is a link to `usr/lib`. */
function merged(path: string): string {
  return path.replace(/^lib/, 'usr/lib');
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
