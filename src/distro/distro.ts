import type { TarStretch } from '../archive/content.ts';
import type { RootLayout } from '../archive/root-layout.ts';
import type { Context } from '../domain/context.ts';
import type { ImageDefinition } from '../domain/definitions.ts';
import type { Once } from '../domain/once.ts';
import type { Lock, LockedPackage, PackageSet, SourceList } from '../domain/packages.ts';
import type { Result } from '../domain/result.ts';
import type { Target } from '../domain/target.ts';
import type { Failure } from '../failure.ts';
import type { Store } from '../store/store.ts';

/**
 * A Linux distribution, as the rest of the program knows one: package sets become exact package files, these are found on
 * mirrors and read, and a root that they are unpacked into looks as the distribution's own does. How its package manager,
 * archive and package format work is known to the implementation alone.
 */
export interface Distro {
  /**
   * Finds the exact packages of each set and all they depend on, in any order. The one method that discovers anything.
   * Failures: `lock/…`, and those of the disk.
   */
  resolve(context: Context, request: ResolveRequest, machine?: MachineFiles): Promise<Result<ResolvedSets>>;

  /** Where the files of locks may be read from that were resolved at these times (ISO 8601). */
  locate(context: Context, resolved: readonly string[], machine?: MachineFiles): Promise<Mirrors>;

  /** The failure where there is nothing that they may be read from (`lock/no-mirror`); undefined where there is. */
  noMirror(mirrors: Mirrors): Failure | undefined;

  /** What is wrong with an entry of a lock, field by field in the order in which locks have them; digest and size aside. */
  verify(entry: Partial<LockedPackage>, architecture: string): readonly EntryMistake[];

  /** Finds the files of a package within its package file. Throws `Refusal`; `archive` names the package in it. */
  openPackage(archive: string, file: string): TarStretch;

  /** What its roots look like before and beside the packages. */
  readonly layout: RootLayout;

  /** Text of a Dockerfile that installs the packages of an image's lock on the distribution's base image. Pure. */
  dockerfile(definition: ImageDefinition, lockPath: string, lock: Lock): Promise<string>;

  /** Links that scripts of these packages would make, of those that are known: path in the root → target. */
  alternatives(packages: readonly LockedPackage[]): Readonly<Record<string, string>>;

  /** Variables that show tools where these packages have what they look for. */
  toolVariables(packages: readonly LockedPackage[]): Readonly<Record<string, string>>;

  /** The distribution's name of a target's architecture. */
  architectureOf(target: Target): string;

  /** Order of two versions of a package: negative, zero, positive. */
  compareVersions(a: string, b: string): number;

  /** What newer versions there are. */
  readonly updates: Updates;

  /** What is said of its packages in a bill of materials. */
  readonly bill: BillOfMaterials;

  readonly sources: SourcePackages;
  readonly python: PythonPackaging;
  readonly advice: Advice;

  /** Variable of the environment that names mirrors. */
  readonly mirrorVariable: string;
  /** Files of a machine that may hold the keys which its archive is signed with, best first. */
  readonly keyrings: readonly string[];
}

export interface ResolveRequest {
  readonly suite: string;
  readonly sets: Readonly<Record<string, PackageSet>>;
  /** Time of the resolution (ISO 8601). */
  readonly resolved: string;
}

export interface ResolvedSets {
  readonly sets: Lock['sets'];
  /** The lists that they were found in, their signatures checked. */
  readonly lists: readonly SourceList[];
}

/** Where things of the machine are, where they are not in their usual places. */
export interface MachineFiles {
  /** Files that may hold the archive's keys. */
  readonly keyrings?: readonly string[];
  /** Search path for the distribution's own programs. */
  readonly path?: string;
  /** Folder of the package manager's configuration. */
  readonly configuration?: string;
}

/** Where packages may be read from. */
export interface Mirrors {
  /** Archive roots in the order to try; no trailing slash. */
  readonly urls: readonly string[];
  /** `http_proxy`, `https_proxy`, `no_proxy` (lower case): the environment's, and the package manager's in front of them. */
  readonly proxies: Readonly<Record<string, string>>;
  /** One sentence: how these were found. */
  readonly why: string;
  /** How many of the last ones are asked only because there is nothing else; absent: none. */
  readonly lastResorts?: number;
}

