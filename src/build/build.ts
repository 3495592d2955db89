import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join, posix, relative } from 'node:path';
import type { Context } from '../domain/context.ts';
import type { Project, Resolved } from '../domain/definitions.ts';
import type { Digest } from '../domain/ids.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { StoredTree } from '../domain/stored-tree.ts';
import type { Engine, Mount, Sandbox } from '../engine/engine.ts';
import { PATHS } from '../engine/paths.ts';
import { runTool } from '../engine/tool.ts';
import type { BuildEnv } from '../env/env.ts';
import { programFormat } from '../runtime/program/program.ts';
import { digestFile } from '../store/digest.ts';
import { fingerprint } from '../store/fingerprint.ts';
import type { Store, StoreEntry } from '../store/store.ts';
import { staleCargoLock } from './cargo-lock.ts';
import { type HostCargo, hostCargo } from './host-cargo.ts';
import { digestSources, notSources, type Sources } from './sources.ts';
import { traceUndefined } from './undefined-symbols.ts';

/** Incremented when this stage's output for equal inputs changes. */
const BUILD_VERSION = 1;

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
}

export type Built = StoreEntry<BuildMeta>;

/** Builds the recipe's program for its target, or returns the store entry of an earlier build from equal inputs. */
export async function build(context: Context, store: Store, input: BuildInput): Promise<Result<Built>> {
  const sources = await projectSources(context, input.resolved);
  if (!sources.ok) return sources;
  const inputs = programInputs(input, sources.value.digest);
  return store.obtain<BuildMeta>('builds', inputs, (folder) => make(context, store, input, folder), {
    signal: context.signal,
    onWait: () => context.emit(waiting(input.resolved.recipe.name)),
  });
}

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
    pythonHome: input.env.pythonHome ?? null,
  };
}

/** The files of the project that a build depends on: all but its samples, its recipe and the recipe's lock. */
export async function projectSources(
  context: Context,
  { recipe, sysrootFile, tools }: Resolved,
): Promise<Result<Sources>> {
  const except = [
    ...recipe.samples.paths,
    recipe.file,
    ...[sysrootFile, tools?.file].flatMap((one) => one?.lockFile ?? []),
    // Inside the crate where the command is run there.
    join(context.settings.cwd, 'artifacts'),
  ];
  const sources = await digestSources(recipe.project.root, except);
  if (sources.ok && sources.value.outward.length > 0) context.emit(linksOutside(sources.value.outward));
  return sources;
}

function packageInputs({ root, folder }: Project): { readonly package?: string } {
  return root === folder ? {} : { package: relative(root, folder) };
}

/** Sandbox path of the crate, below its workspace. */
export function crateAt({ root, folder }: Project): string {
  return posix.join(PATHS.project, relative(root, folder));
}

async function make(
  context: Context,
  store: Store,
  input: BuildInput,
  folder: string,
): Promise<Result<BuildMeta>> {
  const engine = await input.engine();
  if (!engine.ok) return engine;
  await mkdir(input.logs, { recursive: true });
  const log = join(input.logs, 'build.log');
  await writeFile(log, '');
  const envFolder = join(folder, '.env');
  await mkdir(envFolder);
  const cargo = await hostCargo(context.settings);
  if (!cargo.ok) return cargo;
  await writeEnvFiles(envFolder, input.env, cargo.value);
  // Two builds of one project would wait for each other inside cargo without a message; waiting here reports it.
  const lock = await store.lock(`volume-${volumeName(input)}`, {
    signal: context.signal,
    onWait: () => context.emit(waiting(input.resolved.recipe.name)),
  });
  if (!lock.ok) return lock;
  await using _ = lock.value;
  const step = { context, input, engine: engine.value, cargo: cargo.value, envFolder, log };
  const fetched = await fetchCrates(step);
  if (!fetched.ok) return fetched;
  const compiled = await compile(step, folder);
  // It contains the machine's registry configuration, which is not part of the program.
  await rm(envFolder, { recursive: true });
  return compiled;
}

interface Step {
  readonly context: Context;
  readonly input: BuildInput;
  readonly engine: Engine;
  readonly cargo: HostCargo;
  readonly envFolder: string;
  readonly log: string;
}

/** Fetches the crates in a separate step, the only one with network. */
async function fetchCrates(step: Step): Promise<Result<void>> {
  const { context, input } = step;
  const offline = context.settings.offline;
  const sandbox = await openSandbox(step, offline ? 'none' : 'host', step.cargo.mounts);
  if (!sandbox.ok) return sandbox;
  await using box = sandbox.value;
  const argv = [tool(input, 'cargo'), 'fetch', '--locked', '--target', input.resolved.target.rustTriple];
  const run = await runTool(context, box, {
    stage: 'build',
    code: offline ? 'fetch/crates-offline' : 'fetch/crates',
    doing: 'Fetching the crates',
    fix: offline
      ? ['Run once without `--offline`: not all crates of this Cargo.lock have been fetched.']
      : ['Check the network, the proxy settings and the CA bundle; then run the same command again.'],
    log: step.log,
    command: {
      argv: [...argv, ...(offline ? ['--offline'] : [])] as [string, ...string[]],
      env: { ...input.env.variables, ...step.cargo.env },
      cwd: crateAt(input.resolved.recipe.project),
    },
  });
  return run.ok ? ok(undefined) : err(staleCargoLock(run.error, input.resolved.crate));
}

