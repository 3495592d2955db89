import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join, posix, relative } from 'node:path';
import { joinConfigurations } from '../crate/cargo-files.ts';
import { formatToml } from '../crate/toml.ts';
import type { Context } from '../domain/context.ts';
import { cargoSelection } from '../domain/crate.ts';
import { defined } from '../domain/defined.ts';
import type { Project, Resolved } from '../domain/definitions.ts';
import type { Digest } from '../domain/ids.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { StoredTree } from '../domain/stored-tree.ts';
import type { Engine, Mount } from '../engine/engine.ts';
import { PATHS } from '../engine/paths.ts';
import { crateAt, projectRoot } from '../engine/project-paths.ts';
import { runTool } from '../engine/tool.ts';
import type { BuildEnv } from '../env/env.ts';
import { programFormat } from '../runtime/program/program.ts';
import { digestFile } from '../store/digest.ts';
import { onDisk } from '../store/disk.ts';
import { fingerprint } from '../store/fingerprint.ts';
import type { Store, StoreEntry } from '../store/store.ts';
import { cargoHomeMounts } from './cargo-home.ts';
import { type CargoStep, fetchCrates, lockedCrates } from './crates.ts';
import { hostCargo } from './host-cargo.ts';
import { recordCrates } from './linked-crates.ts';
import { linkedObjects } from './linked-objects.ts';
import { missingPrograms } from './missing-programs.ts';
import { noteNeededRust } from './needed-rust.ts';
import { CRATES_UNKNOWN, cratesKey, type LockedCrates, onKnownCrates } from './sealed-crates.ts';
import { explainHidden } from './sources/explain.ts';
import { digestProject, writtenLast } from './sources/project.ts';
import { type LinkedGlibc, traceUndefined } from './undefined-symbols.ts';
import { type BuildView, openView } from './view.ts';

/** Incremented when this stage's output for equal inputs changes. */
const BUILD_VERSION = 4;

/** The trees and settings that a recipe is built with. */
export interface BuildContext {
  readonly resolved: Resolved;
  readonly toolchain: StoredTree;
  readonly sysroot: StoredTree;
}

export interface BuildInput extends BuildContext {
  readonly env: BuildEnv;
  /** The engine, opened only when something has to be built. */
  readonly engine: () => Promise<Result<Engine>>;
  /** Folder for `build.log`. */
  readonly logs: string;
}

export interface BuildMeta {
  readonly [key: string]: string | number;
  /** File name of the program in the entry's folder. */
  readonly program: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  /** Of the project's files; absent in what was made of a built program. */
  readonly sources?: Digest;
  /** File name of the debug information, where the profile keeps it in a file of its own (`split-debuginfo`). */
  readonly debugFile?: string;
  readonly debugDigest?: Digest;
}

export type Built = StoreEntry<BuildMeta>;

/** Builds the recipe's program for its target, or returns the store entry of an earlier build from equal inputs. */
export async function build(context: Context, store: Store, input: BuildInput): Promise<Result<Built>> {
  for (let tries = 1; ; tries += 1) {
    const sources = await digestProject(context, input.resolved, input.logs);
    if (!sources.ok) return sources;
    const { digest } = sources.value;
    const inputs = programInputs(input, digest);
    // It starts while the store is looked through and locks are taken. Its failure is met where it is needed.
    const early = (await store.offers('builds', fingerprint(inputs))) ? undefined : input.engine();
    early?.catch(() => {});
    const started = { ...input, engine: () => early ?? input.engine() };
    const make = (folder: string) => compileProgram(context, store, started, { folder, sources: digest });
    const built = await store.obtain<BuildMeta>('builds', inputs, make, {
      signal: context.signal,
      // Trees are seen in sandboxes alone.
      ...{ reads: [], costly: true },
      onWait: () => context.emit(waiting(input.resolved.recipe.name)),
    });
    if (built.ok || built.error.code !== SOURCES_CHANGED || tries === MOST_TRIES) return built;
  }
}

/** Times that a project may be edited between being digested and being copied. */
const MOST_TRIES = 3;
const SOURCES_CHANGED = 'build/sources-changed';

