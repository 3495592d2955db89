import { stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type RustPin, rustPin } from '../crate/rust-toolchain.ts';
import type { Context } from '../domain/context.ts';
import type { HostRust, Resolved } from '../domain/definitions.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { exists } from '../exec/files.ts';
import { runProcess } from '../exec/process.ts';
import type { Failure } from '../failure.ts';

/**
 * The Rust toolchain of the user's `rustc`, as rustup selects it in the project's folder. Fails where it has no standard
 * library for the target; the failure gives the command that installs it.
 */
export async function findHostRust(context: Context, resolved: Resolved): Promise<Result<HostRust>> {
  const { target, rustStd } = resolved;
  if (target.libc !== 'gnu' || rustStd.from === 'source') return err(notForTarget(resolved));
  const or = otherWay(resolved);
  const rustc = await findOnPath(context, 'rustc');
  if (rustc === undefined) return err(noRust(or));
  // rustup does not look at files of the project then.
  const pin = context.settings.rustup?.RUSTUP_TOOLCHAIN
    ? undefined
    : await rustPin(resolved.recipe.project.root);
  if (pin?.path !== undefined || pin?.unreadable === true) return err(projectsOwn(pin, or));
  const printed = await query(context, rustc, ['--print', 'sysroot'], resolved);
  if (!printed.ok) return printed;
  const version = await query(context, rustc, ['-vV'], resolved);
  if (!version.ok) return version;
  const folder = printed.value.trim();
  const release = /^release: (\S+)$/m.exec(version.value)?.[1];
  const host = /^host: (\S+)$/m.exec(version.value)?.[1];
  if (release === undefined || host === undefined) return err(unknownToolchain(rustc, version.value, or));
  if (!(await exists(join(folder, 'bin', 'cargo')))) return err(noCargo(folder, or));
  for (const triple of new Set([target.rustTriple, resolved.hostTarget.rustTriple])) {
    if (!(await exists(join(folder, 'lib', 'rustlib', triple, 'lib'))))
      return err(noStd(folder, triple, release, or));
  }
  return ok({ folder, release, version: version.value.trim() });
}

async function findOnPath(context: Context, name: string): Promise<string | undefined> {
  for (const folder of context.settings.path ?? []) {
    const file = join(folder, name);
    if ((await stat(file).catch(() => undefined))?.isFile()) return file;
  }
  return undefined;
}

async function query(
  context: Context,
  rustc: string,
  args: readonly string[],
  resolved: Resolved,
): Promise<Result<string>> {
  const { path = [], docker, rustup = {} } = context.settings;
  const run = await runProcess({
    argv: [rustc, ...args],
    // A toolchain named in `rust-toolchain.toml` is not installed without the user's consent.
    env: { PATH: path.join(':'), HOME: docker.home, LC_ALL: 'C', RUSTUP_AUTO_INSTALL: '0', ...rustup },
    cwd: resolved.recipe.project.root,
    timeoutMs: 60_000,
    signal: context.signal,
  });
  if (!run.ok) return run;
  if (run.value.status === 0) return ok(Buffer.from(run.value.stdout).toString('utf8'));
  return err(unknownToolchain(rustc, Buffer.from(run.value.stderr).toString('utf8'), otherWay(resolved)));
}

/** What to do without a Rust of one's own. A crate that is an implementation of Python is newer than the image's Rust. */
function otherWay({ sysroot: { python }, target }: Resolved): string {
  return python.implementation === 'CPython'
    ? 'Or remove `rust: host` to use the Rust of the toolchain image.'
    : `Or run the scripts on CPython, which needs no newer Rust: \`provision ${target.recipe}\`.`;
}

/** It is started on this machine, outside of any sandbox: what a project names there could be a program of its own. */
function projectsOwn({ file, path }: RustPin, or: string): Failure {
  return {
    code: 'build/no-host-rust',
    what:
      path === undefined
        ? `The recipe has \`rust: host\`, and ${file} cannot be read.`
        : `The recipe has \`rust: host\`, and ${file} names a folder as the Rust toolchain: ${path}.`,
    why: "Its compiler would be started outside of any sandbox, and a project's file does not decide what is.",
    fix: [
      path === undefined
        ? 'Fix the file: `[toolchain]` with a `channel`.'
        : 'If you trust that toolchain: `rustup toolchain link <name> <folder>`, and run this with `RUSTUP_TOOLCHAIN=<name>`.',
      or,
    ],
  };
}

function noRust(or: string): Failure {
  return {
    code: 'build/no-host-rust',
    what: 'The recipe has `rust: host`, but there is no `rustc` on PATH.',
    fix: ['Install Rust with rustup, or add its `bin` folder to PATH.', or],
  };
}

function unknownToolchain(rustc: string, output: string, or: string): Failure {
  // rustup's message where a `rust-toolchain.toml` pins what is not there; nothing is installed without being asked to.
  const missing = /toolchain '([^']+)' is not installed/.exec(output)?.[1];
  if (missing !== undefined) return notInstalled(missing, output, or);
  return {
    code: 'build/no-host-rust',
    what: `\`${rustc}\` does not report its toolchain.`,
    fix: ['Run `rustc -vV` in the folder of the project and fix the error that it reports.', or],
    evidence: output.trim().split('\n').slice(0, 10),
  };
}

function notInstalled(toolchain: string, output: string, or: string): Failure {
  return {
    code: 'build/no-host-rust',
    what: `The recipe has \`rust: host\`, and the project pins the Rust toolchain \`${toolchain}\`, which is not installed.`,
    fix: [`\`rustup toolchain install ${toolchain}\``, or],
    evidence: output.trim().split('\n').slice(0, 2),
  };
}

function noCargo(folder: string, or: string): Failure {
  return {
    code: 'build/no-host-rust',
    what: `The Rust toolchain in ${folder} has no cargo.`,
    fix: [`\`rustup component add --toolchain ${basename(folder)} cargo\``, or],
  };
}

function noStd(folder: string, triple: string, release: string, or: string): Failure {
  return {
    code: 'build/no-host-std',
    what: `Your Rust ${release} has no standard library for ${triple}.`,
    why: `There is no ${join(folder, 'lib', 'rustlib', triple, 'lib')}.`,
    fix: [`\`rustup target add --toolchain ${basename(folder)} ${triple}\``, or],
  };
}

function notForTarget({ target }: Resolved): Failure {
  return {
    code: 'recipe/rust-host',
    what: `\`rust: host\` is not supported for ${target.rustTriple}.`,
    why: "rustup's Rust contains its own C library for this target, not the one that CPython is built against here.",
    fix: ['Remove `rust: host`: the Rust of the toolchain image is built for this sysroot.'],
  };
}
