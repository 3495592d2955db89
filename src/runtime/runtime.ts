import type { Context } from '../domain/context.ts';
import { defined } from '../domain/defined.ts';
import type { Resolved, SampleSuite } from '../domain/definitions.ts';
import type { Digest, RuntimeKind } from '../domain/ids.ts';
import type { Plan } from '../domain/plan.ts';
import { ok, type Result } from '../domain/result.ts';
import type { StoredTree } from '../domain/stored-tree.ts';
import type { Target } from '../domain/target.ts';
import type { Emulation } from '../engine/emulation.ts';
import type { Engine, Exit, Mount } from '../engine/engine.ts';
import { PATHS } from '../engine/paths.ts';
import type { StageName } from '../events.ts';
import type { Store } from '../store/store.ts';
import { CAPABILITIES, type RuntimeCapabilities } from './capabilities.ts';
import type { ExitCause } from './exit.ts';
import { LACKING } from './facilities.ts';
import type { AdapterKind, RuntimeInstance } from './instance.ts';
import { NATIVE } from './native.ts';
import { NODE_WASI } from './node-wasi.ts';
import { programFormat } from './program/program.ts';
import { QEMU_USER } from './qemu-user.ts';
import { REFERENCE } from './reference.ts';
import type { Wasmtime } from './wasmtime/obtain.ts';
import { WASMTIME } from './wasmtime.ts';

/** What every adapter answers: the target's runtimes and the reference. */
export interface Runtime {
  readonly kind: AdapterKind;
  /** Distinguishes an end of the emulator itself from the program's. `emulator` is its name, where there is one. */
  readExit(exit: Exit, emulator: string | undefined): ExitCause;
}

/** How programs of a target are executed. */
export interface TargetRuntime extends Runtime {
  readonly kind: RuntimeKind;
  /** Name of the emulator or WebAssembly runtime that starts programs; absent: the kernel does. */
  emulator(target: Target): string | undefined;
  /** What stands before a program's path; empty: nothing. */
  launcher(target: Target): readonly string[];
  /** The same where there is no bundle around the program: `cargo test` and `cargo run` in the toolchain image. */
  bareLauncher(target: Target, tree: LinkTree): readonly string[];
  /** How programs are started in the toolchain image while a source is built for the target: configure runs its own. */
  buildLauncher(home: string, target: Target): Promise<BuildLauncher>;
  /** How a sandbox starts programs of the target that others start; absent: the kernel does, or there are none. */
  emulation?(target: Target, at: EmulatorPlace): Emulation;
  /** Obtains what it needs beyond the trees of a run. */
  prepare?(session: RuntimeSession, plan: Plan, trees: RuntimeTrees, logs: string): Promise<Result<Wasmtime>>;
  /** The program of an unpacked bundle, ready to be started. */
  instantiate(session: RuntimeSession, plan: Plan, input: ProgramInput): Promise<Result<RuntimeInstance>>;
}

/** What adapters take of a session: they may obtain things, in stages of their own. */
export interface RuntimeSession {
  readonly context: Context;
  readonly store: Store;
  readonly engine: () => Promise<Result<Engine>>;
  readonly recorder: {
    stage<T>(
      name: StageName,
      title: string,
      work: () => Promise<Result<T>>,
      summarize: (value: T) => { readonly hit: boolean; readonly detail: string },
    ): Promise<Result<T>>;
  };
}

/** What starts a program in its working folder, in the toolchain image. */
export interface BuildLauncher {
  /** What stands before a program's path; empty: the kernel starts it. */
  readonly argv: readonly string[];
  /** What has to be there beyond the image. */
  readonly mounts: readonly Mount[];
  /** What it is, beyond the image: programs may behave otherwise in another one. */
  readonly key: readonly string[];
}

/** Where a sandbox sees the emulator, and the target's root where that is not `/`. */
export interface EmulatorPlace {
  readonly folder: string;
  readonly root?: string;
}

/** The target's link-time tree as a sandbox sees it. */
export interface LinkTree {
  readonly root: string;
  /** Folder of the shared libraries that programs load, where they load any. */
  readonly libraries?: string;
  /** Environment of the program alone. */
  readonly env: Readonly<Record<string, string>>;
}

export interface RuntimeTrees {
  readonly toolchain: StoredTree;
  /** Root of the interpreter of this machine, with pip. */
  readonly interpreter: StoredTree;
  readonly rootfs: StoredTree;
}