/** All inputs that can change the program. */
export function programInputs(input: Omit<BuildInput, 'engine' | 'logs'>, sources: Digest) {
  const { recipe, target } = input.resolved;
  return {
    what: 'program',
    version: BUILD_VERSION,
    // The program is a function of its sources, …
    sources,
    // (and the selected package of the workspace,)
    ...packageInputs(recipe.project),
    bin: recipe.project.bin,
    ...(input.resolved.crate.example === true ? { example: true } : {}),
    profile: recipe.project.profile,
    features: [...recipe.project.features],
    defaultFeatures: recipe.project.defaultFeatures,
    target: target.rustTriple,
    // … of what compiles and links it, …
    toolchain: input.toolchain.fingerprint,
    rust: input.resolved.rust?.version ?? null,
    sysroot: input.sysroot.fingerprint,
    // … and of every environment variable of the tools.
    env: input.env.variables,
    pyo3Config: input.env.pyo3Config,
    cmakeToolchain: input.env.cmakeToolchain,
    linked: input.env.linked,
    compiler: [...(input.env.compiled?.compiler ?? [])],
    ...configurationInputs(input),
  };
}

/** Cargo's configuration outside of the project, as far as it can change what is built. */
function configurationInputs({ resolved: { cargo }, env }: Omit<BuildInput, 'engine' | 'logs'>) {
  const counted = { ...cargo?.counted, ...env.cargoConfig };
  const vendored = cargo?.vendored === undefined ? {} : { vendored: cargo.vendored };
  return Object.keys(counted).length === 0
    ? vendored
    : {
        ...vendored,
        cargoConfig: formatToml(joinConfigurations(env.cargoConfig ?? {}, cargo?.counted ?? {})),
      };
}

function packageInputs(project: Project): { readonly package?: string } {
  const root = projectRoot(project);
  return root === project.folder ? {} : { package: relative(root, project.folder) };
}

async function compileProgram(
  context: Context,
  store: Store,
  input: BuildInput,
  to: { readonly folder: string; readonly sources: Digest },
): Promise<Result<BuildMeta>> {
  await mkdir(input.logs, { recursive: true });
  const log = join(input.logs, 'build.log');
  await writeFile(log, '');
  const cargo = await hostCargo(context.settings, input.resolved.cargo, { config: input.env.cargoConfig });
  if (!cargo.ok) return cargo;
  // Two builds of one project would wait for each other inside cargo without a message; waiting here reports it.
  const lock = await store.lock(`volume-${volumeName(input)}`, {
    signal: context.signal,
    onWait: () => context.emit(waiting(input.resolved.recipe.name)),
  });
  if (!lock.ok) return lock;
  await using _ = lock.value;
  const engine = await input.engine();
  if (!engine.ok) return engine;
  const view = await openView(context, store, volumeName(input), { ...input, cargo: cargo.value });
  if (!view.ok) return view;
  if (view.value.sources.digest !== to.sources)
    return err(
      sourcesChanged(
        input.resolved.recipe.project.root,
        await writtenLast(context, input.resolved, input.logs),
      ),
    );
  const objects = await linkedObjects(context, store, engine.value, input);
  if (!objects.ok) return objects;
  const step = {
    ...{ context, store, input, engine: engine.value, cargo: cargo.value, view: view.value, log },
    objects: objects.value,
  };
  const crates = await lockedCrates(step);
  if (await comparedBefore(step, crates)) {
    const compiled = await compile(step, to, crates);
    if (compiled.ok || compiled.error.code !== CRATES_UNKNOWN) return compiled;
  }
  const fetched = await fetchCrates(step, crates);
  if (!fetched.ok) {
    const { project } = input.resolved.recipe;
    // Cargo reads the manifests then, and looks for what they name.
    return err(explainHidden(fetched.error, await readFile(log, 'utf8'), project, view.value.sources));
  }
  const noted = await onDisk(step.view.crates, () => writeFile(step.view.crates, cratesKey(crates)));
  return noted.ok ? compile(step, to) : noted;
}

