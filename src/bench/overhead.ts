import { join } from 'node:path';
import { standalone } from '../charts/draw.ts';
import { overheadChart } from '../charts/overhead.ts';
import { chartPage } from '../charts/page.ts';
import type { Invocation, Outcome } from '../commands/command.ts';
import { closest } from '../domain/closest.ts';
import { defined } from '../domain/defined.ts';
import type { ConfigurationResult, NoiseMeasurement, OverheadReport } from '../domain/overhead.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Failure } from '../failure.ts';
import { type Session, withSession } from '../pipeline/session.ts';
import { SUITE_AT } from '../runtime/instance.ts';
import { referenceProgram } from '../runtime/reference.ts';
import { withTemporaryFolder } from '../store/scratch.ts';
import { artifactsOf, measuredBy, refreshPage, writeFiles } from './artifacts.ts';
import { type Bench, openBench } from './interleave.ts';
import { countOption } from './options.ts';
import { BUILDS, type OverheadBuild, QUICK } from './overhead/builds.ts';
import { concludeFrom } from './overhead/conclusion.ts';
import { type Configuration, configurationsOf } from './overhead/configurations.ts';
import { factorsOf } from './overhead/factors.ts';
import { type Counter, chooseCounter, makeCounters } from './overhead/instruction-counter.ts';
import { type FinishedBuild, makeBuild, type PlannedBuild, planBuilds } from './overhead/make-build.ts';
import { type Count, measureConfiguration, measureNoise, SMALLEST } from './overhead/measure.ts';
import { overheadText } from './overhead/text.ts';

const ROUNDS = 9;
const WARM_UP = 1;
/** Settings tried for each source of noise. */
const SETTINGS = 5;

interface Options extends Count {
  readonly builds: readonly OverheadBuild[];
  readonly quick: boolean;
}

/** `provision bench tax`: what makes a step of an embedded interpreter slower than a step of python3. */
export async function benchOverhead(invocation: Invocation): Promise<Result<Outcome>> {
  const options = readOptions(invocation);
  if (!options.ok) return options;
  const started = Date.now();
  const plans = await planBuilds(invocation.context, options.value.builds);
  if (!plans.ok) return plans;
  return withTemporaryFolder(invocation.context.settings.store, 'bench', async (folder) => {
    const measured = await withSession(invocation.context, plans.value, (session) =>
      measureOverhead(session, plans.value, options.value, folder),
    );
    if (!measured.ok) return measured;
    const { configurations, noise, counter, reference } = measured.value;
    const factors = factorsOf(configurations);
    const report: OverheadReport = {
      ...measuredBy(invocation.context, started),
      what: 'tax',
      reference,
      rounds: options.value.rounds,
      warmUp: options.value.warmUp,
      ...defined({ counter: counter && { program: counter.program, why: counter.why } }),
      cells: configurations,
      factors,
      noise,
      conclusion: concludeFrom(configurations, factors),
    };
    return await writeResult(invocation, report);
  });
}

function readOptions(invocation: Invocation): Result<Options> {
  const { values } = invocation;
  const rounds = countOption(invocation, 'rounds', 1);
  if (!rounds.ok) return rounds;
  const warmUp = countOption(invocation, 'warm-up', 0);
  if (!warmUp.ok) return warmUp;
  const quick = values.quick === true;
  const all = BUILDS.map(({ name }) => name);
  const names = values.cells === undefined ? (quick ? QUICK : all) : String(values.cells).split(',');
  const unknown = names.find((name) => !all.includes(name));
  if (unknown !== undefined) return err(noSuchConfiguration(unknown, all));
  return ok({
    builds: BUILDS.filter(({ name }) => names.includes(name)),
    quick,
    rounds: rounds.value ?? ROUNDS,
    warmUp: warmUp.value ?? WARM_UP,
  });
}

interface Measured {
  readonly reference: string;
  readonly configurations: readonly ConfigurationResult[];
  readonly noise: readonly NoiseMeasurement[];
  readonly counter?: Counter;
}

