import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Invocation, Outcome } from '../commands/command.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { makePackages } from '../pipeline/formats.ts';
import type { Session } from '../pipeline/session.ts';
import { type RuntimeInstance, SUITE_AT } from '../runtime/instance.ts';
import { targetRuntime } from '../runtime/runtime.ts';
import { withTemporaryFolder } from '../store/scratch.ts';
import { type CommandRun, type InterleavedCommand, openBench } from './interleave.ts';
import { median } from './measure.ts';
import { countOption } from './options.ts';
import { type PreparedRecipe, withPreparedRecipe } from './prepared-recipe.ts';

const SCRIPTS: Readonly<Record<string, string>> = {
  start: 'pass\n',
  imports: `import argparse, asyncio, collections, dataclasses, datetime, decimal, email.message, hashlib, inspect, json
import logging, pickle, random, re, sqlite3, ssl, statistics, textwrap, typing, unittest, urllib.parse
`,
};
const RECIPE = 'native';
const ROUNDS = 31;
const WARM_UP = 3;
/** Of a start of one file to one of the unpacked bundle. */
const GOAL = 1.1;

/** `provision bench onefile`: launch to exit of the program as one file and of the unpacked bundle, interleaved. */
export async function benchOnefile(invocation: Invocation): Promise<Result<Outcome>> {
  const rounds = countOption(invocation, 'rounds', 1);
  if (!rounds.ok) return rounds;
  const warmUp = countOption(invocation, 'warm-up', 0);
  if (!warmUp.ok) return warmUp;
  const { context, positionals } = invocation;
  const count = { rounds: rounds.value ?? ROUNDS, warmUp: warmUp.value ?? WARM_UP };
  const named = positionals.slice(1);
  const measured: Measured[] = [];
  for (const recipe of named.length > 0 ? named : [RECIPE]) {
    const one = await withTemporaryFolder(context.settings.store, 'bench', (folder) =>
      withPreparedRecipe(context, recipe, folder, async (session, prepared) => {
        const onefile = await onefileRuntime(session, prepared, folder);
        return onefile.ok ? measure(session, prepared, onefile.value, count, folder) : onefile;
      }),
    );
    if (!one.ok) return one;
    measured.push(one.value);
  }
  const text = measured.map(({ recipe, rows }) => table(recipe, rows)).join('\n');
  return ok({ text, json: { what: 'onefile', ...count, recipes: measured } });
}

interface Measured {
  readonly recipe: string;
  readonly rows: readonly Row[];
}

async function onefileRuntime(
  session: Session,
  { planned, made }: PreparedRecipe,
  logs: string,
): Promise<Result<RuntimeInstance>> {
  const packages = await makePackages(session, planned, made, ['onefile']);
  if (!packages.ok) return packages;
  const [shipped] = packages.value;
  const { program, digest: programDigest } = made.program.meta;
  if (shipped === undefined) return err(notMade());
  const { file, digest } = shipped.meta;
  const onefile = { folder: shipped.folder, file, digest };
  return targetRuntime(session, planned.plan, { ...made, program, programDigest, logs, onefile });
}

async function measure(
  session: Session,
  { engine, runtimes, rootfs, planned }: PreparedRecipe,
  onefile: RuntimeInstance,
  count: { readonly rounds: number; readonly warmUp: number },
  folder: string,
): Promise<Result<Measured>> {
  const suite = join(folder, 'suite');
  await mkdir(suite);
  for (const [name, text] of Object.entries(SCRIPTS)) await writeFile(join(suite, `${name}.py`), text);
  const opened = await openBench(session.context, {
    ...{ engine, rootfs, reference: runtimes.reference },
    targets: new Map([
      ['bundle', runtimes.target],
      ['onefile', onefile],
    ]),
    mounts: [{ kind: 'source', source: suite, at: SUITE_AT }],
    log: join(folder, 'bench.log'),
  });
  if (!opened.ok) return opened;
  await using bench = opened.value;
  const rows: Row[] = [];
  for (const script of Object.keys(SCRIPTS)) {
    const commands: Record<string, InterleavedCommand> = {};
    for (const [name, command] of bench.targets) commands[name] = command(`${SUITE_AT}/${script}.py`);
    const runs = await bench.run(commands, count);
    if (!runs.ok) return runs;
    rows.push(rowOf(script, runs.value.bundle ?? [], runs.value.onefile ?? []));
  }
  return ok({ recipe: planned.plan.recipe.name, rows });
}

interface Row {
  readonly script: string;
  /** Milliseconds of each run, launch to exit. */
  readonly bundle: readonly number[];
  readonly onefile: readonly number[];
  /** Median of the ratios of each round, and of what it took more. */
  readonly ratio: number;
  readonly more: number;
  /** As `ratio`, of CPU time: what others do on the machine counts less. */
  readonly cpu: number;
  readonly met: boolean;
}

function rowOf(script: string, bundle: readonly CommandRun[], onefile: readonly CommandRun[]): Row {
  const pairs = bundle.map((one, i) => [one.wall, (onefile[i] as CommandRun).wall] as const);
  const ratio = median(pairs.map(([first, second]) => second / first));
  return {
    script,
    bundle: pairs.map(([first]) => first),
    onefile: pairs.map(([, second]) => second),
    ratio,
    more: median(pairs.map(([first, second]) => second - first)),
    cpu: median(bundle.map((one, i) => (onefile[i] as CommandRun).cpu / one.cpu)),
    met: ratio <= GOAL,
  };
}

function table(recipe: string, rows: readonly Row[]): string {
  const lines = rows.map(({ script, bundle, onefile, ratio, more, cpu, met }) => {
    const ms = (value: number): string => `${value.toFixed(1)} ms`;
    const goal = `goal ≤ ${GOAL}: ${met ? 'met' : 'missed'}`;
    return `${script.padEnd(8)} bundle ${ms(median(bundle)).padStart(9)}  one file ${ms(median(onefile)).padStart(9)}  ×${ratio.toFixed(2)}, ${more < 0 ? '' : '+'}${ms(more)}, CPU ×${cpu.toFixed(2)}  ${goal}`;
  });
  return `${recipe}: launch to exit, medians; × is the median of the ratios to the unpacked bundle in the same round.\n${lines.join('\n')}\n`;
}

function notMade() {
  return { code: 'engine/bench-run', what: 'The program was not made one file.', fix: [] } as const;
}
