/**
 * Where programs in a sandbox see their inputs. The same in every engine and on every machine, so that nothing that is
 * built or printed depends on where a user keeps the project or the store.
 */
export const PATHS = {
  /** Link-time tree of the target. */
  sysroot: '/sysroot',
  /** The crate, read-only. */
  project: '/job/project',
  /** Cargo's target folder. */
  target: '/job/target',
  /** Cargo's home. It is part of the root, so nothing can be put there; `registry` and `git` in it are volumes. */
  cargo: '/job/cargo',
  /** What is known of the crates that were checked. */
  seals: '/job/seals',
  /** The user's own Rust toolchain, where a recipe wants it. */
  rust: '/opt/rust',
  /** Files made for the build. */
  env: '/job/env',
  /** Of them the C, compiled. */
  linked: '/job/linked',
  /** Python packages and modules of the recipe, where no bundle has them: for `cargo test`. */
  python: '/job/python',
  /** Prefix of the interpreter under test and of the reference: equal, so that tracebacks name equal files. */
  interpreter: '/opt/isolate',
  /** Compiled standard library of the reference. */
  bytecode: '/opt/bytecode',
  /** What starts and asks servers under test: client.py and the root of its interpreter. */
  client: '/opt/client',
  /** The emulator, where one is needed. */
  emulator: '/opt/emulator',
} as const;

/** Where programs are looked for without PATH: execvp(3). */
export const DEFAULT_PATH = '/bin:/usr/bin';

/** Whether a path without links is a folder or lies below it. */
export function isWithin(path: string, folder: string): boolean {
  return path === folder || folder === '/' || path.startsWith(`${folder}/`);
}

/** A name as hostname(7) takes it: letters, digits and `-` inside, at most 63 of them. */
export function hostNameOf(name: string): string {
  const label = name
    .replaceAll(/[^A-Za-z0-9]+/g, '-')
    .slice(0, 63)
    .replaceAll(/^-+|-+$/g, '');
  return label === '' ? 'sandbox' : label;
}
