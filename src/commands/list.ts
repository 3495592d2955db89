import { ok, type Result } from '../domain/result.ts';
import { listRecipes } from '../recipe/recipe.ts';
import type { Command, Invocation, Outcome } from './command.ts';

export const command: Command = {
  name: 'list',
  summary: 'list the recipes',
  positionals: [],
  options: {},
  examples: ['provision list', 'provision list --json'],
  renders: false,
  run,
};

async function run({ context }: Invocation): Promise<Result<Outcome>> {
  const recipes = await listRecipes(context.settings.home);
  if (!recipes.ok) return recipes;
  const width = Math.max(0, ...recipes.value.map(({ name }) => name.length));
  const lines = recipes.value.map(
    ({ name, target, description }) =>
      `${name.padEnd(width)}  ${target}\n${' '.repeat(width)}  ${description}`,
  );
  return ok({ text: `${lines.join('\n')}\n`, json: recipes.value });
}
