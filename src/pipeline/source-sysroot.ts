import { cargoHomeMounts } from '../build/cargo-home.ts';
import { crateAccess } from '../build/host-cargo.ts';
import { sealCrates } from '../build/sealed-crates.ts';
import { distribution } from '../distro/distribution.ts';
import {
  bringsInterpreter,
  type ProfileMaking,
  type Resolved,
  type SourceSysroot,
} from '../domain/definitions.ts';
import type { LockedPackage } from '../domain/packages.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { fetchPackages } from '../fetch/fetch.ts';
import { type BuildLauncher, chooseRuntime, runtimeOf } from '../runtime/runtime.ts';
import type { SourceBuildContext, SourceFiles } from '../sysroot/source/build-context.ts';
import { checkCLibrary } from '../sysroot/source/c-library.ts';
import { compose, type Part } from '../sysroot/source/compose.ts';
import { buildCPython, type CPython } from '../sysroot/source/cpython.ts';
import { buildLibraries, type Library } from '../sysroot/source/libraries.ts';
import { linkInterpreter } from '../sysroot/source/link-interpreter.ts';
import { keepOwnSymbols } from '../sysroot/source/own-symbols.ts';
import { isOutdated, type Trained, trainProfile } from '../sysroot/source/profile.ts';
import { buildRustStd, type CrateAccess } from '../sysroot/source/rust-std.ts';
import type { Tree } from '../toolchain/tree.ts';
import type { Session } from './session.ts';
import { sideBySide } from './side-by-side.ts';
import type { Locked } from './trees.ts';

export interface SourceSysrootInput {
  readonly resolved: Resolved;
  readonly definition: SourceSysroot;
  readonly toolchain: Tree;
  /** Tree of the shipped definition's packages, which libraries and Python are built on. */
  readonly base: Tree;
  /** The same with the packages that the recipe adds, which the program is linked with. */
  readonly packages: Tree;
  /** CPython of the same version for this machine. */
  readonly interpreter: () => Promise<Result<Tree>>;
  /** Lock of the shipped definition. */
  readonly locked: Locked;
  readonly logs: string;
}

/**
 * A sysroot with a CPython of our own: libraries, then CPython on them; beside that the Rust standard library where no
 * package has it; in the end one tree of all. Each part is an entry of the store, keyed by everything that can change it.
 */
export async function makeSourceSysroot(session: Session, input: SourceSysrootInput): Promise<Result<Tree>> {
  const { definition, packages, locked } = input;
  const misfit = checkCLibrary(definition, locked.lock.sets.sysroot ?? []);
  if (misfit !== undefined) return err(misfit);
  if (isOutdated(definition, locked.lock.sets.sources ?? []))
    session.context.emit(outdatedProfile(definition));
  const launcher = await launcherOf(session, input.resolved);
  const parts = await sideBySide(
    session,
    (branch) => makePython(branch, input, sourceBuildContext(branch, input, launcher)),
    (branch) => makeStd(branch, input, sourceBuildContext(branch, input, launcher)),
  );
  if (!parts.ok) return parts;
  const [python, std] = parts.value;
  reportMissingModules(session, definition.name, python.cpython.meta.missing);
  reportDifferences(session, definition);
  return compose(
    session.context,
    session.store,
    [packages, ...python.libraries, python.linkable, ...python.interpreter, ...std],
    packages.meta,
  );
}

function outdatedProfile({ python: { version, abiflags } }: SourceSysroot) {
  return {
    type: 'notice',
    level: 'warning',
    code: 'sysroot/profile-outdated',
    message:
      `The locked profile of CPython ${version}${abiflags} is of other sources, patches or training than those here: what has ` +
      'changed since is optimized without it. `provision profile <recipe>` makes it anew.',
  } as const;
}

/** Emits one notice for all modules that could not be built, grouped by reason; it is part of the report. */
function reportMissingModules(
  session: Session,
  sysroot: string,
  missing: Readonly<Record<string, string>>,
): void {
  const byReason = new Map<string, string[]>();
  for (const [name, reason] of Object.entries(missing)) {
    byReason.set(reason, [...(byReason.get(reason) ?? []), name]);
  }
  if (byReason.size === 0) return;
  const parts = [...byReason].map(([reason, names]) => `${names.join(', ')} (${reason.replace(/\.$/, '')})`);
  const message = `${sysroot} lacks modules of the standard library: ${parts.join('; ')}.`;
  session.context.emit({ type: 'notice', level: 'info', code: 'sysroot/module-missing', message });
}

