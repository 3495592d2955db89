import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { defined } from '../../domain/defined.ts';
import type { ImageDefinition, SourceSysroot } from '../../domain/definitions.ts';
import type { LockedPackage } from '../../domain/packages.ts';
import { ok, type Result } from '../../domain/result.ts';
import { shellWord } from '../../domain/shell.ts';
import type { StoredTree } from '../../domain/stored-tree.ts';
import type { Target } from '../../domain/target.ts';
import type { Engine, Mount, Sandbox } from '../../engine/engine.ts';
import { PATHS } from '../../engine/paths.ts';
import type { BuildLauncher } from '../../runtime/runtime.ts';
import { clientOf, clientScript, type ForkServers, forkServerMounts, serveScript } from './fork-server.ts';
import { LINUX_SITE } from './site.ts';

/** Increase it when the same inputs give another output. */
const SOURCE_BUILD_VERSION = 2;

/** Where a build from source sees its inputs. The same for every build: nothing that is built depends on the machine. */
export const BUILD_PATHS = {
  /** Programs of ours: the compiler with the target's flags. */
  tools: '/job/tools',
  /** Source archives, one folder for each source package. */
  sources: '/job/sources',
  build: '/job/build',
  out: '/job/out',
} as const;

/** Name of the compiler of the target: configure scripts know it by that. */
const COMPILER = 'clang';

/** Starts a program of the target: natively, or in an emulator. */
const RUN_TARGET = `${BUILD_PATHS.tools}/run-target`;

/** Answers that configure scripts need not find; what is built is the same, so it is in no key. */
const SITE = `${BUILD_PATHS.tools}/config.site`;

/** Read by every script before it begins, where it is there. */
export const SERVE = `${BUILD_PATHS.tools}/serve`;

/** Files of a source package in the store: upstream's archive, then the distribution's. */
export type SourceFiles = readonly { readonly package: LockedPackage; readonly file: string }[];

/** Where a build sees the root of an interpreter that the toolchain has not. */
const INTERPRETER = '/job/interpreter';

/** What every build from source is made with. */
export interface SourceBuildContext {
  readonly definition: SourceSysroot;
  readonly target: Target;
  /** The target that the toolchain image itself runs on. */
  readonly hostTarget: Target;
  readonly toolchain: StoredTree;
  readonly tools: ImageDefinition['tools'];
  /** C library, compiler runtime and whatever else the packages bring. */
  readonly base: StoredTree;
  /** What starts programs of the target. */
  readonly launcher: BuildLauncher;
  /** The locked files of a source package, from the lock alone. */
  readonly locked: (source: string) => readonly LockedPackage[];
  /** CPython of the version that is built, for the machine that builds; absent: the toolchain has it. */
  readonly interpreter?: StoredTree;
  /** The files themselves, fetched where they are missing. */
  readonly files: (source: string) => Promise<Result<SourceFiles>>;
  readonly engine: () => Promise<Result<Engine>>;
  /** Folder for the logs. */
  readonly logs: string;
  /** Seconds since the epoch. */
  readonly sourceDateEpoch: number;
}

/** What decides the outcome of every build, for the keys of their store entries. */
export function commonInputs({
  definition,
  target,
  hostTarget,
  toolchain,
  base,
  tools,
  sourceDateEpoch,
}: SourceBuildContext) {
  return {
    version: SOURCE_BUILD_VERSION,
    // Compiler, linker, make, shell and the build interpreter.
    toolchain: toolchain.fingerprint,
    tools: toolsOf(tools),
    // Headers and libraries of the target.
    base: base.fingerprint,
    // What the compiler is called with.
    triple: target.clangTriple,
    multiarch: target.multiarch,
    machine: target.machine,
    build: hostTarget.multiarch,
    flags: definition.compiler.flags,
    answers: definition.compiler.multiarch ?? null,
    // __DATE__ and __TIME__ in what is compiled.
    sourceDateEpoch,
  };
}

/** What starts programs of the target, for the keys of builds that run some: their checks are answered by it. */
export function launcherInputs({ launcher }: SourceBuildContext, script: string) {
  return /\banswer_by_running\b|\bRUN_TARGET\b/.test(script) ? { launcher: launcher.key } : {};
}

/** Digests of a source package's files. */
export function sourceInputs(buildContext: SourceBuildContext, source: string): readonly string[] {
  return buildContext.locked(source).map(({ digest }) => digest);
}

