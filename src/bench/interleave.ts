import { join } from 'node:path';
import type { Context } from '../domain/context.ts';
import { ok, type Result } from '../domain/result.ts';
import type { Engine, Mount, Sandbox } from '../engine/engine.ts';
import { runTool } from '../engine/tool.ts';
import { type RuntimeInstance, SAMPLE_ENV, SCRATCH_AT } from '../runtime/instance.ts';
import { inSharedRoot, type SharedPaths } from '../runtime/shared-root.ts';

/** A command whose runs are interleaved with those of others: the input format of alternate.py. */
export interface InterleavedCommand {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly keep?: boolean;
  readonly fixedLayout?: boolean;
  readonly empty?: string;
}

/** The measurement of one run, as alternate.py prints it. The optional keys are present where `keep` was set. */
export interface CommandRun {
  /** Milliseconds. */
  readonly wall: number;
  readonly cpu: number;
  /** kB. */
  readonly peak: number;
  readonly fixedLayout?: boolean;
  readonly status?: number;
  readonly digest?: string;
  readonly stdout?: string;
  readonly stderr?: string;
}

/** The command that runs a script in one of the runtimes that share the sandbox. */
export type ScriptCommand = (script: string, env?: Readonly<Record<string, string>>) => InterleavedCommand;

/** One sandbox that holds several runtimes, so that the interleaved commands differ in nothing else. */
export interface Bench extends AsyncDisposable {
  readonly python: ScriptCommand;
  /** Keyed like `BenchInput.targets`. */
  readonly targets: ReadonlyMap<string, ScriptCommand>;
  /** Runs the commands interleaved. `onIteration` gets the number of each finished iteration, warm-up included. */
  run(
    commands: Readonly<Record<string, InterleavedCommand>>,
    count: { readonly rounds: number; readonly warmUp: number },
    onIteration?: (iteration: number) => void,
  ): Promise<Result<Readonly<Record<string, readonly CommandRun[]>>>>;
}

const ALTERNATE_AT = '/job/alternate.py';

export interface BenchInput {
  readonly engine: Engine;
  /** Root filesystem of the sandbox; it holds the libraries that the host's programs load. */
  readonly rootfs: string;
  readonly reference: RuntimeInstance;
  readonly targets: ReadonlyMap<string, RuntimeInstance>;
  /** Further mounts, such as the measured scripts. */
  readonly mounts: readonly Mount[];
  /** File that the output of alternate.py is appended to. */
  readonly log: string;
}

/** Opens the sandbox. The failures are those of the engine. */
export async function openBench(context: Context, input: BenchInput): Promise<Result<Bench>> {
  const { reference, targets } = input;
  const mounts = new Map<string, Mount>();
  const add = (mount: Mount): void => void mounts.set(mount.at, mount);
  const script = join(context.settings.home, 'src', 'bench', 'alternate.py');
  for (const mount of [...reference.mounts, ...input.mounts]) add(mount);
  add({ kind: 'source', source: script, at: ALTERNATE_AT });
  add({ kind: 'scratch', at: SCRATCH_AT });
  const commands = new Map<string, ScriptCommand>();
  for (const [name, instance] of targets) {
    const shared = inSharedRoot(instance, pathsOf(name));
    for (const mount of shared.mounts) add(mount);
    commands.set(name, (file, env) => commandOf({ ...instance, command: shared.command }, file, env));
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
    targets: commands,
    run: (interleaved, count, onIteration) =>
      runInterleaved(context, box, { ...input, python }, interleaved, count, onIteration),
    [Symbol.asyncDispose]: () => box[Symbol.asyncDispose](),
  });
}

async function runInterleaved(
  context: Context,
  box: Sandbox,
  { python, log }: { readonly python: string; readonly log: string },
  commands: Readonly<Record<string, InterleavedCommand>>,
  { rounds, warmUp }: { readonly rounds: number; readonly warmUp: number },
  onIteration?: (iteration: number) => void,
): Promise<Result<Readonly<Record<string, readonly CommandRun[]>>>> {
  const run = await runTool(
    {
      ...context,
      emit: (event) => {
        const iteration =
          event.type === 'stage-output' ? /^iteration (\d+)$/m.exec(event.text)?.[1] : undefined;
        if (iteration === undefined) context.emit(event);
        else onIteration?.(Number(iteration));
      },
    },
    box,
    {
      stage: 'run',
      code: 'engine/bench-run',
      doing: 'Measuring',
      fix: ['Check that the recipe itself runs: `provision <recipe>`.'],
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

/** A bundle is relocatable: here each has its own folder beside the reference interpreter. */
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
