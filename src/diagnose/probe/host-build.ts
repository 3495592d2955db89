import { appendFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../domain/context.ts';
import { cargoSelection } from '../../domain/crate.ts';
import { defined } from '../../domain/defined.ts';
import { ok, type Result } from '../../domain/result.ts';
import { shellCommand } from '../../domain/shell.ts';
import { exitOf } from '../../engine/tool.ts';
import { isExecutable } from '../../exec/files.ts';
import { runProcess } from '../../exec/process.ts';
import type { Failure } from '../../failure.ts';
import type { Attempt, ProbeSetup } from './attempt.ts';

/** The user's own Rust. */
export interface HostRust {
  readonly cargo: string;
  readonly env: Readonly<Record<string, string>>;
  readonly versions: Readonly<Record<string, string>>;
}

/** Milliseconds for a build of a few crates; it is stopped by its first blocker long before. */
const TIME_LIMIT_MS = 15 * 60_000;

/** cargo on PATH, where there is one that answers. */
export async function findHostCargo({ settings, signal }: Context): Promise<HostRust | undefined> {
  const env = settings.rust ?? {};
  const cargo = await onPath('cargo', settings.path ?? []);
  const rustc = await onPath('rustc', settings.path ?? []);
  if (cargo === undefined || rustc === undefined) return undefined;
  const versions: Record<string, string> = {};
  for (const [name, program] of Object.entries({ cargo, rustc })) {
    const answer = await runProcess({ argv: [program, '--version'], env, signal, timeoutMs: 60_000 });
    // rustup's stand-ins are there before any toolchain is.
    if (!answer.ok || answer.value.status !== 0) return undefined;
    versions[name] = Buffer.from(answer.value.stdout).toString('utf8').trim().split(' ')[1] ?? '';
  }
  return { cargo, env, versions };
}

async function onPath(name: string, folders: readonly string[]): Promise<string | undefined> {
  for (const folder of folders) {
    const file = join(folder, name);
    const there = await isExecutable(file);
    if (there) return file;
  }
  return undefined;
}

/** `cargo build --target …` with the user's own Rust, in the project; what it builds goes elsewhere. */
export async function tryHostBuild(context: ProbeSetup, rust: HostRust): Promise<Result<Attempt>> {
  const { session, run, diagnostics, logs } = context;
  const { plan } = run;
  const { project } = plan.recipe;
  const argv = [
    ...['cargo', 'build', '--locked', ...cargoSelection(plan.crate), '--target', plan.target.rustTriple],
    ...(project.features.length > 0 ? ['--features', project.features.join(',')] : []),
    ...(project.defaultFeatures ? [] : ['--no-default-features']),
  ];
  await mkdir(logs, { recursive: true });
  const log = join(logs, '0-nothing.log');
  await writeFile(log, `$ ${shellCommand(argv)}\n`);
  const env = { ...rust.env, CARGO_TARGET_DIR: join(context.scratch, 'target'), CARGO_TERM_COLOR: 'never' };
  const exit = await runProcess({
    argv: [rust.cargo, ...argv.slice(1)],
    env,
    cwd: project.folder,
    timeoutMs: TIME_LIMIT_MS,
    onOutput: (_, chunk) => appendFileSync(log, chunk),
    signal: session.context.signal,
  });
  if (!exit.ok) return exit;
  const { value } = exit;
  const attempt = { command: shellCommand(argv), ms: Math.round(value.ms) };
  if (value.status === 0) return ok(attempt);
  const output = Buffer.concat([value.stdout, value.stderr]).toString('utf8');
  const doing = `Building ${project.bin} for ${plan.target.rustTriple}`;
  session.context.emit({
    type: 'step-failed',
    step: {
      ...{
        stage: 'build',
        doing,
        argv,
        env,
        cwd: project.folder,
        place: 'host',
        log,
        output,
        versions: rust.versions,
      },
      exit: exitOf(value),
      ms: attempt.ms,
    },
  });
  diagnostics.explain('build', failed(doing, log));
  return ok({ ...attempt, ...defined({ blocker: diagnostics.latest }) });
}

function failed(doing: string, log: string): Failure {
  return { code: 'build/failed', what: `${doing} failed.`, fix: [], see: [log] };
}
