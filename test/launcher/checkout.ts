import { execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { defined } from '../../src/domain/defined.ts';

const HOME = dirname(dirname(import.meta.dirname));

/** The programs that the launcher may start, besides node and npm. */
const TOOLS = [
  ...[
    'sh',
    'env',
    'ls',
    'cksum',
    'readlink',
    'mkdir',
    'mv',
    'rm',
    'cp',
    'cat',
    'mktemp',
    'flock',
    'uname',
    'getent',
  ],
  ...['cut', 'id', 'xz', 'unshare', 'setpriv', 'nsenter', 'mount', 'sleep', 'chmod', 'wc'],
];

/** A temporary folder on a path that needs quoting. */
export function scratch(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), "launcher ü ' "));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/**
 * A checkout whose program and tests print their arguments and environment. `dependencies`: one small package for the
 * program and one for the tests, or those of provision itself.
 */
export function checkout(folder: string, dependencies: 'two' | 'real' = 'two'): string {
  const home = join(folder, 'check out');
  mkdirSync(join(home, 'src'), { recursive: true });
  mkdirSync(join(home, 'test'));
  for (const file of ['provision', '.npmrc', 'package.json', 'package-lock.json'])
    copyFileSync(join(HOME, file), join(home, file));
  chmodSync(join(home, 'provision'), 0o755);
  if (dependencies === 'two') writeSmallLock(home);
  // It may be started in a folder that is no longer there.
  const program = `let cwd: string | undefined;
try { cwd = process.cwd(); } catch {}
console.log(JSON.stringify({ args: process.argv.slice(2) as string[], version: process.version, exec: process.execPath, cwd, path: process.env.PATH }));\n`;
  writeFileSync(join(home, 'src', 'bin.ts'), program);
  writeFileSync(join(home, 'test', 'run.ts'), program);
  return home;
}

/** Two packages without dependencies of their own, at the versions that provision locks. */
function writeSmallLock(home: string): void {
  const locked = JSON.parse(readFileSync(join(home, 'package-lock.json'), 'utf8')).packages;
  const diff = locked['node_modules/diff'];
  const toml = locked['node_modules/smol-toml'];
  const root = {
    name: 'provision',
    version: '0.1.0',
    dependencies: { diff: diff.version },
    devDependencies: { 'smol-toml': toml.version },
  };
  writeFileSync(
    join(home, 'package.json'),
    JSON.stringify({
      ...root,
      private: true,
      type: 'module',
      scripts: { test: 'sh ./provision --run-tests' },
    }),
  );
  const packages = { '': root, 'node_modules/diff': diff, 'node_modules/smol-toml': { ...toml, dev: true } };
  const lock = { name: 'provision', version: '0.1.0', lockfileVersion: 3, requires: true, packages };
  writeFileSync(join(home, 'package-lock.json'), JSON.stringify(lock, null, 2));
}

export interface PathOptions {
  /** `fits`: the Node of the tests; `old`: an unsuitable one, which runs npm; a text: a script; absent: none. */
  readonly node?: 'fits' | 'old';
  /** `real`, a shell script, or none. */
  readonly npm?: string;
  readonly without?: readonly string[];
}

/** A folder for PATH with the standard tools only. */
export function pathFolder(folder: string, { node, npm, without = [] }: PathOptions): string {
  const bin = mkdtempSync(join(folder, 'bin '));
  for (const tool of TOOLS) if (!without.includes(tool)) symlinkSync(which(tool), join(bin, tool));
  if (node === 'fits') symlinkSync(process.execPath, join(bin, 'node'));
  if (node === 'old') putOldNode(join(bin, 'node'));
  if (npm === 'real') symlinkSync(which('npm'), join(bin, 'npm'));
  else if (npm !== undefined) script(join(bin, 'npm'), npm);
  return bin;
}

/** The machine's own Node where it is too old; else one that reports an old version. */
function putOldNode(file: string): void {
  const nodes = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'node'));
  const old = nodes.find(
    (path) => existsSync(path) && Number(execFileSync(path, ['-p', 'parseInt(process.versions.node)'])) < 24,
  );
  if (old !== undefined) symlinkSync(old, file);
  else script(file, `case "$*" in *features.typescript*) exit 0 ;; esac\nexec '${process.execPath}' "$@"`);
}

export function script(file: string, text: string): void {
  writeFileSync(file, `#!/bin/sh\n${text}\n`);
  chmodSync(file, 0o755);
}

function which(tool: string): string {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    if (folder !== '' && existsSync(join(folder, tool))) return join(folder, tool);
  }
  throw new Error(`these tests need ${tool}`);
}

export interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly path: string;
  readonly cache?: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/** Passes the user's proxies and npm configuration to npm, but nothing of provision, Node or a surrounding npm. */
function environment({ path, cache, env = {} }: RunOptions): Record<string, string> {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(PROVISION_|NODE_(?!EXTRA_CA_CERTS)|XDG_|npm_(?!config_registry))/.test(name),
  );
  const all = {
    ...Object.fromEntries(kept),
    PATH: path,
    ...defined({ PROVISION_CACHE: cache }),
    ...env,
  };
  return Object.fromEntries(
    Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}

export function run(argv: readonly [string, ...string[]], options: RunOptions): Promise<Run> {
  return start(argv, options).ended;
}

export function start(argv: readonly [string, ...string[]], options: RunOptions) {
  const child = spawn(argv[0], argv.slice(1), {
    cwd: options.cwd ?? '/',
    env: environment(options),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const out = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      out[name] += text;
    });
  }
  const ended = new Promise<Run>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, ...out }));
  });
  return { child, ended };
}