async function measureOverhead(
  session: Session,
  plans: readonly PlannedBuild[],
  options: Options,
  folder: string,
): Promise<Result<Measured>> {
  const finished: FinishedBuild[] = [];
  for (const [i, build] of plans.entries()) {
    const one = await makeBuild(session, build, { folder, position: i + 1, of: plans.length });
    if (!one.ok) return one;
    finished.push(one.value);
  }
  const [first] = finished;
  if (first === undefined) throw new Error('no build was selected');
  const counters = options.quick ? undefined : await makeCounters(session);
  if (counters?.ok === false) return counters;
  const { plan } = first.prepared.planned;
  const opened = await openBench(session.context, {
    engine: first.prepared.engine,
    rootfs: first.prepared.rootfs,
    reference: first.prepared.runtimes.reference,
    targets: new Map(finished.map(({ build, prepared }) => [build.name, prepared.runtimes.target])),
    mounts: [
      { kind: 'source', source: join(session.context.settings.home, 'runner', 'bench'), at: SUITE_AT },
      ...(counters === undefined
        ? []
        : [{ kind: 'tree', source: counters.value.folder, at: counters.value.at } as const]),
    ],
    log: join(folder, 'bench.log'),
  });
  if (!opened.ok) return opened;
  await using bench = opened.value;
  const counter = counters === undefined ? ok(undefined) : await chooseCounter(bench, plan, SMALLEST);
  if (!counter.ok) return counter;
  const configurations = configurationsOf(options.builds);
  const measured = await session.recorder.stage(
    'run',
    'Overhead of each configuration',
    () => measureAll(session, bench, configurations, options, counter.value),
    (value) => ({ hit: false, detail: `${value.configurations.length} configurations` }),
  );
  if (!measured.ok) return measured;
  return ok({
    reference: referenceProgram(plan),
    ...measured.value,
    ...defined({ counter: counter.value }),
  });
}

async function measureAll(
  session: Session,
  bench: Bench,
  configurations: readonly Configuration[],
  options: Options,
  counter: Counter | undefined,
): Promise<
  Result<{
    readonly configurations: readonly ConfigurationResult[];
    readonly noise: readonly NoiseMeasurement[];
  }>
> {
  const done: ConfigurationResult[] = [];
  const counting = counter === undefined ? undefined : { ...counter, reference: new Map() };
  for (const configuration of configurations) {
    emitProgress(session, done.length, configurations.length, configuration.name);
    const measured = await measureConfiguration(bench, configuration, options, counting);
    if (!measured.ok) return measured;
    done.push(measured.value);
  }
  emitProgress(session, done.length, configurations.length, 'noise');
  const quiet = configurations.find(({ settings }) => settings.linkage === 'static') ?? configurations[0];
  if (quiet === undefined) return ok({ configurations: done, noise: [] });
  const count = { rounds: Math.min(3, options.rounds), warmUp: options.warmUp };
  const noise = await measureNoise(bench, quiet, count, options.quick ? 2 : SETTINGS);
  return noise.ok ? ok({ configurations: done, noise: noise.value }) : noise;
}

function emitProgress(session: Session, done: number, total: number, detail: string): void {
  session.context.emit({ type: 'stage-progress', stage: 'run', done, total, unit: 'configurations', detail });
}

async function writeResult(invocation: Invocation, report: OverheadReport): Promise<Result<Outcome>> {
  const folder = artifactsOf(invocation);
  const svg = overheadChart(report);
  const text = overheadText(report);
  const written = await writeFiles(folder, {
    'tax.json': `${JSON.stringify(report, null, 2)}\n`,
    'tax.svg': standalone(svg),
    'tax.html': chartPage('What the per-opcode tax is made of', svg, text),
  });
  const paged = written.ok ? await refreshPage(folder) : written;
  if (!paged.ok) return paged;
  const different = report.cells.filter(({ exact }) => !exact).map(({ name }) => name);
  return ok({ text, json: report, ...(different.length === 0 ? {} : { failure: notExact(different) }) });
}

function notExact(names: readonly string[]): Failure {
  return {
    code: 'samples/bench-differs',
    what: `The output of the workloads differs from the reference: ${names.join(', ')}.`,
    fix: ['Run the samples of the recipe first.'],
  };
}

function noSuchConfiguration(name: string, all: readonly string[]): Failure {
  const meant = closest(name, all);
  return {
    code: 'usage/bench-cells',
    what: `There is no build "${name}" to measure.`,
    fix: [...(meant === undefined ? [] : [`Did you mean ${meant}?`]), `Builds: ${all.join(', ')}.`],
  };
}
