import type { ActionsSettings } from '../../domain/context.ts';
import { exitCodeOf, type Failure } from '../../failure.ts';
import { failureAnnotations } from './annotations.ts';
import { type Annotation, annotation } from './commands.ts';
import { addSummary, setOutputs } from './files.ts';
import { failureSummary } from './summary.ts';

/** What a command emits for GitHub Actions. */
export interface ActionsOutput {
  /** Markdown. */
  readonly summary?: string;
  readonly outputs?: Readonly<Record<string, string>>;
  readonly annotations?: readonly Annotation[];
}

/** The output `status`, by exit code: docs/exit-codes.md. */
const STATUS: Readonly<Record<number, string>> = {
  0: 'passed',
  2: 'usage',
  3: 'lock',
  4: 'fetch',
  5: 'engine',
  6: 'blocked',
  7: 'differs',
  130: 'interrupted',
};

/** A code that has a word of its own: the lock is as it should be. */
const STATUS_OF_CODE: Readonly<Record<string, string>> = { 'lock/outdated': 'outdated' };

/**
 * Annotations, summary and outputs of a command that is over; the lines are for the log. Whatever went wrong has its
 * annotation, and its entry in the summary, also where the command emitted none.
 */
export async function emitActions(
  settings: ActionsSettings,
  command: string,
  {
    output = {},
    failure,
  }: { readonly output?: ActionsOutput | undefined; readonly failure?: Failure | undefined },
): Promise<readonly string[]> {
  const annotations =
    output.annotations ?? (failure === undefined ? [] : failureAnnotations(failure, settings.workspace));
  const summary = output.summary ?? (failure === undefined ? undefined : failureSummary(command, failure));
  const exitCode = failure === undefined ? 0 : exitCodeOf(failure);
  const status = STATUS_OF_CODE[failure?.code ?? ''] ?? STATUS[exitCode] ?? 'bug';
  const outputs = { status, 'exit-code': String(exitCode), ...output.outputs };
  const lost = [
    ...(settings.output === undefined || (await setOutputs(settings.output, outputs)) ? [] : ['outputs']),
    ...(settings.summary === undefined ||
    summary === undefined ||
    (await addSummary(settings.summary, summary))
      ? []
      : ['summary']),
  ].map((what) => annotation({ level: 'warning', message: `The step's ${what} could not be written.` }));
  return [...annotations.map(annotation), ...lost];
}
