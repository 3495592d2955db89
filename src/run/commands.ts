import { dirname } from 'node:path';
import type { Context } from '../domain/context.ts';
import type { CommandTest } from '../domain/definitions.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Sample, SampleResult } from '../domain/sample.ts';
import type { Failure } from '../failure.ts';
import type { Store } from '../store/store.ts';
import { compareExpected, expectedRun } from './expected.ts';
import { failedStep } from './failed-step.ts';
import { writeLogs } from './logs.ts';
import { lineOf, observeLine, type SampleExecutor } from './observe.ts';
import { resultOf, resultWithoutReference } from './result.ts';
import { executorOf, explained, outcomeOf, type RunInput, type RunOutcome } from './run.ts';

const NOTHING = new Uint8Array();

export interface CommandsInput extends Omit<RunInput, 'samples' | 'capabilities'> {
  readonly commands: readonly CommandTest[];
  /** The recipe, which they stand in. */
  readonly file: string;
}

/**
 * Runs the program with arguments of its own, from the bundle, and compares with what the recipe expects: what the
 * reference interpreter does with other arguments, or an exit status and a standard output. Results that the store has are
 * not run again.
 */
export async function runCommands(
  context: Context,
  store: Store,
  input: CommandsInput,
): Promise<Result<RunOutcome>> {
  const executor = executorOf(context, store, input);
  const finished: { readonly result: SampleResult; readonly cached: boolean }[] = [];
  let failure: Failure | undefined;
  await Promise.all(
    input.commands.map(async (command, index) => {
      const one = await runCommand(context, executor, input, command);
      if (one.ok) {
        finished[index] = one.value;
        context.emit({ type: 'sample-finished', ...one.value });
        return;
      }
      failure ??= one.error;
      executor.stop();
    }),
  );
  return failure === undefined ? ok(outcomeOf(finished)) : err(failure);
}

async function runCommand(
  context: Context,
  executor: SampleExecutor,
  input: CommandsInput,
  command: CommandTest,
): Promise<Result<{ readonly result: SampleResult; readonly cached: boolean }>> {
  const [target, reference] = await Promise.all([
    observeLine(executor, input.runtimes.target, command),
    command.reference === undefined
      ? ok(undefined)
      : observeLine(executor, input.runtimes.reference, { ...command, args: command.reference }),
  ]);
  if (!target.ok) return target;
  if (!reference.ok) return reference;
  const sample = asSample(command, input.file);
  const runs = { target: target.value, reference: reference.value ?? expectedRun(command, target.value) };
  const compared =
    reference.value === undefined
      ? resultWithoutReference(
          sample,
          input.target,
          runs,
          compareExpected(command, runs.reference, target.value),
        )
      : resultOf(sample, input.target, runs);
  const result: SampleResult = { ...(await explained(compared, runs, input)), by: 'command' };
  if (result.status === 'failed')
    context.emit({
      type: 'step-failed',
      step: failedStep(lineOf(input.runtimes.target, command), sample, {
        ...runs,
        ...(reference.value === undefined ? { reference: { ...runs.reference, stderr: NOTHING } } : {}),
      }),
    });
  const side = reference.value === undefined ? 'expected' : 'reference';
  const logs =
    result.status === 'passed'
      ? ok([])
      : await writeLogs(input.artifacts, sample.name, runs, result.diff, side);
  if (!logs.ok) return logs;
  const cached = target.value.cached && (reference.value?.cached ?? true);
  return ok({ result: logs.value.length === 0 ? result : { ...result, logs: logs.value }, cached });
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
