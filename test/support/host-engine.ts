import { spawn } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, symlinkSync } from 'node:fs';
import { cp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defined } from '../../src/domain/defined.ts';
import { ok, type Result } from '../../src/domain/result.ts';
import type { Command, Engine, Exit, Mount, Sandbox, SandboxSpec } from '../../src/engine/engine.ts';

/** The engine's port over plain processes of this machine: no isolation, and paths of the sandbox become those of the host. */
export interface HostEngine extends Engine {
  /** Every command that was run, as the caller gave it. */
  readonly commands: Command[];
  readonly opened: SandboxSpec[];
  /** Most commands that ran at the same time. */
  readonly peak: () => number;
}

export function hostEngine(): HostEngine {
  const commands: Command[] = [];
  const opened: SandboxSpec[] = [];
  let running = 0;
  let peak = 0;
  return {
    info: { name: 'namespace', version: 'test', detail: 'processes of this machine' },
    commands,
    opened,
    peak: () => peak,
    emulation: async () => ok({ by: 'host' }),
    open: async (spec) => {
      opened.push(spec);
      return ok(
        hostSandbox(spec, async (command, run) => {
          commands.push(command);
          running += 1;
          peak = Math.max(peak, running);
          try {
            return await run();
          } finally {
            running -= 1;
          }
        }),
      );
    },
  };
}

type Watch = (command: Command, run: () => Promise<Result<Exit>>) => Promise<Result<Exit>>;

function hostSandbox(spec: SandboxSpec, watch: Watch): Sandbox {
  const scratch: string[] = [];
  const mounts = spec.mounts.map((mount) => ({ at: mount.at, host: hostPath(mount, scratch) }));
  const translate = (text: string): string => {
    const mount = mounts.find(({ at }) => text === at || text.startsWith(`${at}/`));
    return mount === undefined ? text : mount.host + text.slice(mount.at.length);
  };
  return {
    run: (command) =>
      watch(command, () =>
        runHere({
          ...command,
          argv: command.argv.map(translate) as [string, ...string[]],
          env: Object.fromEntries(
            Object.entries(command.env).map(([name, value]) => [name, translate(value)]),
          ),
          cwd: translate(command.cwd),
        }),
      ),
    copyOut: async (from, to) => {
      await cp(translate(from), to, { recursive: true });
      return ok(undefined);
    },
    [Symbol.asyncDispose]: async () => {
      for (const folder of scratch) await rm(folder, { recursive: true, force: true });
    },
  };
}

function hostPath(mount: Mount, scratch: string[]): string {
  if (mount.kind === 'tree' || mount.kind === 'source') return mount.source;
  const folder = mkdtempSync(join(tmpdir(), 'host-engine-'));
  scratch.push(folder);
  for (const entry of (mount.kind === 'scratch' && mount.entries) || []) {
    if (entry.kind === 'folder') mkdirSync(join(folder, entry.path));
    else if (entry.kind === 'link') symlinkSync(entry.target, join(folder, entry.path));
    else copyFileSync(entry.source, join(folder, entry.path));
  }
  return folder;
}

function runHere(command: Command): Promise<Result<Exit>> {
  const [program, ...args] = command.argv;
  const started = performance.now();
  const child = spawn(program, args, { env: { ...command.env }, cwd: command.cwd, detached: true });
  const kept = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  let limit: Exit['limit'];
  const end = (why: NonNullable<Exit['limit']>): void => {
    if (limit !== undefined) return;
    limit = why;
    // The whole group: a shell's own children hold the pipes open.
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  };
  const timer = setTimeout(() => end('time'), command.timeoutMs ?? 60_000);
  const most = command.maxOutput ?? 64 * 1024 * 1024;
  for (const name of ['stdout', 'stderr'] as const) {
    let bytes = 0;
    child[name].on('data', (chunk: Buffer) => {
      command.onOutput?.(name, chunk);
      kept[name].push(chunk.subarray(0, Math.max(0, most - bytes)));
      bytes += chunk.length;
      if (bytes > most) end('output');
    });
  }
  child.stdin.on('error', () => {}); // A program that reads nothing closes its end.
  child.stdin.end(command.stdin ?? '');
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status, signal) => {
      clearTimeout(timer);
      resolve(
        ok({
          ...(signal === null ? { status: status ?? 0 } : { signal }),
          ...defined({ limit }),
          stdout: Buffer.concat(kept.stdout),
          stderr: Buffer.concat(kept.stderr),
          ms: performance.now() - started,
        }),
      );
    });
  });
}