async function compile(step: Step, folder: string): Promise<Result<BuildMeta>> {
  const { context, input } = step;
  const { project } = input.resolved.recipe;
  const sandbox = await openSandbox(step, 'none', []);
  if (!sandbox.ok) return sandbox;
  await using box = sandbox.value;
  const argv = [
    ...[tool(input, 'cargo'), 'build', '--locked', '--offline', '--bin', project.bin],
    ...['--target', input.resolved.target.rustTriple, '--profile', project.profile],
    ...(project.features.length > 0 ? ['--features', project.features.join(',')] : []),
    ...(project.defaultFeatures ? [] : ['--no-default-features']),
    ...['--jobs', String(context.settings.jobs), '--message-format', 'json-render-diagnostics'],
  ];
  const run = await runTool(context, box, {
    stage: 'build',
    code: 'build/failed',
    doing: `Building ${project.bin} for ${input.resolved.target.rustTriple}`,
    fix: [
      'Fix the errors of the compiler or linker, then run the same command again: compiled crates are kept.',
    ],
    log: step.log,
    quietStdout: true,
    command: { argv: argv as [string, ...string[]], env: input.env.variables, cwd: crateAt(project) },
  });
  // Awaited, because the sandbox is closed when this function returns.
  if (!run.ok) return await traceUndefined(box, await readFile(step.log, 'utf8'), run.error);
  const executable = findExecutable(Buffer.from(run.value.stdout).toString('utf8'), project.bin);
  if (executable === undefined) return err(noExecutable(project.bin, step.log));
  // Includes the target's executable suffix, if any.
  const program = posix.basename(executable);
  const file = join(folder, program);
  const copied = await box.copyOut(executable, file);
  if (!copied.ok) return copied;
  const broken = await programFormat(input.resolved.target).check(file, step.log);
  if (broken !== undefined) return err(broken);
  const digest = await digestFile(file);
  return ok({ program, digest: digest.digest, size: digest.size });
}

function openSandbox(step: Step, network: 'none' | 'host', more: readonly Mount[]): Promise<Result<Sandbox>> {
  return step.engine.open({
    rootfs: step.input.toolchain.folder,
    network,
    mounts: [...buildMounts(step.input, step.envFolder), ...more],
  });
}

/** The mounts of a build, and of a shell for the same recipe. `envFolder` must contain the files of `writeEnvFiles`. */
export function buildMounts(input: BuildContext, envFolder: string): readonly Mount[] {
  const { rust } = input.resolved;
  return [
    { kind: 'tree', source: input.sysroot.folder, at: PATHS.sysroot },
    {
      kind: 'source',
      source: input.resolved.recipe.project.root,
      at: PATHS.project,
      without: notSources,
    },
    { kind: 'source', source: envFolder, at: PATHS.env },
    { kind: 'volume', name: 'cargo', at: PATHS.cargo },
    { kind: 'volume', name: volumeName(input), at: PATHS.target },
    ...(rust === undefined
      ? []
      : [{ kind: 'source', source: rust.folder, at: PATHS.rust, without: notOfRust } as const]),
    // Cargo reads configuration from parent folders of the project: the registries that the machine is configured for.
    { kind: 'source', source: join(envFolder, 'cargo-config.toml'), at: '/job/.cargo/config.toml' },
  ];
}

/** Documentation of a Rust toolchain, which no build reads. */
const notOfRust = (parent: string, name: string): boolean =>
  (name === 'doc' || name === 'man') && parent.endsWith('/share');

/** Writes the files that the environment variables refer to into an existing folder. */
export async function writeEnvFiles(folder: string, env: BuildEnv, cargo: HostCargo): Promise<void> {
  await writeFile(join(folder, 'pyo3-config.txt'), env.pyo3Config);
  await writeFile(join(folder, 'toolchain.cmake'), env.cmakeToolchain);
  if (env.pythonHome !== undefined) await writeFile(join(folder, 'python-home.c'), env.pythonHome);
  await writeFile(join(folder, 'cargo-config.toml'), cargo.config);
}

/** Path of the executable in cargo's messages (`compiler-artifact`, The Cargo Book, "External tools"). */
function findExecutable(messages: string, bin: string): string | undefined {
  for (const line of messages.split('\n')) {
    if (!line.startsWith('{')) continue;
    const message = JSON.parse(line) as {
      reason?: string;
      executable?: string | null;
      target?: { name?: string };
    };
    if (message.reason === 'compiler-artifact' && message.target?.name === bin && message.executable) {
      return message.executable;
    }
  }
  return undefined;
}

/** Cargo's target folder is kept for each project and toolchain, so builds are incremental and never share it. */
export function volumeName(input: BuildContext): string {
  const { recipe, target } = input.resolved;
  const key = fingerprint({
    project: recipe.project.root,
    toolchain: input.toolchain.fingerprint,
    ...(input.resolved.rust === undefined ? {} : { rust: input.resolved.rust.version }),
  });
  return `target-${target.name}-${key.slice(0, 16)}`;
}

function tool(input: BuildInput, role: string): string {
  if (input.resolved.rust !== undefined && role === 'cargo') return `${PATHS.rust}/bin/cargo`;
  return input.resolved.toolchain.tools[role] ?? role;
}

function waiting(recipe: string) {
  return {
    type: 'notice',
    level: 'info',
    code: 'waiting',
    message: `Another provision is building ${recipe}; waiting for it to finish.`,
  } as const;
}

function linksOutside(links: readonly string[]) {
  const names =
    links.length > 3 ? `${links.slice(0, 3).join(', ')} and ${links.length - 3} more` : links.join(', ');
  return {
    type: 'notice',
    level: 'warning',
    code: 'build/link-outside',
    message: `Symbolic links point outside the project, and their targets are not visible to the build: ${names}.`,
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
