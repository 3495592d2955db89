import { posix } from 'node:path';
import type { CargoTable, Overridden } from '../domain/cargo.ts';
import { defined } from '../domain/defined.ts';
import type { Recipe, Resolved } from '../domain/definitions.ts';
import type { RuntimeKind } from '../domain/ids.ts';
import type { PythonDistribution } from '../domain/python.ts';
import type { Target } from '../domain/target.ts';
import { PATHS } from '../engine/paths.ts';
import { renamedPaths } from '../engine/project-paths.ts';
import { programFormat } from '../runtime/program/program.ts';
import { runtimeOf } from '../runtime/runtime.ts';
import { cmakeToolchain } from './cmake-toolchain.ts';
import { onefileFlags, onefileLinked, onefileMacros, onefileSources } from './onefile-library.ts';
import { withProjectEnv } from './project-env.ts';
import { pyo3Config } from './pyo3-config.ts';
import { pythonHomeSource } from './python-home.ts';
import { CONFIGURED_STARTS, pythonStartSource } from './python-start.ts';
import { joinFlags, targetVariable, type Variables } from './rust-flags.ts';

export interface BuildEnv {
  /** The whole environment of the build, sorted by name. */
  readonly variables: Readonly<Record<string, string>>;
  /** Content of the file `PYO3_CONFIG_FILE` names. */
  readonly pyo3Config: string;
  /** Content of the file that `CMAKE_TOOLCHAIN_FILE_<target>` names. */
  readonly cmakeToolchain: string;
  /** C sources, whose objects the link arguments name, and linker scripts: file name → content. Programs that no compiler links have none. */
  readonly linked: Readonly<Record<string, string>>;
  /** How the C among them is compiled; absent: there is none. */
  readonly compiled?: CompiledSources;
  /** Further configuration of cargo, below that of the project; absent: none. */
  readonly cargoConfig?: CargoTable;
}

export interface CompiledSources {
  /** File name of a source → absolute path of its object in the sandbox, in the order of the link. */
  readonly objects: Readonly<Record<string, string>>;
  /** Program and arguments, to which the source and the object are added. */
  readonly compiler: readonly [string, ...string[]];
}

export interface BuildEnvInput {
  readonly resolved: Resolved;
  readonly python: PythonDistribution;
  /** What executes the programs that cargo starts. */
  readonly runtime: RuntimeKind;
  /** Seconds since the epoch. */
  readonly sourceDateEpoch: number;
  /** Variables that show tools where packages of the toolchain have what they look for. */
  readonly toolVariables?: Readonly<Record<string, string>>;
}

/** The complete environment of a build. Pure: the same input gives the same text on every machine. */
export function buildEnv(input: BuildEnvInput): BuildEnv {
  const { target, recipe, cargo } = input.resolved;
  const { env } = recipe.project;
  const own = {
    ...base(input),
    ...rust(input),
    ...compilers(input),
    ...input.toolVariables,
    ...pkgConfig(target),
    ...pyo3(input),
    ...allocator(recipe),
    ...overrides(cargo?.overridden ?? []),
  };
  const flags = joinFlags({
    own: rustFlags(input),
    triple: target.rustTriple,
    config: cargo?.merged ?? {},
    env,
  });
  const variables = { ...withProjectEnv(own, env, target), ...flags.variables };
  return {
    variables: Object.fromEntries(Object.entries(variables).sort(([a], [b]) => (a < b ? -1 : 1))),
    // A crate of another implementation reads none.
    pyo3Config: input.python.libraryInside === true ? '' : pyo3Config(input.python, PATHS.sysroot),
    cmakeToolchain: cmakeToolchain(input.resolved),
    linked: linkedFiles(input),
    ...defined({ compiled: compiledSources(input), cargoConfig: flags.config }),
  };
}

const PYTHON_HOME = 'python-home.c';
const PYTHON_START = 'python-start.c';

