import { ok, type Result } from '../domain/result.ts';
import { listRecipes, type PythonSummary, type RecipeSummary } from '../recipe/list.ts';
import type { Command, Invocation, Outcome } from './command.ts';
import { beside, paragraphs, tableText } from './table.ts';

export const command: Command = {
  name: 'list',
  summary: 'list the recipes and the Pythons that there are for them',
  positionals: [],
  options: {},
  examples: ['provision list', 'provision list --json'],
  renders: false,
  run,
};

async function run({ context, columns }: Invocation): Promise<Result<Outcome>> {
  const recipes = await listRecipes(context.settings.home);
  if (!recipes.ok) return recipes;
  const width = Math.max(0, ...recipes.value.map(({ name }) => name.length));
  const lines = recipes.value.map(
    ({ name, target, description }) =>
      `${name.padEnd(width)}  ${target}\n${beside(' '.repeat(width + 2), description, columns)}`,
  );
  const text = [
    ...lines,
    '\n',
    tableText(pythonTable(recipes.value), columns),
    '\n',
    paragraphs(notes(recipes.value), columns),
  ].join('');
  return ok({ text, json: recipes.value });
}

/** Recipe × Python: where its libpython comes from, and the oldest glibc that it starts with. */
function pythonTable(recipes: readonly RecipeSummary[]): readonly (readonly string[])[] {
  const versions = [
    ...new Set(recipes.flatMap(({ pythons }) => pythons.map(({ version }) => version))),
  ].toSorted((one, other) => Number(/^\D/.test(one)) - Number(/^\D/.test(other)));
  return [
    ['Python', ...versions],
    ...recipes.map(({ name, pythons }) => [
      name,
      ...versions.map((version) => cellOf(pythons.find((one) => one.version === version))),
    ]),
  ];
}

const FORMS = { packages: 'packaged', source: 'source', crate: 'crate' } as const;

/** Absent: it is another implementation than the one that the recipe embeds. */
function cellOf(python: PythonSummary | undefined): string {
  if (python === undefined) return '';
  if ('why' in python) return '-';
  const floor = python.glibc === undefined ? '' : ` ${python.glibc}`;
  return `${FORMS[python.from]}${floor}${python.default === true ? ' *' : ''}`;
}

function notes(recipes: readonly RecipeSummary[]): readonly string[] {
  const number = 'A number is the oldest glibc that its libpython starts with.';
  const star = '* Taken where neither recipe nor `--python` names a version.';
  return [number, star, ...variants(recipes), ...absences(recipes)];
}

/** What else a Python can be, one line for each of its variants. */
function variants(recipes: readonly RecipeSummary[]): readonly string[] {
  const having = new Map<string, string[]>();
  for (const { name, pythons } of recipes)
    for (const python of pythons) {
      if (!('variants' in python)) continue;
      for (const variant of python.variants ?? []) {
        const asked = `${python.version}+${variant}`;
        having.set(asked, [...(having.get(asked) ?? []), name]);
      }
    }
  return [...having].map(([asked, names]) => `+ ${asked} for ${names.join(', ')}: \`--python ${asked}\`.`);
}

/** What is not to be had, one line for each reason. */
function absences(recipes: readonly RecipeSummary[]): readonly string[] {
  const reasons = new Map<string, Map<string, string[]>>();
  for (const { name, pythons } of recipes)
    for (const python of pythons) {
      if (!('why' in python)) continue;
      const versions = reasons.get(python.why) ?? new Map<string, string[]>();
      reasons.set(python.why, versions);
      versions.set(python.version, [...(versions.get(python.version) ?? []), name]);
    }
  return [...reasons].flatMap(([why, versions]) =>
    [...versions].map(([version, names]) => `- ${version} for ${names.join(', ')}: ${why}`),
  );
}
