import { ok, type Result } from '../domain/result.ts';
import { shellWord } from '../domain/shell.ts';
import type { BuildEnv } from '../env/env.ts';
import { hostMachine } from '../pipeline/host.ts';
import { PYO3_CONFIG_FILE, planRun, prepareEnv, startRun } from '../pipeline/prepare.ts';
import { withSession } from '../pipeline/session.ts';
import type { Command, Invocation, Outcome } from './command.ts';
import { direnvLines, execCommand, vscodeSettings } from './editor.ts';

export const command: Command = {
  name: 'env',
  summary: "print the environment that the recipe's build gets",
  positionals: [{ name: 'recipe', required: false, completes: 'recipe' }],
  options: {
    shell: { type: 'boolean', help: 'print export lines for a POSIX shell' },
    vscode: { type: 'boolean', help: "print an editor's settings for rust-analyzer" },
    direnv: { type: 'boolean', help: "print lines for direnv: `cargo` is the toolchain's" },
  },
  examples: [
    'provision env aarch64',
    'provision env aarch64 --shell',
    'provision env aarch64 --vscode',
    'provision env aarch64 --json',
  ],
  renders: false,
  run,
};

async function run({ context: outer, positionals, values }: Invocation): Promise<Result<Outcome>> {
  // What is printed is the result alone: progress of a first fetch stays off the standard output.
  const context = { ...outer, emit: values.verbose === true ? outer.emit : () => {} };
  const planned = await planRun(context, positionals[0], hostMachine());
  if (!planned.ok) return planned;
  const { plan } = planned.value;
  return withSession<Outcome>(context, [planned.value], async (session) => {
    if (values.vscode === true || values.direnv === true) {
      const exec = execCommand(session, positionals[0]);
      const text =
        values.vscode === true ? ok(vscodeSettings(plan, exec)) : await direnvLines(session, plan, exec);
      return text.ok ? ok({ text: text.value, json: { text: text.value } }) : text;
    }
    const started = await startRun(session, planned.value, { sysrootOnly: true });
    if (!started.ok) return started;
    const prepared = await prepareEnv(session, started.value);
    if (!prepared.ok) return prepared;
    const { env } = prepared.value;
    return ok({
      text: values.shell === true ? exportLines(env) : listing(env),
      json: { variables: env.variables, files: { [PYO3_CONFIG_FILE]: env.pyo3Config } },
    });
  });
}

function listing(env: BuildEnv): string {
  const lines = Object.entries(env.variables).map(([name, value]) => `${name}=${value}`);
  const file = env.pyo3Config.trimEnd().split('\n');
  return [...lines, '', `${PYO3_CONFIG_FILE}:`, ...file.map((line) => `  ${line}`), ''].join('\n');
}

function exportLines(env: BuildEnv): string {
  const lines = Object.entries(env.variables).map(([name, value]) => `export ${name}=${shellWord(value)}`);
  return `${lines.join('\n')}\n`;
}
