import type { Invocation } from '../commands/command.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Failure } from '../failure.ts';

/** A whole number of at least `least` of an option; undefined where it was not given. */
export function countOption({ values }: Invocation, name: string, least: number): Result<number | undefined> {
  const text = values[name];
  if (text === undefined) return ok(undefined);
  const value = /^\d+$/.test(String(text)) ? Number(text) : Number.NaN;
  return value >= least ? ok(value) : err(bad(name, `a whole number from ${least}`, String(text)));
}

/** Whole numbers of at least 1, ascending, separated by commas. */
export function listOption({ values }: Invocation, name: string): Result<readonly number[] | undefined> {
  const text = values[name];
  if (text === undefined) return ok(undefined);
  const words = String(text).split(',');
  const wrong = words.find((word) => !/^[1-9]\d*$/.test(word));
  if (wrong !== undefined) return err(bad(name, 'whole numbers from 1, separated by commas', String(text)));
  return ok([...new Set(words.map(Number))].sort((a, b) => a - b));
}

/** One of some words. */
export function wordOption<T extends string>(
  { values }: Invocation,
  name: string,
  words: readonly [T, ...T[]],
): Result<T> {
  const text = values[name];
  if (text === undefined) return ok(words[0]);
  const found = words.find((word) => word === text);
  return found === undefined ? err(bad(name, words.join(' or '), String(text))) : ok(found);
}

function bad(name: string, wanted: string, given: string): Failure {
  return {
    code: 'usage/bench-option',
    what: `--${name} takes ${wanted}, not "${given}".`,
    fix: ['See `provision bench --help`.'],
  };
}
