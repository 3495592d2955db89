import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildMounts, writeEnvFiles } from '../build/build.ts';
import { hostCargo } from '../build/host-cargo.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { PATHS } from '../engine/paths.ts';
import { hostMachine } from '../pipeline/host.ts';
import { planRun, prepareEnv } from '../pipeline/prepare.ts';
import { openSession, type Session } from '../pipeline/session.ts';
import type { Command, Invocation, Outcome } from './command.ts';

export const command: Command = {
  name: 'shell',
  summary: "open a shell in the recipe's toolchain, with the build's env",
  positionals: [{ name: 'recipe', required: true, completes: 'recipe' }],
  options: {},
  examples: [
    'provision shell aarch64',
    'provision shell aarch64 -- cargo build --release --target aarch64-unknown-linux-gnu',
  ],
  renders: false,
  run,
};

async function run(invocation: Invocation): Promise<Result<Outcome>> {
  const session = await openSession(invocation.context);
  if (!session.ok) return session;
  const folder = await mkdtemp(join(tmpdir(), 'provision-shell-'));
  try {
    return await enter(session.value, invocation, folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
    await session.value.engineUsed()?.close?.();
    await session.value.store.settled();
  }
}

async function enter(
  session: Session,
  { positionals, rest, terminal, context }: Invocation,
  folder: string,
): Promise<Result<Outcome>> {
  const planned = await planRun(session, positionals[0] as string, hostMachine());
  if (!planned.ok) return planned;
  const toolchain = await planned.value.trees.make('toolchain');
  if (!toolchain.ok) return toolchain;
  const prepared = await prepareEnv(planned.value);
  if (!prepared.ok) return prepared;
  if (rest.length === 0 && !terminal) return err(noTerminal());
  const cargo = await hostCargo(context.settings);
  if (!cargo.ok) return cargo;
  const engine = await session.engine();
  if (!engine.ok) return engine;
  const { env, sysroot } = prepared.value;
  await writeEnvFiles(folder, env, cargo.value);
  const sandbox = await engine.value.open({
    rootfs: toolchain.value.folder,
    network: context.settings.offline ? 'none' : 'host',
    mounts: [
      ...buildMounts({ resolved: planned.value.plan, toolchain: toolchain.value, sysroot }, folder),
      ...cargo.value.mounts,
    ],
    hostname: planned.value.plan.recipe.name,
  });
  if (!sandbox.ok) return sandbox;
  await using box = sandbox.value;
  const exit = await box.run({
    argv: (rest.length > 0 ? rest : ['bash', '--norc', '-i']) as [string, ...string[]],
    env: {
      ...env.variables,
      ...cargo.value.env,
      TERM: 'xterm-256color',
      PS1: `${planned.value.plan.recipe.name}:\\w$ `,
    },
    cwd: PATHS.project,
    stdio: 'inherit',
  });
  if (!exit.ok) return exit;
  return ok({
    text: '',
    json: { status: exit.value.status ?? null, signal: exit.value.signal ?? null },
    status: exit.value.status ?? 1,
  });
}

function noTerminal() {
  return {
    code: 'usage/no-terminal',
    what: 'A shell needs a terminal.',
    fix: ['Give a command behind two dashes: `provision shell <recipe> -- <command> …`.'],
  } as const;
}
