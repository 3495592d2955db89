import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { err, ok, type Result } from '../../domain/result.ts';
import { isExecutable } from '../../exec/files.ts';
import type { Command } from '../engine.ts';
import { commandNotFound, noWorkingFolder } from '../failures.ts';
import { DEFAULT_PATH } from '../paths.ts';
import type { Features } from './features.ts';
import type { Namespaces } from './setup.ts';
import type { Tools } from './tools.ts';
import { type Layer, locate, type ResolvedPath } from './view.ts';

/** What the dynamic loader and libc of any program take from the environment: ld.so(8), gconv, locale(7). */
const LOADER_VARIABLE = /^(LD_|GLIBC_TUNABLES$|GCONV_PATH$|LOCPATH$|NLSPATH$)/;

/** A command that was found to be runnable in its sandbox. */
export interface Program {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Path in the sandbox, free of links. */
  readonly cwd: string;
}

export async function prepareProgram(layers: readonly Layer[], command: Command): Promise<Result<Program>> {
  const cwd = await locate(layers, command.cwd);
  if (!cwd.stats?.isDirectory()) return err(noWorkingFolder(command.cwd));
  const found = await findProgram(layers, command, cwd.path);
  if (!found.ok) return found;
  return ok({ ...(await keepFromHostTools(layers, command)), cwd: cwd.path });
}

/** Looks where execvp(3) will look: a name that cannot be run is refused before anything is started. */
async function findProgram(
  layers: readonly Layer[],
  { argv, env }: Command,
  cwd: string,
): Promise<Result<void>> {
  const [name] = argv;
  const folders = name.includes('/') ? [''] : (env.PATH ?? DEFAULT_PATH).split(':');
  let refused: string | undefined;
  for (const folder of folders) {
    const path = join(
      folder.startsWith('/') || (folder === '' && name.startsWith('/')) ? '/' : cwd,
      folder,
      name,
    );
    const resolved = await locate(layers, path);
    if (resolved.stats === undefined) continue;
    if (resolved.stats.isFile() && (await isExecutable(resolved.host))) return ok(undefined);
    refused ??= resolved.stats.isDirectory() ? `${path} is a folder.` : `${path} is not executable.`;
  }
  const where = name.includes('/')
    ? 'It does not exist.'
    : `It is in no folder of PATH: ${folders.join(', ')}.`;
  return err(commandNotFound(name, refused ?? where));
}

/**
 * The environment passes through the host's own tools, which would take a variable for the dynamic loader as meant for
 * them. Such variables are set by the sandbox's own `env`, after them. A root tree without an `env` of this machine's
 * kind (a foreign one, an empty one) gets them directly: there they name nothing that the host's tools could load.
 */
async function keepFromHostTools(
  layers: readonly Layer[],
  { argv, env }: Command,
): Promise<Pick<Program, 'argv' | 'env'>> {
  const loader = Object.entries(env).filter(([name]) => LOADER_VARIABLE.test(name));
  if (loader.length === 0 || argv[0].includes('=')) return { argv, env };
  for (const path of ['/usr/bin/env', '/bin/env']) {
    const resolved = await locate(layers, path);
    if (!(await isNativeProgram(resolved))) continue;
    return {
      argv: [path, '--', ...loader.map(([name, value]) => `${name}=${value}`), ...argv],
      env: Object.fromEntries(Object.entries(env).filter(([name]) => !LOADER_VARIABLE.test(name))),
    };
  }
  return { argv, env };
}

/** Enters the process namespace for what is forked next, and gives the power to enter the other namespaces. */
function enterPidNamespace({ tools, features, namespaces }: EntryInput): readonly [string, ...string[]] {
  const outer = features.userNamespace
    ? [`--user=/proc/${namespaces.init}/ns/user`, '--preserve-credentials']
    : [];
  const pid = `--pid=/proc/${namespaces.keeper}/ns/pid`;
  // An emulator would leave a core file of itself in the program's working folder.
  const limits = [tools.prlimit, '--core=0:0'] as const;
  return [
    ...limits,
    tools.setpriv,
    '--no-new-privs',
    '--pdeathsig',
    'KILL',
    '--',
    tools.nsenter,
    ...outer,
    pid,
  ];
}

/** Enters all other namespaces, the unprivileged user namespace last, and becomes the program. */
function execInNamespaces({ tools, features, namespaces, network, program }: EntryInput): readonly string[] {
  const keeper = String(namespaces.keeper);
  return [
    ...[tools.nsenter, '--no-fork', '--target', keeper, '--mount', '--ipc', '--uts'],
    ...(network === 'none' ? ['--net'] : []),
    ...(features.unprivileged ? ['--user', '--preserve-credentials'] : []),
    ...[`--wd=/proc/${keeper}/root${program.cwd}`, '--', ...program.argv],
  ];
}

/**
 * Command line, on the host, that runs the program: the first `nsenter` stays outside, waits, and ends as the program
 * ends, with its status or by its signal. The program gets a session and process group that it can see. (Not with
 * `unshare --fork`: that of util-linux before 2.38 makes the program ignore SIGINT and SIGTERM, and before 2.40 it reports
 * SIGKILL as exit status 1.)
 */
export function entryCommand(input: EntryInput): readonly [string, ...string[]] {
  return [...enterPidNamespace(input), '--', input.tools.setsid, '--', ...execInNamespaces(input)];
}

/** The same in our own session, for a program that has our standard streams. */
export function inheritingCommand(input: EntryInput): readonly [string, ...string[]] {
  return [...enterPidNamespace(input), '--', ...execInNamespaces(input)];
}

/** A stopped job goes on: nobody is there to continue it later. */
const FOREGROUND_SCRIPT = `
"$@"; status=$?
while jobs %% >/dev/null 2>&1; do fg >/dev/null; status=$?; done
exit $status
`;

/**
 * The same on a terminal: a shell with job control outside the sandbox makes the program the terminal's foreground job,
 * so that Ctrl-C and Ctrl-Z reach the program alone, and takes the terminal back after it. Its exit status is a shell's.
 */
export function terminalCommand(input: EntryInput): readonly [string, ...string[]] {
  const { sh, env } = input.tools;
  // A shell drops variables whose names are not its own kind of name: `env` sets them after it.
  const pairs = Object.entries(input.program.env).map(([name, value]) => `${name}=${value}`);
  return [
    ...enterPidNamespace(input),
    ...['--no-fork', '--', sh, '-m', '-c', FOREGROUND_SCRIPT, 'sh', env, '-i', '--', ...pairs],
    ...execInNamespaces(input),
  ];
}

export interface EntryInput {
  readonly tools: Tools;
  readonly features: Features;
  readonly namespaces: Namespaces;
  readonly network: 'none' | 'host';
  readonly program: Program;
}

/** Whether a file is an ELF program for the machine that we run on: class, byte order and machine, elf(5). */
async function isNativeProgram(resolved: ResolvedPath): Promise<boolean> {
  if (!resolved.stats?.isFile()) return false;
  const [own, other] = await Promise.all([elfKind('/proc/self/exe'), elfKind(resolved.host)]);
  return own !== undefined && own === other;
}

/** Undefined for a file that cannot be read: one that may only be executed. */
async function elfKind(file: string): Promise<string | undefined> {
  await using handle = await open(file).catch(() => undefined);
  if (handle === undefined) return undefined;
  const { buffer } = await handle.read(Buffer.alloc(20), 0, 20, 0);
  return `${buffer.toString('hex', 0, 6)} ${buffer.toString('hex', 18, 20)}`;
}
