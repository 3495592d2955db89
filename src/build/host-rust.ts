import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Context } from '../domain/context.ts';
import type { HostRust, Resolved } from '../domain/definitions.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { exists } from '../exec/files.ts';
import { runProcess } from '../exec/process.ts';
import type { Failure } from '../failure.ts';

/**
 * The Rust toolchain that a person's own `rustc` is of, as rustup chooses it in the project's folder. Fails where it has
 * no standard library for the target, with the command that brings it.
 */
export async function findHostRust(context: Context, resolved: Resolved): Promise<Result<HostRust>> {
  const { target, rustStd, recipe } = resolved;
  if (target.libc !== 'gnu' || rustStd.from === 'source') return err(notForTarget(resolved));
  const rustc = await onPath(context, 'rustc');
  if (rustc === undefined) return err(noRust());
  const said = await ask(context, rustc, ['--print', 'sysroot'], recipe.project.root);
  if (!said.ok) return said;
  const version = await ask(context, rustc, ['-vV'], recipe.project.root);
  if (!version.ok) return version;
  const folder = said.value.trim();
  const release = /^release: (\S+)$/m.exec(version.value)?.[1];
  const host = /^host: (\S+)$/m.exec(version.value)?.[1];
  if (release === undefined || host === undefined) return err(noAnswer(rustc, version.value));
  if (!(await exists(join(folder, 'bin', 'cargo')))) return err(noCargo(folder));
  for (const triple of new Set([target.rustTriple, resolved.hostTarget.rustTriple])) {
    if (!(await exists(join(folder, 'lib', 'rustlib', triple, 'lib'))))
      return err(noStd(folder, triple, release));
  }
  return ok({ folder, release, version: version.value.trim() });
}

async function onPath(context: Context, name: string): Promise<string | undefined> {
  for (const folder of context.settings.path ?? []) {
    const file = join(folder, name);
    if ((await stat(file).catch(() => undefined))?.isFile()) return file;
  }
  return undefined;
}

async function ask(
  context: Context,
  rustc: string,
  args: readonly string[],
  cwd: string,
): Promise<Result<string>> {
  const { path = [], docker, rustup = {} } = context.settings;
  const run = await runProcess({
    argv: [rustc, ...args],
    // A toolchain that `rust-toolchain.toml` names is not fetched behind a person's back.
    env: { PATH: path.join(':'), HOME: docker.home, LC_ALL: 'C', RUSTUP_AUTO_INSTALL: '0', ...rustup },
    cwd,
    timeoutMs: 60_000,
    signal: context.signal,
  });
  if (!run.ok) return run;
  if (run.value.status === 0) return ok(Buffer.from(run.value.stdout).toString('utf8'));
  return err(noAnswer(rustc, Buffer.from(run.value.stderr).toString('utf8')));
}

const OR_IMAGE = 'Or remove `rust: host`: the Rust of the toolchain image has it.';

function noRust(): Failure {
  return {
    code: 'build/no-host-rust',
    what: 'The recipe says `rust: host`, and there is no `rustc` on PATH.',
    fix: ['Install Rust with rustup, or put its `bin` folder on PATH.', OR_IMAGE],
  };
}

function noAnswer(rustc: string, said: string): Failure {
  return {
    code: 'build/no-host-rust',
    what: `\`${rustc}\` does not say which toolchain it is of.`,
    fix: ['Run `rustc -vV` in the folder of the project and mend what it says.', OR_IMAGE],
    evidence: said.trim().split('\n').slice(0, 10),
  };
}

function noCargo(folder: string): Failure {
  return {
    code: 'build/no-host-rust',
    what: `The Rust toolchain in ${folder} has no cargo.`,
    fix: [`\`rustup component add --toolchain ${basename(folder)} cargo\``, OR_IMAGE],
  };
}

function noStd(folder: string, triple: string, release: string): Failure {
  return {
    code: 'build/no-host-std',
    what: `Your Rust ${release} has no standard library for ${triple}.`,
    why: `There is no ${join(folder, 'lib', 'rustlib', triple, 'lib')}.`,
    fix: [`\`rustup target add --toolchain ${basename(folder)} ${triple}\``, OR_IMAGE],
  };
}

function notForTarget({ target }: Resolved): Failure {
  return {
    code: 'recipe/rust-host',
    what: `\`rust: host\` cannot be had for ${target.rustTriple}.`,
    why: 'Rust of rustup brings a C library of its own for it, which is another than the one CPython is built on here.',
    fix: ['Remove `rust: host`: the Rust of the toolchain image is made for this sysroot.'],
  };
}
