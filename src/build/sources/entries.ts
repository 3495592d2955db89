import type { Digest } from '../../domain/ids.ts';

/** One thing that a build sees. `path` is relative to the project's folder in the sandbox, with `/` between names. */
export type SourceEntry =
  | {
      readonly kind: 'file';
      readonly path: string;
      /** Absolute path on this machine. */
      readonly source: string;
      readonly executable: boolean;
    }
  /** A file that we write: what is shown of a repository's history. */
  | { readonly kind: 'text'; readonly path: string; readonly text: string }
  /** A symbolic link, never followed. */
  | { readonly kind: 'link'; readonly path: string; readonly target: string }
  /** A folder with nothing in it; the others follow from what they hold. */
  | { readonly kind: 'folder'; readonly path: string };

/** Something in the project that a build does not see. */
export interface HiddenPath {
  /** As in `SourceEntry`. */
  readonly path: string;
  /** A phrase that follows "is not visible to a build: ". */
  readonly why: string;
}

/** A folder or file of this machine and its place in the sandbox's view of the project. */
export interface SourcePart {
  /** As in `SourceEntry`; empty: the whole view. */
  readonly at: string;
  /** Absolute real path. */
  readonly source: string;
}

/** The files of a project, as they were read. */
export interface Sources {
  /** Digest of the names, modes and contents of all that a build sees. */
  readonly digest: Digest;
  /** Digest of the manifests, locks and files of cargo's configuration among them. */
  readonly manifests: Digest;
  /** Digest of all but the Rust among them. */
  readonly others: Digest;
  readonly files: number;
  /** Bytes. */
  readonly bytes: number;
  readonly hidden: readonly HiddenPath[];
  /** Symbolic links that point outside of the project: their targets are not visible to a build. */
  readonly outward: readonly string[];
}