export interface ProgramInput extends RuntimeTrees {
  readonly bundle: { readonly meta: { readonly digest: Digest } };
  /** The bundle unpacked; `top` is its one folder. */
  readonly unpacked: StoredTree & { readonly top: string };
  /** File name of the program in the bundle, and its digest. */
  readonly program: string;
  readonly programDigest: string;
  /** The bundle as one executable, which is started in its place: alone in its folder. */
  readonly onefile?: { readonly folder: string; readonly file: string; readonly digest: Digest };
  /** What `prepare` gave, where there is one. */
  readonly wasmtime?: Wasmtime;
  readonly logs: string;
}

const RUNTIMES: Readonly<Record<RuntimeKind, TargetRuntime>> = {
  native: NATIVE,
  'qemu-user': QEMU_USER,
  wasmtime: WASMTIME,
  'node-wasi': NODE_WASI,
};

const ADAPTERS: Readonly<Record<AdapterKind, Runtime>> = { ...RUNTIMES, reference: REFERENCE };

export function runtimeOf(kind: RuntimeKind): TargetRuntime {
  return RUNTIMES[kind];
}

/** What programs can do in a runtime, and what it needs itself. */
export function runtimeCapabilities(kind: RuntimeKind): RuntimeCapabilities {
  return CAPABILITIES[kind];
}

/**
 * Natively wherever the kernel can start the program: on the target's machine. The system of the host does not matter, for
 * the kernel is that of the engine, and the program runs in a root filesystem that has the target's libc.
 */
export function chooseRuntime(
  { recipe, target }: Pick<Resolved, 'recipe' | 'target'>,
  machine: string,
): RuntimeKind {
  const starts = machine === target.machine && programFormat(target).machineCode;
  return starts ? 'native' : (recipe.runtime ?? target.runtime);
}

/** Whether this machine's own kernel starts a program as it is: outside of any engine. `platform`: Node's name. */
export function startsOnHost(runtime: RuntimeKind, platform: string): boolean {
  return platform === 'linux' && CAPABILITIES[runtime].byKernel;
}

/** What a sandbox of the toolchain image starts programs of the target with, where emulation is needed. */
export function toolchainEmulation(target: Target, runtime: RuntimeKind): { readonly emulation?: Emulation } {
  const root = target.libc === 'gnu' ? PATHS.sysroot : undefined;
  const at = { folder: '/usr/bin', ...defined({ root }) };
  return defined({ emulation: RUNTIMES[runtime].emulation?.(target, at) });
}

/** Obtains what the plan's runtime needs beyond the trees; undefined where it needs nothing. */
export async function prepareRuntime(
  session: RuntimeSession,
  plan: Plan,
  trees: RuntimeTrees,
  logs: string,
): Promise<Result<Wasmtime | undefined>> {
  return (await RUNTIMES[plan.runtime].prepare?.(session, plan, trees, logs)) ?? ok(undefined);
}

/** Where the samples run: the bundled program in the plan's runtime. */
export function targetRuntime(
  session: RuntimeSession,
  plan: Plan,
  input: ProgramInput,
): Promise<Result<RuntimeInstance>> {
  return RUNTIMES[plan.runtime].instantiate(session, plan, input);
}

/** The same program, started as the recipe's samples ask for it. */
export function withSuite(instance: RuntimeInstance, { args, env }: SampleSuite): RuntimeInstance {
  return { ...instance, ...defined({ arguments: args }), env: { ...instance.env, ...env } };
}

/** Who ended a run of an instance. */
export function readExit(
  { kind, emulator }: Pick<RuntimeInstance, 'kind' | 'emulator'>,
  exit: Exit,
): ExitCause {
  return ADAPTERS[kind].readExit(exit, emulator);
}

/** The facilities that programs have where the samples run, and the modules that they lack. */
export function capabilitiesOf(plan: Plan): readonly string[] {
  return [
    ...CAPABILITIES[plan.runtime].facilities,
    ...lackingModules(plan).map((name) => `${LACKING}${name}`),
  ];
}

/** The same without what depends on the engine: in a sandbox that several targets share, no emulator is registered. */
export function sharedCapabilitiesOf(plan: Plan): readonly string[] {
  const { conditional } = CAPABILITIES[plan.runtime];
  return capabilitiesOf(plan).filter((name) => !conditional.includes(name));
}

/** An extension module `_name` is the better half of the module `name`. */
function lackingModules({ sysroot }: Plan): readonly string[] {
  return Object.keys(sysroot.without).flatMap((name) => [name, name.replace(/^_/, '')]);
}
