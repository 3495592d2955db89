import { runCargoTests, SELECTIONS } from '../build/cargo-tests.ts';
import type { CargoTestResult } from '../build/test-output.ts';
import { countDocTests } from '../crate/doc-tests.ts';
import { leavesPythonOpen } from '../crate/embedding.ts';
import { defined } from '../domain/defined.ts';
import type { CargoTests, CommandTest } from '../domain/definitions.ts';
import type { Plan } from '../domain/plan.ts';
import { ok, type Result } from '../domain/result.ts';
import type { SampleResult } from '../domain/sample.ts';
import type { OrderedReferences } from '../run/byte-order.ts';
import { runCommands } from '../run/commands.ts';
import { outcomeOf, type RunOutcome, type SystemOutcome, type SystemRuntime } from '../run/run.ts';
import { explainUnflushedTest } from '../run/unflushed.ts';
import type { RuntimeInstance } from '../runtime/instance.ts';
import { runtimeCapabilities } from '../runtime/runtime.ts';
import type { Tree } from '../toolchain/tree.ts';
import type { PythonPackages } from './packages.ts';
import type { Prepared } from './prepare.ts';
import { serverClient } from './server-client.ts';
import type { Session } from './session.ts';
import { withTestFiles } from './test-files.ts';

interface TestsInput {
  readonly toolchain: Tree;
  readonly prepared: Prepared;
  /** What runs the bundle; absent: there is none, and no commands. */
  readonly runtimes?: { readonly target: RuntimeInstance; readonly reference: RuntimeInstance };
  /** Further systems that commands run on. */
  readonly systems?: readonly SystemRuntime[];
  /** This machine's interpreter, which asks servers; there with `runtimes`. */
  readonly interpreter?: RuntimeInstance;
  readonly packages?: PythonPackages;
  readonly ordered?: OrderedReferences;
  readonly artifacts: string;
  readonly logs: string;
}

/** The tests of a recipe beside its samples: commands of the program itself, and `cargo test`. */
export async function runTests(session: Session, plan: Plan, input: TestsInput): Promise<Result<RunOutcome>> {
  const { cargo, commands = [] } = plan.recipe.tests ?? {};
  const outcomes: RunOutcome[] = [];
  const { runtimes, interpreter } = input;
  if (commands.length > 0 && runtimes !== undefined && interpreter !== undefined) {
    const ran = await commandTests(session, plan, { ...input, runtimes, interpreter }, commands);
    if (!ran.ok) return ran;
    outcomes.push(ran.value);
  }
  if (cargo !== undefined) {
    const ran = await cargoTests(session, plan, input, cargo);
    if (!ran.ok) return ran;
    outcomes.push(ran.value);
  }
  return ok(joined(outcomes));
}

/** Several outcomes as one. */
export function joined(outcomes: readonly RunOutcome[]): RunOutcome {
  const sum = (key: 'passed' | 'failed' | 'skipped' | 'cached'): number =>
    outcomes.reduce((total, one) => total + one[key], 0);
  return {
    results: outcomes.flatMap(({ results }) => results),
    passed: sum('passed'),
    failed: sum('failed'),
    skipped: sum('skipped'),
    cached: sum('cached'),
    logs: outcomes.flatMap(({ logs }) => logs),
    systems: joinedSystems(outcomes.flatMap(({ systems }) => systems)),
  };
}

/** Samples and commands of one system as its tests. */
function joinedSystems(systems: readonly SystemOutcome[]): readonly SystemOutcome[] {
  const names = [...new Set(systems.map(({ name }) => name))];
  return names.map((name) => {
    const all = systems.filter((one) => one.name === name);
    return {
      ...(all[0] as SystemOutcome),
      results: all.flatMap(({ results }) => results),
      cached: all.reduce((sum, { cached }) => sum + cached, 0),
    };
  });
}

type CommandsInput = Required<Pick<TestsInput, 'runtimes' | 'interpreter' | 'artifacts'>> &
  Pick<TestsInput, 'ordered' | 'systems'>;

async function commandTests(
  { context, store, recorder, engine }: Session,
  plan: Plan,
  { runtimes, interpreter, artifacts, ordered, systems = [] }: CommandsInput,
  commands: readonly CommandTest[],
): Promise<Result<RunOutcome>> {
  const { servers: impossible } = runtimeCapabilities(plan.runtime).impossible;
  if (impossible !== undefined && commands.some(({ server }) => server !== undefined))
    context.emit(notRun(plan, 'server', '`server` in `tests.commands`', impossible));
  const runnable = await withTestFiles(commands, plan.recipe.file);
  if (!runnable.ok) return runnable;
  return recorder.stage(
    'commands',
    `Commands on ${[plan.target.rustTriple, ...systems.map(({ facts }) => facts.name)].join(', ')}`,
    () =>
      runCommands(context, store, {
        commands: runnable.value,
        engine,
        runtimes,
        systems,
        ...defined({ ordered }),
        servers: async () =>
          impossible === undefined ? serverClient(context.settings.home, interpreter) : { impossible },
        artifacts,
        target: plan.target,
        file: plan.recipe.file,
        leavesPythonOpen: () => leavesPythonOpen(plan.crate),
      }),
    (value) => ({
      hit: [value, ...value.systems].every(({ cached, results }) => cached === results.length),
      detail: counted(value),
    }),
  );
}

