import { dirname } from 'node:path';
import type { Context } from '../domain/context.ts';
import type { CommandTest } from '../domain/definitions.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Sample, SampleResult } from '../domain/sample.ts';
import type { Failure } from '../failure.ts';
import type { Store } from '../store/store.ts';
import { writeLogs } from './logs.ts';
import { observeLine, type Run, type SampleExecutor } from './observe.ts';
import { resultOf } from './result.ts';
import { executorOf, outcomeOf, type RunInput, type RunOutcome } from './run.ts';

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
      const one = await runCommand(executor, input, command);
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
  const runs = { target: target.value, reference: reference.value ?? expected(command, target.value) };
  const sample = asSample(command, input.file);
  const result: SampleResult = { ...resultOf(sample, input.target, runs), by: 'command' };
  const logs =
    result.status === 'passed' ? ok([]) : await writeLogs(input.artifacts, sample.name, runs, result.diff);
  if (!logs.ok) return logs;
  const cached = target.value.cached && (reference.value?.cached ?? true);
  return ok({ result: logs.value.length === 0 ? result : { ...result, logs: logs.value }, cached });
}

/** What the recipe expects in place of a reference; standard error and what it leaves out are not compared. */
function expected({ stdout, status }: CommandTest, target: Run): Run {
  return {
    stdout: stdout === undefined ? target.stdout : Buffer.from(stdout),
    stderr: target.stderr,
    exit: { status },
    ms: 0,
    end: 'itself',
    emulator: [],
    cached: true,
  };
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