/** Looks packages up in the lists that the distribution publishes, which are kept in the store and asked for anew each time. */
export interface Updates {
  /**
   * The newest version of each package in a suite, or in that of its security updates. Failures: `lock/no-mirror` where no mirror has
   * the list, `lock/untrusted`, and those of `resolve`.
   */
  newest(
    context: Context,
    store: Store,
    request: NewestRequest,
    machine?: MachineFiles,
  ): Promise<Result<Newest>>;
  /** Whether one version is newer than another. Those of source packages may lack what their file names leave out. */
  isNewer(version: string, than: string, architecture: string): boolean;
  /** Whether packages of such an architecture fit every machine. */
  isForAll(architecture: string): boolean;
  /** Whether packages of a source have nothing that gets into a program: declarations alone. */
  isDeclarations(source: string): boolean;
  /** The version of the source that a package of this version was made of. */
  sourceVersion(version: string): string;
  /** Which of the files of a package, or of the archive of a source package, is its changelog; it may be compressed with gzip. */
  changelogIn(names: readonly string[]): string | undefined;
  /** The version of the newest entry of a changelog; undefined: it is none. */
  newestIn(changelog: string): string | undefined;
  /** Vulnerabilities that a changelog says were corrected after a version of the source. */
  fixes(changelog: string, after: string): readonly string[];
}

export interface NewestRequest {
  readonly suite: string;
  readonly architecture: string;
  readonly names: readonly string[];
  /** Asks the suite of its security updates. */
  readonly security?: true;
  /** Shared by requests that are made together: what is the same for all is asked once. */
  readonly once?: Once;
}

export interface Newest {
  /** When the archive wrote the list (ISO 8601); absent: it does not say. */
  readonly dated?: string;
  /** Where the list is from. */
  readonly mirrors: Mirrors;
  readonly packages: ReadonlyMap<string, IndexedPackage>;
}

/** A package in a list. */
export interface IndexedPackage {
  readonly version: string;
  readonly source: { readonly name: string; readonly version: string };
  /** The file that its changelog is in; absent: none that can be read. */
  readonly file?: LockedPackage;
}

/** What a package URL says. */
export interface NamedPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly suite: string;
  readonly source: string;
}

/** A field of a lock's entry that is not as it must be. */
export interface EntryMistake {
  readonly field: keyof LockedPackage;
  /** Completes the sentence "… must be". */
  readonly mustBe: string;
}

/** Packages of source code. In a lock each has several files: the upstream archive first, then the distribution's own. */
export interface SourcePackages {
  /** What stands in a package set in place of an architecture. */
  readonly architecture: string;
  /** Path of one of the distribution's patches, relative to the folder that its archive is unpacked in. */
  patch(name: string): string;
}

export interface BillOfMaterials {
  /** Package URL (purl specification), by which scanners look up corrections that the distribution made. */
  purl(one: LockedPackage, suite: string): string;
  /** What such a URL says; undefined: it names no package of the distribution, or of no release that is known. */
  fromPurl(purl: string): NamedPackage | undefined;
  /** A release as scanners name it: their lists of corrections go by it. */
  release(suite: string): { readonly name: string; readonly version: string };
  /** The source package of a package. */
  source(one: LockedPackage): string;
  /** Path of the file with a package's licences, relative to the root. */
  copyright(name: string): string;
  /** SPDX expression of the licence that such a file states, where it is in a form for machines. */
  licence(copyright: string): string | undefined;
}

/** How the distribution packages Python; paths are absolute in its roots. */
export interface PythonPackaging {
  /** Folder of the wheels that its `venv` and pip come from. */
  readonly wheels: string;
  /**
   * Folder that its interpreters look for packages in, relative to their prefix, where `site` (the text of `site.py`) is
   * the distribution's own; undefined where it is upstream's.
   */
  sitePackages(site: string): string | undefined;
}

/** Words of the distribution for messages to users. */
export interface Advice {
  /** What to do where the mirrors are of no use: a sentence. */
  readonly otherMirror: string;
  /** The package that brings a program to a machine. */
  packageOf(program: string): string | undefined;
  /** The package that a shared library is in by the distribution's rules for names. */
  packageOfLibrary(library: string): string | undefined;
  /** Lets the kernel of a machine start programs of other machines, in every root: a command. */
  readonly registerEmulators: string;
  /** Placeholders that advice may use, and what stands for them. */
  placeholders(target: Target): Readonly<Record<string, string>>;
}
