import { err, ok, type Result } from '../domain/result.ts';
import { crateAt } from '../engine/project-paths.ts';
import type { Command, Invocation, Outcome } from './command.ts';
import { type Workbench, withWorkbench } from './workbench.ts';

export const command: Command = {
  name: 'shell',
  summary: "open a shell in the recipe's toolchain, with the build's env",
  positionals: [{ name: 'recipe', required: false, completes: 'recipe' }],
  options: {},
  examples: [
    'provision shell aarch64',
    'provision shell aarch64 -- cargo build --release --target aarch64-unknown-linux-gnu',
  ],
  renders: false,
  run,
};

async function run({ context, positionals, rest, terminal }: Invocation): Promise<Result<Outcome>> {
  if (rest.length === 0 && !terminal) return err(noTerminal());
  const use = async ({ plan, box, env }: Workbench): Promise<Result<Outcome>> => {
    const exit = await box.run({
      argv: (rest.length > 0 ? rest : ['bash', '--norc', '-i']) as [string, ...string[]],
      env: { ...env, TERM: 'xterm-256color', PS1: `${plan.recipe.name}:\\w$ ` },
      cwd: crateAt(plan.recipe.project),
      stdio: 'inherit',
    });
    if (!exit.ok) return exit;
    return ok({
      text: '',
      json: { status: exit.value.status ?? null, signal: exit.value.signal ?? null },
      status: exit.value.status ?? 1,
    });
  };
  return withWorkbench(context, positionals[0], use, { followEdits: true });
}

function noTerminal() {
  return {
    code: 'usage/no-terminal',
    what: 'A shell needs a terminal.',
    fix: ['Give a command behind two dashes: `provision shell <recipe> -- <command> …`.'],
  } as const;
}
