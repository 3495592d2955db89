import { join } from 'node:path';
import type { Context } from '../domain/context.ts';
import { ok, type Result } from '../domain/result.ts';
import type { Engine, Mount, Sandbox } from '../engine/engine.ts';
import { runTool } from '../engine/tool.ts';
import { type RuntimeInstance, SAMPLE_ENV, SCRATCH_AT } from '../runtime/instance.ts';
import { inSharedRoot, type SharedPaths } from '../runtime/shared-root.ts';

/** A command that is run in turn with others, as alternate.py takes it. */
export interface InterleavedCommand {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly keep?: boolean;
  readonly still?: boolean;
  readonly empty?: string;
}

/** How one run of a command went, as alternate.py tells it; the optional keys where its output was kept. */
export interface CommandRun {
  /** Milliseconds. */
  readonly wall: number;
  readonly cpu: number;
  /** kB. */
  readonly peak: number;
  readonly still?: boolean;
  readonly status?: number;
  readonly digest?: string;
  readonly stdout?: string;
  readonly stderr?: string;
}

/** A runtime that shares a sandbox with others: how a script is run in it there. */
export type ScriptCommand = (script: string, env?: Readonly<Record<string, string>>) => InterleavedCommand;

/** A sandbox with several runtimes in it, so that what is alternated differs in nothing but them. */
export interface Bench extends AsyncDisposable {
  readonly python: ScriptCommand;
  /** By the names given. */
  readonly sides: ReadonlyMap<string, ScriptCommand>;
  /** Runs the commands in turn. `told` hears the number of each turn that is over, warm-up included. */
  take(
    commands: Readonly<Record<string, InterleavedCommand>>,
    count: { readonly rounds: number; readonly warmUp: number },
    told?: (turn: number) => void,
  ): Promise<Result<Readonly<Record<string, readonly CommandRun[]>>>>;
}

const ALTERNATE_AT = '/job/alternate.py';

export interface BenchInput {
  readonly engine: Engine;
  /** Root for all: it holds what the host's own programs load. */
  readonly rootfs: string;
  readonly reference: RuntimeInstance;
  readonly targets: ReadonlyMap<string, RuntimeInstance>;
  /** Scripts and the like. */
  readonly mounts: readonly Mount[];
  /** File that gets what the measuring program says. */
  readonly log: string;
}

/** Fails as the engine does. */
export async function openBench(context: Context, input: BenchInput): Promise<Result<Bench>> {
  const { reference, targets } = input;
  const mounts = new Map<string, Mount>();
  const add = (mount: Mount): void => void mounts.set(mount.at, mount);
  const script = join(context.settings.home, 'src', 'bench', 'alternate.py');
  for (const mount of [...reference.mounts, ...input.mounts]) add(mount);
  add({ kind: 'source', source: script, at: ALTERNATE_AT });
  add({ kind: 'scratch', at: SCRATCH_AT });
  const sides = new Map<string, ScriptCommand>();
  for (const [name, instance] of targets) {
    const shared = inSharedRoot(instance, pathsOf(name));
    for (const mount of shared.mounts) add(mount);
    sides.set(name, (file, env) => commandOf({ ...instance, command: shared.command }, file, env));
  }
  const opened = await input.engine.open({
    rootfs: input.rootfs,
    network: 'none',
    hostname: 'sample',
    mounts: [...mounts.values()],
  });
  if (!opened.ok) return opened;
  const box = opened.value;
  const python = reference.command[0];
  return ok({
    python: (file, env) => commandOf(reference, file, env),
    sides,
    take: (commands, count, told) => take(context, box, { ...input, python }, commands, count, told),
    [Symbol.asyncDispose]: () => box[Symbol.asyncDispose](),
  });
}

async function take(
  context: Context,
  box: Sandbox,
  { python, log }: { readonly python: string; readonly log: string },
  commands: Readonly<Record<string, InterleavedCommand>>,
  { rounds, warmUp }: { readonly rounds: number; readonly warmUp: number },
  told?: (turn: number) => void,
): Promise<Result<Readonly<Record<string, readonly CommandRun[]>>>> {
  const run = await runTool(
    {
      ...context,
      emit: (event) => {
        const turn = event.type === 'stage-output' ? /^turn (\d+)$/m.exec(event.text)?.[1] : undefined;
        if (turn === undefined) context.emit(event);
        else told?.(Number(turn));
      },
    },
    box,
    {
      stage: 'run',
      code: 'engine/bench-run',
      doing: 'Measuring',
      fix: ['Run the recipe by itself first.'],
      log,
      quietStdout: true,
      command: {
        argv: [python, ALTERNATE_AT, String(rounds), String(warmUp)],
        env: { ...SAMPLE_ENV },
        cwd: SCRATCH_AT,
        stdin: JSON.stringify(commands),
        maxOutput: 1024 ** 3,
      },
    },
  );
  if (!run.ok) return run;
  return ok(JSON.parse(Buffer.from(run.value.stdout).toString('utf8')) as Record<string, CommandRun[]>);
}

/** The bundles lie beside the reference here; they may lie anywhere. */
function pathsOf(name: string): SharedPaths {
  return { bundle: `/opt/bundles/${name}`, root: `/opt/roots/${name}` };
}

function commandOf(
  instance: RuntimeInstance,
  file: string,
  env: Readonly<Record<string, string>> = {},
): InterleavedCommand {
  return { argv: [...instance.command, file], env: { ...SAMPLE_ENV, ...instance.env, ...env } };
}
