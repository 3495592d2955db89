import type { OutsideFolder } from './definitions.ts';

/** A crate as `Cargo.toml` and `Cargo.lock` describe it. Paths are absolute and free of links. */
export interface Crate {
  /** Folder of the package that is built. */
  readonly folder: string;
  /** Folder that cargo has to see: that of the workspace where the package is a member of one, else its own. */
  readonly root: string;
  /** Path dependencies that are not in `root`; absent: none. */
  readonly outside?: readonly OutsideFolder[];
  readonly name: string;
  /** Where it is declared. */
  readonly version?: string;
  /** The binary that is built. */
  readonly bin: string;
  /** The binary is an example of the package. */
  readonly example?: true;
  /** A library without a program: its tests are all there is to run, and `bin` is the name of the package. */
  readonly testsOnly?: true;
  /** Every binary that could be. */
  readonly bins: readonly string[];
  /** `rust-version`: the oldest supported Rust, where it is declared. */
  readonly rustVersion?: string;
  /** Whether `root` has a `Cargo.lock`. */
  readonly locked: boolean;
  /** Absent: nothing of it, and nothing in the lock, names PyO3. */
  readonly pyo3?: Pyo3Use;
}

/** The Rust that a crate which the lock names asks for. */
export interface NeededRust {
  /** `1.88` or `1.88.0`. */
  readonly release: string;
  /** Name and version. */
  readonly by: string;
}

/** How a crate takes PyO3, with the features that are chosen for it. */
export interface Pyo3Use {
  /** Full version as locked; absent where there is no lock. */
  readonly version?: string;
  /** Whether the package, or one of its workspace that it takes, names it; else it comes with a crate of a registry. */
  readonly direct: boolean;
  /** Features of PyO3 that are switched on by name, sorted. */
  readonly features: readonly string[];
  readonly autoInitialize: boolean;
  readonly extensionModule: boolean;
  /** e.g. `abi3-py39`; the lowest where there are several. */
  readonly abi3?: string;
}

/** Options of cargo that select what of a crate is built. */
export function cargoSelection({ bin, example, testsOnly }: Crate): readonly string[] {
  if (testsOnly === true) return ['--lib'];
  return [example === true ? '--example' : '--bin', bin];
}
