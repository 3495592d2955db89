import type { Settings } from '../domain/context.ts';
import { defined } from '../domain/defined.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Failure } from '../failure.ts';
import { listRecipes } from '../recipe/list.ts';
import { namedVersions } from '../recipe/versions.ts';
import type { Command, Invocation, Outcome } from './command.ts';
import { type Job, type LeftOut, type MatrixPoint, matrixOf } from './job-matrix.ts';
import { tableText } from './table.ts';

export const command: Command = {
  name: 'matrix',
  summary: 'print the job matrix of GitHub Actions',
  positionals: [{ name: 'recipe', required: false, rest: true, completes: 'recipe' }],
  options: {},
  examples: [
    'provision matrix',
    'provision matrix --json',
    'provision matrix --json aarch64 musl',
    'provision matrix --python all',
  ],
  renders: false,
  run,
};

async function run({ context, positionals }: Invocation): Promise<Result<Outcome>> {
  const listed = positionals.length > 0 ? ok(positionals) : await shipped(context.settings.home);
  if (!listed.ok) return listed;
  const points = await pointsOf(context.settings, [...new Set(listed.value)]);
  if (!points.ok) return points;
  const matrix = await matrixOf(context.settings, points.value);
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

/** Recipes, with each version of Python that `--python` names. */
async function pointsOf(
  settings: Settings,
  recipes: readonly string[],
): Promise<Result<readonly MatrixPoint[]>> {
  const points: MatrixPoint[] = [];
  for (const recipe of recipes) {
    const versions = await namedVersions({ ...settings, machine: '' }, recipe);
    if (!versions.ok) return versions;
    points.push(...(versions.value ?? [undefined]).map((python) => ({ recipe, ...defined({ python }) })));
  }
  return ok(points);
}

/** An entry of `include`, as `strategy.matrix: ${{ fromJSON(…) }}` takes it. */
function entry({
  name,
  recipe,
  target,
  runner,
  cacheKey,
  timeoutMinutes,
  python,
}: Job): Record<string, string | number> {
  const version = defined({ python });
  return {
    name,
    recipe,
    ...version,
    target,
    runner,
    'cache-key': cacheKey,
    'timeout-minutes': timeoutMinutes,
  };
}

function texts(values: Readonly<Record<string, string | number>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, String(value)]));
}

function tableOf(jobs: readonly Job[]): string {
  const versioned = jobs.some(({ python }) => python !== undefined);
  const rows = [
    ['recipe', ...(versioned ? ['Python'] : []), 'runner', 'minutes', 'cache key', 'samples'],
    ...jobs.map(({ recipe, python, runner, timeoutMinutes, cacheKey, samples }) => [
      recipe,
      ...(versioned ? [python ?? ''] : []),
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
    fix:
      leftOut.length === 0
        ? ['See what there is: `provision list`.']
        : [...new Set(leftOut.flatMap(({ why }) => why.fix.slice(0, 1)))],
    also: leftOut.map(({ why }) => why),
  };
}
