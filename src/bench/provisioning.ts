import { readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execPath } from 'node:process';
import type { Invocation, Outcome } from '../commands/command.ts';
import { distribution } from '../distro/distribution.ts';
import type { Report } from '../domain/report.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { isThere } from '../exec/files.ts';
import { entryPoint } from '../exec/home.ts';
import { runProcess } from '../exec/process.ts';
import { hostMachine } from '../pipeline/host.ts';
import { type Planned, type Prepared, planRun, prepareEnv, startRun } from '../pipeline/prepare.ts';
import { withSession } from '../pipeline/session.ts';
import { withTemporaryFolder } from '../store/scratch.ts';
import { type Baseline, measureBaseline } from './baseline.ts';
import { namedRecipe } from './default-recipe.ts';
import { environment, type Measured, median, runTool } from './measure.ts';
import { copyProject } from './project-copy.ts';
import { type Row, roundsOf, seconds, table } from './rows.ts';

/** Of a warm run, and of the launcher, where `--rounds` does not say how many: they are short. */
const WARM_RUNS = 11;

/** `provision bench provisioning`: a cold run against the same work by hand, a warm run, an added sample, a changed line. */
export async function benchProvisioning(invocation: Invocation): Promise<Result<Outcome>> {
  return withTemporaryFolder(invocation.context.settings.store, 'bench', async (folder) => {
    return await measureAll(invocation, folder);
  });
}

async function measureAll(invocation: Invocation, folder: string): Promise<Result<Outcome>> {
  const recipe = namedRecipe(invocation);
  const counted = roundsOf(invocation);
  if (!counted.ok) return counted;
  const rounds = counted.value;
  const context = { ...invocation.context, emit: () => {} };
  const planned = await planRun(context, recipe, hostMachine());
  if (!planned.ok) return planned;
  const prepared = await withSession(context, [planned.value], async (session) => {
    const run = await startRun(session, planned.value);
    return run.ok ? prepareEnv(session, run.value) : run;
  });
  if (!prepared.ok) return prepared;
  const bench: Bench = {
    invocation,
    folder,
    recipe,
    rounds,
    warmRuns: invocation.values.rounds === undefined ? WARM_RUNS : rounds,
    planned: planned.value,
    prepared: prepared.value,
  };
  const rows: Row[] = [];
  for (const part of invocation.values['skip-cold'] === true ? [warm, changes] : [cold, warm, changes]) {
    const measured = await part(bench);
    if (!measured.ok) return measured;
    rows.push(...measured.value);
  }
  return ok({ text: table(`Provisioning ${recipe}`, rows), json: { recipe, rounds, rows } });
}

interface Bench {
  readonly invocation: Invocation;
  readonly folder: string;
  readonly recipe: string;
  readonly rounds: number;
  readonly warmRuns: number;
  readonly planned: Planned;
  readonly prepared: Prepared;
}

async function cold(bench: Bench): Promise<Result<readonly Row[]>> {
  const { context } = bench.invocation;
  const from = await distribution.locate(context, [bench.planned.locks.toolchain.lock.resolved]);
  const keyring = distribution.keyrings.find((file) => isThere(file));
  const mirror = from.urls[0];
  if (keyring === undefined || mirror === undefined) return err(noBaseline());
  const ours: Measured[] = [];
  const built: number[] = [];
  const baselines: Baseline[] = [];
  for (let round = 0; round < bench.rounds; round++) {
    const store = join(bench.folder, `cold-${round}`);
    const run = await runTool(context, ['run', bench.recipe, '--store', store], bench.folder);
    if (!run.ok) return run;
    ours.push(run.value);
    built.push(await untilBuilt(bench, run.value.ms));
    await rm(store, { recursive: true, force: true });
    const folder = join(bench.folder, `baseline-${round}`);
    const baseline = await measureBaseline(context, {
      planned: bench.planned,
      prepared: bench.prepared,
      mirror,
      keyring,
      folder,
    });
    if (!baseline.ok) return baseline;
    baselines.push(baseline.value);
    await rm(folder, { recursive: true, force: true });
  }
  const baselineMs = baselines.map(({ debootstrapMs, buildMs }) => debootstrapMs + buildMs);
  const ratio = median(built.map((ms, i) => ms / (baselineMs[i] as number)));
  const peakMb = Math.max(...ours.map(({ peakKb }) => peakKb)) / 1000;
  return ok([
    {
      what: 'cold: empty store to the built program',
      ms: median(built),
      runs: built,
      against: {
        what: 'by hand: mmdebstrap twice, cargo build',
        ms: median(baselineMs),
        runs: baselineMs,
        ratio,
      },
      goal: '≤ 0.60× by hand',
      met: ratio <= 0.6,
      note: `by hand: mmdebstrap ${seconds(median(baselines.map((one) => one.debootstrapMs)))}, cargo ${seconds(median(baselines.map((one) => one.buildMs)))}`,
    },
    {
      what: 'cold, the whole run: with bundle, reference interpreter and samples',
      ms: median(ours.map((run) => run.ms)),
      runs: ours.map((run) => run.ms),
      goal: 'about a minute on a quiet machine',
    },
    {
      what: 'peak memory of the tool while cold',
      ms: 0,
      runs: ours.map(({ peakKb }) => peakKb),
      goal: '≤ 300 MB',
      met: peakMb <= 300,
      note: `${peakMb.toFixed(0)} MB`,
    },
  ]);
}

/**
 * Milliseconds from launch to the built program: the same work as the baseline's. These stages run one after the other;
 * the time that the process spends outside of its report is included.
 */
