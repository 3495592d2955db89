import { readdir, readFile } from 'node:fs/promises';
import { execPath } from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { distribution } from '../distro/distribution.ts';
import type { Context } from '../domain/context.ts';
import { defined } from '../domain/defined.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { entryPoint } from '../exec/home.ts';
import { runProcess } from '../exec/process.ts';

export interface Measured {
  /** Milliseconds, wall, launch to exit. */
  readonly ms: number;
  /** Peak resident memory of the tool's own process in kB; 0 where it exited before it could be sampled. */
  readonly peakKb: number;
  readonly stdout: string;
}

/** Where the programs of an engine are, on a machine whose user has no PATH to them. */
const SYSTEM_PATH = [...['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin'], ...['/sbin', '/bin']];

/** Runs the tool as a user would: as a separate process, with the user's PATH (`rust: host` is looked for there). */
export async function runTool(
  context: Context,
  args: readonly string[],
  cwd: string,
  /** Beside the user's own variables. */
  more: Readonly<Record<string, string>> = {},
): Promise<Result<Measured>> {
  const done = new AbortController();
  const marker = `bench-${Math.random().toString(36).slice(2)}`;
  const watch = watchMemory(marker, done.signal);
  const exit = await runProcess({
    argv: [execPath, '--disable-warning=ExperimentalWarning', entryPoint(), ...args],
    env: {
      PATH: [...(context.settings.path ?? []), ...SYSTEM_PATH].join(':'),
      ...environment(context),
      ...more,
      PROVISION_BENCH: marker,
    },
    cwd,
    signal: context.signal,
  });
  done.abort();
  const peakKb = await watch;
  if (!exit.ok) return exit;
  if (exit.value.status !== 0) {
    return err({
      code: 'engine/bench-run',
      what: `\`provision ${args.join(' ')}\` ended with status ${exit.value.status ?? exit.value.signal}.`,
      fix: ['Check that the command itself runs.'],
      evidence: Buffer.from(exit.value.stderr).toString('utf8').trimEnd().split('\n').slice(-20),
    });
  }
  return ok({ ms: exit.value.ms, peakKb, stdout: Buffer.from(exit.value.stdout).toString('utf8') });
}

/** The variables of the user's environment that the tool reads. */
export function environment({ settings }: Context): Record<string, string> {
  return {
    HOME: settings.cargoHome?.replace(/\/\.cargo$/, '') ?? '/',
    CI: '1',
    ...settings.proxies,
    ...settings.rustup,
    ...defined({ CARGO_HOME: settings.cargoHome }),
    ...(settings.caBundle === undefined
      ? {}
      : { PROVISION_CA_BUNDLE: settings.caBundle, NODE_EXTRA_CA_CERTS: settings.caBundle }),
    ...(settings.mirrors.length === 0 ? {} : { [distribution.mirrorVariable]: settings.mirrors.join(' ') }),
  };
}

/** Highest VmHWM (proc_pid_status(5), kB) of the process whose environment carries the marker. */
async function watchMemory(marker: string, done: AbortSignal): Promise<number> {
  let pid: string | undefined;
  let peak = 0;
  while (!done.aborted) {
    if (pid === undefined) {
      for (const name of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
        const environ = await readFile(`/proc/${name}/environ`, 'utf8').catch(() => '');
        if (environ.includes(`PROVISION_BENCH=${marker}`)) {
          pid = name;
          break;
        }
      }
    } else {
      const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
      peak = Math.max(peak, Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0));
    }
    await sleep(pid === undefined ? 20 : 200);
  }
  return peak;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}