/** Emits one notice for everything in which it is known to differ from the distribution's Python; it is part of the report. */
function reportDifferences(session: Session, { name, source: { differences } }: SourceSysroot): void {
  if (differences.length === 0) return;
  const parts = differences.map(({ what, reason }) => `${what} (${reason.replace(/\.$/, '')})`);
  const message = `${name} differs from the distribution's Python: ${parts.join('; ')}.`;
  session.context.emit({ type: 'notice', level: 'info', code: 'sysroot/differences', message });
}

function sourceBuildContext(
  session: Session,
  { resolved, definition, toolchain, base, locked, logs }: SourceSysrootInput,
  launcher: BuildLauncher,
): SourceBuildContext {
  const packages = locked.lock.sets.sources ?? [];
  const lockedFiles = (source: string): readonly LockedPackage[] =>
    packages.filter(({ name }) => name === source);
  return {
    definition,
    target: resolved.target,
    hostTarget: resolved.hostTarget,
    toolchain,
    tools: resolved.toolchain.tools,
    base,
    launcher,
    locked: lockedFiles,
    files: (source) => fetchSource(session, lockedFiles(source), locked.lock.resolved),
    engine: session.engine,
    logs,
    sourceDateEpoch: Math.floor(Date.parse(locked.lock.resolved) / 1000),
  };
}

/** What starts the target's programs in the toolchain image, on a machine of the image's own kind. */
function launcherOf({ context }: Session, resolved: Resolved): Promise<BuildLauncher> {
  const runtime = chooseRuntime(resolved, resolved.hostTarget.machine);
  return runtimeOf(runtime).buildLauncher(context.settings.home, resolved.target);
}

/** The files of one source package, in the order of the lock. */
async function fetchSource(
  { context, store }: Session,
  packages: readonly LockedPackage[],
  resolved: string,
): Promise<Result<SourceFiles>> {
  const found = await distribution.locate(context, [resolved]);
  const files = new Map<string, string>();
  for await (const item of fetchPackages(context, store, packages, found, { stage: 'libraries' })) {
    if (!item.ok) return item;
    files.set(item.value.package.digest, item.value.file);
  }
  return ok(packages.map((one) => ({ package: one, file: files.get(one.digest) as string })));
}

interface Python {
  readonly libraries: readonly Library[];
  readonly cpython: CPython;
  /** That, as it is linked beside crates. */
  readonly linkable: Part;
  /** Its own program, where no package has such an interpreter. */
  readonly interpreter: readonly Part[];
}

interface Ground {
  readonly libraries: readonly Library[];
  /** The C library and those, which CPython is built on. */
  readonly dependencies: Part;
}

async function makeGround(
  session: Session,
  { definition, base }: SourceSysrootInput,
  buildContext: SourceBuildContext,
): Promise<Result<Ground>> {
  const { context, store, recorder } = session;
  const { libraries: wanted } = definition.source;
  const names = wanted.map(({ name }) => name).join(', ');
  const libraries =
    wanted.length === 0
      ? ok([])
      : await recorder.stage(
          'libraries',
          `Libraries ${names}`,
          () => buildLibraries(context, store, buildContext),
          (built) => ({
            hit: built.every(({ hit }) => hit),
            detail: built.map(({ meta }) => `${meta.name} ${meta.version}`).join(', '),
          }),
        );
  if (!libraries.ok) return libraries;
  const dependencies = await compose(context, store, [base, ...libraries.value], base.meta);
  return dependencies.ok
    ? ok({ libraries: libraries.value, dependencies: dependencies.value })
    : dependencies;
}

