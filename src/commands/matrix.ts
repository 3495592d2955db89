import { err, ok, type Result } from '../domain/result.ts';
import type { Failure } from '../failure.ts';
import { listRecipes } from '../recipe/list.ts';
import type { Command, Invocation, Outcome } from './command.ts';
import { type Job, type LeftOut, matrixOf } from './job-matrix.ts';
import { tableText } from './table.ts';

export const command: Command = {
  name: 'matrix',
  summary: 'print the job matrix of GitHub Actions',
  positionals: [{ name: 'recipe', required: false, rest: true, completes: 'recipe' }],
  options: {},
  examples: ['provision matrix', 'provision matrix --json', 'provision matrix --json aarch64 musl'],
  renders: false,
  run,
};

async function run({ context, positionals }: Invocation): Promise<Result<Outcome>> {
  const listed = positionals.length > 0 ? ok(positionals) : await shipped(context.settings.home);
  if (!listed.ok) return listed;
  const matrix = await matrixOf(context.settings, [...new Set(listed.value)]);
  if (!matrix.ok) return matrix;
  const { jobs, leftOut } = matrix.value;
  for (const { recipe, why } of leftOut)
    context.emit({
      type: 'notice',
      level: 'warning',
      code: why.code,
      message: `${recipe} is left out: ${why.what} ${why.fix[0] ?? ''}`.trim(),
    });
  if (jobs.length === 0) return err(noJobs(leftOut));
  const include = jobs.map(entry);
  const outputs = {
    matrix: JSON.stringify({ include }),
    ...(include.length === 1 ? texts(include[0] ?? {}) : {}),
  };
  return ok({ text: tableOf(jobs), json: { include }, actions: { outputs } });
}

async function shipped(home: string): Promise<Result<readonly string[]>> {
  const recipes = await listRecipes(home);
  return recipes.ok ? ok(recipes.value.map(({ name }) => name)) : recipes;
}

/** An entry of `include`, as `strategy.matrix: ${{ fromJSON(…) }}` takes it. */
function entry({
  name,
  recipe,
  target,
  runner,
  cacheKey,
  timeoutMinutes,
}: Job): Record<string, string | number> {
  return { name, recipe, target, runner, 'cache-key': cacheKey, 'timeout-minutes': timeoutMinutes };
}

function texts(values: Readonly<Record<string, string | number>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, String(value)]));
}

function tableOf(jobs: readonly Job[]): string {
  const rows = [
    ['recipe', 'runner', 'minutes', 'cache key', 'samples'],
    ...jobs.map(({ recipe, runner, timeoutMinutes, cacheKey, samples }) => [
      recipe,
      runner,
      String(timeoutMinutes),
      cacheKey.slice(0, 12),
      samples,
    ]),
  ];
  return tableText(rows);
}

function noJobs(leftOut: readonly LeftOut[]): Failure {
  return {
    code: 'lock/no-jobs',
    what: 'No recipe has its locks: there is no job to run.',
    fix: [...new Set(leftOut.flatMap(({ why }) => why.fix.slice(0, 1)))],
    also: leftOut.map(({ why }) => why),
  };
}