function linkedFiles(input: BuildEnvInput): Readonly<Record<string, string>> {
  const { resolved, python } = input;
  if (!linksOwn(input)) return {};
  const { start } = resolved.sysroot.python;
  const stdlib = isForAnyPython(resolved, python) ? undefined : python.stdlib.replace(/^usr\//, '');
  return {
    [PYTHON_HOME]: pythonHomeSource(stdlib, start !== undefined),
    ...defined({ [PYTHON_START]: start && pythonStartSource(start) }),
    ...onefileSources(hasPythonInside(input)),
  };
}

function linksOwn({ resolved, python }: BuildEnvInput): boolean {
  return programFormat(resolved.target).bareLinker === undefined && python.libraryInside !== true;
}

/** The objects do not depend on the project: they are made once, where cargo's link would make them each time. */
function compiledSources(input: BuildEnvInput): CompiledSources | undefined {
  if (!linksOwn(input)) return undefined;
  const { target, toolchain, sysroot } = input.resolved;
  const { flags } = sysroot.compiler;
  // With the headers of its C library.
  const headers = flags.filter(
    (flag, at) => flag === '-nostdlibinc' || flag === '-isystem' || flags[at - 1] === '-isystem',
  );
  return {
    objects: Object.fromEntries(sourcesOf(input).map((source) => [source, objectOf(source)])),
    compiler: [
      toolchain.tools.linker ?? 'cc',
      `--target=${target.clangTriple}`,
      `--sysroot=${PATHS.sysroot}`,
      ...headers,
      // Functions of their own are left out where unused.
      ...['-fPIC', '-Os', '-ffunction-sections'],
      ...onefileMacros(hasPythonInside(input)),
    ],
  };
}

function sourcesOf(input: BuildEnvInput): readonly string[] {
  const start = input.resolved.sysroot.python.start === undefined ? [] : [PYTHON_START];
  return [PYTHON_HOME, ...start, ...onefileLinked(hasPythonInside(input))];
}

/** Where the link finds what a source was compiled to. */
function objectOf(source: string): string {
  return `${PATHS.linked}/${source.replace(/\.c$/, '.o')}`;
}

/**
 * Whether the program is made for the stable ABI and loads its libpython: any version from that on serves it (PEP 384). A
 * free-threaded Python has another, and what is switched on as a program starts is part of it.
 */
export function isForAnyPython(
  { crate, sysroot }: Pick<Resolved, 'crate' | 'sysroot'>,
  { linkage, abiflags }: Pick<PythonDistribution, 'linkage' | 'abiflags'>,
): boolean {
  const isPlain = abiflags === '' && sysroot.python.start === undefined;
  return crate.pyo3?.abi3 !== undefined && linkage === 'dynamic' && isPlain;
}

/** Whether the program is linked with all of its Python. */
function hasPythonInside({ python }: BuildEnvInput): boolean {
  return python.linkage === 'static';
}

/** Cargo's own tests say so which release it takes itself for; nothing else makes a distribution's a stable one. */
const STABLE_CARGO = { __CARGO_TEST_CHANNEL_OVERRIDE_DO_NOT_USE_THIS: 'stable' };

/** Settings of the project's files that only a variable outranks (The Cargo Book, "Configuration"). */
const OUTRANKING: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'build.rustc': { RUSTC: 'rustc' },
  'build.rustdoc': { RUSTDOC: 'rustdoc' },
  'build.rustc-wrapper': { RUSTC_WRAPPER: '' },
  'build.rustc-workspace-wrapper': { RUSTC_WORKSPACE_WRAPPER: '' },
  'build.build-dir': { CARGO_BUILD_BUILD_DIR: PATHS.target },
  'net.git-fetch-with-cli': { CARGO_NET_GIT_FETCH_WITH_CLI: 'false' },
  unstable: STABLE_CARGO,
};

function overrides(overridden: readonly Overridden[]): Record<string, string> {
  // Of other files they are left out.
  const outranked = overridden.filter(({ inside, key }) => inside || key === 'unstable');
  return Object.assign({}, ...outranked.map(({ key }) => OUTRANKING[key] ?? {}));
}

function base({ resolved, sourceDateEpoch }: BuildEnvInput): Record<string, string> {
  return { ...bareVariables(resolved), SOURCE_DATE_EPOCH: String(sourceDateEpoch) };
}

