import type { CacheAddress } from './cache-address.ts';
import type { CargoConfiguration } from './cargo.ts';
import type { Crate } from './crate.ts';
import type { Digest, Linkage, PythonImplementation, RuntimeKind } from './ids.ts';
import type { PackageSet, TreeDefinition } from './packages.ts';
import type { PythonSource } from './python-packages.ts';
import type { StatedPath } from './stated-path.ts';
import type { ChosenSystem, SystemFacts } from './system.ts';
import type { SystemData } from './system-data.ts';
import type { Target } from './target.ts';

/** `docker/<name>/image.yaml` for one architecture, or what `pythons/` has of the kind: a locked root filesystem. */
export interface ImageDefinition {
  readonly kind: 'image';
  readonly name: string;
  readonly description: string;
  readonly suite: string;
  /** Its own tree; its name in the lock is `rootfs`. */
  readonly rootfs: TreeDefinition;
  /** Role → program name in the image: `cc`, `cxx`, `ar`, `linker-flavor`, `python`, `readelf`, … */
  readonly tools: Readonly<Record<string, string>>;
  /** Where the Rust standard library of each target comes from, by name of the target; it has none for the others. */
  readonly rustStd: Readonly<Record<string, RustStd>>;
  /** Release of its Rust without the patch level, where its file says it: `1.85`. */
  readonly rust?: string;
  /** The image of the same programs with a newer Rust; absent: there is none. */
  readonly next?: string;
}

/** Where a target's Rust standard library comes from. */
export type RustStd =
  /** A set of the image's lock, of this name; part of the target's link-time tree. */
  | { readonly from: 'packages'; readonly set: string; readonly tree: TreeDefinition }
  /** No package has it: it is built from the image's copy of its source. */
  | { readonly from: 'source' };

/** What a program for one target is linked against, and what it is run in: a C library and a Python, joined. */
export interface SysrootDefinition {
  readonly kind: 'sysroot';
  /** `<form>/<python>/<target>`, e.g. `packaged/cpython-3.13/aarch64`. */
  readonly name: string;
  readonly description: string;
  readonly suite: string;
  /** Name of the target it is for. */
  readonly target: string;
  readonly python: PythonChoice;
  /** The oldest glibc that its libpython starts with, where it is for glibc and states it: `2.30`. */
  readonly glibc?: string;
  /** Package of the C++ standard library for its C library, which its link-time tree has where a recipe adds it. */
  readonly cxx?: string;
  /** Link-time tree, or what CPython is built on; its name in the lock is `sysroot`. */
  readonly sysroot: TreeDefinition;
  /** Run-time tree: libc and nothing of Python; its name in the lock is `rootfs`. */
  readonly rootfs: TreeDefinition;
  readonly compiler: CompilerFlags;
  readonly link: LinkRules;
  /** Extension modules that are not in it → why. */
  readonly without: Readonly<Record<string, string>>;
  /** How it is built; absent: the packages have a libpython, with its extension modules in files of their own. */
  readonly source?: SourceBuild;
}

/** Where a libpython comes from: packages of the distribution, or its source. */
export type PythonOrigin = 'packages' | 'source';

export interface PythonChoice {
  /** Folder in `pythons/`, e.g. `cpython-3.13`. */
  readonly name: string;
  readonly implementation: PythonImplementation;
  /** Major and minor version: `3.13`; of another implementation than CPython, the version of the language that it implements. */
  readonly version: string;
  /** Its own version, where that is not the language's: `0.6`. */
  readonly release?: string;
  /** The CPython that it is compared with, and whose tests it is given: a folder in `pythons/`. Absent: itself. */
  readonly reference?: string;
  /** As `sys.abiflags` has them: `` or `t` (free-threaded), `d` (debug), … */
  readonly abiflags: string;
  /** Variant of the build; absent: the plain one. */
  readonly variant?: string;
  /** What the program switches on as it starts; absent: nothing. */
  readonly start?: PythonStart;
}

/** What a program switches on in its Python before it starts it. */
export interface PythonStart {
  /** Variables that libpython reads where the environment has not set them. */
  readonly environment: Readonly<Record<string, string>>;
  /** Expression of Python, with `sys`, that is true where they took effect. */
  readonly shows: string;
}