async function makePython(
  session: Session,
  input: SourceSysrootInput,
  buildContext: SourceBuildContext,
): Promise<Result<Python>> {
  const { context, store, recorder } = session;
  const { python } = input.definition;
  const ground = await makeGround(session, input, buildContext);
  if (!ground.ok) return ground;
  const { libraries, dependencies } = ground.value;
  const building = await withInterpreter(input, buildContext);
  if (!building.ok) return building;
  const cpython = await recorder.stage(
    'cpython',
    `CPython ${python.version}${python.abiflags} from source`,
    () => buildCPython(context, store, building.value, dependencies),
    ({ hit, meta }) => ({
      hit,
      detail: [meta.version, `${meta.modules.length} modules inside`, meta.profile]
        .filter(Boolean)
        .join(', '),
    }),
  );
  if (!cpython.ok) return cpython;
  const linkable = await keepOwnSymbols(context, store, buildContext, cpython.value);
  if (!linkable.ok) return linkable;
  const interpreter = await makeInterpreter(session, input, buildContext, [dependencies, linkable.value]);
  if (!interpreter.ok) return interpreter;
  return ok({
    ...{ libraries, cpython: cpython.value, linkable: linkable.value },
    interpreter: interpreter.value,
  });
}

/** A build of CPython runs one of the version that is built: the toolchain's, which has one version, or another release's. */
async function withInterpreter(
  { resolved, definition, interpreter }: SourceSysrootInput,
  buildContext: SourceBuildContext,
): Promise<Result<SourceBuildContext>> {
  if (resolved.toolchain.rootfs.packages.includes(`python${definition.python.version}`))
    return ok(buildContext);
  const tree = await interpreter();
  return tree.ok ? ok({ ...buildContext, interpreter: tree.value }) : tree;
}

async function makeInterpreter(
  { context, store }: Session,
  { definition, base }: SourceSysrootInput,
  buildContext: SourceBuildContext,
  parts: readonly Part[],
): Promise<Result<readonly Part[]>> {
  if (!bringsInterpreter(definition)) return ok([]);
  const ground = await compose(context, store, parts, base.meta);
  if (!ground.ok) return ground;
  const linked = await linkInterpreter(context, store, buildContext, ground.value);
  return linked.ok ? ok([linked.value]) : linked;
}

/** A profile of the sysroot's CPython: the training is run with one that counts. */
export async function trainOn(
  session: Session,
  input: SourceSysrootInput,
  making: ProfileMaking,
): Promise<Result<Trained>> {
  const { context, store, recorder } = session;
  const buildContext = sourceBuildContext(session, input, await launcherOf(session, input.resolved));
  const ground = await makeGround(session, input, buildContext);
  if (!ground.ok) return ground;
  const building = await withInterpreter(input, buildContext);
  if (!building.ok) return building;
  const { version, abiflags } = input.definition.python;
  return recorder.stage(
    'cpython',
    `Profile of CPython ${version}${abiflags}`,
    () => trainProfile(context, store, building.value, ground.value.dependencies, making),
    ({ hit, functions }) => ({ hit, detail: `${functions} functions` }),
  );
}

async function makeStd(
  session: Session,
  { resolved }: SourceSysrootInput,
  buildContext: SourceBuildContext,
): Promise<Result<readonly Part[]>> {
  if (resolved.rustStd.from === 'packages') return ok([]);
  const { context, store, recorder } = session;
  const std = await recorder.stage(
    'rust-std',
    `Rust standard library for ${resolved.target.rustTriple}`,
    () => buildRustStd(context, store, buildContext, () => accessOf(session, buildContext)),
    ({ hit, meta }) => ({ hit, detail: `${meta.libraries} libraries` }),
  );
  return std.ok ? ok([std.value]) : std;
}

async function accessOf(
  { context, store }: Session,
  { engine, toolchain, target }: SourceBuildContext,
): Promise<Result<CrateAccess>> {
  const access = await crateAccess(context.settings);
  if (!access.ok) return access;
  const opened = await engine();
  if (!opened.ok) return opened;
  const inputs = { std: target.rustTriple, toolchain: toolchain.fingerprint, config: access.value.config };
  const crates = { context, store, engine: opened.value, rootfs: toolchain.folder, inputs };
  return ok({
    ...access.value,
    // Of a mirror in place of the public registry; std's crates come from no other.
    env: access.value.fetching('').env,
    home: { fetch: cargoHomeMounts('fetch'), build: cargoHomeMounts('build') },
    seal: (lock, fetch) => sealCrates({ ...crates, lock }, fetch),
  });
}
