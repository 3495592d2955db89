import { type ChildProcess, spawn } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const REPOSITORY = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Recipes of the runner with the packaged Python, for tests of what lies around it: no CPython is compiled in their stores. */
export const PACKAGED_AARCH64 = join(REPOSITORY, 'test', 'recipes', 'aarch64.yaml');
export const PACKAGED_X86_64 = join(REPOSITORY, 'test', 'recipes', 'x86_64.yaml');

/** One store for all end-to-end tests, kept between runs; its odd path is a test of its own. */
export const SHARED_STORE =
  process.env.PROVISION_TEST_STORE || join(REPOSITORY, '.provision', 'test störe, shared');

export interface CliOptions {
  readonly cwd?: string;
  readonly store?: string;
  /** Folder that holds src/, recipes/, …: the repository, or a copy of it. */
  readonly home?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  /** Runs the command through another one: `['setpriv', '--reuid', …]`. */
  readonly through?: readonly string[];
}

export interface CliRun {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Milliseconds, launch to exit. */
  readonly ms: number;
}

/** The environment of a user at a plain terminal, without variables of the test runner or of provision. */
export function plainEnvironment(): Record<string, string> {
  const kept =
    /^(PATH|HOME|LANG|TMPDIR|USER|CARGO_HOME|PROVISION_DEBIAN_MIRROR|PROVISION_CA_BUNDLE|SSL_CERT_FILE|SSL_CERT_DIR|NODE_EXTRA_CA_CERTS|CURL_CA_BUNDLE|PIP_[A-Z_]+|https?_proxy|no_proxy|all_proxy|HTTPS?_PROXY|NO_PROXY|ALL_PROXY)$/;
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => kept.test(name))) as Record<
    string,
    string
  >;
}

export function startProvision(args: readonly string[], options: CliOptions = {}): ChildProcess {
  const command = [
    ...(options.through ?? []),
    process.execPath,
    join(options.home ?? REPOSITORY, 'src', 'bin.ts'),
    ...withStore(args, options.store),
  ] as [string, ...string[]];
  return spawn(command[0], command.slice(1), {
    cwd: options.cwd ?? tmpdir(),
    // A container engine that the machine may have is asked only by the tests that are about one.
    env: { ...plainEnvironment(), PROVISION_ENGINE: 'namespace', ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

/** The option stands in front of `--`: what follows that is another program's. */
function withStore(args: readonly string[], store: string | undefined): readonly string[] {
  if (store === undefined) return args;
  const end = args.includes('--') ? args.indexOf('--') : args.length;
  return [...args.slice(0, end), '--store', store, ...args.slice(end)];
}

/** Runs the real CLI to its end. */
export function provision(args: readonly string[], options: CliOptions = {}): Promise<CliRun> {
  return finish(startProvision(args, options), options.timeoutMs ?? 15 * 60_000);
}

export function finish(child: ChildProcess, timeoutMs: number): Promise<CliRun> {
  const started = performance.now();
  const output = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status, signal) => {
      clearTimeout(timer);
      resolve({ status, signal, ...output, ms: performance.now() - started });
    });
  });
}

/** Resolves when the child has printed the text; rejects when it ends without. */
export function untilPrinted(child: ChildProcess, text: string | RegExp): Promise<void> {
  let output = '';
  return new Promise((resolve, reject) => {
    const look = (chunk: Buffer | string): void => {
      output += chunk.toString();
      if (typeof text === 'string' ? output.includes(text) : text.test(output)) resolve();
    };
    child.stdout?.on('data', look);
    child.stderr?.on('data', look);
    child.once('close', () => reject(new Error(`it ended without printing ${text}:\n${output}`)));
  });
}

/** A temporary folder that goes when the test is over. */
export function temporaryFolder(
  context: { after(done: () => void): void },
  name = 'provision-test-',
): string {
  const folder = mkdtempSync(join(tmpdir(), name));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A copy of the tool with its data, for tests that break recipes, definitions or locks. */
export function copyOfTool(folder: string): string {
  const home = join(folder, 'tool');
  for (const part of [
    'src',
    'recipes',
    'targets',
    'sysroots',
    'systems',
    'docker',
    'libraries',
    'runtimes',
    'pythons',
    'package.json',
  ]) {
    cpSync(join(REPOSITORY, part), join(home, part), { recursive: true });
  }
  for (const part of ['node_modules', 'runner']) symlinkSync(join(REPOSITORY, part), join(home, part));
  return home;
}