/** How a static libpython is built from the distribution's source archive on a C library from packages. */
export interface SourceBuild {
  /** Source packages of CPython and the libraries; its name in the lock is `sources`. */
  readonly sources: PackageSet;
  /** Which versions of the C library's package fit which version of Python. */
  readonly cLibrary?: {
    readonly package: string;
    readonly ranges: Readonly<Record<string, { readonly atLeast: string; readonly below?: string }>>;
  };
  /** Libraries built before CPython, side by side; each after those that it needs. */
  readonly libraries: readonly LibraryDefinition[];
  readonly cpython: CPythonBuild;
  /** In what it differs from the distribution's Python on this target. */
  readonly differences: readonly KnownDifference[];
}

/** An entry of `pythons/<python>/differences.yaml`. */
export interface KnownDifference {
  /** What is otherwise, in a few words. */
  readonly what: string;
  /** What can be observed; `*` stands for any characters. */
  readonly names: readonly string[];
  /** Names of targets, C libraries and sysroots. */
  readonly on: readonly string[];
  readonly reason: string;
}

/** A sysroot that is built from source. */
export type SourceSysroot = SysrootDefinition & { readonly source: SourceBuild };

export function isFromSource(sysroot: SysrootDefinition): sysroot is SourceSysroot {
  return sysroot.source !== undefined;
}

/**
 * Whether the build of a sysroot makes an interpreter as well, the reference of its programs: a free-threaded one, which no package
 * has.
 */
export function bringsInterpreter({ python, source }: Pick<SysrootDefinition, 'python' | 'source'>): boolean {
  return source !== undefined && python.abiflags.includes('t');
}

/** Whether its libpython is a shared library, which a program loads. */
export function isShared({ configure }: Pick<CPythonBuild, 'configure'>): boolean {
  return configure.includes('--enable-shared');
}

/** What the compiler is called with for the target, beside `--target` and `--sysroot`. */
export interface CompilerFlags {
  /** Always. */
  readonly flags: readonly string[];
  /** What `cc --print-multiarch` answers, where it is not the target's: configure asks for the platform's name. */
  readonly multiarch?: string;
}

/** `libraries/<name>.yaml`: how a static library is built from its source package. */
export interface LibraryDefinition {
  readonly name: string;
  readonly description: string;
  /** Source package. */
  readonly source: string;
  /** SPDX licence expression of what is built of it. */
  readonly license: string;
  /** Development packages of the distribution that it is there in place of. */
  readonly standsFor: readonly string[];
  /** Libraries that it is built on, by name; a sysroot lists them before it. */
  readonly needs: readonly string[];
  /** Whether nothing of the distribution's own files is taken. */
  readonly upstreamOnly: boolean;
  /** Names in `debian/patches` of the source package, in the order in which they are applied. */
  readonly patches: readonly string[];
  /** Shell script, run in the unpacked source. */
  readonly build: string;
}

/** How CPython is compiled: with profiles of a training workload, with optimization at link time. */
export type OptimizationFlag = 'pgo' | 'lto';

export interface CPythonBuild {
  /** Source package. */
  readonly source: string;
  readonly patches: readonly string[];
  /** Patches of our own, applied after the distribution's. */
  readonly ownPatches: readonly TextFile[];
  /** Arguments of `configure`, beside those that the optimization adds. */
  readonly configure: readonly string[];
  /** Whether it is built for another platform than the one that builds. */
  readonly cross: boolean;
  /** Environment of `configure`. */
  readonly env: Readonly<Record<string, string>>;
  /** `Modules/Setup.local`. */
  readonly setup: string;
  /** Folders of its standard library that are left out, beside those that always are. */
  readonly leftOut?: readonly string[];
  /** Extension modules that must be in it. */
  readonly modules: readonly string[];
  readonly optimization: readonly OptimizationFlag[];
  /** The locked profile, of which `pgo` makes use. */
  readonly profile?: LockedProfile;
}

/**
 * `pythons/<name>/profile.yaml`: how often each part of a CPython runs in a training, as clang counts it. It is of the
 * source, not of machine code: one serves every target.
 */
export interface LockedProfile {
  /** Absolute path of the counts, compressed (brotli). */
  readonly file: string;
  /** Of the counts themselves. */
  readonly digest: Digest;
  /** Digest of what they were made of: sources, patches and training. */
  readonly inputs: string;
  /** What they would be made of now, but for the sources. */
  readonly made: ProfileMaking;
}

