/** A crate that a program was built with. */
export interface LinkedCrate {
  readonly name: string;
  readonly version: string;
  /** As `Cargo.lock` has it; absent: a folder. */
  readonly source?: string;
  /** SHA-256 of its file, where it is from a registry. */
  readonly checksum?: string;
  /** What its manifest says. */
  readonly license?: string;
  /** `runtime`: it is linked into the program. `build`: build scripts and procedural macros need it. */
  readonly kind: 'runtime' | 'build';
  /** Positions in the list. */
  readonly dependencies: readonly number[];
  /** It is the program's own. */
  readonly root?: true;
  /** File names of its licence texts → positions in `texts`. */
  readonly texts: Readonly<Record<string, number>>;
}

export interface LinkedCrates {
  readonly crates: readonly LinkedCrate[];
  readonly texts: readonly string[];
}
