/** A package of the distribution in exactly one version, of a lock or of a bill of materials. */
export interface UsedPackage {
  readonly name: string;
  readonly version: string;
  /** Of the list that it is looked up in. */
  readonly architecture: string;
  readonly suite: string;
  /** Source package. */
  readonly source: string;
  /** It can get into a bundle: it is linked with, built from source, or brought along. */
  readonly shipped: boolean;
  /** The lock or the bundle that has it. */
  readonly where: string;
}

/** What there is a newer version of. Packages of one source and version are one entry. */
export interface Outdated {
  readonly kind: 'distribution' | 'python' | 'runtime' | 'crate';
  /** Name of the source package, of the wheel's project, or of the crate. */
  readonly name: string;
  /** Packages that were made of it. */
  readonly packages: readonly string[];
  readonly version: string;
  /** The newest one that `provision lock` would take; absent: only the security updates have a newer one. */
  readonly newest?: string;
  /** The suite of security updates has one that is newer still. */
  readonly security?: string;
  /** A crate that its author has taken back; there need not be a newer one. */
  readonly yanked?: true;
  readonly suite?: string;
  readonly shipped: boolean;
  /** Vulnerabilities that its changelog says were corrected since; absent: not looked up. */
  readonly fixes?: readonly string[];
  readonly where: readonly string[];
}

/** A list that was asked. Times are ISO 8601. */
export interface AskedList {
  readonly suite: string;
  readonly architecture: string;
  /** When the archive wrote it. */
  readonly dated?: string;
  /** The same of the security updates; absent: they are not known. */
  readonly security?: { readonly dated?: string };
}

/** A crate with a newer version that its manifests, or the toolchain's Rust, do not admit: nothing is outdated by it. */
export interface IncompatibleCrate {
  readonly name: string;
  readonly version: string;
  /** The newest version, with cargo's remark where it has one. */
  readonly newest: string;
  readonly where: string;
}

export interface OutdatedReport {
  readonly schema: 1;
  /** The locks or bundles that were compared. */
  readonly compared: readonly string[];
  readonly lists: readonly AskedList[];
  readonly outdated: readonly Outdated[];
  /** Absent: no crates were compared. */
  readonly incompatible?: readonly IncompatibleCrate[];
  /** Packages that their suite has no more. */
  readonly gone: readonly { readonly name: string; readonly suite: string; readonly architecture: string }[];
  /** What could not be compared, and why. */
  readonly unknown: readonly string[];
}