export interface SourceSandbox {
  /** Source packages that the build unpacks, with their files. */
  readonly sources: Readonly<Record<string, SourceFiles>>;
  /** StoredTree seen as the target's root. */
  readonly sysroot: string;
  /** Existing folder for the files we bring in; outlives the sandbox. */
  readonly toolsFolder: string;
  readonly mounts?: readonly Mount[];
  readonly network?: 'none' | 'host';
  /** What starts the compiler and the linker; absent: they are started each time anew. */
  readonly forkServers?: ForkServers | undefined;
}

/** Opens a sandbox in which a source is built: no network unless asked for, everything but its own folders read-only. */
export async function openSourceSandbox(
  buildContext: SourceBuildContext,
  spec: SourceSandbox,
): Promise<Result<Sandbox>> {
  const engine = await buildContext.engine();
  if (!engine.ok) return engine;
  await writeTools(buildContext, spec.toolsFolder, spec.forkServers);
  const files = Object.entries(spec.sources).flatMap(([source, list]) =>
    list.map(
      ({ package: { path }, file }): Mount => ({
        kind: 'source',
        source: file,
        at: `${BUILD_PATHS.sources}/${source}/${basename(path)}`,
      }),
    ),
  );
  return engine.value.open({
    rootfs: buildContext.toolchain.folder,
    network: spec.network ?? 'none',
    mounts: [
      { kind: 'tree', source: spec.sysroot, at: PATHS.sysroot },
      { kind: 'source', source: spec.toolsFolder, at: BUILD_PATHS.tools },
      ...interpreterMounts(buildContext),
      ...forkServerMounts(spec.forkServers),
      { kind: 'scratch', at: BUILD_PATHS.build },
      { kind: 'scratch', at: BUILD_PATHS.out },
      ...files,
      ...buildContext.launcher.mounts,
      ...(spec.mounts ?? []),
    ],
  });
}

function interpreterMounts({ interpreter }: SourceBuildContext): readonly Mount[] {
  return interpreter === undefined ? [] : [{ kind: 'tree', source: interpreter.folder, at: INTERPRETER }];
}

/** The interpreter that the build of CPython runs, by its path in the sandbox. */
export function interpreterOf({ interpreter, definition }: SourceBuildContext): string {
  const folder = interpreter === undefined ? '/usr/bin' : BUILD_PATHS.tools;
  return `${folder}/python${definition.python.version}`;
}

/** What decides which interpreter it is, where that is not the toolchain's. */
export function interpreterInputs({ interpreter }: SourceBuildContext) {
  return interpreter === undefined ? {} : { interpreter: interpreter.fingerprint };
}

/** Where the sandbox sees the files of a source package: upstream's archive and the distribution's. */
export function archivesOf(
  source: string,
  files: readonly LockedPackage[],
): { readonly upstream: string; readonly distribution?: string } {
  const [upstream, distribution] = files.map(
    ({ path }) => `${BUILD_PATHS.sources}/${source}/${basename(path)}`,
  );
  if (upstream === undefined) throw new Error(`${source} has no files`);
  return { upstream, ...defined({ distribution }) };
}

/** The environment of a build from source. */
export function sourceEnvironment(buildContext: SourceBuildContext, jobs: number): Record<string, string> {
  const { definition, target, hostTarget, tools, sourceDateEpoch } = buildContext;
  const tool = (role: string): string => `/usr/bin/${tools[role] ?? role}`;
  return {
    PATH: `${BUILD_PATHS.tools}:/usr/bin:/bin`,
    HOME: '/tmp',
    LANG: 'C.UTF-8',
    TZ: 'UTC',
    SOURCE_DATE_EPOCH: String(sourceDateEpoch),
    PYTHONHASHSEED: '0',
    CC: `${BUILD_PATHS.tools}/${COMPILER}`,
    AR: tool('ar'),
    ...(tools.lld === undefined ? {} : { LD: `/usr/bin/ld.${tools.lld}` }),
    RANLIB: tool('ranlib'),
    READELF: tool('readelf'),
    CFLAGS: '-O2',
    LDFLAGS: '',
    PKG_CONFIG: tool('pkg-config'),
    PKG_CONFIG_SYSROOT_DIR: PATHS.sysroot,
    PKG_CONFIG_LIBDIR: ['usr/lib/pkgconfig', `usr/lib/${target.multiarch}/pkgconfig`]
      .map((path) => `${PATHS.sysroot}/${path}`)
      .join(':'),
    RUN_TARGET,
    ...(isLinux(target) ? { CONFIG_SITE: SITE } : {}),
    HOST: definition.compiler.multiarch ?? target.multiarch,
    BUILD: hostTarget.multiarch,
    MACHINE: target.machine,
    OUT: BUILD_PATHS.out,
    JOBS: String(jobs),
  };
}

