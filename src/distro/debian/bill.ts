import type { LockedPackage } from '../../domain/packages.ts';
import type { NamedPackage } from '../distro.ts';
import { SOURCE } from './entries.ts';

/** Numbers of the releases (debian.org, "Debian Releases"): vulnerability lists go by number. */
const RELEASES: Readonly<Record<string, number>> = {
  buster: 10,
  bullseye: 11,
  bookworm: 12,
  trixie: 13,
  forky: 14,
  duke: 15,
};

/**
 * Package URL of a package or source package (purl specification, type `deb`). `upstream` is what scanners look a binary package's
 * source package up by; `distro` says whose list of corrections its version is compared with.
 */
export function purlOf(one: LockedPackage, suite: string): string {
  const source = sourceOf(one);
  const { name, version } = releaseOf(suite);
  const qualifiers = [
    `arch=${one.architecture}`,
    `distro=${name}-${version}`,
    ...(one.architecture === SOURCE || source === one.name ? [] : [`upstream=${encodeURIComponent(source)}`]),
  ];
  return `pkg:deb/debian/${encodeURIComponent(one.name)}@${encodeURIComponent(one.version)}?${qualifiers.join('&')}`;
}

/** As `ID` and `VERSION_ID` of os-release(5) name it. */
export function releaseOf(suite: string): { readonly name: string; readonly version: string } {
  return { name: 'debian', version: String(RELEASES[suite] ?? suite) };
}

/** The same read back; undefined where it is of another kind or names no release of Debian. */
export function fromPurl(purl: string): NamedPackage | undefined {
  const match = /^pkg:deb\/debian\/([^@?]+)@([^?]+)\?(.*)$/.exec(purl);
  if (match === null) return undefined;
  const [name = '', version = ''] = match.slice(1, 3).map(decodeURIComponent);
  const qualifiers = new URLSearchParams(match[3]);
  const release = qualifiers.get('distro')?.replace(/^debian-/, '');
  const suite = Object.entries(RELEASES).find(([, number]) => String(number) === release)?.[0];
  const architecture = qualifiers.get('arch');
  if (suite === undefined || architecture === null) return undefined;
  return { name, version, architecture, suite, source: qualifiers.get('upstream') ?? name };
}

/** The source package of a package: the folder in the archive's pool that it lies in. */
export function sourceOf({ path, name }: Pick<LockedPackage, 'path' | 'name'>): string {
  return path.split('/').at(-2) ?? name;
}

/** Short names of licences in copyright files (Debian Policy, copyright-format 1.0, 7.1), and SPDX's identifiers. */
const NAMES: Readonly<Record<string, string>> = {
  Expat: 'MIT',
  MIT: 'MIT',
  'MIT/X11': 'MIT',
  X11: 'X11',
  ISC: 'ISC',
  Zlib: 'Zlib',
  'Apache-2': 'Apache-2.0',
  'Apache-2.0': 'Apache-2.0',
  'Artistic-2.0': 'Artistic-2.0',
  'BSD-2-clause': 'BSD-2-Clause',
  'BSD-3-clause': 'BSD-3-Clause',
  'BSD-4-clause': 'BSD-4-Clause',
  'GPL-1': 'GPL-1.0-only',
  'GPL-1+': 'GPL-1.0-or-later',
  'GPL-2': 'GPL-2.0-only',
  'GPL-2+': 'GPL-2.0-or-later',
  'GPL-3': 'GPL-3.0-only',
  'GPL-3+': 'GPL-3.0-or-later',
  'LGPL-2': 'LGPL-2.0-only',
  'LGPL-2+': 'LGPL-2.0-or-later',
  'LGPL-2.1': 'LGPL-2.1-only',
  'LGPL-2.1+': 'LGPL-2.1-or-later',
  'LGPL-3': 'LGPL-3.0-only',
  'LGPL-3+': 'LGPL-3.0-or-later',
  'MPL-2.0': 'MPL-2.0',
  'public-domain': 'LicenseRef-public-domain',
};

/**
 * The licence that a copyright file states, where it is written for machines and the same for all that upstream wrote. A source
 * package has files of several licences, and not all of them are in each of its packages.
 */
export function licenceOf(copyright: string): string | undefined {
  const stanzas = copyright
    .split(/\n\s*\n/)
    .filter((stanza) => /^Files:/m.test(stanza) && !/^Files:\s*debian\/\*\s*$/m.test(stanza));
  const stated = new Set(stanzas.map((stanza) => /^License:\s*(\S.*)$/m.exec(stanza)?.[1]?.trim()));
  const [one] = stated;
  if (one === undefined || stated.size > 1) return undefined;
  const words = one.split(/\s+(and|or)\s+/i);
  const parts = words.map((word, i) => (i % 2 === 1 ? word.toUpperCase() : NAMES[word]));
  return parts.includes(undefined) ? undefined : parts.join(' ');
}
