import type { Context } from '../domain/context.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { listRecipes, resolveRecipe } from '../recipe/recipe.ts';

/**
 * Names of the shipped recipes whose toolchain is for machines of this kind (`uname -m`), for a bench that is asked for
 * all of them; of each other a note says why it is left out. Named, those are tried, too: a kernel with an emulator set
 * up starts any program. Fails where a recipe is not valid, and where none is left.
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
        message: `${name} is left out: its toolchain ${toolchain.name} is for ${hostTarget.machine} machines, this is ${machine}.`,
      });
  }
  if (here.length > 0) return ok(here);
  return err({
    code: 'recipe/no-toolchain-here',
    what: `No recipe has a toolchain for ${machine} machines.`,
    fix: [
      'Name the recipes to measure: with an emulator set up in the kernel (binfmt_misc), they can be run.',
    ],
  });
}
