import type { SourcePosition } from '../failure.ts';
import type { Digest } from './ids.ts';

/** An entry of `python.packages` as the recipe states it. */
export interface PythonSource {
  /** A dependency specifier with its options, or a path. */
  readonly text: string;
  /** Absolute folder that paths are relative to. */
  readonly folder: string;
  readonly extras: readonly string[];
  /** Dependency groups (PEP 735). */
  readonly groups: readonly string[];
  readonly at: SourcePosition;
}

/** A package that comes from the index which pip is configured for. */
export interface IndexRequirement {
  /** Normalized (PEP 503). */
  readonly name: string;
  readonly extras: readonly string[];
  /** e.g. `>=1.2,<2`; empty: any. */
  readonly specifier: string;
  /** The exact version, where it is stated. */
  readonly version?: string;
  /** A direct reference in place of a version. */
  readonly address?: string;
  /** `sha256:…` of the files that may be taken; none: it is not locked. */
  readonly hashes: readonly string[];
  readonly at: SourcePosition;
}

/** A wheel named by its path. */
export interface PathWheel {
  /** Absolute. */
  readonly file: string;
  /** Normalized. */
  readonly name: string;
  readonly version: string;
  readonly digest: Digest;
  readonly extras: readonly string[];
  readonly at: SourcePosition;
}

/** A source distribution or a folder with a `pyproject.toml`: it is built. */
export interface PythonProject {
  /** Absolute. */
  readonly path: string;
  readonly kind: 'archive' | 'folder';
  readonly extras: readonly string[];
  readonly at: SourcePosition;
}

/** What one environment needs of the sources of `python.packages`. */
export interface PythonSelection {
  readonly index: readonly IndexRequirement[];
  readonly wheels: readonly PathWheel[];
  readonly projects: readonly PythonProject[];
  /** Versions that are allowed where a package is needed. */
  readonly constraints: readonly IndexRequirement[];
  /** Options of pip that name indexes, a line each. */
  readonly options: readonly string[];
  /** Files that were read, absolute. */
  readonly files: readonly string[];
}

/** A package in a bundle. */
export interface InstalledPackage {
  readonly name: string;
  readonly version: string;
  /** `index`, or the path as the recipe has it. */
  readonly from: string;
}