function isLinux({ elf }: Target): boolean {
  return elf !== undefined;
}

/** The programs of the image that a build from source calls by role; others change nothing in it. */
function toolsOf(tools: ImageDefinition['tools']) {
  const roles = ['cc', 'lld', 'ar', 'ranlib', 'readelf', 'pkg-config'];
  return Object.fromEntries(roles.map((role) => [role, tools[role] ?? role]));
}

/**
 * A compiler of the target's, to be called by one name: configure scripts take no flags with it in every buildContext. And what starts programs of the target.
 */
async function writeTools(
  buildContext: SourceBuildContext,
  folder: string,
  servers: ForkServers | undefined,
): Promise<void> {
  const { definition, target, hostTarget, tools, launcher, interpreter } = buildContext;
  const lld = tools.lld === undefined ? [] : [`-fuse-ld=${tools.lld}`];
  const ld = target.elf === undefined ? undefined : clientOf(servers, 'ld');
  const flags = [
    `--target=${target.clangTriple}`,
    '-Qunused-arguments',
    ...lld,
    ...(ld === undefined ? [] : [`--ld-path=${ld}`]),
    `--sysroot=${PATHS.sysroot}`,
    ...definition.compiler.flags,
  ];
  const multiarch = definition.compiler.multiarch ?? target.multiarch;
  const client = clientOf(servers, 'cc');
  const script =
    client === undefined
      ? compilerScript(tools.cc ?? COMPILER, multiarch, flags)
      : clientScript(client, multiarch, flags);
  await mkdir(folder, { recursive: true });
  await writeProgram(join(folder, COMPILER), script);
  if (interpreter !== undefined)
    await writeProgram(
      join(folder, basename(interpreterOf(buildContext))),
      interpreterScript(hostTarget, definition.python.version),
    );
  if (isLinux(target)) await writeFile(join(folder, basename(SITE)), LINUX_SITE);
  if (servers !== undefined) await writeProgram(join(folder, basename(SERVE)), serveScript(servers));
  const start = ['exec', ...launcher.argv.map(shellWord), '"$@"'].join(' ');
  await writeProgram(join(folder, basename(RUN_TARGET)), `#!/bin/sh\n${start}\n`);
}

function compilerScript(program: string, multiarch: string, flags: readonly string[]): string {
  return `#!/bin/sh
# Asked by CPython's configure for the platform's name, which compilers answer each in their own way.
[ "$*" = --print-multiarch ] && exec echo ${multiarch}
exec ${program} ${flags.map(shellWord).join(' ')} "$@"
`;
}

/** Starts an interpreter of another release of the distribution, with the C library of that: ld.so(8). */
function interpreterScript({ multiarch, elf }: Target, version: string): string {
  const libraries = `${INTERPRETER}/usr/lib/${multiarch}`;
  const program = `${INTERPRETER}/usr/bin/python${version}`;
  // Not by its own path: a link there may be absolute, and lead to the toolchain's.
  const linker = `${libraries}/${basename(elf?.interpreter ?? '')}`;
  return `#!/bin/sh\nexec ${linker} --argv0 ${program} --library-path ${libraries} ${program} "$@"\n`;
}

async function writeProgram(file: string, text: string): Promise<void> {
  await writeFile(file, text);
  await chmod(file, 0o755);
}

/** Folder of files for a sandbox inside an entry that is being made; removed when it is. */
export const TOOLS_FOLDER = '.tools';

function basename(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Where a finished build is taken from. */
export async function takeOut(sandbox: Sandbox, folder: string): Promise<Result<void>> {
  const copied = await sandbox.copyOut(`${BUILD_PATHS.out}/usr`, join(folder, 'usr'));
  return copied.ok ? ok(undefined) : copied;
}