async function untilBuilt({ folder, planned }: Bench, wallMs: number): Promise<number> {
  const file = join(folder, 'artifacts', planned.plan.recipe.name, 'report.json');
  const report = JSON.parse(await readFile(file, 'utf8')) as Report;
  const stages = report.stages.filter(({ name }) => ['lock', 'toolchain', 'sysroot', 'build'].includes(name));
  return stages.reduce((sum, { ms }) => sum + ms, wallMs - report.ms);
}

async function warm(bench: Bench): Promise<Result<readonly Row[]>> {
  const { context } = bench.invocation;
  const args = ['run', bench.recipe, '--store', context.settings.store];
  const first = await runTool(context, args, bench.folder);
  if (!first.ok) return first;
  const runs: number[] = [];
  for (let i = 0; i < bench.warmRuns; i++) {
    const run = await runTool(context, args, bench.folder);
    if (!run.ok) return run;
    runs.push(run.value.ms);
  }
  const checked = await checks(bench);
  if (!checked.ok) return checked;
  const launched = await launcher(bench);
  if (!launched.ok) return launched;
  return ok([
    { what: 'warm: nothing changed', ms: median(runs), runs, goal: '≤ 600 ms', met: median(runs) <= 600 },
    {
      what: 'check: toolchain and sysroot by size, time and inode, before something is made of them',
      ...{ ms: median(checked.value), runs: checked.value, goal: 'no part of a run with nothing changed' },
    },
    ...launched.value,
  ]);
}

/** Milliseconds; each in a session of its own, because one session checks an entry once. */
async function checks({ invocation, planned, warmRuns }: Bench): Promise<Result<readonly number[]>> {
  const context = { ...invocation.context, emit: () => {} };
  const runs: number[] = [];
  for (let i = 0; i < warmRuns; i++) {
    const ms = await withSession(context, [planned], async (session) => {
      const run = await startRun(session, planned);
      const prepared = run.ok ? await prepareEnv(session, run.value) : run;
      if (!prepared.ok) return prepared;
      const began = performance.now();
      const checked = await session.store.check();
      return checked.ok ? ok(performance.now() - began) : checked;
    });
    if (!ms.ok) return ms;
    runs.push(ms.value);
  }
  return ok(runs);
}

/** What the launcher of a checkout adds to the program's own start; an installed package has no launcher. */
async function launcher(bench: Bench): Promise<Result<readonly Row[]>> {
  const { context } = bench.invocation;
  const file = join(context.settings.home, 'provision');
  if (!isThere(file)) return ok([]);
  const own: number[] = [];
  const bare: number[] = [];
  for (let i = 0; i <= bench.warmRuns; i++) {
    for (const [times, argv] of [
      [own, [file]],
      [bare, [execPath, '--disable-warning=ExperimentalWarning', entryPoint()]],
    ] as const) {
      const run = await runProcess({
        argv: [...argv, '--version'] as [string, ...string[]],
        env: {
          PATH: `${dirname(execPath)}:/usr/bin:/bin`,
          ...environment(context),
          NODE_COMPILE_CACHE: join(bench.folder, 'compiled'),
        },
        signal: context.signal,
      });
      if (!run.ok) return run;
      // The first run of each fills caches.
      if (i > 0) times.push(run.value.ms);
    }
  }
  const added = median(own) - median(bare);
  return ok([
    {
      ...{ what: 'launcher: `--version` through it', ms: median(own), runs: own },
      against: {
        what: 'Node and the program alone',
        ms: median(bare),
        runs: bare,
        ratio: median(own) / median(bare),
      },
      ...{ goal: '≤ 30 ms more', met: added <= 30, note: `${added.toFixed(0)} ms more` },
    },
  ]);
}

/** Works on a copy of the project, so that the user's files stay unchanged. */
async function changes(bench: Bench): Promise<Result<readonly Row[]>> {
  const { context } = bench.invocation;
  const home = join(bench.folder, 'project');
  const file = await copyProject(bench.planned.plan.recipe, home);
  const args = ['run', file, '--store', context.settings.store];
  const timed = async (change: (round: number) => Promise<void>): Promise<Result<number[]>> => {
    const runs: number[] = [];
    for (let round = 0; round < bench.rounds; round++) {
      await change(round);
      const run = await runTool(context, args, home);
      if (!run.ok) return run;
      runs.push(run.value.ms);
    }
    return ok(runs);
  };
  const first = await runTool(context, args, home);
  if (!first.ok) return first;
  const samples = await timed((round) =>
    writeFile(join(home, 'samples', `added_${round}.py`), `print(${round}, ${Date.now()})\n`),
  );
  if (!samples.ok) return samples;
  const source = join(home, 'crate', 'src', 'main.rs');
  const text = await readFile(source, 'utf8');
  const lines = await timed(() =>
    writeFile(source, `${text}\n#[used]\nstatic CHANGED: u64 = ${Date.now()};\n`),
  );
  if (!lines.ok) return lines;
  return ok([
    {
      what: 'one sample added',
      ms: median(samples.value),
      runs: samples.value,
      goal: 'that sample alone runs',
    },
    {
      what: 'one line of the program changed',
      ms: median(lines.value),
      runs: lines.value,
      goal: 'incremental build and the samples',
    },
  ]);
}

function noBaseline() {
  return {
    code: 'engine/bench-baseline',
    what: "The build by hand needs a Debian mirror and Debian's archive keyring.",
    fix: ['Install `debian-archive-keyring` and `mmdebstrap`, or skip the comparison with `--skip-cold`.'],
  } as const;
}
