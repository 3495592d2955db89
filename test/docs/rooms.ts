// Descriptions of each module and stage in ARCHITECTURE.md; its tables are made from this and from the rules that
// test/architecture.test.ts checks.
import { STAGES, type StageName } from '../../src/events.ts';
import { markdownTable } from './generated.ts';

/** Modules of `src/`: its folders. */
export const MODULES: Readonly<Record<string, string>> = {
  domain: 'types and pure functions; no input or output',
  recipe: 'YAML files → checked values; mistakes with their positions',
  plan: 'what a run will do; pure',
  lock: 'definitions → exact packages; lock files, their checksums and differences',
  distro:
    'the port to a distribution, and its implementation `debian/`: apt, `.deb`, pools, suites, Dockerfiles',
  fetch: 'packages by digest: parallel, resumed, verified',
  toolchain: 'packages → a tree in the store',
  sysroot:
    "what a sysroot's Python states about itself; `source/`: libraries, CPython and Rust's std built from source",
  env: "the build's environment; pure",
  build: 'crates, then cargo, in sandboxes',
  bundle:
    'program, libraries, standard library, packages → one archive, checked for leaks; `formats/`: the same as container image, Debian package and one executable',
  snapshot: 'WebAssembly modules that start with an initialised interpreter',
  runtime:
    'the port to what runs programs of a target, and its adapters: native, QEMU, wasmtime, Node, the reference interpreter',
  run: "samples and CPython's own tests, run on the target and on the reference, and compared",
  diagnose:
    'failures of other tools: recorded, classified by `catalogue/*.yaml`, redacted, written; SARIF; `probe/`: the naive build and its steps',
  report:
    'live view, plain lines, `report.json`, `junit.xml`, failures as text; `actions/`: output for GitHub Actions; `page/`: `report.html`, which contains no script',
  store: 'content-addressed blobs, trees, builds, results; locks; pruning',
  archive: 'archives, unpacked as if hostile; packing',
  exec: 'processes of the host: limits, output, ended together with their children',
  engine: 'the port to sandboxes, and its implementations `namespace/` and `docker/`',
  requirements:
    'what a recipe adds of Python: requirements, locks of other tools, wheels, projects, modules; markers evaluated for the target',
  sbom: 'what is in a program and its bundle, as SPDX and CycloneDX; sections of programs for it; licences',
  provenance: 'statements about artifacts: in-toto and SLSA, signed with ed25519; what is wrong with one',
  'remote-store': 'a store that is shared in a registry: entries signed, pulled, pushed, pruned',
  crate: '`Cargo.toml` and `Cargo.lock` of a crate; read without calling cargo',
  charts: 'numbers → SVG, light and dark by CSS variables; pure',
  advise: 'what a script costs in each tier, and which one to take: model, prediction, choice; pure',
  init: 'what `provision init` writes',
  commands: 'one file for each command; handlers return data',
  pipeline: 'joins the stages: plan, session, program, bundle, runtimes; `run.ts` is a run, top to bottom',
  program:
    'the program compiled into few files, and its answers that are always the same; loaded when it compiles',
  bench: 'measurements of the tool itself and of what it builds',
};

/** Files at the top of `src/`. */
export const TOP_FILES: Readonly<Record<string, string>> = {
  'bin.ts': 'what is started: finds the compiled program, else runs the sources',
  'cli.ts': 'arguments and environment → settings, command, exit code',
  'settings.ts': 'settings from options and environment variables',
  'events.ts': 'what stages report while they work; the names of the stages',
  'failure.ts': 'expected failures, their areas and exit codes',
};

/** What each stage does. */
const STAGE_TEXTS: Readonly<Record<StageName, string>> = {
  lock: 'read the locks, and resolve again what no mirror has any more',
  engine: 'choose and start the engine, once something has to be run',
  toolchain: 'unpack the toolchain image',
  sysroot: 'unpack the link-time tree of the target',
  libraries: 'build static libraries from source',
  cpython: 'build CPython from source',
  'rust-std': "build Rust's standard library from source",
  reference: 'unpack the reference interpreter',
  rootfs: 'unpack the run-time root of the target',
  data: 'unpack the data of a system that the bundle brings',
  bytecode: 'compile the standard library',
  packages: 'resolve Python packages with pip',
  expected: 'run the samples on the reference interpreter',
  build: 'fetch the crates and build the program',
  bundle: 'pack the bundle and check it for leaks',
  snapshot: 'initialise the interpreter inside a WebAssembly module',
  package: 'write container image, Debian package and the one executable',
  runtime: 'fetch and build the WebAssembly engine',
  precompile: 'compile the module ahead of time',
  run: 'run the samples on the target and compare',
  commands: "run the recipe's commands from the bundle",
  'cargo-test': 'build the tests of the crate and run them on the target',
  host: 'start the bundle on this machine, outside of any sandbox',
  tests: "unpack CPython's own tests",
  conformance: "run CPython's own tests and compare",
  counters: 'unpack the tools that count instructions',
};

export interface ImportRules {
  readonly stages: readonly string[];
  readonly shared: readonly string[];
  readonly below: Readonly<Record<string, readonly string[]>>;
  readonly above: readonly string[];
  readonly libraries: Readonly<Record<string, readonly string[]>>;
  /** Files at the top of `src/` → what they may import. */
  readonly top: Readonly<Record<string, readonly string[]>>;
}

export function modulesTable(files: readonly string[], folders: readonly string[]): string {
  const order = Object.keys(MODULES);
  const sorted = [...folders].sort((one, other) => order.indexOf(one) - order.indexOf(other));
  return markdownTable(
    ['in `src/`', 'what it contains'],
    [
      ...[...files].sort().map((name) => [`\`${name}\``, TOP_FILES[name] ?? '']),
      ...sorted.map((name) => [`\`${name}/\``, MODULES[name] ?? '']),
    ],
  );
}

export function stagesTable(): string {
  return markdownTable(
    ['stage', 'what it does'],
    STAGES.map((name) => [`\`${name}\``, STAGE_TEXTS[name]]),
  );
}

export function importsTable({ stages, shared, below, above, libraries, top }: ImportRules): string {
  const ofModule = (module: string): string =>
    Object.keys(libraries)
      .filter((library) => libraries[library]?.includes(module))
      .map((library) => `\`${library}\``)
      .join(', ');
  const code = (names: readonly string[]): string => names.map((name) => `\`${name}\``).join(', ');
  return markdownTable(
    ['module', 'kind', 'may import', 'its libraries'],
    [
      ...Object.entries(below).map(([name, those]) => [
        `\`${name}\``,
        shared.includes(name) ? 'shared' : 'of one command',
        those.length === 0 ? 'nothing' : code(those),
        ofModule(name),
      ]),
      ...stages.map((name) => [
        `\`${name}\``,
        'stage',
        'shared modules; types of the stages above',
        ofModule(name),
      ]),
      ...above.map((name, i) => [
        `\`${name}\``,
        'joins stages',
        ['shared modules and stages', ...above.slice(0, i).map((other) => `\`${other}\``)].join(', '),
        ofModule(name),
      ]),
      ...Object.entries(top).map(([name, those]) => [
        `\`${name}\``,
        'top',
        those.length === 0 ? 'nothing' : code(those),
        ofModule(name),
      ]),
    ],
  );
}
