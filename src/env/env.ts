import type { Resolved, WasmSettings } from '../domain/definitions.ts';
import type { PythonDistribution } from '../domain/python.ts';
import type { Target } from '../domain/target.ts';
import { PATHS } from '../engine/paths.ts';
import { pyo3Config } from './pyo3-config.ts';

export interface BuildEnv {
  /** The whole environment of the build, sorted by name. */
  readonly variables: Readonly<Record<string, string>>;
  /** Content of the file `PYO3_CONFIG_FILE` names. */
  readonly pyo3Config: string;
}

export interface BuildEnvInput {
  readonly resolved: Resolved;
  readonly python: PythonDistribution;
  /** Command that starts a target program inside the toolchain; empty: directly. */
  readonly launcher: readonly string[];
  /** Seconds since the epoch. */
  readonly sourceDateEpoch: number;
}

/** Everything a build gets. Pure: the same input gives the same text on every machine. */
export function buildEnv(input: BuildEnvInput): BuildEnv {
  const variables = {
    ...base(input),
    ...rust(input),
    ...compilers(input),
    ...pkgConfig(input.resolved.target),
    ...pyo3(input),
    ...input.resolved.recipe.project.env,
  };
  return {
    variables: Object.fromEntries(Object.entries(variables).sort(([a], [b]) => (a < b ? -1 : 1))),
    pyo3Config: pyo3Config(input.python, PATHS.sysroot),
  };
}

function base({ sourceDateEpoch }: BuildEnvInput): Record<string, string> {
  return {
    PATH: '/usr/bin:/bin',
    HOME: '/tmp',
    LANG: 'C.UTF-8',
    TZ: 'UTC',
    TERM: 'dumb',
    SOURCE_DATE_EPOCH: String(sourceDateEpoch),
    CARGO_HOME: PATHS.cargo,
    CARGO_TARGET_DIR: PATHS.target,
    CARGO_TERM_COLOR: 'never',
  };
}

function rust({ resolved, launcher }: BuildEnvInput): Record<string, string> {
  const { target, hostTarget, toolchain, recipe } = resolved;
  const prefix = `CARGO_TARGET_${shout(target.rustTriple)}`;
  const linker = toolchain.tools.linker ?? 'cc';
  const wasm = target.libc === 'wasi' ? recipe.wasm : undefined;
  const link = wasm === undefined ? linkArguments(resolved) : wasmLinkArguments(wasm);
  const flags = [
    `--sysroot=${PATHS.sysroot}/usr`,
    // The linker alone: Rust's own objects and archives are all that a C compiler would add.
    ...(wasm === undefined ? [] : ['-Clinker-flavor=wasm-ld']),
    ...link.map((argument) => `-Clink-arg=${argument}`),
    ...(resolved.sysroot.kind === 'cpython-source' && !resolved.sysroot.link.pie
      ? ['-Crelocation-model=static']
      : []),
    // Panics and debug information name source paths; these names are the same on every machine.
    `--remap-path-prefix=${PATHS.project}=project`,
    `--remap-path-prefix=${PATHS.cargo}=cargo`,
  ];
  return {
    // Build scripts and proc macros are linked for the machine that builds.
    [`CARGO_TARGET_${shout(hostTarget.rustTriple)}_LINKER`]: linker,
    [`${prefix}_LINKER`]: wasm === undefined ? linker : (toolchain.tools['wasm-ld'] ?? 'wasm-ld'),
    [`${prefix}_RUSTFLAGS`]: flags.join(' '),
    ...(launcher.length === 0 ? {} : { [`${prefix}_RUNNER`]: [...launcher, '-L', PATHS.sysroot].join(' ') }),
  };
}

function linkArguments({ target, toolchain, sysroot }: Resolved): readonly string[] {
  const { lld } = toolchain.tools;
  const common = [
    `--target=${target.clangTriple}`,
    `--sysroot=${PATHS.sysroot}`,
    ...(lld === undefined ? [] : [`-fuse-ld=${lld}`]),
  ];
  const own = sysroot.kind === 'cpython-source' ? sysroot.link.arguments : [];
  // Static programs look for no libraries.
  if (target.elf?.interpreter === undefined) return [...common, ...own];
  // DT_RPATH, not DT_RUNPATH: it also serves what libpython and the extension modules load (ld.so(8)).
  return [...common, '-Wl,--disable-new-dtags', '-Wl,-rpath,$ORIGIN/../lib', ...own];
}

function wasmLinkArguments({ stack, initialMemory }: WasmSettings): readonly string[] {
  return [`-zstack-size=${stack}`, `--initial-memory=${initialMemory}`];
}

function compilers({ resolved }: BuildEnvInput): Record<string, string> {
  const { target, toolchain, sysroot } = resolved;
  const own = sysroot.kind === 'cpython-source' ? sysroot.compiler.flags : [];
  const suffix = target.rustTriple.replaceAll('-', '_');
  const flags = [`--target=${target.clangTriple}`, `--sysroot=${PATHS.sysroot}`, ...own].join(' ');
  const tool = (role: string): string => toolchain.tools[role] ?? role;
  return {
    [`CC_${suffix}`]: tool('cc'),
    [`CXX_${suffix}`]: tool('cxx'),
    [`AR_${suffix}`]: tool('ar'),
    [`RANLIB_${suffix}`]: tool('ranlib'),
    [`CFLAGS_${suffix}`]: flags,
    [`CXXFLAGS_${suffix}`]: flags,
  };
}

function pkgConfig(target: Target): Record<string, string> {
  const suffix = target.rustTriple.replaceAll('-', '_');
  const folders = [
    `${PATHS.sysroot}/usr/lib/${target.multiarch}/pkgconfig`,
    `${PATHS.sysroot}/usr/share/pkgconfig`,
  ];
  return {
    [`PKG_CONFIG_ALLOW_CROSS_${suffix}`]: '1',
    [`PKG_CONFIG_SYSROOT_DIR_${suffix}`]: PATHS.sysroot,
    [`PKG_CONFIG_LIBDIR_${suffix}`]: folders.join(':'),
  };
}

function pyo3({ python }: BuildEnvInput): Record<string, string> {
  return {
    PYO3_CONFIG_FILE: `${PATHS.env}/pyo3-config.txt`,
    PYO3_CROSS: '1',
    PYO3_CROSS_LIB_DIR: `${PATHS.sysroot}/${python.stdlib}`,
    PYO3_CROSS_PYTHON_VERSION: python.minor,
    PYO3_CROSS_PYTHON_IMPLEMENTATION: python.implementation,
  };
}

function shout(triple: string): string {
  return triple.toUpperCase().replaceAll('-', '_');
}
