import { appendFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Invocation, Outcome } from '../commands/command.ts';
import type { Report } from '../domain/report.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { sendAgain } from '../engine/docker/docker.ts';
import { runProcess } from '../exec/process.ts';
import { hostMachine } from '../pipeline/host.ts';
import { type Planned, planRun, startRun } from '../pipeline/prepare.ts';
import { type Session, withSession } from '../pipeline/session.ts';
import { withTemporaryFolder } from '../store/scratch.ts';
import { namedRecipe } from './default-recipe.ts';
import { environment, median, runTool } from './measure.ts';
import { copyProject } from './project-copy.ts';
import { type Row, roundsOf, table } from './rows.ts';

const WARM_RUNS = 11;

/** `provision bench engine`: the Docker engine against `namespace`, and its image against `docker import` by hand. */
export async function benchEngine(invocation: Invocation): Promise<Result<Outcome>> {
  return withTemporaryFolder(invocation.context.settings.store, 'bench', async (folder) => {
    return await measureAll(invocation, folder);
  });
}

interface Bench {
  readonly invocation: Invocation;
  readonly session: Session;
  readonly planned: Planned;
  readonly recipe: string;
  readonly rounds: number;
  readonly folder: string;
  /** `docker`, or `docker:<host>` when one is named. */
  readonly engine: string;
}

async function measureAll(invocation: Invocation, folder: string): Promise<Result<Outcome>> {
  const recipe = namedRecipe(invocation);
  const rounds = roundsOf(invocation);
  if (!rounds.ok) return rounds;
  const { settings } = invocation.context;
  const engine = settings.engine.startsWith('docker') ? settings.engine : 'docker';
  const context = { ...invocation.context, emit: () => {}, settings: { ...settings, engine } };
  const planned = await planRun(context, recipe, hostMachine());
  if (!planned.ok) return planned;
  return withSession(context, [planned.value], async (session) => {
    const bench: Bench = {
      ...{ invocation, session, planned: planned.value },
      ...{ recipe, rounds: rounds.value, folder, engine },
    };
    const rows: Row[] = [];
    for (const part of [warm, build, image]) {
      const measured = await part(bench);
      if (!measured.ok) return measured;
      rows.push(measured.value);
    }
    const text = table(`Docker engine, ${recipe}`, rows);
    return ok({ text, json: { recipe, rounds: rounds.value, rows } });
  });
}

async function warm({ invocation: { context }, engine, recipe, folder }: Bench): Promise<Result<Row>> {
  const args = ['run', recipe, '--engine', engine, '--store', context.settings.store];
  const first = await runTool(context, args, folder);
  if (!first.ok) return first;
  const runs: number[] = [];
  for (let i = 0; i < WARM_RUNS; i++) {
    const run = await runTool(context, args, folder);
    if (!run.ok) return run;
    runs.push(run.value.ms);
  }
  const ms = median(runs);
  return ok({ what: 'warm: nothing changed', ms, runs, goal: '≤ 1.0 s', met: ms <= 1000 });
}

/** A copy of the project in a new folder has its own target folder, and the change makes its fingerprint new: everything is compiled. */
async function build(bench: Bench): Promise<Result<Row>> {
  const times: Record<'docker' | 'namespace', number[]> = { docker: [], namespace: [] };
  // The first round fills the caches of the engine: its image, the sysroot, the crates.
  for (let round = 0; round <= bench.rounds; round++) {
    for (const name of ['docker', 'namespace'] as const) {
      const ms = await timeBuild(bench, `${name}-${round}`, name === 'docker' ? bench.engine : name);
      if (!ms.ok) return ms;
      if (round > 0) times[name].push(ms.value);
    }
  }
  const ratio = median(times.docker.map((ms, i) => ms / (times.namespace[i] as number)));
  return ok({
    ...{ what: 'build stage, the whole crate', ms: median(times.docker), runs: times.docker },
    against: {
      what: 'the same in `namespace`',
      ms: median(times.namespace),
      runs: times.namespace,
      ratio,
    },
    ...{ goal: '≤ 1.15× `namespace`', met: ratio <= 1.15 },
  });
}

