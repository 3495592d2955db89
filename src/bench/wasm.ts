import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execPath } from 'node:process';
import { unpackBundle } from '../bundle/unpack.ts';
import type { Invocation, Outcome } from '../commands/command.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { PATHS } from '../engine/paths.ts';
import { runTool } from '../engine/tool.ts';
import { hostMachine } from '../pipeline/host.ts';
import { openSession, type Session } from '../pipeline/session.ts';
import { makeTargetWorld } from '../pipeline/target-world.ts';
import { referenceWorld } from '../pipeline/worlds.ts';
import { type Progress, runPipeline } from '../pipeline.ts';
import type { World } from '../run/world.ts';
import { WASM_RECIPE } from './default-recipe.ts';
import { median } from './measure.ts';

const SCRIPTS: Readonly<Record<string, string>> = {
  print: 'print(1)\n',
  imports: `import argparse, collections, dataclasses, datetime, decimal, difflib, email.message, functools, hashlib
import inspect, json, logging, pickle, random, re, statistics, textwrap, typing, unittest, urllib.parse
print(1)
`,
};

const WORK = '/job/samples';
const BUNDLE = '/opt/bundle';

/** `provision bench wasm`: launch to exit in wasmtime, in Node and natively, in turn in one run. */
export async function benchWasm(invocation: Invocation): Promise<Result<Outcome>> {
  const rounds = Number(invocation.values.rounds ?? 15);
  const folder = await mkdtemp(join(tmpdir(), 'provision-bench-'));
  try {
    const session = await openSession({ ...invocation.context, emit: () => {} });
    if (!session.ok) return session;
    const recipe = invocation.positionals[1] ?? WASM_RECIPE;
    const progress: Progress = {};
    const ran = await runPipeline(
      session.value,
      { recipe, artifacts: (name) => join(folder, name), host: hostMachine() },
      progress,
    );
    if (!ran.ok) return ran;
    const measured = await measure(session.value, progress, rounds, folder);
    await session.value.store.settled();
    return measured;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Command {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

type Runs = Readonly<
  Record<string, readonly { readonly wall: number; readonly cpu: number; readonly peak: number }[]>
>;

async function measure(
  session: Session,
  progress: Progress,
  rounds: number,
  folder: string,
): Promise<Result<Outcome>> {
  const { planned, toolchain, reference, rootfs, bytecode, bundle, built, wasmtime } = progress;
  if (!planned || !toolchain || !reference || !rootfs || !bytecode || !bundle || !built || !wasmtime)
    return err(notForWasm());
  const { context, store } = session;
  const unpacked = await unpackBundle(context, store, bundle);
  if (!unpacked.ok) return unpacked;
  const { program, digest: programDigest } = built.meta;
  const trees = { toolchain, reference, rootfs };
  const parts = { ...trees, bundle, unpacked: unpacked.value, programDigest, logs: folder };
  const ahead = await makeTargetWorld(session, planned.plan, { ...parts, program, wasmtime });
  const node = await makeTargetWorld(session, planned.plan, { ...parts, program });
  if (!ahead.ok) return ahead;
  if (!node.ok) return node;
  const native = referenceWorld(planned.plan, { reference, bytecode });
  for (const [name, text] of Object.entries(SCRIPTS)) await writeFile(join(folder, `${name}.py`), text);
  const engine = await session.engine();
  if (!engine.ok) return engine;
  const others = [...ahead.value.mounts, ...node.value.mounts].map((mount) =>
    mount.at === PATHS.interpreter ? { ...mount, at: BUNDLE } : mount,
  );
  const mounts = new Map([...native.mounts, ...others].map((mount) => [mount.at, mount]));
  const sandbox = await engine.value.open({
    // Holds everything that the host's programs load, Node's libraries among them.
    rootfs: toolchain.folder,
    network: 'none',
    mounts: [
      ...mounts.values(),
      { kind: 'source', source: folder, at: WORK },
      {
        kind: 'source',
        source: join(context.settings.home, 'src', 'bench', 'alternate.py'),
        at: '/job/alternate.py',
      },
      { kind: 'scratch', at: '/job/scratch' },
    ],
  });
  if (!sandbox.ok) return sandbox;
  await using box = sandbox.value;
  const each = join(BUNDLE, 'bin', program);
  const commands: Record<string, Command> = {};
  for (const script of Object.keys(SCRIPTS)) {
    commands[`${script}: native`] = commandOf(native, script);
    commands[`${script}: wasmtime, compiled ahead`] = inBundle(commandOf(ahead.value, script));
    commands[`${script}: Node's WASI`] = inBundle(commandOf(node.value, script));
  }
  const compiling = inBundle(commandOf(ahead.value, 'print'));
  const slow: Record<string, Command> = {
    'print: wasmtime, compiled each time': {
      ...compiling,
      argv: compiling.argv
        .filter((word) => word !== '--allow-precompiled')
        .map((word) => (word.endsWith('.cwasm') ? each : word)),
    },
  };
  const all: Record<string, Runs[string]> = {};
  for (const [some, times] of [
    [commands, rounds],
    [slow, 1],
  ] as const) {
    const run = await runTool(context, box, {
      stage: 'run',
      code: 'engine/bench-run',
      doing: 'Measuring',
      fix: ['Run the recipe by itself first.'],
      log: join(folder, 'bench.log'),
      quietStdout: true,
      command: {
        argv: [native.command[0], '/job/alternate.py', String(times)],
        env: { ...native.env },
        cwd: '/job/scratch',
        stdin: JSON.stringify(some),
      },
    });
    if (!run.ok) return run;
    Object.assign(all, JSON.parse(Buffer.from(run.value.stdout).toString('utf8')) as Runs);
  }
  return ok({ text: table(all), json: { rounds, engine: execPath, runs: all } });
}

function commandOf(world: World, script: string): Command {
  return {
    argv: [...world.command, `${WORK}/${script}.py`],
    env: { PATH: '/usr/bin:/bin', HOME: '/job/scratch', LANG: 'C.UTF-8', TZ: 'UTC', ...world.env },
  };
}

/** The bundle lies beside the native interpreter here, and is seen by the program where it always is. */
function inBundle({ argv, env }: Command): Command {
  return {
    env,
    argv: argv.map((word, i) => {
      if (argv[i - 1] === '--argv0') return word;
      if (word === PATHS.interpreter) return `${BUNDLE}::${PATHS.interpreter}`;
      return word.startsWith(`${PATHS.interpreter}/`) ? BUNDLE + word.slice(PATHS.interpreter.length) : word;
    }),
  };
}

const GOAL = 2;

function table(runs: Runs): string {
  const lines = Object.entries(runs).map(([name, list]) => {
    const native = runs[name.replace(/: .*/, ': native')] ?? list;
    const wall = median(list.map((run) => run.wall));
    const ratio = median(list.map((run, i) => run.wall / (native[i % native.length]?.wall ?? run.wall)));
    const cpu = median(list.map((run) => run.cpu));
    const peak = Math.max(...list.map((run) => run.peak)) / 1024;
    const goal = /compiled ahead/.test(name) ? `  goal ≤ ${GOAL}: ${ratio <= GOAL ? 'met' : 'missed'}` : '';
    return `${name.padEnd(38)} ${wall.toFixed(1).padStart(8)} ms  CPU ${cpu.toFixed(1).padStart(8)} ms  ×${ratio.toFixed(2).padStart(6)}  peak ${peak.toFixed(0).padStart(4)} MB${goal}`;
  });
  return `Launch to exit, medians; × is the median of the ratios to the native run of the same round.\n${lines.join('\n')}\n`;
}

function notForWasm() {
  return {
    code: 'usage/bench-recipe',
    what: 'This bench needs a recipe that runs in wasmtime.',
    fix: [`Name one: \`provision bench wasm ${WASM_RECIPE}\`.`],
  } as const;
}