/** What a profile is made of, beside the sources. */
export interface ProfileMaking {
  /** Of the distribution's. */
  readonly patches: readonly string[];
  readonly ownPatches: readonly TextFile[];
  readonly training: string;
}

/** A file beside a definition, read with it. */
export interface TextFile {
  readonly name: string;
  readonly text: string;
}

/** How programs are linked with it. */
export interface LinkRules {
  /** Static libraries that others need, beside those that CPython was configured with. */
  readonly static: readonly string[];
  /** Libraries that are linked dynamically: the target's own, which every system of it has. */
  readonly dynamic: readonly string[];
  /** Whether all of libpython goes into the program: extension modules that are loaded later call what it does not. */
  readonly wholePython: boolean;
  /** Whether the program can be loaded at any address. */
  readonly pie: boolean;
  /** Further arguments of the linker. */
  readonly arguments: readonly string[];
}

/** `runtimes/<name>/runtime.yaml`: a runtime for WebAssembly, from a wheel of the Python package index. */
export interface RuntimeDefinition {
  readonly name: string;
  readonly description: string;
  /** Its version. Modules compiled ahead of time are bound to it. */
  readonly version: string;
  readonly wheel: { readonly project: string; readonly digest: Digest };
  /** Path of the shared library inside the wheel. */
  readonly library: string;
  /** Absolute path of the C source of the program that starts it. */
  readonly launcher: string;
}

/** What WebAssembly leaves to the linker and the runtime of a module. Sizes in bytes. */
export interface WasmSettings {
  /** Of the module's own stack, and of the one that the runtime gives its functions. */
  readonly stack: number;
  readonly initialMemory: number;
  /** What a run may grow to; absent: 4 GiB, the end of 32-bit addresses. */
  readonly maxMemory?: number;
  /** Units of fuel (about one for an instruction) a run gets; absent: not counted, which is faster. */
  readonly fuel?: number;
  /** Seconds after which the runtime itself ends a run; absent: not watched, which is faster. */
  readonly timeoutSeconds?: number;
  /** `pinned`: the locked one. `path`: the `wasmtime` that PATH has, of the same major version. */
  readonly wasmtime: 'pinned' | 'path';
  /** The module starts with its interpreter initialised. */
  readonly snapshot?: true;
}

/** What is provisioned, all that a recipe leaves out filled in. Paths are absolute. */
export interface Recipe {
  readonly name: string;
  readonly file: string;
  readonly description: string;
  /** Name of the target. */
  readonly target: string;
  /** Name of the toolchain image. */
  readonly toolchain: string;
  /** Form of the sysroot: name of a folder in `sysroots/`. */
  readonly sysroot: string;
  /** Implementation of Python, where the recipe states it. */
  readonly pythonImplementation?: PythonImplementation;
  /** Version of Python, where the recipe states it. */
  readonly pythonVersion?: string;
  /** Where its libpython comes from, where the recipe states it. */
  readonly pythonFrom?: PythonOrigin;
  /** How the program is linked with it, where the recipe states it. */
  readonly pythonLinkage?: Linkage;
  /** Variant of the interpreter, where it is not the plain one. */
  readonly variant?: string;
  readonly project: Project;
  readonly samples: SampleSuite;
  /** What differs is measured and classified, and is no failure of the run; absent: it is one. */
  readonly measure?: boolean;
  /** What is run beside the samples. */
  readonly tests?: Tests;
  /** Optimization of CPython, instead of the sysroot's; only where it is built from source. */
  readonly optimization?: readonly OptimizationFlag[];
  /** Allocator of Python objects, instead of CPython's default. */
  readonly allocator?: 'pymalloc' | 'malloc' | 'mimalloc';
  /** Sources of Python packages. */
  readonly pythonPackages?: readonly PythonSource[];
  /** Modules of one's own. */
  readonly pythonPaths?: readonly StatedPath[];
  /** Which Rust compiles the program; absent: the oldest packaged one that the crate takes. */
  readonly rust?: 'stable' | 'next' | 'host';
  /** Instead of the target's. */
  readonly runtime?: RuntimeKind;
  /** Only where the target is WebAssembly. */
  readonly wasm?: WasmSettings;
  /** Version of the oldest glibc that the bundle has to start with. */
  readonly glibc?: string;
  /** Names of the systems on which it has to run; absent: those of its target that it promises to run on. */
  readonly systems?: readonly string[];
  /** What the bundle brings of a system's data, for systems that lack it; absent: nothing. */
  readonly brings?: readonly SystemData[];
  /** `false`: the bundle is not started on this machine outside of a sandbox. */
  readonly host?: false;
  readonly limits?: Limits;
  /** Where entries of the store are looked for, unless the settings say so. */
  readonly cache?: CacheAddress;
  /** Its job in GitHub Actions, for `provision matrix`. */
  readonly actions?: ActionsJob;
}