async function timeBuild(bench: Bench, name: string, engine: string): Promise<Result<number>> {
  const { context } = bench.invocation;
  const home = join(bench.folder, name);
  const file = await copyProject(bench.planned.plan.recipe, home);
  await appendFile(
    join(home, 'crate', 'src', 'main.rs'),
    `\n#[used]\nstatic CHANGED: u64 = ${Date.now()};\n`,
  );
  // One small sample: only the build is measured.
  const sample = join(home, 'one.py');
  await writeFile(sample, 'print(1)\n');
  const args = ['run', file, '--samples', sample, '--engine', engine, '--store', context.settings.store];
  const run = await runTool(context, args, home);
  if (!run.ok) return run;
  const text = await readFile(join(home, 'artifacts', 'bench', 'report.json'), 'utf8');
  const stage = (JSON.parse(text) as Report).stages.find((one) => one.name === 'build');
  await rm(home, { recursive: true, force: true });
  if (stage?.outcome === 'done') return ok(stage.ms);
  return err(notBuilt(name));
}

async function image({ session, planned, rounds, engine }: Bench): Promise<Result<Row>> {
  const run = await startRun(session, planned);
  if (!run.ok) return run;
  const tree = await run.value.trees.make('toolchain');
  if (!tree.ok) return tree;
  const ours: number[] = [];
  const baseline: number[] = [];
  // Writing is slower right after a removal, so each side first removes its own image of the previous round. The
  // first round, which has none, is not counted.
  let host = '';
  for (let round = 0; round <= rounds; round++) {
    const sent = await sendAgain(session.context, session.store, tree.value.folder, () => syncDisks(session));
    if (!sent.ok) return sent;
    host = sent.value.host;
    const imported = await importByHand(session, tree.value.folder, host);
    if (!imported.ok) return imported;
    if (round === 0) continue;
    ours.push(sent.value.ms);
    baseline.push(imported.value);
  }
  await removeByHand(session, host);
  const ratio = median(ours.map((ms, i) => ms / (baseline[i] as number)));
  return ok({
    ...{ what: `image of the toolchain, sent to ${engine}`, ms: median(ours), runs: ours },
    against: { what: 'by hand: tar | docker import', ms: median(baseline), runs: baseline, ratio },
    ...{ goal: '≤ 1.5× by hand', met: ratio <= 1.5 },
  });
}

/** Flushes earlier writes and removals, so that neither side is charged for the other's. */
async function syncDisks(session: Session): Promise<void> {
  await shell(session, 'sync');
}

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const BASELINE_IMAGE = 'provision-bench-by-hand';

/** Milliseconds that `tar` and the Docker client take for the same tree. Removes the image of the previous round first. */
async function importByHand(session: Session, tree: string, host: string): Promise<Result<number>> {
  await removeByHand(session, host);
  await syncDisks(session);
  const script = 'tar -C "$1" --numeric-owner -cf - . | docker -H "$2" import - "$3"';
  const made = await shell(session, script, tree, host, BASELINE_IMAGE);
  if (!made.ok) return made;
  const { status, ms, stderr } = made.value;
  return status === 0 ? ok(ms) : err(noClient(Buffer.from(stderr).toString('utf8')));
}

async function removeByHand(session: Session, host: string): Promise<void> {
  await shell(session, 'docker -H "$1" rmi "$2"', host, BASELINE_IMAGE);
}

function shell({ context }: Session, script: string, ...args: string[]) {
  return runProcess({
    argv: ['sh', '-c', script, 'sh', ...args],
    env: { PATH, ...environment(context) },
    signal: context.signal,
  });
}

function notBuilt(name: string) {
  return {
    code: 'engine/bench-run',
    what: `The run ${name} did not build the program, so there is no build time to compare.`,
    fix: ['Report it with the output of `provision doctor`.'],
  } as const;
}

function noClient(output: string) {
  return {
    code: 'engine/bench-baseline',
    what: 'The import by hand failed: it needs the Docker client and `tar`.',
    fix: ['Install them (Debian: `docker.io` or `docker-cli`, and `tar`).'],
    evidence: output.trimEnd().split('\n').slice(-5),
  } as const;
}
