import type { Digest } from './ids.ts';

/**
 * One distribution package file, exactly. Source: the `Packages` index of the suite at lock time, or its `Sources` index:
 * a source package has several files, of the architecture `source`.
 */
export interface LockedPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** Path below the archive root, e.g. `pool/main/p/python3.13/….deb`. */
  readonly path: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

/** A set of packages to resolve, as a definition states it. */
export interface PackageSet {
  readonly architecture: string;
  /** The suite that it is resolved in, where that is not the definition's. */
  readonly suite?: string;
  readonly packages: readonly string[];
  /** Source packages of another suite than the others of the set → that suite. */
  readonly elsewhere?: Readonly<Record<string, string>>;
  /** Source packages of which the upstream archive is locked alone. */
  readonly upstreamOnly?: readonly string[];
  /** Packages that the resolver assumes to be installed: neither they nor what only they depend on is locked. */
  readonly without?: readonly string[];
  /** Packages that are there already, in just these versions: they are neither locked nor replaced. */
  readonly installed?: readonly Pick<LockedPackage, 'name' | 'version' | 'architecture'>[];
  /** Further architectures that the same list is for: what one of them has may be missing in `without` here. */
  readonly others?: readonly string[];
}

/** What is written over the unpacked packages, and what is left out. Paths are relative to the root. */
export interface TreeRules {
  /**
   * Glob patterns (`*` within one name, `**` any depth) of entries not unpacked, beside the standing rules. What one with
   * `!` in front matches is unpacked all the same.
   */
  readonly exclude: readonly string[];
  /** Symbolic links to make: path → target. */
  readonly links: Readonly<Record<string, string>>;
  /** Small text files to write: path → content. */
  readonly files: Readonly<Record<string, string>>;
  /** Whether the packages' links to absolute paths are made relative: where the tree is no root they lead out of it. */
  readonly relativeLinks?: boolean;
  /** The release that its glibc is made to look like to what is linked with it: `2.17`; absent: its own. */
  readonly glibcRelease?: string;
}

/** A named package set of a definition, e.g. `sysroot` (link-time) or `rootfs` (run-time). */
export interface TreeDefinition extends PackageSet, TreeRules {}

/** A list of packages that an archive published, signed. */
export interface SourceList {
  readonly suite: string;
  readonly architecture: string;
  /** When the archive wrote it, ISO 8601; absent: it does not say. */
  readonly dated?: string;
  /** Of the signed file that names it. */
  readonly digest: Digest;
}

/** The lock of a definition, for one architecture or one target: JSON. */
export interface Lock {
  readonly schema: 1;
  /** Checksum of the definition this was made from. */
  readonly definition: Digest;
  readonly suite: string;
  /** When it was resolved, ISO 8601, seconds; also names the snapshot that has every file. */
  readonly resolved: string;
  /** The lists that its packages were found in; absent: an older version of this tool wrote it. */
  readonly lists?: readonly SourceList[];
  /**
   * Set name → names of packages that the lists have in another version which no mirror served, sorted: these are from older lists.
   * Absent: there are none.
   */
  readonly kept?: Readonly<Record<string, readonly string[]>>;
  /** Set name → packages, sorted by name, architecture. */
  readonly sets: Readonly<Record<string, readonly LockedPackage[]>>;
}
