import type { Context } from '../domain/context.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { listRecipes } from '../recipe/list.ts';
import { resolveRecipe } from '../recipe/recipe.ts';

/**
 * Names of the shipped recipes whose toolchain runs on machines of this kind (`uname -m`): the default of a bench that
 * takes all recipes. A notice gives the reason for each one left out. Recipes named on the command line are not filtered,
 * because a kernel with an emulator set up runs any program. Fails where a recipe is invalid, and where none is left.
 */
export async function recipesHere(
  { settings, emit }: Pick<Context, 'settings' | 'emit'>,
  machine: string,
): Promise<Result<readonly string[]>> {
  const listed = await listRecipes(settings.home);
  if (!listed.ok) return listed;
  const here: string[] = [];
  for (const { name } of listed.value) {
    const resolved = await resolveRecipe({ ...settings, machine }, name);
    if (!resolved.ok) return resolved;
    const { hostTarget, toolchain } = resolved.value;
    if (hostTarget.machine === machine) here.push(name);
    else
      emit({
        type: 'notice',
        level: 'info',
        code: 'bench/other-machine',
        message: `${name} is skipped: its toolchain ${toolchain.name} runs on ${hostTarget.machine}, and this machine is ${machine}.`,
      });
  }
  if (here.length > 0) return ok(here);
  return err({
    code: 'recipe/no-toolchain-here',
    what: `No recipe has a toolchain that runs on ${machine}.`,
    fix: [
      'Name the recipes to measure; they can be run where the kernel has an emulator set up (binfmt_misc).',
    ],
  });
}
