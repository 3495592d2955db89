import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { plainEnvironment, REPOSITORY } from './cli.ts';
import { quoted } from './sandboxes.ts';

/** An environment as a shell makes it; `$P` stands for the command. */
export interface Hostile {
  readonly name: string;
  readonly script: string;
  /** Variables beside those of a plain terminal; undefined takes one away. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface Outcome {
  readonly status: number | string | null;
  readonly stdout: string;
  readonly stderr: string;
}

const COMMAND = [
  process.execPath,
  '--disable-warning=ExperimentalWarning',
  join(REPOSITORY, 'src', 'bin.ts'),
];

/** Runs the real CLI in an environment, in a folder, through a shell. */
export function runHostile(
  args: readonly string[],
  { script, env = {} }: Omit<Hostile, 'name'>,
  cwd: string,
  timeoutMs = 120_000,
): Promise<Outcome> {
  const command = [...COMMAND, ...args].map(quoted).join(' ');
  const all = {
    ...plainEnvironment(),
    PROVISION_ENGINE: 'namespace',
    PROVISION_STORE: join(cwd, 'store'),
    ...env,
  };
  const set = Object.fromEntries(
    Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
  return new Promise((resolve) => {
    const child = execFile(
      '/bin/bash',
      // It reads ~/.bashrc where its input is a socket: bash(1), "Invoked by remote shell daemon".
      ['--norc', '-c', script.replaceAll('$P', () => command)],
      { cwd, env: set, timeout: timeoutMs, killSignal: 'SIGKILL' },
      (error, stdout, stderr) =>
        resolve({ status: error === null ? 0 : (error.code ?? error.signal ?? null), stdout, stderr }),
    );
    child.stdin?.end();
  });
}
