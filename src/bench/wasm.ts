import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execPath } from 'node:process';
import type { Invocation, Outcome } from '../commands/command.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { PATHS } from '../engine/paths.ts';
import { runTool } from '../engine/tool.ts';
import { hostMachine } from '../pipeline/host.ts';
import { type Planned, planRun } from '../pipeline/prepare.ts';
import { runPipeline } from '../pipeline/run.ts';
import { type Session, withSession } from '../pipeline/session.ts';
import type { RuntimeInstance } from '../runtime/instance.ts';
import { interpreterRuntime } from '../runtime/reference.ts';
import { runtimeOf } from '../runtime/runtime.ts';
import { MODULE_AT } from '../runtime/wasmtime.ts';
import { withTemporaryFolder } from '../store/scratch.ts';
import { WASM_RECIPE, WASM_SNAPSHOT_RECIPE } from './default-recipe.ts';
import { median } from './measure.ts';
import { countOption } from './options.ts';

const SCRIPTS: Readonly<Record<string, string>> = {
  print: 'print(1)\n',
  imports: `import argparse, collections, dataclasses, datetime, decimal, difflib, email.message, functools, hashlib
import inspect, json, logging, pickle, random, re, statistics, textwrap, typing, unittest, urllib.parse
print(1)
`,
};

const WORK = '/job/samples';

/** `provision bench wasm`: launch to exit in wasmtime, in Node and natively, interleaved. */
export async function benchWasm(invocation: Invocation): Promise<Result<Outcome>> {
  const counted = countOption(invocation, 'rounds', 1);
  if (!counted.ok) return counted;
  const rounds = counted.value ?? 15;
  return withTemporaryFolder(invocation.context.settings.store, 'bench', async (folder) => {
    const context = { ...invocation.context, emit: () => {} };
    const named = invocation.positionals[1];
    const plans: Planned[] = [];
    for (const recipe of named === undefined ? [WASM_RECIPE, WASM_SNAPSHOT_RECIPE] : [named]) {
      const planned = await planRun(context, recipe, hostMachine());
      if (!planned.ok) return planned;
      plans.push(planned.value);
    }
    return await withSession(context, plans, async (session) => {
      const builds: WasmBuild[] = [];
      for (const planned of plans) {
        const build = await prepareBuild(session, planned, folder);
        if (!build.ok) return build;
        builds.push(build.value);
      }
      return measure(session, builds, rounds, folder);
    });
  });
}

