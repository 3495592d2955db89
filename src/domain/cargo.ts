/** Tables of a TOML file. */
export type CargoTable = Readonly<Record<string, unknown>>;

/** A setting that a build replaces or cannot take, and where it is written. */
export interface Overridden {
  /** Its keys with dots between them: `build.target-dir`. */
  readonly key: string;
  readonly file: string;
  /** Whether a build sees the file. */
  readonly inside: boolean;
  /** What counts instead: "it is `/job/target`". */
  readonly instead: string;
}

export interface SourceFolder {
  readonly folder: string;
  readonly at: string;
  /** Unpacked crates, which Cargo.lock says less of than of the files of a registry. */
  readonly unpacked: boolean;
}

/** Cargo's configuration of a project, as its files give it (The Cargo Book, "Configuration"). */
export interface CargoConfiguration {
  /** Everything together, as cargo joins it. */
  readonly merged: CargoTable;
  /**
   * Of the files outside of the project, which a build does not see: those of its parent folders and of cargo's home, joined,
   * without settings about programs and folders of this machine. Paths in it are those of the sandbox.
   */
  readonly outer: CargoTable;
  /** The part of `outer` that can change what is built. */
  readonly counted: CargoTable;
  /** Folders of this machine that `source` replacements name, and where a build sees them. */
  readonly sources: readonly SourceFolder[];
  /** Digest of those with vendored crates; absent: there are none. */
  readonly vendored?: string;
  /** `http.cainfo`, absolute. */
  readonly caBundle?: string;
  /** The same of the files outside of the project. */
  readonly outerCaBundle?: string;
  /** The files of the project itself, without tokens. */
  readonly inner: readonly { readonly file: string; readonly table: CargoTable }[];
  readonly overridden: readonly Overridden[];
}
