import type { Plan } from '../domain/plan.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Failure } from '../failure.ts';

/** `recipe/no-program` where the crate has none, and `doing` needs one. */
export function needProgram({ crate, recipe }: Plan, doing: string): Result<void> {
  return crate.testsOnly === true ? err(noProgram(crate.name, recipe.name, doing)) : ok(undefined);
}

function noProgram(name: string, recipe: string, doing: string): Failure {
  return {
    code: 'recipe/no-program',
    what: `${doing} needs a program, and ${name} is a library.`,
    fix: [
      `\`provision run\` runs its tests for \`${recipe}\`.`,
      'Add `src/main.rs` or an example to the crate where it is to have a program.',
    ],
  };
}
