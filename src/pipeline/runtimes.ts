import { type Built, build } from '../build/build.ts';
import { type Bytecode, compileStdlib, layOutOwnInterpreter, layOutReference } from '../bundle/bytecode.ts';
import type { LibraryModules } from '../bundle/library-modules.ts';
import type { SystemDataSource } from '../bundle/system-data.ts';
import { defined } from '../domain/defined.ts';
import { bringsInterpreter } from '../domain/definitions.ts';
import type { Plan } from '../domain/plan.ts';
import { libraryFolder } from '../domain/python.ts';
import { ok, type Result } from '../domain/result.ts';
import type { Sample } from '../domain/sample.ts';
import type { StoredTree } from '../domain/stored-tree.ts';
import { formatBytes } from '../domain/units.ts';
import { isForAnyPython } from '../env/env.ts';
import { runReference } from '../run/run.ts';
import type { RuntimeInstance } from '../runtime/instance.ts';
import { homeOf, referenceRuntime } from '../runtime/reference.ts';
import { capabilitiesOf, prepareRuntime, targetRuntime, withSuite } from '../runtime/runtime.ts';
import type { Wasmtime } from '../runtime/wasmtime/obtain.ts';
import type { Tree } from '../toolchain/tree.ts';
import { type Bundled, bundleProgram } from './bundle.ts';
import { describeProgram, type SbomDocuments } from './describe.ts';
import { noticeEmbedding } from './embedding.ts';
import { bundleFacts, pythonCodeFacts, referenceFacts, rootfsFacts, toolchainFacts } from './facts.ts';
import { makeLibrary } from './library-modules.ts';
import { needProgram } from './need-program.ts';
import { makePythonPackages, type PythonPackages } from './packages.ts';
import { type Prepared, prepareEnv, type Run } from './prepare.ts';
import { startOfReference } from './reference-start.ts';
import type { Session } from './session.ts';
import { sideBySide } from './side-by-side.ts';
import { hasOwnInterpreter } from './tree-orders.ts';

/** What the samples need and the build does not. */
export interface RuntimeParts {
  /** Of this machine; the reference's, where that is the same. */
  readonly interpreter: Tree;
  readonly bytecode: Bytecode;
  readonly reference: Tree;
  /** The reference's prefix. */
  readonly home: StoredTree;
  /** The tree with the emulator of the reference; absent: the kernel starts it. */
  readonly emulatorOf?: Tree;
  readonly rootfs: Tree;
  readonly wasmtime?: Wasmtime;
  readonly packages?: PythonPackages;
  readonly modules?: LibraryModules;
  readonly systemData?: SystemDataSource;
}

/** A program in its bundle, with everything that it was made of and that it runs in. */
export interface Made extends RuntimeParts, Bundled {
  readonly toolchain: Tree;
  readonly prepared: Prepared;
  /** The program as it was built, before anything was put into it. */
  readonly built: Built;
  /** Its bills of materials and licences. */
  readonly documents: SbomDocuments;
  /** The libpython that it was linked with, where that is an older one. */
  readonly linkedWith?: string;
}

/** A program that is made for the stable ABI, and what it was linked with. */
export interface StableProgram {
  readonly built: Built;
  /** `python3.11`. */
  readonly libName: string;
}

/** The two runtimes in which a script can be run and compared. */
export interface Runtimes {
  readonly target: RuntimeInstance;
  readonly reference: RuntimeInstance;
}

