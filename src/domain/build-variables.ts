/** A variable that a build has to set itself, and what a user sets instead. */
interface Reserved {
  readonly name: RegExp;
  readonly instead: string;
}

/** Everything else may be set; flags, and folders of PATH, are joined with a build's own. */
const RESERVED: readonly Reserved[] = [
  {
    name: /^CARGO_HOME$/,
    instead: "The registry's crates are kept in the store; configuration is read from your own cargo home.",
  },
  {
    name: /^CARGO_(?:TARGET_DIR|BUILD_TARGET_DIR|BUILD_BUILD_DIR)$/,
    instead: "Cargo's target folder is a volume of the store, one for each project and toolchain.",
  },
  {
    name: /^CARGO_BUILD_TARGET$/,
    instead: 'Name the target in the recipe: `target`, or `extends` with the recipe of another one.',
  },
  {
    name: /^(?:RUSTC|RUSTDOC|CARGO|CARGO_BUILD_RUSTC|CARGO_BUILD_RUSTDOC)$/,
    instead: "For your own Rust, `rust: host`; the standard library is of the toolchain's Rust.",
  },
  {
    name: /^CARGO_TARGET_[A-Z0-9_]+_LINKER$/,
    instead:
      'Arguments for the linker: `RUSTFLAGS: "-Clink-arg=…"` below `project.env`, joined with those of a build.',
  },
  {
    name: /^CARGO_TARGET_[A-Z0-9_]+_RUNNER$/,
    instead: "Programs are started by the recipe's `runtime`.",
  },
  {
    name: /^PYO3_(?:CONFIG_FILE|PYTHON|CROSS|CROSS_\w+)$/,
    instead: 'The Python of a build is that of the recipe: `python: {version: …}`.',
  },
  { name: /^PROVISION_PYTHON_ALLOCATOR$/, instead: 'Set `allocator` in the recipe.' },
  { name: /^CARGO_TERM_\w+$/, instead: "Cargo's output is read by provision." },
];

/** What to do instead of setting a variable that a build has to set itself; undefined where it may be set. */
export function reservedVariable(name: string): string | undefined {
  return RESERVED.find((one) => one.name.test(name))?.instead;
}
