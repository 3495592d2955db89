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
  /** What a shell completes here. */
  readonly completes?: 'recipe' | 'definition' | 'file';
}

export interface Invocation {
  readonly context: Context;
  readonly values: OptionValues;
  readonly positionals: readonly string[];
  /** Arguments after `--`. */
  readonly rest: readonly string[];
  /** Asks the user; undefined when they end the input. Absent where no user can be asked. */
  readonly ask?: (question: string) => Promise<string | undefined>;
  /** True when standard output is a terminal. */
  readonly terminal: boolean;
  /** Passes on the output of a program that is run for the user, as it comes. */
  readonly print: (stream: 'stdout' | 'stderr', text: string) => void;
}

/** What a handler gives back; the CLI prints `text`, or `json` when asked for it. */
export interface Outcome {
  readonly text: string;
  readonly json: unknown;
  /** Exits with this failure's code; `text` and `json` are printed all the same. */
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
  /** The stages' events are rendered (live or as lines) while it runs. */
  readonly renders: boolean;
  run(invocation: Invocation): Promise<Result<Outcome>>;
}
