import { join } from 'node:path';
import type { Invocation, Outcome } from '../commands/command.ts';
import type { Clock } from '../domain/amortization.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Sample } from '../domain/sample.ts';
import type { SuiteSample, SuiteTimes } from '../domain/suite-times.ts';
import { hostMachine } from '../pipeline/host.ts';
import { type Planned, planRun } from '../pipeline/prepare.ts';
import { type Session, withSession } from '../pipeline/session.ts';
import { collectSamples } from '../run/collect.ts';
import { isFor } from '../run/python-conditions.ts';
import { missingFacility } from '../runtime/facilities.ts';
import { SCRATCH_AT, SUITE_AT } from '../runtime/instance.ts';
import { referenceProgram } from '../runtime/reference.ts';
import { runtimeCapabilities, sharedCapabilitiesOf } from '../runtime/runtime.ts';
import { withTemporaryFolder } from '../store/scratch.ts';
import { artifactsOf, measuredBy, refreshPage, writeFiles } from './artifacts.ts';
import { SUITE_RECIPES } from './default-recipe.ts';
import { type Bench, type CommandRun, type InterleavedCommand, openBench } from './interleave.ts';
import { choiceOption, countOption } from './options.ts';
import { type PreparedRecipe, prepareFromPlan } from './prepared-recipe.ts';
import { timed } from './stats.ts';
import { suiteRecipes, suiteText } from './suite-text.ts';

const ROUNDS = 3;
const WARM_UP = 1;

interface Options {
  readonly rounds: number;
  readonly warmUp: number;
  readonly clock: Clock;
}

/** `provision bench suite`: the time of each sample on each target, launch to exit, and the cost of emulation. */
export async function benchSuite(invocation: Invocation): Promise<Result<Outcome>> {
  const options = readOptions(invocation);
  if (!options.ok) return options;
  const { context } = invocation;
  const named = invocation.positionals.slice(1);
  const plans: Planned[] = [];
  for (const recipe of new Set(named.length === 0 ? SUITE_RECIPES : named)) {
    const planned = await planRun(context, recipe, hostMachine());
    if (!planned.ok) return planned;
    plans.push(planned.value);
  }
  return withTemporaryFolder(context.settings.store, 'bench', async (folder) => {
    return await withSession(context, plans, (session) =>
      measureSuite(session, plans, invocation, options.value, folder),
    );
  });
}

function readOptions(invocation: Invocation): Result<Options> {
  const rounds = countOption(invocation, 'rounds', 1);
  if (!rounds.ok) return rounds;
  const warmUp = countOption(invocation, 'warm-up', 0);
  if (!warmUp.ok) return warmUp;
  const clock = choiceOption(invocation, 'clock', ['wall', 'cpu']);
  if (!clock.ok) return clock;
  return ok({ rounds: rounds.value ?? ROUNDS, warmUp: warmUp.value ?? WARM_UP, clock: clock.value });
}

async function measureSuite(
  session: Session,
  plans: readonly Planned[],
  invocation: Invocation,
  options: Options,
  folder: string,
): Promise<Result<Outcome>> {
  const started = Date.now();
  const { context } = session;
  const all: PreparedRecipe[] = [];
  for (const planned of plans) {
    const prepared = await prepareFromPlan(session, planned, folder);
    if (!prepared.ok) return prepared;
    all.push(prepared.value);
  }
  const [first] = all;
  if (first === undefined) throw new Error('no recipe was selected');
  const suite = first.planned.plan.recipe.samples;
  const samples = await collectSamples(suite.paths, { timeoutSeconds: suite.timeoutSeconds });
  if (!samples.ok) return samples;
  const measured = await session.recorder.stage(
    'run',
    'Time of the samples',
    () => runAll(session, all, samples.value, options, folder),
    (value) => ({ hit: false, detail: `${value.length} samples, ${all.length + 1} runtimes` }),
  );
  if (!measured.ok) return measured;
  const result: SuiteTimes = {
    ...measuredBy(context, started),
    what: 'suite',
    reference: referenceProgram(first.planned.plan),
    clock: options.clock,
    rounds: options.rounds,
    warmUp: options.warmUp,
    recipes: suiteRecipes(
      all.map(({ planned: { plan } }) => plan),
      measured.value,
    ),
    samples: measured.value,
  };
  const artifacts = artifactsOf(invocation);
  const written = await writeFiles(artifacts, {
    'suite.json': `${JSON.stringify(result, null, 2)}\n`,
  });
  const paged = written.ok ? await refreshPage(artifacts) : written;
  if (!paged.ok) return paged;
  return ok({ text: suiteText(result), json: result });
}