/** toolchain → sysroot → env → build → bundle; beside the build, what the samples will run in. */
export async function makeProgram(
  session: Session,
  run: Run,
  samples: readonly Sample[],
  logs: string,
  stable?: StableProgram,
): Promise<Result<Made>> {
  const { plan, trees } = run;
  const { emit } = session.context;
  const needed = needProgram(plan, 'A bench');
  if (!needed.ok) return needed;
  const toolchain = await trees.make('toolchain');
  if (!toolchain.ok) return toolchain;
  emit({ type: 'facts', facts: toolchainFacts(run, toolchain.value) });
  const prepared = await prepareEnv(session, run);
  if (!prepared.ok) return prepared;
  noticeEmbedding(session, plan, prepared.value.python);
  const base = { toolchain: toolchain.value, prepared: prepared.value };
  const linkedWith = isForAnyPython(plan, prepared.value.python) ? stable?.libName : undefined;
  const both = await sideBySide(
    session,
    (branch) =>
      linkedWith === undefined || stable === undefined
        ? buildProgram(branch, plan, base, logs)
        : reuseProgram(branch, plan, stable),
    (branch) => prepareRuntimes(branch, run, base, samples, logs),
  );
  if (!both.ok) return both;
  const [built, parts] = both.value;
  const whole = { ...base, ...parts, ...defined({ linkedWith }) };
  const described = await describeProgram(session, run, { built, ...whole });
  if (!described.ok) return described;
  const { program, documents } = described.value;
  const input = { built: program, documents, ...whole, logs };
  const bundled = await bundleProgram(session, plan, input);
  if (!bundled.ok) return bundled;
  emit({ type: 'facts', facts: bundleFacts(bundled.value.bundle) });
  return ok({ ...whole, built, documents, ...bundled.value });
}

/** `python.packages` and `python.paths` for a run that has no bundle; nothing is made where the recipe adds nothing. */
export async function makePackagesAlone(
  session: Session,
  run: Run,
  prepared: Prepared,
  logs: string,
): Promise<Result<PythonPackages | undefined>> {
  if (run.python === undefined) return ok(undefined);
  const pythons = await makePythons(session, run, prepared, logs);
  return pythons.ok ? packagesOf(session, run, prepared, { ...pythons.value, logs }) : pythons;
}

type Pythons = Pick<RuntimeParts, 'interpreter' | 'bytecode' | 'reference' | 'home'>;

/** The interpreter of this machine, its compiled standard library, and the reference with that. */
async function makePythons(
  session: Session,
  run: Run,
  prepared: Prepared,
  logs: string,
): Promise<Result<Pythons>> {
  const { plan, trees } = run;
  const interpreter = await trees.make('interpreter');
  if (!interpreter.ok) return interpreter;
  const reference = await trees.make('reference');
  if (!reference.ok) return reference;
  session.context.emit({ type: 'facts', facts: referenceFacts(run, reference.value) });
  const bytecode = await compileLibrary(session, plan, prepared, interpreter.value, logs);
  if (!bytecode.ok) return bytecode;
  const made = { interpreter: interpreter.value, bytecode: bytecode.value, reference: reference.value };
  if (bringsInterpreter(plan.sysroot)) {
    const { python, sysroot } = prepared;
    const home = await layOutOwnInterpreter(session.context, session.store, { python, root: sysroot });
    return home.ok ? ok({ ...made, home: home.value }) : home;
  }
  if (!hasOwnInterpreter(plan)) return ok({ ...made, home: homeOf(bytecode.value) });
  const { stdlib, minor } = prepared.python;
  const home = await layOutReference(session.context, session.store, {
    ...{ interpreter: plan.interpreter, tree: interpreter.value, stdlib, minor },
    ...{ reference: reference.value, bytecode: bytecode.value },
  });
  return home.ok ? ok({ ...made, home: home.value }) : home;
}

async function packagesOf(
  session: Session,
  run: Run,
  prepared: Prepared,
  input: Pythons & { readonly logs: string },
): Promise<Result<PythonPackages | undefined>> {
  const packages = await makePythonPackages(session, run, prepared, input);
  if (packages.ok && packages.value !== undefined)
    session.context.emit({ type: 'facts', facts: pythonCodeFacts(run, packages.value.installed) });
  return packages;
}

/** What runs the bundle as the recipe's samples want it, and the reference beside it. */
export async function makeRuntimes(
  session: Session,
  { plan }: Run,
  made: Made,
  logs: string,
): Promise<Result<Runtimes>> {
  const { program, digest } = made.program.meta;
  const target = await targetRuntime(session, plan, { ...made, program, programDigest: digest, logs });
  if (!target.ok) return target;
  return ok({
    target: withSuite(target.value, plan.recipe.samples),
    reference: referenceRuntime(plan, made),
  });
}

interface Base {
  readonly toolchain: Tree;
  readonly prepared: Prepared;
}

