import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execPath } from 'node:process';
import type { Invocation, Outcome } from '../commands/command.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { PATHS } from '../engine/paths.ts';
import { runTool } from '../engine/tool.ts';
import { withTemporaryFolder } from '../exec/files.ts';
import { hostMachine } from '../pipeline/host.ts';
import { type Planned, planRun } from '../pipeline/prepare.ts';
import { runPipeline } from '../pipeline/run.ts';
import { type Session, withSession } from '../pipeline/session.ts';
import type { RuntimeInstance } from '../runtime/instance.ts';
import { referenceRuntime } from '../runtime/reference.ts';
import { runtimeOf } from '../runtime/runtime.ts';
import { MODULE_AT } from '../runtime/wasmtime.ts';
import { WASM_RECIPE, WASM_SNAPSHOT_RECIPE } from './default-recipe.ts';
import { median } from './measure.ts';

const SCRIPTS: Readonly<Record<string, string>> = {
  print: 'print(1)\n',
  imports: `import argparse, collections, dataclasses, datetime, decimal, difflib, email.message, functools, hashlib
import inspect, json, logging, pickle, random, re, statistics, textwrap, typing, unittest, urllib.parse
print(1)
`,
};

const WORK = '/job/samples';

/** `provision bench wasm`: launch to exit in wasmtime, in Node and natively, in turn in one run. */
export async function benchWasm(invocation: Invocation): Promise<Result<Outcome>> {
  const rounds = Number(invocation.values.rounds ?? 15);
  return withTemporaryFolder('bench', async (folder) => {
    const context = { ...invocation.context, emit: () => {} };
    const named = invocation.positionals[1];
    const plans: Planned[] = [];
    for (const recipe of named === undefined ? [WASM_RECIPE, WASM_SNAPSHOT_RECIPE] : [named]) {
      const planned = await planRun(context, recipe, hostMachine());
      if (!planned.ok) return planned;
      plans.push(planned.value);
    }
    return await withSession(context, plans, async (session) => {
      const places: Place[] = [];
      for (const planned of plans) {
        const place = await placeOf(session, planned, folder);
        if (!place.ok) return place;
        places.push(place.value);
      }
      return measure(session, places, rounds, folder);
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

/** A recipe, run, and the places where its program can be started. */
interface Place {
  readonly snapshot: boolean;
  readonly program: string;
  readonly rootfs: string;
  readonly native: RuntimeInstance;
  readonly ahead: RuntimeInstance;
  readonly node: RuntimeInstance;
}

async function placeOf(session: Session, planned: Planned, folder: string): Promise<Result<Place>> {
  const artifacts = join(folder, planned.plan.recipe.name);
  const ran = await runPipeline(session, planned, { artifacts });
  if (!ran.ok) return ran;
  const { wasmtime, ...made } = ran.value.made;
  if (wasmtime === undefined) return err(notForWasm());
  const { toolchain, reference, bytecode } = made;
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
    // Holds everything that the host's programs load, Node's libraries among them.
    rootfs: toolchain.folder,
    native: referenceRuntime(planned.plan, { reference, bytecode }),
    ahead: ahead.value,
    node: node.value,
  });
}

async function measure(
  session: Session,
  places: readonly Place[],
  rounds: number,
  folder: string,
): Promise<Result<Outcome>> {
  const [first] = places;
  const { native } = first as Place;
  for (const [name, text] of Object.entries(SCRIPTS)) await writeFile(join(folder, `${name}.py`), text);
  const engine = await session.engine();
  if (!engine.ok) return engine;
  const others = places.flatMap((place, i) =>
    [...place.ahead.mounts, ...place.node.mounts].map((mount) => ({ ...mount, at: elsewhere(mount.at, i) })),
  );
  const mounts = new Map([...native.mounts, ...others].map((mount) => [mount.at, mount]));
  const sandbox = await engine.value.open({
    rootfs: (first as Place).rootfs,
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
    [commandsOf(places), rounds],
    [compilingEachTime(first as Place), 1],
  ] as const) {
    const run = await runTool(session.context, box, {
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

function commandsOf(places: readonly Place[]): Readonly<Record<string, Command>> {
  const [first] = places;
  return Object.fromEntries(
    Object.keys(SCRIPTS).flatMap((script) => [
      [`${script}: native`, commandOf((first as Place).native, script)],
      ...places.flatMap(({ snapshot, ahead, node }, i) => {
        const how = snapshot ? ', snapshot' : '';
        return [
          [`${script}: wasmtime, compiled ahead${how}`, inBundle(commandOf(ahead, script), i)],
          [`${script}: Node's WASI${how}`, inBundle(commandOf(node, script), i)],
        ] as const;
      }),
    ]),
  );
}

function compilingEachTime({ ahead, program }: Place): Readonly<Record<string, Command>> {
  const { argv, env } = inBundle(commandOf(ahead, 'print'), 0);
  const module = join(elsewhere(PATHS.interpreter, 0), 'bin', program);
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

/** Several recipes' bundles and modules lie beside each other and beside the native interpreter here. */
function elsewhere(path: string, place: number): string {
  for (const at of [PATHS.interpreter, MODULE_AT]) {
    if (path === at || path.startsWith(`${at}/`)) return `${at}-${place}${path.slice(at.length)}`;
  }
  return path;
}

/** The program sees its bundle where it always is. */
function inBundle({ argv, env }: Command, place: number): Command {
  return {
    env,
    argv: argv.map((word, i) => {
      if (argv[i - 1] === '--argv0') return word;
      return word === PATHS.interpreter ? `${elsewhere(word, place)}::${word}` : elsewhere(word, place);
    }),
  };
}

/** How many times as long as the native interpreter a start may take. */
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
