import { join } from 'node:path';
import { standalone } from '../charts/draw.ts';
import { chartPage } from '../charts/page.ts';
import { taxChart } from '../charts/tax.ts';
import type { Invocation, Outcome } from '../commands/command.ts';
import { closest } from '../domain/closest.ts';
import { defined } from '../domain/defined.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Tax, TaxCell, TaxNoise } from '../domain/tax.ts';
import { withTemporaryFolder } from '../exec/files.ts';
import type { Failure } from '../failure.ts';
import { type Session, withSession } from '../pipeline/session.ts';
import { SUITE_AT } from '../runtime/instance.ts';
import { artifactsOf, measuredBy, refreshPage, writeFiles } from './artifacts.ts';
import { countOption } from './options.ts';
import { BUILDS, QUICK, type TaxBuild } from './tax/builds.ts';
import { type Cell, cellsOf } from './tax/cells.ts';
import { concludeFrom } from './tax/conclusion.ts';
import { type Counter, chooseCounter, makeCounters } from './tax/count.ts';
import { factorsOf } from './tax/factors.ts';
import { type Made, makeBuild, type PlannedBuild, planBuilds } from './tax/make.ts';
import { type Count, measureCell, measureNoise, SMALLEST } from './tax/measure.ts';
import { taxText } from './tax/text.ts';
import { type Bench, openBench } from './turns.ts';

const ROUNDS = 9;
const WARM_UP = 1;
/** Settings of each source of noise that are tried. */
const SETTINGS = 5;

interface Options extends Count {
  readonly builds: readonly TaxBuild[];
  readonly quick: boolean;
}

/** `provision bench tax`: what makes a step of an embedded interpreter slower than one of python3. */
export async function benchTax(invocation: Invocation): Promise<Result<Outcome>> {
  const options = readOptions(invocation);
  if (!options.ok) return options;
  const started = Date.now();
  const plans = await planBuilds(invocation.context, options.value.builds);
  if (!plans.ok) return plans;
  return withTemporaryFolder('bench', async (folder) => {
    const measured = await withSession(invocation.context, plans.value, (session) =>
      measureTax(session, plans.value, options.value, folder),
    );
    if (!measured.ok) return measured;
    const { cells, noise, counter, reference } = measured.value;
    const factors = factorsOf(cells);
    const tax: Tax = {
      ...measuredBy(invocation.context, started),
      what: 'tax',
      reference,
      rounds: options.value.rounds,
      warmUp: options.value.warmUp,
      ...(counter === undefined ? {} : { counter: { program: counter.program, why: counter.why } }),
      cells,
      factors,
      noise,
      conclusion: concludeFrom(cells, factors),
    };
    return await deliver(invocation, tax);
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
  if (unknown !== undefined) return err(noSuchCell(unknown, all));
  return ok({
    builds: BUILDS.filter(({ name }) => names.includes(name)),
    quick,
    rounds: rounds.value ?? ROUNDS,
    warmUp: warmUp.value ?? WARM_UP,
  });
}

interface Measured {
  readonly reference: string;
  readonly cells: readonly TaxCell[];
  readonly noise: readonly TaxNoise[];
  readonly counter?: Counter;
}

async function measureTax(
  session: Session,
  plans: readonly PlannedBuild[],
  options: Options,
  folder: string,
): Promise<Result<Measured>> {
  const made: Made[] = [];
  for (const [i, build] of plans.entries()) {
    const one = await makeBuild(session, build, { folder, place: i + 1, of: plans.length });
    if (!one.ok) return one;
    made.push(one.value);
  }
  const [first] = made;
  if (first === undefined) throw new Error('a tax has a build');
  const counters = options.quick ? undefined : await makeCounters(session);
  if (counters?.ok === false) return counters;
  const { plan } = first.ready.planned;
  const opened = await openBench(session.context, {
    engine: first.ready.engine,
    rootfs: first.ready.rootfs,
    reference: first.ready.worlds.reference,
    targets: new Map(made.map(({ build, ready }) => [build.name, ready.worlds.target])),
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
  const cells = cellsOf(options.builds);
  const measured = await session.recorder.stage(
    'run',
    'Cells of the tax',
    () => measureAll(session, bench, cells, options, counter.value),
    (value) => ({ hit: false, detail: `${value.cells.length} cells` }),
  );
  if (!measured.ok) return measured;
  return ok({
    reference: plan.reference.tools.python ?? 'python3',
    ...measured.value,
    ...defined({ counter: counter.value }),
  });
}

async function measureAll(
  session: Session,
  bench: Bench,
  cells: readonly Cell[],
  options: Options,
  counter: Counter | undefined,
): Promise<Result<{ readonly cells: readonly TaxCell[]; readonly noise: readonly TaxNoise[] }>> {
  const done: TaxCell[] = [];
  const counting = counter === undefined ? undefined : { ...counter, reference: new Map() };
  for (const cell of cells) {
    tell(session, done.length, cells.length, cell.name);
    const measured = await measureCell(bench, cell, options, counting);
    if (!measured.ok) return measured;
    done.push(measured.value);
  }
  tell(session, done.length, cells.length, 'noise');
  const quiet = cells.find(({ settings }) => settings.linkage === 'static') ?? cells[0];
  if (quiet === undefined) return ok({ cells: done, noise: [] });
  const count = { rounds: Math.min(3, options.rounds), warmUp: options.warmUp };
  const noise = await measureNoise(bench, quiet, count, options.quick ? 2 : SETTINGS);
  return noise.ok ? ok({ cells: done, noise: noise.value }) : noise;
}

function tell(session: Session, done: number, total: number, detail: string): void {
  session.context.emit({ type: 'stage-progress', stage: 'run', done, total, unit: 'cells', detail });
}

async function deliver(invocation: Invocation, tax: Tax): Promise<Result<Outcome>> {
  const folder = artifactsOf(invocation);
  const svg = taxChart(tax);
  const text = taxText(tax);
  const written = await writeFiles(folder, {
    'tax.json': `${JSON.stringify(tax, null, 2)}\n`,
    'tax.svg': standalone(svg),
    'tax.html': chartPage('What the per-opcode tax is made of', svg, text),
  });
  const paged = written.ok ? await refreshPage(folder) : written;
  if (!paged.ok) return paged;
  const wrong = tax.cells.filter(({ exact }) => !exact).map(({ name }) => name);
  return ok({ text, json: tax, ...(wrong.length === 0 ? {} : { failure: notExact(wrong) }) });
}

function notExact(names: readonly string[]): Failure {
  return {
    code: 'samples/bench-differs',
    what: `The workloads do not print what the reference prints: ${names.join(', ')}.`,
    fix: ['Run the samples of the recipe first.'],
  };
}

function noSuchCell(name: string, all: readonly string[]): Failure {
  const meant = closest(name, all);
  return {
    code: 'usage/bench-cells',
    what: `There is no cell "${name}".`,
    fix: [...(meant === undefined ? [] : [`Did you mean ${meant}?`]), `Cells: ${all.join(', ')}.`],
  };
}