/** A recipe's job in GitHub Actions; what is absent is derived. */
export interface ActionsJob {
  readonly runner?: string;
  readonly timeoutMinutes?: number;
}

/** What each command in a sandbox may use, where the engine can hold to it. */
export interface Limits {
  /** Bytes of memory. */
  readonly memory?: number;
  /** Processors' worth of time. */
  readonly processors?: number;
}

export interface Project {
  /** Absolute folder of the crate (its `Cargo.toml`). */
  readonly folder: string;
  /** Absolute folder that cargo has to see: that of the crate's workspace, else the crate's. */
  readonly root: string;
  /** Path dependencies that a build sees beside `root`. */
  readonly outside?: readonly OutsideFolder[];
  readonly bin: string;
  readonly profile: string;
  readonly features: readonly string[];
  readonly defaultFeatures: boolean;
  /** Crates that ask for a newer Rust than the build's are compiled all the same. */
  readonly ignoreRustVersion?: true;
  /** Further environment of the build. */
  readonly env: Readonly<Record<string, string>>;
}

/** A folder that cargo reads although it is not in the workspace, or is reached through a link that leads out of it. */
export interface OutsideFolder {
  /** Absolute, as the manifests put it: links are not resolved. */
  readonly folder: string;
  /** Where it really is. */
  readonly real: string;
  /** Only its `Cargo.toml`: the workspace of another of these. */
  readonly manifestOnly?: boolean;
}

export interface SampleSuite {
  /** Absolute files or folders; none: there is no suite. */
  readonly paths: readonly string[];
  /** What the program is started with: `{script}` and `{args}` are filled in. Absent: the script, then its arguments. */
  readonly args?: readonly string[];
  /** Further environment, on the target and on the reference. */
  readonly env?: Readonly<Record<string, string>>;
  /** Time limit of a sample in seconds, unless its header sets one. */
  readonly timeoutSeconds: number;
}

/** What is run beside the samples. */
export interface Tests {
  /** `cargo test` for the target, in its runtime. */
  readonly cargo?: CargoTests;
  readonly commands: readonly CommandTest[];
}

export interface CargoTests {
  /** Arguments of `cargo test`, and, behind `--`, of the test programs. */
  readonly args: readonly string[];
  readonly harness: readonly string[];
  readonly timeoutSeconds: number;
}

/** A run of the program itself, from the bundle. */
export interface CommandTest {
  readonly name: string;
  readonly args: readonly string[];
  readonly stdin: string;
  /** Files and folders that its working folder begins with, under the paths that the recipe has. */
  readonly files: readonly StatedPath[];
  /** Expected status and output, without a reference. */
  readonly status: number;
  readonly stdout?: string;
  /** Arguments of the reference interpreter, whose output it must equal. */
  readonly reference?: readonly string[];
  /** It is a server; what it is asked while it runs. */
  readonly server?: ServerTest;
  readonly timeoutSeconds: number;
}

/** How a server is known to listen, and what it is asked. At least one of `port` and `ready`. */
export interface ServerTest {
  /** TCP, on the loopback. */
  readonly port?: number;
  /** Text that it prints, in which `{port}` stands for the port. */
  readonly ready?: string;
  /** Seconds until it listens. */
  readonly start: number;
  readonly ask: readonly ServerRequest[];
}

/** What a server is asked: by HTTP, on a TCP connection, or by the program itself as a client. */
export type ServerRequest = (
  | { readonly http: string; readonly method: string; readonly body?: string }
  | { readonly tcp: string }
  | { readonly args: readonly string[] }
) & {
  /** Of HTTP, or the exit status of the client; absent: any. */
  readonly status?: number;
  readonly expect?: string;
};