/** The bytes that were built for the oldest version; nothing is compiled. */
function reuseProgram(
  session: Session,
  plan: Plan,
  { built, libName }: StableProgram,
): Promise<Result<Built>> {
  return session.recorder.stage(
    'build',
    `Build ${plan.recipe.project.bin} for ${plan.target.rustTriple}`,
    async () => ok(built),
    () => ({ hit: true, detail: `${built.meta.program}, linked with ${libName}, by the stable ABI` }),
  );
}

function buildProgram(
  session: Session,
  plan: Plan,
  { toolchain, prepared }: Base,
  logs: string,
): Promise<Result<Built>> {
  return session.recorder.stage(
    'build',
    `Build ${plan.recipe.project.bin} for ${plan.target.rustTriple}`,
    () =>
      build(session.context, session.store, {
        resolved: plan,
        env: prepared.env,
        toolchain,
        sysroot: prepared.sysroot,
        engine: session.engine,
        logs,
      }),
    ({ hit, meta }) => ({ hit, detail: `${meta.program}, ${formatBytes(meta.size)}` }),
  );
}

/** The reference interpreter, the target's root, and the reference's outcome of the samples. */
export async function prepareRuntimes(
  session: Session,
  run: Run,
  { toolchain, prepared }: Base,
  samples: readonly Sample[],
  logs: string,
): Promise<Result<RuntimeParts>> {
  const { plan, trees } = run;
  const { emit } = session.context;
  const pythons = await makePythons(session, run, prepared, logs);
  if (!pythons.ok) return pythons;
  const rootfs = await trees.make('rootfs');
  if (!rootfs.ok) return rootfs;
  emit({ type: 'facts', facts: rootfsFacts(rootfs.value) });
  const packages = await packagesOf(session, run, prepared, { ...pythons.value, logs });
  if (!packages.ok) return packages;
  const library = await makeLibrary(session, run, prepared, { ...pythons.value, logs });
  if (!library.ok) return library;
  const start = await startOfReference(session, plan, { ...pythons.value, toolchain });
  if (!start.ok) return start;
  const parts = {
    ...pythons.value,
    ...library.value,
    rootfs: rootfs.value,
    ...defined({ packages: packages.value, emulatorOf: start.value }),
  };
  const expected = await runOnReference(session, plan, parts, samples);
  if (!expected.ok) return expected;
  const runtime = await prepareRuntime(session, plan, { ...parts, toolchain }, logs);
  return runtime.ok ? ok({ ...parts, ...defined({ wasmtime: runtime.value }) }) : runtime;
}

function compileLibrary(
  session: Session,
  plan: Plan,
  { python: { minor } }: Prepared,
  tree: Tree,
  logs: string,
): Promise<Result<Bytecode>> {
  // The machine's interpreter is the packages', whatever the program's Python is.
  const stdlib = `usr/lib/${libraryFolder({ version: minor, abiflags: '' })}`;
  return session.recorder.stage(
    'bytecode',
    'Compile the standard library',
    () =>
      compileStdlib(session.context, session.store, {
        ...{ interpreter: plan.interpreter, tree, stdlib, minor, logs },
        engine: session.engine,
      }),
    ({ hit }) => ({ hit, detail: stdlib }),
  );
}

/** What the samples print there is kept in the store: a run on the target looks it up. */
async function runOnReference(
  session: Session,
  plan: Plan,
  parts: RuntimeParts,
  samples: readonly Sample[],
): Promise<Result<unknown>> {
  if (samples.length === 0) return ok(undefined);
  return session.recorder.stage(
    'expected',
    `Samples on the ${parts.emulatorOf === undefined ? '' : 'emulated '}reference interpreter`,
    () =>
      runReference(session.context, session.store, {
        samples,
        engine: session.engine,
        capabilities: capabilitiesOf(plan),
        python: plan.sysroot.python.version,
        runtime: referenceRuntime(plan, parts),
      }),
    (value) => ({
      hit: value.cached === value.samples,
      detail: `${value.samples} ${value.samples === 1 ? 'sample' : 'samples'}`,
    }),
  );
}