async function cargoTests(
  { context, store, recorder, engine }: Session,
  plan: Plan,
  { toolchain, prepared, packages, logs }: TestsInput,
  wanted: CargoTests,
): Promise<Result<RunOutcome>> {
  const leftOut = await documentationTests(plan, wanted);
  for (const one of leftOut) context.emit({ type: 'sample-finished', ...one });
  const { cargo: impossible } = runtimeCapabilities(plan.runtime).impossible;
  if (impossible !== undefined) {
    const finished = { result: notStarted(plan, impossible), cached: true };
    context.emit(notRun(plan, 'cargo', '`tests.cargo`', impossible));
    context.emit({ type: 'sample-finished', ...finished });
    return ok(outcomeOf([finished, ...leftOut]));
  }
  if (wanted.args.includes('--doc')) return ok(outcomeOf(leftOut));
  return recorder.stage(
    'cargo-test',
    `cargo test on ${plan.target.rustTriple}`,
    async () => {
      const { sysroot, env } = prepared;
      const ran = await runCargoTests(
        context,
        store,
        {
          ...{ resolved: plan, runtime: plan.runtime, env, toolchain, sysroot, engine, logs },
          ...defined({ python: packages?.target }),
        },
        wanted,
      );
      if (!ran.ok) return ran;
      const { tests, cached } = ran.value;
      const open = await leavesPythonOpen(plan.crate);
      const finished = tests.map((one) => ({ result: asResult(plan, one, open), cached }));
      for (const one of finished) context.emit({ type: 'sample-finished', ...one });
      return ok(outcomeOf([...finished, ...leftOut]));
    },
    (value) => ({ hit: value.cached === value.results.length, detail: counted(value) }),
  );
}

/** `open`: the program never ends its interpreter, which explains output that a test misses. */
function asResult(plan: Plan, { name, status, said }: CargoTestResult, open: boolean): SampleResult {
  const reason = said.split('\n').find((line) => /panicked at|^error/.test(line)) ?? said.split('\n')[0];
  return {
    name: `cargo/${name}`,
    title: name,
    tier: 'user',
    status,
    file: plan.recipe.project.folder,
    by: 'cargo',
    ...(status === 'passed' ? {} : { reason: reason || 'it failed' }),
    ...(status === 'failed' ? { kind: 'test-failed', diff: `${said}\n`, logs: ['logs/cargo-test.log'] } : {}),
    ...(status === 'failed' && open ? explainUnflushedTest(said) : {}),
  };
}

function notRun({ target }: Plan, what: 'cargo' | 'server', key: string, why: string) {
  return {
    type: 'notice',
    level: 'info',
    code: `samples/${what}-not-run`,
    message: `${key} is skipped on ${target.name}: ${why}.`,
  } as const;
}

function notStarted(plan: Plan, why: string): SampleResult {
  const reason = `${plan.target.name}: ${why}`;
  return { ...asResult(plan, { name: 'cargo-test', status: 'skipped', said: reason }, false), reason };
}

/** Those of the library's documentation, as one that is skipped; none where it has none. */
async function documentationTests(plan: Plan, { args }: CargoTests) {
  const all = args.some((word) => word === '--workspace' || word === '--all');
  // A selection of programs is one without documentation.
  if (!args.includes('--doc') && args.some((word) => SELECTIONS.test(word))) return [];
  const count = await countDocTests(plan.recipe.project.folder, all);
  if (count === 0) return [];
  const number = count === 1 ? 'one documentation test is' : `${count} documentation tests are`;
  const because =
    plan.rust === undefined
      ? 'the toolchain image has no rustdoc'
      : 'rustdoc links and starts them itself, without the sysroot of the build';
  const reason = `${number} not run: ${because}. \`cargo test --doc\` runs them for this machine`;
  const result = {
    ...asResult(plan, { name: 'documentation', status: 'skipped', said: reason }, false),
    reason,
  };
  return [{ result, cached: true }];
}

function counted({ results, passed, failed, skipped, systems }: RunOutcome): string {
  const parts = [`${passed} of ${results.length} passed`];
  if (failed > 0) parts.push(`${failed} failed`);
  if (skipped > 0) parts.push(`${skipped} skipped`);
  const further = systems.map(({ name, results: there }) => {
    const well = there.filter(({ status }) => status === 'passed').length;
    return `${name}: ${well} of ${there.length}`;
  });
  return [parts.join(', '), ...further].join('; ');
}
