import type { TreeDefinition } from './packages.ts';
import type { Target } from './target.ts';
import type { Digest, RunnerKind } from './words.ts';

/** `docker/<name>/image.yaml`: a locked root filesystem of host tools. */
export interface ImageDefinition {
  readonly kind: 'image';
  readonly name: string;
  readonly description: string;
  readonly suite: string;
  /** The one set of an image; its name in the lock is `rootfs`. */
  readonly rootfs: TreeDefinition;
  /** Role → program name in the image: `cc`, `cxx`, `ar`, `linker-flavor`, `python`, `readelf`, … */
  readonly tools: Readonly<Record<string, string>>;
}

/** `sysroots/<name>/sysroot.yaml`: a libpython sysroot, made of distribution packages. */
export interface SysrootDefinition {
  readonly kind: 'packages';
  readonly name: string;
  readonly description: string;
  readonly suite: string;
  /** Name of the target it is for. */
  readonly target: string;
  readonly python: { readonly implementation: 'CPython'; readonly version: string };
  /** Link-time tree; its name in the lock is `sysroot`. */
  readonly sysroot: TreeDefinition;
  /** Run-time tree: libc and nothing of Python; its name in the lock is `rootfs`. */
  readonly rootfs: TreeDefinition;
}

/** `runners/<name>/runner.yaml`: an engine for WebAssembly, from a wheel of the Python package index. */
export interface RunnerDefinition {
  readonly name: string;
  readonly description: string;
  /** Version of the engine. Modules compiled ahead of time are bound to it. */
  readonly version: string;
  readonly wheel: { readonly project: string; readonly digest: Digest };
  /** Path of the shared library inside the wheel. */
  readonly library: string;
  /** Absolute path of the C source of the program that starts it. */
  readonly launcher: string;
}

/** What WebAssembly leaves to whoever links and runs a module. Sizes in bytes. */
export interface WasmSettings {
  /** Of the module's own stack, and of the one that the engine gives its functions. */
  readonly stack: number;
  readonly initialMemory: number;
  /** What a run may grow to; absent: 4 GiB, the end of 32-bit addresses. */
  readonly maxMemory?: number;
  /** Units of fuel (about one for an instruction) a run gets; absent: not counted, which is faster. */
  readonly fuel?: number;
  /** Seconds after which the engine itself ends a run; absent: not watched, which is faster. */
  readonly timeoutSeconds?: number;
  /** `pinned`: the locked one. `path`: the `wasmtime` that PATH has, of the same major version. */
  readonly wasmtime: 'pinned' | 'path';
}

/** `recipes/<name>.yaml`, names not yet resolved. Paths are absolute. */
export interface Recipe {
  readonly name: string;
  readonly file: string;
  readonly description: string;
  readonly target: string;
  readonly toolchain: string;
  readonly sysroot: string;
  /** Image that holds the reference interpreter. */
  readonly reference: string;
  readonly project: Project;
  readonly samples: SampleSuite;
  /** In place of the target's runner. */
  readonly runner?: RunnerKind;
  /** Only where the target is WebAssembly. */
  readonly wasm?: WasmSettings;
}

export interface Project {
  /** Absolute folder of the crate (its `Cargo.toml`). */
  readonly folder: string;
  readonly bin: string;
  readonly profile: string;
  readonly features: readonly string[];
  readonly defaultFeatures: boolean;
  /** Further environment of the build. */
  readonly env: Readonly<Record<string, string>>;
}

export interface SampleSuite {
  /** Absolute files or folders. */
  readonly paths: readonly string[];
  /** Seconds a sample may take where its header does not say. */
  readonly timeoutSeconds: number;
}

/** A recipe with everything it names. */
export interface Resolved {
  readonly recipe: Recipe;
  readonly target: Target;
  /** The target that the toolchain image itself runs on: build scripts and proc macros are linked for it. */
  readonly hostTarget: Target;
  readonly toolchain: ImageDefinition;
  readonly sysroot: SysrootDefinition;
  readonly reference: ImageDefinition;
  /** The locked WebAssembly engine, where the runner is one. */
  readonly runnerDefinition?: RunnerDefinition;
}

/** Where a definition lives: its lock is written beside it. */
export interface DefinitionFile {
  /** e.g. `docker/llvm`. */
  readonly id: string;
  /** Absolute path of the YAML file. */
  readonly file: string;
  /** Absolute path of the lock. */
  readonly lockFile: string;
}
