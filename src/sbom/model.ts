/** Where a component is, seen from the program. */
export type Place =
  /** In the program itself. */
  | 'inside'
  /** A file of the bundle beside the program. */
  | 'beside'
  /** What the system must have. */
  | 'system'
  /** The release of the distribution that the packages are of; nothing of it as a whole is shipped. */
  | 'origin'
  /** It was built with it; nothing of it is shipped. */
  | 'tool';

export interface Patch {
  readonly name: string;
  /** Whose: of the distribution, which backports fixes, or our own. */
  readonly from: 'distribution' | 'provision';
  /** Numbers of the vulnerabilities that it corrects. */
  readonly resolves: readonly string[];
}

export interface LicenceText {
  /** File name. */
  readonly name: string;
  readonly text: string;
}

export interface Component {
  /** Unique in the document: its package URL where it has one. */
  readonly id: string;
  readonly name: string;
  readonly version: string;
  readonly place: Place;
  /** Package URL (purl specification). */
  readonly purl?: string;
  readonly description?: string;
  /** SPDX licence expression; absent: nobody states one. */
  readonly licence?: string;
  /** SHA-256 of the archive that it comes from, hexadecimal. */
  readonly sha256?: string;
  /** Source package. */
  readonly source?: { readonly name: string; readonly version: string };
  readonly patches?: readonly Patch[];
  /** Of these it is made, as the `id` of each. */
  readonly dependencies?: readonly string[];
  readonly texts?: readonly LicenceText[];
}

/** What is in a program and its bundle. The same inputs give the same bytes of each document. */
export interface Sbom {
  /** The program. */
  readonly program: Component;
  /** All others, in the order of their ids. */
  readonly components: readonly Component[];
  /** Version of this program. */
  readonly provision: string;
  /** Seconds since the epoch. */
  readonly time: number;
  /** The target that it is for. */
  readonly target: string;
}

/** The formats that it is written in. */
export const SBOM_FORMATS = ['cyclonedx', 'spdx'] as const;
export type SbomFormat = (typeof SBOM_FORMATS)[number];

/** File name of each format, as its users look for it. */
export const SBOM_FILES: Readonly<Record<SbomFormat, string>> = {
  cyclonedx: 'sbom.cdx.json',
  spdx: 'sbom.spdx.json',
};

/** ISO 8601, in whole seconds. */
export function timeOf({ time }: Pick<Sbom, 'time'>): string {
  return new Date(time * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
}
