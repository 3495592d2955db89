import type { Invocation } from '../commands/command.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Failure } from '../failure.ts';

/** An option's whole number of at least `minimum`; undefined where the option is not given. */
export function countOption(
  { values }: Invocation,
  name: string,
  minimum: number,
): Result<number | undefined> {
  const text = values[name];
  if (text === undefined) return ok(undefined);
  const value = /^\d+$/.test(String(text)) ? Number(text) : Number.NaN;
  return value >= minimum ? ok(value) : err(badOption(name, `a whole number from ${minimum}`, String(text)));
}

/** Whole numbers of at least 1, ascending, separated by commas. */
export function listOption({ values }: Invocation, name: string): Result<readonly number[] | undefined> {
  const text = values[name];
  if (text === undefined) return ok(undefined);
  const numbers = String(text).split(',');
  if (!numbers.every((number) => /^[1-9]\d*$/.test(number)))
    return err(badOption(name, 'whole numbers from 1, separated by commas', String(text)));
  return ok([...new Set(numbers.map(Number))].sort((a, b) => a - b));
}

/** One of the choices, by default the first. */
export function choiceOption<T extends string>(
  { values }: Invocation,
  name: string,
  choices: readonly [T, ...T[]],
): Result<T> {
  const text = values[name];
  if (text === undefined) return ok(choices[0]);
  const chosen = choices.find((choice) => choice === text);
  return chosen === undefined ? err(badOption(name, choices.join(' or '), String(text))) : ok(chosen);
}

function badOption(name: string, expected: string, given: string): Failure {
  return {
    code: 'usage/bench-option',
    what: `--${name} takes ${expected}, not "${given}".`,
    fix: ['See `provision bench --help`.'],
  };
}