/** Common to every build: paths of programs, and cargo's own folders. */
export function bareVariables(resolved: Pick<Resolved, 'rust'>): Record<string, string> {
  return {
    PATH: `${resolved.rust === undefined ? '' : `${PATHS.rust}/bin:`}/usr/bin:/bin`,
    HOME: '/tmp',
    LANG: 'C.UTF-8',
    TZ: 'UTC',
    TERM: 'dumb',
    CARGO_HOME: PATHS.cargo,
    CARGO_TARGET_DIR: PATHS.target,
    CARGO_TERM_COLOR: 'never',
  };
}

function rust(input: BuildEnvInput): Record<string, string> {
  const { resolved } = input;
  const { target, hostTarget, toolchain } = resolved;
  const linker = toolchain.tools.linker ?? 'cc';
  const format = programFormat(target);
  const bare = format.bareLinker?.(resolved);
  return {
    // Build scripts and proc macros are linked for the machine that builds.
    [targetVariable(hostTarget.rustTriple, 'LINKER')]: linker,
    [targetVariable(target.rustTriple, 'LINKER')]:
      bare === undefined ? linker : (toolchain.tools[bare.tool] ?? bare.tool),
    ...(format.machineCode
      ? { [targetVariable(target.rustTriple, 'RUNNER')]: cargoRunner(input).join(' ') }
      : {}),
  };
}

function rustFlags(input: BuildEnvInput): readonly string[] {
  const { resolved } = input;
  const bare = programFormat(resolved.target).bareLinker?.(resolved);
  const link = bare === undefined ? linkArguments(input) : bare.arguments;
  return [
    // A rustup toolchain has the target's standard library itself.
    ...(resolved.rust === undefined ? [`--sysroot=${PATHS.sysroot}/usr`] : []),
    ...(bare?.rustFlags ?? []),
    ...link.map((argument) => `-Clink-arg=${argument}`),
    ...(resolved.sysroot.link.pie ? [] : ['-Crelocation-model=static']),
    // Panics and debug information name source paths; these names are the same on every machine.
    `--remap-path-prefix=${PATHS.project}=project`,
    `--remap-path-prefix=${PATHS.cargo}=cargo`,
    ...renamedPaths(resolved.recipe.project).map(([from, to]) => `--remap-path-prefix=${from}=${to}`),
  ];
}

/**
 * What `cargo run` and `cargo test` start a program with: the sysroot's libraries and standard library, as there is no
 * bundle around it. The variables are the program's alone, not cargo's.
 */
function cargoRunner({ resolved, python, runtime }: BuildEnvInput): readonly string[] {
  const libraries = python.linkage === 'dynamic' ? `${PATHS.sysroot}/${python.libDir}` : undefined;
  return runtimeOf(runtime).bareLauncher(resolved.target, {
    root: PATHS.sysroot,
    ...defined({ libraries }),
    env: {
      ...(python.libraryInside === true ? {} : homeOf(python)),
      // Its `sitecustomize` adds the folder of packages as `site` adds one, with its `.pth` files.
      ...(addsPython(resolved.recipe) ? { PYTHONPATH: PATHS.python } : {}),
    },
  });
}

function homeOf({ stdlib }: PythonDistribution): Variables {
  return { PYTHONHOME: `${PATHS.sysroot}/${posix.dirname(posix.dirname(stdlib))}` };
}

function addsPython({ pythonPackages = [], pythonPaths = [] }: Recipe): boolean {
  return pythonPackages.length + pythonPaths.length > 0;
}

function linkArguments(input: BuildEnvInput): readonly string[] {
  const { target, toolchain, sysroot } = input.resolved;
  const { lld } = toolchain.tools;
  const common = [
    `--target=${target.clangTriple}`,
    `--sysroot=${PATHS.sysroot}`,
    ...(lld === undefined ? [] : [`-fuse-ld=${lld}`]),
  ];
  const onefile = onefileArguments(input.resolved, hasPythonInside(input));
  const start = sysroot.python.start === undefined ? [] : START_ARGUMENTS;
  const own =
    input.python.libraryInside === true
      ? sysroot.link.arguments
      : [...sysroot.link.arguments, ...HOME_ARGUMENTS, ...start, ...onefile];
  // Static programs look for no libraries.
  if (target.elf?.interpreter === undefined) return [...common, ...own];
  // DT_RPATH, not DT_RUNPATH: it also serves what libpython and the extension modules load (ld.so(8)).
  return [...common, '-Wl,--disable-new-dtags', '-Wl,-rpath,$ORIGIN/../lib', ...own];
}