/** Samples of one folder share a sandbox, because the suite's mount point is fixed. */
async function runAll(
  session: Session,
  all: readonly PreparedRecipe[],
  samples: readonly Sample[],
  options: Options,
  folder: string,
): Promise<Result<readonly SuiteSample[]>> {
  const [first] = all;
  if (first === undefined) return ok([]);
  const { context } = session;
  const done: SuiteSample[] = [];
  for (const suite of new Set(samples.map((sample) => sample.suite))) {
    const opened = await openBench(context, {
      engine: first.engine,
      rootfs: (
        all.find(({ planned }) => runtimeCapabilities(planned.plan.runtime).needsHostLibraries) ?? first
      ).rootfs,
      reference: first.runtimes.reference,
      targets: new Map(all.map(({ planned, runtimes }) => [planned.plan.recipe.name, runtimes.target])),
      mounts: [{ kind: 'source', source: suite, at: SUITE_AT }],
      log: join(folder, 'bench.log'),
    });
    if (!opened.ok) return opened;
    await using bench = opened.value;
    for (const sample of samples.filter((one) => one.suite === suite)) {
      context.emit({
        type: 'stage-progress',
        stage: 'run',
        done: done.length,
        total: samples.length,
        unit: 'samples',
        detail: sample.name,
      });
      const one = await runSample(bench, all, sample, options);
      if (!one.ok) return one;
      done.push(one.value);
    }
  }
  return ok(done);
}

async function runSample(
  bench: Bench,
  all: readonly PreparedRecipe[],
  sample: Sample,
  { rounds, warmUp, clock }: Options,
): Promise<Result<SuiteSample>> {
  const script = `${SUITE_AT}/${sample.file.slice(sample.suite.length + 1)}`;
  const skipped = new Map<string, string>();
  const commands: Record<string, InterleavedCommand> = { '': commandOf(bench.python(script), sample) };
  for (const { planned } of all) {
    const { plan } = planned;
    const { name } = plan.recipe;
    const missing =
      missingFacility(sample.requires, sharedCapabilitiesOf(plan)) ??
      (isFor(sample, plan.sysroot.python.version) ? undefined : `Python ${sample.python}`);
    const targetCommand = bench.targets.get(name);
    if (missing !== undefined) skipped.set(name, missing);
    else if (targetCommand !== undefined) commands[name] = commandOf(targetCommand(script), sample);
  }
  const measurements = await bench.run(commands, { rounds, warmUp });
  if (!measurements.ok) return measurements;
  const expected = measurements.value[''] ?? [];
  if (expected.length === 0) return err(nothingRan(sample));
  const times = Object.fromEntries(
    all.map(({ planned }) => {
      const { name } = planned.plan.recipe;
      const missing = skipped.get(name);
      return [
        name,
        missing === undefined
          ? outcomeOf(measurements.value[name] ?? [], expected, clock)
          : { skipped: missing },
      ];
    }),
  );
  return ok({
    name: sample.name,
    tier: sample.tier,
    reference: timed(expected.map((run) => run[clock])),
    times,
  });
}

function commandOf(command: InterleavedCommand, { argv, stdin }: Sample): InterleavedCommand {
  return { ...command, argv: [...command.argv, ...argv], stdin, keep: true, empty: SCRATCH_AT };
}

/** Compares exit statuses only: bundles are in other folders here, which tracebacks show. A run of the recipe compares outputs. */
function outcomeOf(
  runs: readonly CommandRun[],
  expected: readonly CommandRun[],
  clock: Clock,
): SuiteSample['times'][string] {
  const failed = runs.find(({ status }) => status !== expected[0]?.status);
  if (failed === undefined) return timed(runs.map((run) => run[clock]));
  const last = failed.stderr?.trimEnd().split('\n').at(-1) ?? '';
  return { failed: `status ${failed.status} instead of ${expected[0]?.status}: ${last}` };
}

function nothingRan({ name }: Sample) {
  return {
    code: 'engine/bench-run',
    what: `The reference interpreter did not run ${name}.`,
    fix: ['Check that the recipe itself runs: `provision <recipe>`.'],
  } as const;
}
