import { execFileSync } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Context } from '../../src/domain/context.ts';
import { ok, type Result } from '../../src/domain/result.ts';
import type { EmulationSupport } from '../../src/engine/emulation.ts';
import type { Command, Engine, EngineInfo, Exit, Sandbox, SandboxSpec } from '../../src/engine/engine.ts';
import { probeNamespaceEngine } from '../../src/engine/namespace/namespace.ts';
import type { Failure } from '../../src/failure.ts';
import { makeRootfs } from './rootfs.ts';

const PROGRAM = join(import.meta.dirname, 'sandbox-program.ts');

/** All that a path may hold and that shells, fstab and mount options give a meaning to. */
const AWKWARD = `provision ä,:;'"\\#$=* `;

/** The environment that commands of the tests run with. */
export const ENV = { PATH: '/usr/bin:/bin', LC_ALL: 'C' };

/** A root tree and an engine to open it with. */
export interface EngineBench {
  /** Folder of everything of one test file. */
  readonly folder: string;
  readonly rootfs: string;
  readonly engine: Engine;
  /** An argument of `sleep` that no other process uses; a digit may be added. */
  readonly seconds: string;
  /** Makes a folder below `folder`. */
  make(name: string): string;
}

/** A bench on the engine `namespace`. */
export interface Bench extends EngineBench {
  readonly scratch: string;
  /** Unique part of the folder's name: others may use the engine at the same time. */
  readonly mark: string;
}

/** A root tree and the engine on it, in a folder with an awkward name. */
export async function makeBench(signal: AbortSignal = new AbortController().signal): Promise<Bench> {
  const folder = mkdtempSync(join(tmpdir(), AWKWARD));
  const make = (name: string): string => {
    mkdirSync(join(folder, name), { recursive: true });
    return join(folder, name);
  };
  const rootfs = makeRootfs(make('rootfs'));
  const engine = value(await probeEngine(folder, signal));
  const seconds = freshSeconds();
  return { folder, rootfs, engine, scratch: join(folder, 'tmp'), mark: folder.slice(-6), seconds, make };
}

export function freshSeconds(): string {
  return String(randomInt(1_000_000, 9_999_999));
}

export function removeBench({ folder }: Pick<Bench, 'folder'>): void {
  rmSync(folder, { recursive: true, force: true });
}

/** Probes the engine with scratch folders and volumes below a folder. */
export function probeEngine(folder: string, signal: AbortSignal): Promise<Result<Engine>> {
  const scratch = join(folder, 'tmp');
  mkdirSync(scratch, { recursive: true });
  const volume = async (name: string): Promise<Result<string>> => {
    mkdirSync(join(folder, 'volumes', name), { recursive: true });
    return ok(join(folder, 'volumes', name));
  };
  return probeNamespaceEngine({ settings: {}, emit: () => {}, signal } as unknown as Context, {
    volume,
    scratch,
  });
}

/** Opens a sandbox for one test; it is disposed at the end of the test. */
export async function openBox(
  t: TestContext,
  bench: Pick<EngineBench, 'engine' | 'rootfs'>,
  spec: Partial<SandboxSpec> = {},
): Promise<Sandbox> {
  const box = value(await bench.engine.open({ rootfs: bench.rootfs, mounts: [], network: 'none', ...spec }));
  t.after(() => box[Symbol.asyncDispose]());
  return box;
}

export interface Outcome extends Omit<Exit, 'stdout' | 'stderr'> {
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command that is expected to be started. */
export async function run(
  box: Sandbox,
  argv: Command['argv'],
  more: Partial<Command> = {},
): Promise<Outcome> {
  const exit = value(await box.run({ argv, env: ENV, cwd: '/', ...more }));
  return { ...exit, stdout: text(exit.stdout), stderr: text(exit.stderr) };
}

/** Runs a shell script. */
export function shell(box: Sandbox, script: string, more: Partial<Command> = {}): Promise<Outcome> {
  return run(box, ['sh', '-c', script], more);
}

export function value<T>(result: Result<T>): T {
  if (!result.ok) throw new Error(JSON.stringify(result.error, null, 2));
  return result.value;
}

export function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}

/** Ids of processes that sleep for a time of this bench: all, or those with that further digit. */
export function sleepers({ seconds }: Pick<EngineBench, 'seconds'>, digit = ''): readonly number[] {
  return scanProcesses('cmdline', `sleep\0${seconds}${digit}`);
}

/** Ids of processes that see a mount of this bench. */
export function mounters({ mark }: Bench): readonly number[] {
  return scanProcesses('mountinfo', mark);
}

function scanProcesses(file: string, words: string): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((name) => {
      try {
        return readFileSync(`/proc/${name}/${file}`, 'utf8').includes(words);
      } catch {
        return false;
      }
    })
    .map(Number);
}

/** Waits until something holds; the deadline is generous, for a machine under load. */
export async function until(what: string, holds: () => boolean, limitMs = 20_000): Promise<void> {
  const end = performance.now() + limitMs;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`not within ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export interface ProgramRequest {
  readonly spec: Partial<SandboxSpec>;
  readonly command: Partial<Command> & Pick<Command, 'argv'>;
}

export interface ProgramAnswer {
  readonly info?: EngineInfo;
  readonly failure?: Failure;
  readonly exit?: Outcome;
  /** Of the kind of programs that the sandbox is to emulate, where it is to. */
  readonly emulation?: EmulationSupport;
}

/** Command line of a program of its own that opens a sandbox and runs one command in it. */
export function programCommand(
  bench: Bench,
  { spec, command }: ProgramRequest,
): readonly [string, ...string[]] {
  const request = {
    folder: bench.folder,
    spec: { rootfs: bench.rootfs, mounts: [], network: 'none', ...spec },
    command: { env: ENV, cwd: '/', ...command },
  };
  return [process.execPath, PROGRAM, JSON.stringify(request)];
}

/** Runs that program behind a shell script that prepares its surroundings and ends with `exec "$@"`. */
export function programBehind(bench: Bench, script: string, request: ProgramRequest): ProgramAnswer {
  const output = execFileSync('sh', ['-euc', script, 'sh', ...programCommand(bench, request)], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return answerIn(output);
}

/** The answer in the output of that program; a terminal may show something on the same line before it. */
export function answerIn(output: string): ProgramAnswer {
  const line = /\{"(?:info|failure)":.*$/m.exec(output)?.[0];
  if (line === undefined) throw new Error(`no answer in: ${output}`);
  return JSON.parse(line) as ProgramAnswer;
}

/**
 * Script for `programBehind`: `prepare` runs as root of a new user and mount namespace; what follows is an ordinary user
 * in a further one, who cannot undo what was prepared. Works for whoever runs the tests.
 */
export function confined(prepare: string): string {
  const inner = 'exec unshare --user --map-user=1234 --map-group=1234 -- "$@"';
  return `exec unshare --user --map-root-user --mount -- sh -euc '${prepare.replaceAll("'", "'\\''")}\n${inner}' sh "$@"`;
}

/** A word for a shell script. */
export function quoted(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`;
}
