import { globSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { DEFAULT_RECIPE } from '../bench/default-recipe.ts';
import { findCrate, readCrate } from '../crate/crate.ts';
import { readRust } from '../crate/rust-sources.ts';
import { closest } from '../domain/closest.ts';
import type { Crate } from '../domain/crate.ts';
import { defined } from '../domain/defined.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { shellWord } from '../domain/shell.ts';
import { isThere } from '../exec/files.ts';
import type { Failure } from '../failure.ts';
import { interrupted } from '../failure.ts';
import { openedFiles } from '../init/opened-files.ts';
import { pythonPaths } from '../init/python-paths.ts';
import { LIBRARY, type Shape, shapeOf } from '../init/shape.ts';
import {
  type Choices,
  recipeText,
  SAMPLE_TEXT,
  TEST_KINDS,
  type TestKind,
  upgradeWorkflowText,
  workflowText,
} from '../init/texts.ts';
import { type NewFile, writeAll } from '../init/write.ts';
import { extensionModuleOnly } from '../recipe/crate.ts';
import { PROJECT_FILE, recipeNames } from '../recipe/find.ts';
import type { Command, Invocation, Outcome } from './command.ts';

export const command: Command = {
  name: 'init',
  summary: 'write provision.yaml, a sample and workflows for your crate',
  positionals: [{ name: 'recipe', required: false, completes: 'recipe' }],
  options: {
    yes: { type: 'boolean', short: 'y', help: 'do not prompt, use the defaults' },
    tests: {
      type: 'string',
      multiple: true,
      value: '<kind>',
      help: 'samples, cargo or command (repeatable)',
    },
    action: { type: 'string', value: '<ref>', help: 'the action: owner/repository@ref' },
    'no-workflow': { type: 'boolean', help: 'write no workflow files' },
    force: { type: 'boolean', help: 'overwrite existing files' },
  },
  examples: [
    'provision init',
    'provision init aarch64 --yes',
    'provision init --tests cargo --project my-crate',
  ],
  renders: false,
  run,
};

async function run(invocation: Invocation): Promise<Result<Outcome>> {
  const { context, values } = invocation;
  const crate = await findOwnCrate(invocation);
  if (!crate.ok) return crate;
  if (crate.value.pyo3?.extensionModule === true) return err(extensionModuleOnly(crate.value));
  const choices = await choose(invocation, crate.value);
  if (!choices.ok) return choices;
  const { project: asked } = context.settings;
  // The recipe belongs to the workspace member, because a workspace may have several programs.
  const folder = asked === undefined ? crate.value.folder : await realpath(asked);
  const files = filesOf(crate.value, choices.value, folder, values['no-workflow'] !== true);
  const existing = files.filter(({ path }) => isThere(path)).map(({ path }) => path);
  if (existing.length > 0 && values.force !== true) return err(filesExist(existing));
  const written = await writeAll(files);
  if (!written.ok) return written;
  const names = files.map(({ path }) => shown(context.settings.cwd, path));
  return ok({
    text: [
      ...describe(crate.value, choices.value.shape),
      '',
      'Written:',
      ...names.map((name) => `  ${name}`),
      '',
      ...next(crate.value, choices.value, {
        folder: shown(context.settings.cwd, folder),
        workflow: values['no-workflow'] !== true,
      }),
      '',
    ].join('\n'),
    json: { crate: crate.value, ...choices.value, files: names },
  });
}

/** The crate in `--project`, else in the current folder or its nearest parent. Prompts where it has several binaries. */
async function findOwnCrate({ context, values, ask }: Invocation): Promise<Result<Crate>> {
  const { settings } = context;
  const folder = settings.project ?? findCrate(settings.cwd) ?? settings.cwd;
  const choice = { features: [], defaultFeatures: true };
  const crate = await readCrate(folder, {
    ...choice,
    ...defined({ bin: settings.bin }),
  });
  if (crate.ok || crate.error.code !== 'recipe/which-bin') return crate;
  const names = (crate.error.evidence ?? []).map((line) => line.split(' ')[0] as string);
  if (values.yes === true) {
    const main = names.find((name) => name === basename(folder)) ?? (names[0] as string);
    return readCrate(folder, { ...choice, bin: main });
  }
  if (ask === undefined) return crate;
  const bin = await oneOf(ask, `Which program? ${names.join(', ')}`, names, names[0] as string);
  return bin.ok ? readCrate(folder, { ...choice, bin: bin.value }) : bin;
}

async function choose(
  { context, values, positionals, ask: given }: Invocation,
  crate: Crate,
): Promise<Result<Choices>> {
  const known = recipeNames(context.settings.home);
  const [named] = positionals;
  if (named !== undefined && !known.includes(named)) return err(unknownRecipe(named, known));
  const kinds = values.tests as readonly string[] | undefined;
  const wrong = kinds?.find((kind) => !(TEST_KINDS as readonly string[]).includes(kind));
  if (wrong !== undefined) return err(unknownKind(wrong));
  const action = values.action as string | undefined;
  if (action !== undefined && !/^[\w.-]+\/[\w./-]+@[\w./-]+$/.test(action)) return err(badAction(action));
  const ask = values.yes === true ? undefined : given;
  const recipe =
    named !== undefined || ask === undefined
      ? ok(named ?? DEFAULT_RECIPE)
      : await oneOf(ask, 'Which recipe? `provision list` explains them', known, DEFAULT_RECIPE);
  if (!recipe.ok) return recipe;
  const source = await readRust(crate.folder, crate.bin);
  const shape =
    crate.testsOnly === true
      ? LIBRARY
      : withFiles(shapeOf(source), context.settings.project ?? crate.folder, source);
  const found = pythonPaths(crate.folder, source);
  const usual = usualTests(crate, shape);
  const tests =
    crate.testsOnly === true
      ? testsOfLibrary(kinds)
      : kinds !== undefined
        ? ok(kinds as readonly TestKind[])
        : ask === undefined
          ? ok(usual)
          : await askTests(ask, crate, shape, usual);
  if (!tests.ok) return tests;
  const paths = found.length === 0 ? undefined : found;
  return ok({ recipe: recipe.value, tests: tests.value, shape, ...defined({ action, paths }) });
}

function withFiles(shape: Shape, folder: string, source: string): Shape {
  const files = openedFiles(folder, source);
  if (shape.command === undefined || files.length === 0) return shape;
  return { ...shape, command: { ...shape.command, files } };
}

/** Tests that pass as they are: of a program whose runs are not known, its own tests alone. */
function usualTests(crate: Crate, { script, command }: Shape): readonly TestKind[] {
  const scripts = hasScripts(join(crate.folder, 'samples'));
  return [
    ...(script !== undefined || (scripts && command === undefined) ? (['samples'] as const) : []),
    ...(script === undefined && command !== undefined ? (['command'] as const) : []),
    ...(hasTests(crate) ? (['cargo'] as const) : []),
  ];
}

/** A library has no program that samples or commands could run. */
function testsOfLibrary(kinds: readonly string[] | undefined): Result<readonly TestKind[]> {
  const other = kinds?.find((kind) => kind !== 'cargo');
  if (other === undefined) return ok(['cargo']);
  return err({
    code: 'usage/tests',
    what: `Tests of the kind "${other}" need a program, and the crate is a library.`,
    fix: ['Leave out `--tests`, or name `cargo`: its own tests are run.'],
  });
}

type Ask = NonNullable<Invocation['ask']>;

async function askTests(
  ask: Ask,
  crate: Crate,
  shape: Shape,
  usual: readonly TestKind[],
): Promise<Result<readonly TestKind[]>> {
  const scripts = await oneOf(
    ask,
    `Does \`${crate.bin}\` run a script given on its command line? yes, no`,
    ['yes', 'no'],
    shape.script === undefined ? 'no' : 'yes',
  );
  if (!scripts.ok) return scripts;
  return ok([scripts.value === 'yes' ? 'samples' : 'command', ...usual.filter((kind) => kind === 'cargo')]);
}

/** Prompts until the answer is one of the choices or a prefix of one; an empty answer is the default. */
async function oneOf(
  ask: Ask,
  question: string,
  choices: readonly string[],
  preset: string,
): Promise<Result<string>> {
  for (;;) {
    const answer = await ask(`${question} [${preset}] `);
    if (answer === undefined) return err(interrupted());
    const typed = answer.trim() === '' ? preset : answer.trim();
    const chosen = choices.find((one) => one === typed) ?? choices.find((one) => one.startsWith(typed));
    if (chosen !== undefined) return ok(chosen);
  }
}

function filesOf(crate: Crate, choices: Choices, folder: string, workflow: boolean): readonly NewFile[] {
  const samples = join(folder, 'samples');
  const repository = repositoryOf(folder);
  const project = relative(folder, crate.folder) || '.';
  return [
    { path: join(folder, PROJECT_FILE), text: recipeText(crate, choices, project) },
    // Existing scripts are used as the suite.
    ...(choices.tests.includes('samples') && !hasScripts(samples)
      ? [{ path: join(samples, 'hello.py'), text: SAMPLE_TEXT }]
      : []),
    ...(workflow
      ? [
          {
            path: join(repository, '.github', 'workflows', 'provision.yml'),
            text: workflowText(choices, relative(repository, folder) || '.'),
          },
          {
            path: join(repository, '.github', 'workflows', 'provision-upgrade.yml'),
            text: upgradeWorkflowText(choices, relative(repository, folder) || '.'),
          },
        ]
      : []),
  ];
}

/** The folder for the workflow: the repository's, else the recipe's. */
function repositoryOf(folder: string): string {
  for (let at = folder; ; at = dirname(at)) {
    if (isThere(join(at, '.git'))) return at;
    if (at === dirname(at)) return folder;
  }
}

function hasScripts(folder: string): boolean {
  const info = statSync(folder, { throwIfNoEntry: false });
  return info?.isDirectory() === true && readdirSync(folder).some((name) => name.endsWith('.py'));
}

function hasTests({ folder }: Crate): boolean {
  if (isThere(join(folder, 'tests'))) return true;
  return globSync('src/**/*.rs', { cwd: folder }).some((file) =>
    readFileSync(join(folder, file), 'utf8').includes('#[test]'),
  );
}

function describe(
  { name, bin, bins, testsOnly, rustVersion, pyo3, locked }: Crate,
  { title }: Shape,
): readonly string[] {
  const python =
    pyo3 === undefined
      ? 'not used: the bundle contains a Python that the program does not use'
      : [
          pyo3.version ?? 'not locked yet',
          ...(pyo3.direct ? [] : ['through another crate']),
          ...(pyo3.features.length > 0 ? [`features ${pyo3.features.join(', ')}`] : []),
        ].join(', ');
  return [
    testsOnly === true
      ? `${name}: no program`
      : `${name}: ${bins.length > 1 ? `${bin}, one of ${bins.join(', ')}` : bin}`,
    `  PyO3  ${python}`,
    `  Does  ${title}`,
    ...(rustVersion === undefined ? [] : [`  Rust  ${rustVersion} or newer`]),
    ...(locked ? [] : ['  There is no Cargo.lock yet: run `cargo generate-lockfile`.']),
  ];
}

/** `folder` is that of the recipe, as it is shown: empty where commands are typed. */
function next(
  { pyo3, testsOnly }: Crate,
  { recipe, action }: Choices,
  { folder, workflow }: { readonly folder: string; readonly workflow: boolean },
): readonly string[] {
  const run = folder === '' ? 'provision run' : `provision run --project ${shellWord(folder)}`;
  return [
    `Next: \`${run}\` builds ${testsOnly === true ? 'its tests' : 'it'} for \`${recipe}\` and runs ${testsOnly === true ? 'them' : 'it'} there.`,
    ...(action === undefined && workflow
      ? [
          'For the workflow: set the variable PROVISION_REPOSITORY of your repository',
          'to the repository of provision, as owner/name.',
        ]
      : []),
    ...(pyo3?.abi3 === undefined
      ? []
      : [`\`${pyo3.abi3}\` can stay: the program runs with the Python of the recipe.`]),
  ];
}

function shown(cwd: string, path: string): string {
  const below = relative(cwd, path);
  return below.startsWith('..') ? path : below;
}

function filesExist(paths: readonly string[]): Failure {
  return {
    code: 'usage/exists',
    what: `${paths.length === 1 ? 'A file exists' : `${paths.length} files exist`} already; nothing was written.`,
    fix: ['Check their contents; `--force` overwrites them.'],
    evidence: paths,
  };
}

function unknownRecipe(name: string, known: readonly string[]): Failure {
  const meant = closest(name, known);
  return {
    code: 'recipe/not-found',
    what: `There is no recipe \`${name}\`.`,
    fix: [
      ...(meant === undefined ? [] : [`Did you mean \`${meant}\`?`]),
      `The recipes: ${known.join(', ')}.`,
    ],
  };
}

function unknownKind(kind: string): Failure {
  return {
    code: 'usage/tests',
    what: `There is no kind of tests "${kind}".`,
    fix: [`Name one of: ${TEST_KINDS.join(', ')}.`],
  };
}

function badAction(text: string): Failure {
  return {
    code: 'usage/action',
    what: `"${text}" is not the name of an action.`,
    fix: ['Write `owner/repository@ref`, as in `uses:` of a workflow.'],
  };
}