/** A recipe with everything it names. */
export interface Resolved {
  readonly recipe: Recipe;
  /** The program's crate. */
  readonly crate: Crate;
  readonly target: Target;
  /** The target that the toolchain image itself runs on: build scripts and proc macros are linked for it. */
  readonly hostTarget: Target;
  readonly toolchain: ImageDefinition;
  readonly sysroot: SysrootDefinition;
  /** Why its Python is not the one that is taken otherwise: what the crate asks for. */
  readonly pythonBecause?: string;
  /** Why it is built with a newer Rust than others: what the crate asks for. */
  readonly rustBecause?: string;
  /** What the recipe says to have the libpython that starts with the oldest glibc; absent: it has it. */
  readonly olderPython?: string;
  /** The system whose C library the bundle is linked with; absent: there is none in `systems/`. */
  readonly system?: SystemFacts;
  /** The others that its samples run on. */
  readonly systems: readonly ChosenSystem[];
  /** The image that the bundle's data of a system is taken from, where the recipe has it bring some. */
  readonly systemData?: { readonly definition: ImageDefinition; readonly file: DefinitionFile };
  /** Where the target's Rust standard library comes from. */
  readonly rustStd: RustStd;
  /** CPython of the same version for the machine that builds: it runs pip, and compiles Python code. */
  readonly interpreter: ImageDefinition;
  /** The reference interpreter, whose output is expected of the target: that one, where its pointers are as wide. */
  readonly reference: ImageDefinition;
  /** The target that the reference interpreter is a program of. */
  readonly referenceTarget: Target;
  /** Where target and reference have different byte orders: what tells that from other causes of differences. */
  readonly ordered?: OrderedInterpreters;
  /** Where each of them and its lock is. */
  readonly files: {
    readonly toolchain: DefinitionFile;
    readonly sysroot: DefinitionFile;
    readonly interpreter: DefinitionFile;
    readonly reference: DefinitionFile;
  };
  /** The locked runtime for WebAssembly, where the plan's is one. */
  readonly runtimeDefinition?: RuntimeDefinition;
  /** The user's own Rust, where the recipe selects it and it was found. */
  readonly rust?: HostRust;
  /** Cargo's configuration of the project; absent: there is none. */
  readonly cargo?: CargoConfiguration;
  /** Where the lock of its Python packages is, where it has any. */
  readonly pythonLock?: { readonly file: string; readonly arguments: string };
  /** Where the sysroot's lock is, where the recipe adds packages to a shipped one. */
  readonly sysrootFile?: DefinitionFile;
  /** That shipped one; what comes from source is built on it for all recipes. */
  readonly plainSysroot?: SysrootDefinition;
  /** The packages that it adds there. */
  readonly sysrootPackages?: readonly string[];
  /** What the recipe adds to the toolchain image. */
  readonly tools?: AddedTools;
}

/** One of the target's byte order, and one of the reference's on another machine, all with pointers of the same width. */
export interface OrderedInterpreters {
  readonly ordered: OtherInterpreter;
  readonly control?: OtherInterpreter;
}

/** A CPython of the same version for another architecture than this machine's. */
export interface OtherInterpreter {
  readonly image: ImageDefinition;
  readonly target: Target;
  readonly file: DefinitionFile;
}

/** Packages that a recipe adds to a shipped toolchain image, and where their lock is. */
export interface AddedTools {
  readonly packages: readonly string[];
  readonly file: DefinitionFile;
}

/** A Rust toolchain of this machine. */
export interface HostRust {
  /** Absolute folder with `bin/` and `lib/`. */
  readonly folder: string;
  /** e.g. `1.95.0`. */
  readonly release: string;
  /** Output of `rustc -vV`. */
  readonly version: string;
}

/** Where a definition lives, and its lock. */
export interface DefinitionFile {
  /** e.g. `docker/llvm/amd64`, `sysroots/packaged/cpython-3.13/aarch64`. */
  readonly id: string;
  /** Absolute path of the YAML file. */
  readonly file: string;
  /** Absolute path of the lock. */
  readonly lockFile: string;
  /** The lock's path from the tool's own folder; of a lock of yours the absolute one. */
  readonly lockPath: string;
  /** What follows `provision lock` to have it written; absent: the `id`. */
  readonly lockArguments?: string;
  /** The shipped definition that a recipe's own lock adds packages to. */
  readonly addsTo?: DefinitionFile;
}