interface Command {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

type Runs = Readonly<
  Record<string, readonly { readonly wall: number; readonly cpu: number; readonly peak: number }[]>
>;

/** A built recipe, with the runtimes that can start its program. */
interface WasmBuild {
  readonly snapshot: boolean;
  readonly program: string;
  readonly rootfs: string;
  readonly native: RuntimeInstance;
  /** wasmtime, with the module compiled in advance. */
  readonly precompiled: RuntimeInstance;
  readonly node: RuntimeInstance;
}

async function prepareBuild(session: Session, planned: Planned, folder: string): Promise<Result<WasmBuild>> {
  const artifacts = join(folder, planned.plan.recipe.name);
  const ran = await runPipeline(session, planned, { artifacts });
  if (!ran.ok) return ran;
  const { made } = ran.value;
  const wasmtime = made?.wasmtime;
  if (made === undefined || wasmtime === undefined) return err(notForWasm());
  const { toolchain } = made;
  const { program, digest: programDigest } = made.program.meta;
  const parts = { ...made, programDigest, logs: folder };
  const ahead = await runtimeOf('wasmtime').instantiate(session, planned.plan, {
    ...parts,
    program,
    wasmtime,
  });
  const node = await runtimeOf('node-wasi').instantiate(session, planned.plan, { ...parts, program });
  if (!ahead.ok) return ahead;
  if (!node.ok) return node;
  return ok({
    snapshot: planned.plan.recipe.wasm?.snapshot === true,
    program,
    // It has the libraries of the host's programs, including Node's.
    rootfs: toolchain.folder,
    native: interpreterRuntime(planned.plan, made),
    precompiled: ahead.value,
    node: node.value,
  });
}

async function measure(
  session: Session,
  builds: readonly WasmBuild[],
  rounds: number,
  folder: string,
): Promise<Result<Outcome>> {
  const [first] = builds;
  const { native } = first as WasmBuild;
  for (const [name, text] of Object.entries(SCRIPTS)) await writeFile(join(folder, `${name}.py`), text);
  const engine = await session.engine();
  if (!engine.ok) return engine;
  const others = builds.flatMap((build, i) =>
    [...build.precompiled.mounts, ...build.node.mounts].map((mount) => ({
      ...mount,
      at: relocated(mount.at, i),
    })),
  );
  const mounts = new Map([...native.mounts, ...others].map((mount) => [mount.at, mount]));
  const sandbox = await engine.value.open({
    rootfs: (first as WasmBuild).rootfs,
    network: 'none',
    mounts: [
      ...mounts.values(),
      { kind: 'source', source: folder, at: WORK },
      {
        kind: 'source',
        source: join(session.context.settings.home, 'src', 'bench', 'alternate.py'),
        at: '/job/alternate.py',
      },
      { kind: 'scratch', at: '/job/scratch' },
    ],
  });
  if (!sandbox.ok) return sandbox;
  await using box = sandbox.value;
  const all: Record<string, Runs[string]> = {};
  for (const [some, times] of [
    [commandsOf(builds), rounds],
    [compilingEachTime(first as WasmBuild), 1],
  ] as const) {
    const run = await runTool(session.context, box, {
      stage: 'run',
      code: 'engine/bench-run',
      doing: 'Measuring',
      fix: ['Check that the recipe itself runs: `provision <recipe>`.'],
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

function commandsOf(builds: readonly WasmBuild[]): Readonly<Record<string, Command>> {
  const [first] = builds;
  return Object.fromEntries(
    Object.keys(SCRIPTS).flatMap((script) => [
      [`${script}: native`, commandOf((first as WasmBuild).native, script)],
      ...builds.flatMap(({ snapshot, precompiled, node }, i) => {
        const how = snapshot ? ', snapshot' : '';
        return [
          [`${script}: wasmtime, compiled ahead${how}`, withBundlePaths(commandOf(precompiled, script), i)],
          [`${script}: Node's WASI${how}`, withBundlePaths(commandOf(node, script), i)],
        ] as const;
      }),
    ]),
  );
}

function compilingEachTime({ precompiled, program }: WasmBuild): Readonly<Record<string, Command>> {
  const { argv, env } = withBundlePaths(commandOf(precompiled, 'print'), 0);
  const module = join(relocated(PATHS.interpreter, 0), 'bin', program);
  return {
    'print: wasmtime, compiled each time': {
      env,
      argv: argv
        .filter((word) => word !== '--allow-precompiled')
        .map((word) => (word.endsWith('.cwasm') ? module : word)),
    },
  };
}

function commandOf(instance: RuntimeInstance, script: string): Command {
  return {
    argv: [...instance.command, `${WORK}/${script}.py`],
    env: { PATH: '/usr/bin:/bin', HOME: '/job/scratch', LANG: 'C.UTF-8', TZ: 'UTC', ...instance.env },
  };
}

/** Bundles and modules get a path of their own for each recipe, so that several fit into one sandbox. */
function relocated(path: string, index: number): string {
  for (const at of [PATHS.interpreter, MODULE_AT]) {
    if (path === at || path.startsWith(`${at}/`)) return `${at}-${index}${path.slice(at.length)}`;
  }
  return path;
}

/** Inside the guest the bundle keeps its usual path. */
function withBundlePaths({ argv, env }: Command, index: number): Command {
  return {
    env,
    argv: argv.map((word, i) => {
      if (argv[i - 1] === '--argv0') return word;
      return word === PATHS.interpreter ? `${relocated(word, index)}::${word}` : relocated(word, index);
    }),
  };
}

/** Upper bound for the ratio of a start to the native interpreter's. */
function goalOf(name: string): number | undefined {
  if (!/compiled ahead/.test(name)) return undefined;
  return /^print: .*snapshot$/.test(name) ? 1 : 2;
}

function table(runs: Runs): string {
  const lines = Object.entries(runs).map(([name, list]) => {
    const native = runs[name.replace(/: .*/, ': native')] ?? list;
    const wall = median(list.map((run) => run.wall));
    const ratio = median(list.map((run, i) => run.wall / (native[i % native.length]?.wall ?? run.wall)));
    const cpu = median(list.map((run) => run.cpu));
    const peak = Math.max(...list.map((run) => run.peak)) / 1024;
    const bound = goalOf(name);
    const goal = bound === undefined ? '' : `  goal ≤ ${bound}: ${ratio <= bound ? 'met' : 'missed'}`;
    return `${name.padEnd(44)} ${wall.toFixed(1).padStart(8)} ms  CPU ${cpu.toFixed(1).padStart(8)} ms  ×${ratio.toFixed(2).padStart(6)}  peak ${peak.toFixed(0).padStart(4)} MB${goal}`;
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