/** Whether the last build of this project had the same crates: then they are compared where the program is built. */
async function comparedBefore({ view }: CargoStep, crates: LockedCrates): Promise<boolean> {
  return (await readFile(view.crates, 'utf8').catch(() => '')) === cratesKey(crates);
}

type BuildStep = CargoStep & { readonly input: BuildInput; readonly objects: readonly Mount[] };

/** With `crates`: only if nothing changed since they were compared; else `build/crates-unknown`. */
async function compile(
  step: BuildStep,
  { folder, sources }: { readonly folder: string; readonly sources: Digest },
  crates?: LockedCrates,
): Promise<Result<BuildMeta>> {
  const { context, input } = step;
  const { project } = input.resolved.recipe;
  const sandbox = await step.engine.open({
    rootfs: input.toolchain.folder,
    network: 'none',
    again: volumeName(input),
    mounts: [...buildMounts(input, step.view), ...step.objects, ...step.cargo.sources],
  });
  if (!sandbox.ok) return sandbox;
  await using box = sandbox.value;
  const argv = [
    ...cargoArguments(input.resolved),
    ...['--jobs', String(context.settings.jobs), '--message-format', 'json-render-diagnostics'],
  ];
  const run = await runTool(context, crates === undefined ? box : onKnownCrates(box, crates), {
    stage: 'build',
    code: 'build/failed',
    doing: `Building ${project.bin} for ${input.resolved.target.rustTriple}`,
    fix: [
      'Fix the errors of the compiler or linker, then run the same command again: compiled crates are kept.',
    ],
    log: step.log,
    quietStdout: true,
    remarks: (output) =>
      missingPrograms(output, { view: step.view.project, toolchain: input.toolchain.folder }),
    command: {
      argv: argv as [string, ...string[]],
      env: { ...input.env.variables, ...step.cargo.names },
      cwd: crateAt(project),
    },
  });
  // Awaited, because the sandbox is closed when this function returns.
  if (!run.ok) {
    const output = await readFile(step.log, 'utf8');
    await noteNeededRust(step.store, input.resolved, output);
    const failure = explainHidden(run.error, output, project, step.view.sources);
    return await traceUndefined(box, output, failure, linkedGlibc(input.resolved));
  }
  const messages = Buffer.from(run.value.stdout).toString('utf8');
  const found = findExecutable(messages, project.bin);
  if (found === undefined) return err(noExecutable(project.bin, step.log));
  const { executable } = found;
  // Includes the target's executable suffix, if any.
  const program = posix.basename(executable);
  const file = join(folder, program);
  const copied = await box.copyOut(executable, file);
  if (!copied.ok) return copied;
  const broken = await programFormat(input.resolved.target).check(file, step.log);
  if (broken !== undefined) return err(broken);
  const recorded = await recordCrates(step, box, messages, folder);
  if (!recorded.ok) return recorded;
  const { digest, size } = await digestFile(file);
  if (found.debugFile === undefined) return ok({ program, digest, size, sources });
  // Debuggers look for it by the program's name.
  const debugFile = `${program}${posix.extname(found.debugFile)}`;
  const debug = await box.copyOut(found.debugFile, join(folder, debugFile));
  if (!debug.ok) return debug;
  return ok({
    program,
    digest,
    size,
    sources,
    debugFile,
    debugDigest: (await digestFile(join(folder, debugFile))).digest,
  });
}

/** What builds the program, but for what only the machine decides: `--jobs`, and the form of messages. */
export function cargoArguments(resolved: Resolved): readonly string[] {
  const { project } = resolved.recipe;
  return [
    ...[cargoOf({ resolved }), 'build', '--locked', '--offline'],
    ...cargoSelection(resolved.crate),
    ...['--target', resolved.target.rustTriple, '--profile', project.profile],
    ...(project.features.length > 0 ? ['--features', project.features.join(',')] : []),
    ...(project.defaultFeatures ? [] : ['--no-default-features']),
    ...(project.ignoreRustVersion === true ? ['--ignore-rust-version'] : []),
  ];
}

