import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type CliOptions, type CliRun, provision, SHARED_STORE, temporaryFolder } from './cli.ts';
import { put } from './crate.ts';

type After = { after(done: () => void): void };

export const MAIN = 'fn main() {}\n';

/** A recipe that extends a shipped one and starts the program once. */
export function recipe(base: string, more = ''): string {
  return `schema: 1\nextends: ${base}\n${more}tests: {commands: [{name: starts}]}\n`;
}

/** A crate without dependencies, and files that are added to it or take the place of its own. */
export function curedCrate(t: After, files: Readonly<Record<string, string>>, manifest = ''): string {
  const folder = join(temporaryFolder(t, 'provision cure ü '), 'crate');
  put(folder, {
    'Cargo.toml': `[package]\nname = "cured"\nversion = "0.1.0"\nedition = "2021"\n${manifest}`,
    'Cargo.lock': 'version = 4\n\n[[package]]\nname = "cured"\nversion = "0.1.0"\n',
    'src/main.rs': MAIN,
    ...files,
  });
  return folder;
}

interface Found {
  readonly code: string;
  readonly cure?: string;
}

/** What blocked the last run in a folder. */
export function blockersOf(folder: string, base: string): readonly Found[] {
  const report = readFileSync(join(folder, 'artifacts', base, 'report.json'), 'utf8');
  return (JSON.parse(report) as { readonly blockers: readonly Found[] }).blockers;
}

/** Runs a printed cure that is a command of provision. */
export function runPrinted(cure: string, cwd: string, options: CliOptions = {}): Promise<CliRun> {
  const [program, ...args] = cure.split(' ');
  assert.equal(program, 'provision', cure);
  return provision(args, { cwd, store: SHARED_STORE, timeoutMs: 20 * 60_000, ...options });
}

/** Does what a printed cure says: a line of the recipe, a line of a file in place of another one, or a command. */
export async function applyCure(
  folder: string,
  cure: string,
  instead?: readonly [file: string, line: string],
): Promise<void> {
  if (instead !== undefined) {
    const file = join(folder, instead[0]);
    const before = readFileSync(file, 'utf8');
    assert.ok(before.includes(instead[1]), before);
    writeFileSync(
      file,
      before.replace(instead[1], () => cure),
    );
  } else if (/^(?:toolchain|sysroot|project|rust): /.test(cure)) {
    const file = join(folder, 'provision.yaml');
    writeFileSync(file, `${readFileSync(file, 'utf8')}${cure}\n`);
    if (/^(?:toolchain|sysroot)/.test(cure)) await locked(folder);
  } else {
    execFileSync('bash', ['-ec', cure], { cwd: folder });
  }
}

/** Locks what a recipe adds. */
export async function locked(cwd: string): Promise<void> {
  const run = await provision(['lock'], { cwd, store: SHARED_STORE });
  assert.equal(run.status, 0, run.stderr);
}