/** Links what finds the standard library. */
const HOME_ARGUMENTS = [objectOf(PYTHON_HOME), '-Wl,--wrap=Py_Initialize', '-Wl,--wrap=Py_InitializeEx'];

/** The same of what switches something on around the start. */
const START_ARGUMENTS = [objectOf(PYTHON_START), ...CONFIGURED_STARTS.map((name) => `-Wl,--wrap=${name}`)];

/** Links what finds the files of a program that is one file. */
function onefileArguments({ target }: Resolved, inside: boolean): readonly string[] {
  const unwinder = target.elf?.interpreter === undefined ? [] : [`-L${PATHS.env}`];
  return [
    ...onefileLinked(inside).map(objectOf),
    // Where there is no interpreter of libraries, the unwinder is static anyway.
    ...(inside ? unwinder : []),
    ...onefileFlags(inside),
  ];
}

function compilers({ resolved }: BuildEnvInput): Record<string, string> {
  const { target, toolchain, sysroot } = resolved;
  const suffix = target.rustTriple.replaceAll('-', '_');
  const flags = [
    `--target=${target.clangTriple}`,
    `--sysroot=${PATHS.sysroot}`,
    ...sysroot.compiler.flags,
  ].join(' ');
  const tool = (role: string): string => toolchain.tools[role] ?? role;
  return {
    [`CC_${suffix}`]: tool('cc'),
    [`CXX_${suffix}`]: tool('cxx'),
    [`AR_${suffix}`]: tool('ar'),
    [`RANLIB_${suffix}`]: tool('ranlib'),
    [`CFLAGS_${suffix}`]: flags,
    [`CXXFLAGS_${suffix}`]: flags,
    [`BINDGEN_EXTRA_CLANG_ARGS_${suffix}`]: flags,
    [`CMAKE_TOOLCHAIN_FILE_${suffix}`]: `${PATHS.env}/toolchain.cmake`,
    // What C and C++ in build dependencies is compiled with.
    HOST_CC: tool('cc'),
    HOST_CXX: tool('cxx'),
    HOST_AR: tool('ar'),
  };
}

function pkgConfig(target: Target): Record<string, string> {
  const suffix = target.rustTriple.replaceAll('-', '_');
  const folders = [
    `${PATHS.sysroot}/usr/lib/${target.multiarch}/pkgconfig`,
    // Of libraries built from source.
    `${PATHS.sysroot}/usr/lib/pkgconfig`,
    `${PATHS.sysroot}/usr/share/pkgconfig`,
  ];
  return {
    [`PKG_CONFIG_ALLOW_CROSS_${suffix}`]: '1',
    [`PKG_CONFIG_SYSROOT_DIR_${suffix}`]: PATHS.sysroot,
    [`PKG_CONFIG_LIBDIR_${suffix}`]: folders.join(':'),
    // A static library names what it needs itself among its private libraries.
    ...(target.elf?.interpreter === undefined ? { [`PKG_CONFIG_ALL_STATIC_${suffix}`]: '1' } : {}),
  };
}

function pyo3({ python }: BuildEnvInput): Record<string, string> {
  if (python.libraryInside === true) return {};
  return {
    PYO3_CONFIG_FILE: `${PATHS.env}/pyo3-config.txt`,
    PYO3_CROSS: '1',
    PYO3_CROSS_LIB_DIR: `${PATHS.sysroot}/${python.stdlib}`,
    PYO3_CROSS_PYTHON_VERSION: python.minor,
    PYO3_CROSS_PYTHON_IMPLEMENTATION: python.implementation,
  };
}

/** For the program, which has to set it before the interpreter starts. */
function allocator({ allocator: name }: Recipe): Record<string, string> {
  return name === undefined ? {} : { PROVISION_PYTHON_ALLOCATOR: name };
}
