import { join } from 'node:path';
import { REPOSITORY } from './cli.ts';

/** Text of a user's recipe that builds `runner/` for a target, as the shipped one of the target does; more keys below it. */
export function runnerRecipe(
  target: string,
  { samples = join(REPOSITORY, 'runner', 'samples'), more = '' } = {},
): string {
  return `schema: 1
description: The isolate runner.
target: ${target}
project:
  path: ${join(REPOSITORY, 'runner')}
  bin: isolate
samples:
  path: ${samples}
${more}`;
}
