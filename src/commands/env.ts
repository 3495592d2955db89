import { ok, type Result } from '../domain/result.ts';
import type { BuildEnv } from '../env/env.ts';
import { direnvLines, execCommand, vscodeSettings } from '../pipeline/editor.ts';
import { hostMachine } from '../pipeline/host.ts';
import { PYO3_CONFIG_FILE, planRun, prepareEnv } from '../pipeline/prepare.ts';
import { openSession } from '../pipeline/session.ts';
import type { Command, Invocation, Outcome } from './command.ts';

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

async function run({ context, positionals, values }: Invocation): Promise<Result<Outcome>> {
  // What is printed is the result alone: progress of a first fetch stays off the standard output.
  const session = await openSession({ ...context, emit: values.verbose === true ? context.emit : () => {} });
  if (!session.ok) return session;
  const planned = await planRun(session.value, positionals[0], hostMachine());
  if (!planned.ok) return planned;
  if (values.vscode === true || values.direnv === true) {
    const { plan } = planned.value;
    const exec = execCommand(session.value, positionals[0]);
    const text =
      values.vscode === true ? ok(vscodeSettings(plan, exec)) : await direnvLines(session.value, plan, exec);
    return text.ok ? ok({ text: text.value, json: { text: text.value } }) : text;
  }
  const prepared = await prepareEnv(planned.value);
  await session.value.store.settled();
  if (!prepared.ok) return prepared;
  const { env } = prepared.value;
  return ok({
    text: values.shell === true ? exportLines(env) : listing(env),
    json: { variables: env.variables, files: { [PYO3_CONFIG_FILE]: env.pyo3Config } },
  });
}

function listing(env: BuildEnv): string {
  const lines = Object.entries(env.variables).map(([name, value]) => `${name}=${value}`);
  const file = env.pyo3Config.trimEnd().split('\n');
  return [...lines, '', `${PYO3_CONFIG_FILE}:`, ...file.map((line) => `  ${line}`), ''].join('\n');
}

function exportLines(env: BuildEnv): string {
  const lines = Object.entries(env.variables).map(([name, value]) => `export ${name}=${quote(value)}`);
  return `${lines.join('\n')}\n`;
}

/** Single quotes: nothing inside is special to a POSIX shell. */
function quote(value: string): string {
  return /^[\w@%+=:,./-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`;
}
