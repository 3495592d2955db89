import { dirname } from 'node:path';
import type { Context } from '../domain/context.ts';
import { defined } from '../domain/defined.ts';
import type { CommandTest } from '../domain/definitions.ts';
import { namedOn } from '../domain/report.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Sample, SampleResult } from '../domain/sample.ts';
import type { Failure } from '../failure.ts';
import type { RuntimeInstance } from '../runtime/instance.ts';
import type { Store } from '../store/store.ts';
import { compareExpected, expectedRun } from './expected.ts';
import { failedStep } from './failed-step.ts';
import { writeLogs } from './logs.ts';
import { curesOfMissingFiles } from './missing-files.ts';
import { type Asked, lineOf, observeLine, type SampleExecutor, type WorkingFiles } from './observe.ts';
import { observeBoth } from './observe-both.ts';
import { type Runs, resultOf, resultWithoutReference } from './result.ts';
import { executorOf, explained, outcomeOfSides, type RunInput, type RunOutcome } from './run.ts';
import { compareServer, unasked } from './server/compare.ts';
import { observeServer, type ServerClient, type ServerCommand } from './server/observe.ts';

const NOTHING = new Uint8Array();

/** A command with what its working folder begins with. */
export type RunnableCommand = CommandTest & { readonly working?: WorkingFiles };

export interface CommandsInput extends Omit<RunInput, 'samples' | 'capabilities' | 'python'> {
  readonly commands: readonly RunnableCommand[];
  /** The recipe, which they stand in. */
  readonly file: string;
  /** What starts and asks servers, or why programs of the target cannot be any; called where a command is one. */
  readonly servers: () => Promise<ServerClient | { readonly impossible: string }>;
}

/** Where commands run: on the system that all else runs on, or on a further one. */
interface Side {
  readonly system?: string;
  readonly runtime: RuntimeInstance;
}

/**
 * Runs the program with arguments of its own, from the bundle, and compares with what the recipe expects: what the
 * reference interpreter does with other arguments, or an exit status and a standard output; of a server, its answers. All but
 * servers run on the further systems, too. Results that the store has are not run again.
 */
export async function runCommands(
  context: Context,
  store: Store,
  input: CommandsInput,
): Promise<Result<RunOutcome>> {
  const executor = executorOf(context, store, input);
  const { systems = [] } = input;
  const sides: readonly Side[] = [
    { runtime: input.runtimes.target },
    ...systems.map(({ facts, runtime }) => ({ system: facts.name, runtime })),
  ];
  const finished: Finished[][] = sides.map(() => []);
  let failure: Failure | undefined;
  const anywhere = input.commands.filter(({ server }) => server === undefined);
  const runs = sides.flatMap((side, i) =>
    (i === 0 ? input.commands : anywhere).map((command, index) => ({ side, i, command, index })),
  );
  await Promise.all(
    runs.map(async ({ side, i, command, index }) => {
      const one = await runCommand(context, executor, input, command, side);
      if (one.ok) {
        (finished[i] as Finished[])[index] = one.value;
        context.emit({ type: 'sample-finished', ...one.value });
        return;
      }
      failure ??= one.error;
      executor.stop();
    }),
  );
  if (failure !== undefined) return err(failure);
  return ok(outcomeOfSides(finished, systems));
}

type Finished = { readonly result: SampleResult; readonly cached: boolean };

async function runCommand(
  context: Context,
  executor: SampleExecutor,
  input: CommandsInput,
  command: RunnableCommand,
  side: Side,
): Promise<Result<Finished>> {
  const { server } = command;
  if (server === undefined) {
    const ran = await observeCommand(executor, input, command, side);
    return ran.ok ? finish(context, executor, input, command, ran.value, side) : ran;
  }
  const servers = await input.servers();
  if ('impossible' in servers)
    return ok({ result: notStarted(command, input, servers.impossible), cached: true });
  const asked = await observeAndAsk(executor, input, servers, { ...command, server });
  return asked.ok ? finish(context, executor, input, command, asked.value, side) : asked;
}

/** Both sides of a command, compared. */
interface Compared {
  readonly runs: Runs;
  readonly result: SampleResult;
  /** What the target was compared with. */
  readonly side: 'reference' | 'expected';
  readonly cached: boolean;
}