/** The mounts of a build, and of a shell for the same recipe. */
export function buildMounts(
  input: BuildContext,
  { project, env }: Pick<BuildView, 'project' | 'env'>,
): readonly Mount[] {
  return [
    { kind: 'tree', source: input.sysroot.folder, at: PATHS.sysroot },
    { kind: 'source', source: project, at: PATHS.project },
    { kind: 'source', source: env, at: PATHS.env },
    ...cargoHomeMounts('build'),
    { kind: 'volume', name: volumeName(input), at: PATHS.target },
    ...rustMounts(input.resolved),
    outerConfiguration(env),
  ];
}

/** Cargo reads configuration from parent folders of the project: the registries that the machine is configured for. */
export function outerConfiguration(env: string): Mount {
  return { kind: 'source', source: join(env, 'cargo-config.toml'), at: '/job/.cargo/config.toml' };
}

/** The user's own Rust, where the recipe selects it. */
export function rustMounts({ rust }: Pick<Resolved, 'rust'>): readonly Mount[] {
  return rust === undefined
    ? []
    : [{ kind: 'source', source: rust.folder, at: PATHS.rust, without: notOfRust, again: true }];
}

/** Documentation of a Rust toolchain, which no build reads. */
const notOfRust = (parent: string, name: string): boolean =>
  (name === 'doc' || name === 'man') && parent.endsWith('/share');

interface Executable {
  readonly executable: string;
  readonly debugFile?: string;
}

/** The glibc that a program is linked with, where it is. */
function linkedGlibc({ sysroot, system }: Resolved): LinkedGlibc | undefined {
  const own = system?.glibc;
  return own === undefined ? undefined : { release: sysroot.sysroot.glibcRelease ?? own, own };
}

/** Paths of the executable in cargo's messages (`compiler-artifact`, The Cargo Book, "External tools"). */
function findExecutable(messages: string, bin: string): Executable | undefined {
  for (const line of messages.split('\n')) {
    if (!line.startsWith('{')) continue;
    const message = JSON.parse(line) as {
      reason?: string;
      executable?: string | null;
      filenames?: readonly string[];
      target?: { name?: string };
    };
    if (message.reason === 'compiler-artifact' && message.target?.name === bin && message.executable) {
      const debugFile = message.filenames?.find((name) => name.endsWith('.dwp'));
      return { executable: message.executable, ...defined({ debugFile }) };
    }
  }
  return undefined;
}

/**
 * Cargo's target folder is kept for each project, toolchain and sysroot, so builds are incremental and never share it.
 * Cargo itself does not notice that the libraries of a sysroot, or Rust's own, are others.
 */
export function volumeName(input: BuildContext): string {
  const { recipe, target } = input.resolved;
  const key = fingerprint({
    project: recipe.project.root,
    toolchain: input.toolchain.fingerprint,
    sysroot: input.sysroot.fingerprint,
    ...(input.resolved.rust === undefined ? {} : { rust: input.resolved.rust.version }),
  });
  return `target-${target.name}-${key.slice(0, 16)}`;
}

/** The cargo of a build. */
export function cargoOf({
  resolved: { rust, toolchain },
}: {
  readonly resolved: Pick<Resolved, 'rust' | 'toolchain'>;
}): string {
  return rust === undefined ? (toolchain.tools.cargo ?? 'cargo') : `${PATHS.rust}/bin/cargo`;
}

function waiting(recipe: string) {
  return {
    type: 'notice',
    level: 'info',
    code: 'waiting',
    message: `Another provision is building ${recipe}; waiting for it to finish.`,
  } as const;
}

function sourcesChanged(folder: string, last: readonly string[]) {
  return {
    code: SOURCES_CHANGED,
    what: `Files of ${folder} change while they are copied for the build.`,
    ...(last.length === 0 ? {} : { why: `Written last: ${last.join(', ')}.` }),
    fix: [
      'Find out what writes there (an editor, a generator, another build, a log), and run the same command again when it is done; a log of your own goes to another folder.',
    ],
  } as const;
}

function noExecutable(bin: string, log: string) {
  return {
    code: 'build/no-executable',
    what: `cargo built no executable named "${bin}".`,
    fix: [`Check \`project.bin\` in the recipe against the [[bin]] names in Cargo.toml.`],
    see: [log],
  } as const;
}
