import type { Context, OptionValues } from '../domain/context.ts';
import type { Result } from '../domain/result.ts';
import type { Failure } from '../failure.ts';
import type { ActionsOutput } from '../report/actions/emit.ts';

export interface OptionSpec {
  readonly type: 'boolean' | 'string';
  readonly multiple?: boolean;
  readonly short?: string;
  /** Shown in the help for an option with a value, e.g. `<folder>`. */
  readonly value?: string;
  readonly help: string;
}

export interface PositionalSpec {
  readonly name: string;
  readonly required: boolean;
  readonly rest?: boolean;
  /** What shell completion offers. */
  readonly completes?: 'recipe' | 'definition' | 'file';
}

export interface Invocation {
  readonly context: Context;
  readonly values: OptionValues;
  readonly positionals: readonly string[];
  /** Arguments after `--`. */
  readonly rest: readonly string[];
  /** Prompts the user; undefined at end of input. Absent where input is not interactive. */
  readonly ask?: (question: string) => Promise<string | undefined>;
  /** Whether standard output is a terminal. */
  readonly terminal: boolean;
  /** Columns of the terminal that standard output is; absent: it is a pipe or a file. */
  readonly columns?: number;
  /** Streams the output of a program that is run for the user. */
  readonly print: (stream: 'stdout' | 'stderr', text: string) => void;
}

/** The result of a handler; the CLI prints `text`, or `json` with `--json`. */
export interface Outcome {
  readonly text: string;
  readonly json: unknown;
  /** Sets the exit code; `text` and `json` are still printed. */
  readonly failure?: Failure;
  /** Exit status of a program that was run for the user. */
  readonly status?: number;
  /** For GitHub Actions, in a step of it. */
  readonly actions?: ActionsOutput;
}

export interface Command {
  readonly name: string;
  readonly summary: string;
  readonly positionals: readonly PositionalSpec[];
  readonly options: Readonly<Record<string, OptionSpec>>;
  readonly examples: readonly string[];
  /** Whether the events of the stages are rendered (live or as lines) while it runs. */
  readonly renders: boolean;
  run(invocation: Invocation): Promise<Result<Outcome>>;
}