async function observeCommand(
  executor: SampleExecutor,
  { runtimes, target: own, file }: CommandsInput,
  command: RunnableCommand,
  { system, runtime }: Side,
): Promise<Result<Compared>> {
  const on = { ...own, ...defined({ system }) };
  const sample = asSample(command, file);
  const target = (asked: Asked) => observeLine(executor, runtime, command, asked);
  const { reference: args } = command;
  if (args === undefined) {
    return seenInThisRun(async (asked) => {
      const ran = await target(asked);
      if (!ran.ok) return ran;
      const runs = { target: ran.value, reference: expectedRun(command, ran.value) };
      const difference = compareExpected(command, runs.reference, ran.value);
      const result = resultWithoutReference(sample, on, runs, difference);
      return ok({ runs, result, side: 'expected', cached: ran.value.cached });
    });
  }
  const reference = (asked: Asked) => observeLine(executor, runtimes.reference, { ...command, args }, asked);
  const compared = (runs: Runs) => resultOf(sample, on, runs);
  const both = await observeBoth({ target, reference }, (runs) => compared(runs).status === 'failed');
  if (!both.ok) return both;
  const runs = both.value;
  const cached = runs.target.cached && runs.reference.cached;
  return ok({ runs, result: compared(runs), side: 'reference', cached });
}

/** Without a reference: what failed by a result of the store is started anew, as in `observeBoth`. */
async function seenInThisRun(look: (asked: Asked) => Promise<Result<Compared>>): Promise<Result<Compared>> {
  const first = await look({});
  if (!first.ok || !first.value.cached || first.value.result.status !== 'failed') return first;
  return look({ anew: true });
}

async function observeAndAsk(
  executor: SampleExecutor,
  { runtimes, target: on, file }: CommandsInput,
  client: ServerClient,
  command: ServerCommand,
): Promise<Result<Compared>> {
  return seenInThisRun(async (asked) => {
    const served = await observeServer(executor, runtimes.target, client, command, asked);
    if (!served.ok) return served;
    const { run } = served.value;
    const runs = { target: run, reference: expectedRun(command, run) };
    const difference =
      served.value.outcome === 'unknown'
        ? unasked(run)
        : compareServer(command, runs.reference, served.value);
    const result = resultWithoutReference(asSample(command, file), on, runs, difference);
    return ok({ runs, result, side: 'expected', cached: run.cached });
  });
}

async function finish(
  context: Context,
  executor: SampleExecutor,
  input: CommandsInput,
  command: RunnableCommand,
  { runs, result: compared, side, cached }: Compared,
  { system, runtime }: Side,
): Promise<Result<Finished>> {
  const sample = asSample(command, input.file);
  const { reference } = command;
  const again =
    reference === undefined
      ? undefined
      : (other: RuntimeInstance) => observeLine(executor, other, { ...command, args: reference });
  const cause = await explained(compared, runs, input, again);
  if (!cause.ok) return cause;
  const cures = cause.value.cures ?? curesOf(cause.value, runs, command, input);
  const result: SampleResult = {
    ...{ ...cause.value, by: 'command' },
    ...defined({ system }),
    ...(cures.length > 0 ? { cures } : {}),
  };
  if (result.status === 'passed') return ok({ result, cached });
  context.emit({
    type: 'step-failed',
    step: failedStep(
      lineOf(runtime, command),
      { name: namedOn(result) },
      {
        ...runs,
        ...(side === 'expected' ? { reference: { ...runs.reference, stderr: NOTHING } } : {}),
      },
    ),
  });
  const logs = await writeLogs(
    input.artifacts,
    system === undefined ? sample.name : `systems/${system}/${sample.name}`,
    runs,
    result.diff,
    side,
  );
  if (!logs.ok) return logs;
  return ok({ result: logs.value.length === 0 ? result : { ...result, logs: logs.value }, cached });
}

function curesOf(
  { status }: SampleResult,
  { target }: Runs,
  command: CommandTest,
  { file }: CommandsInput,
): readonly string[] {
  return status === 'failed' ? curesOfMissingFiles(command, target, file) : [];
}

function notStarted(command: CommandTest, { target, file }: CommandsInput, why: string): SampleResult {
  const { name, title, tier } = asSample(command, file);
  return { name, title, tier, file, status: 'skipped', by: 'command', reason: `${target.name}: ${why}` };
}

function asSample({ name, args, stdin, timeoutSeconds }: CommandTest, file: string): Sample {
  return {
    name: `command/${name}`,
    file,
    suite: dirname(file),
    given: 'file',
    title: name,
    tier: 'user',
    requires: [],
    argv: args,
    stdin,
    timeoutSeconds,
    knownDifferences: [],
  };
}
