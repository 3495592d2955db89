import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { REPOSITORY } from './cli.ts';

/** Programs that the workflow is tested with; versions and checksums: test/actions/tools/go.mod, go.sum. */
const PACKAGES = {
  actionlint: 'github.com/rhysd/actionlint/cmd/actionlint',
  act: 'github.com/nektos/act',
} as const;

/** What go.mod asks for, and the toolchain that is brought where the machine's is older: itself a Go module. */
const MINOR = 25;
const TOOLCHAIN = 'golang.org/toolchain@v0.0.1-go1.25.5';

const MODULE = join(REPOSITORY, 'test', 'actions', 'tools');

/** Absolute path of a program, built once for each lock and kept. */
export function goTool(name: keyof typeof PACKAGES): string {
  const key = createHash('sha256')
    .update(readFileSync(join(MODULE, 'go.mod')))
    .update(readFileSync(join(MODULE, 'go.sum')))
    .digest('hex');
  const folder = join(REPOSITORY, '.provision', 'go-tools', key.slice(0, 16));
  const program = join(folder, name);
  if (existsSync(program)) return program;
  mkdirSync(folder, { recursive: true });
  const beside = `${program}.${process.pid}`;
  const go = goThatFits();
  try {
    runGo(go, ['build', '-mod=readonly', '-buildvcs=false', '-o', beside, PACKAGES[name]], MODULE);
    renameSync(beside, program);
  } finally {
    rmSync(beside, { force: true });
  }
  return program;
}

function goThatFits(): string {
  const { error } = spawnSync('go', ['version']);
  if (error !== undefined)
    throw new Error('there is no go here: apt-get install golang-go', { cause: error });
  const version = runGo('go', ['env', 'GOVERSION'], MODULE, { GO111MODULE: 'off' });
  const [, minor = '0'] = /^go1\.(\d+)/.exec(version) ?? [];
  return Number(minor) >= MINOR ? 'go' : bringGo();
}

/** From the module proxy, checked against the checksum database, as newer versions of go do it by themselves. */
function bringGo(): string {
  const platform = `${runGo('go', ['env', 'GOOS'], MODULE)}-${runGo('go', ['env', 'GOARCH'], MODULE)}`;
  const work = join(REPOSITORY, '.provision', 'go-tools', 'toolchain');
  mkdirSync(work, { recursive: true });
  const downloaded = runGo('go', ['mod', 'download', '-json', `${TOOLCHAIN}.${platform}`], work, {
    GOFLAGS: '-mod=mod',
    GO111MODULE: 'on',
  });
  const { Dir: root } = JSON.parse(downloaded) as { readonly Dir: string };
  // A module holds no modes.
  for (const file of readdirSync(root, { recursive: true, withFileTypes: true })) {
    const program = file.isFile() && /(?:\/bin|\/pkg\/tool\/[^/]+)$/.test(file.parentPath);
    if (program) chmodSync(join(file.parentPath, file.name), 0o755);
  }
  return join(root, 'bin', 'go');
}

function runGo(
  go: string,
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): string {
  const { GOROOT: _, ...rest } = process.env;
  return execFileSync(go, args, {
    cwd,
    encoding: 'utf8',
    env: { ...rest, GOTOOLCHAIN: 'local', GOFLAGS: '', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  }).trim();
}
