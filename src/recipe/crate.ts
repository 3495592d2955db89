import { readCrate } from '../crate/crate.ts';
import { reservedVariable } from '../domain/build-variables.ts';
import type { Crate } from '../domain/crate.ts';
import { defined } from '../domain/defined.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { exists } from '../exec/files.ts';
import type { Failure } from '../failure.ts';
import { combineFailures } from './combine-failures.ts';
import type { DocumentPath, YamlDocument } from './document.ts';
import type { RecipeDraft } from './parse-recipe.ts';

/** Key of the recipe that a failure of the crate is about. */
const ABOUT: Readonly<Record<string, DocumentPath>> = {
  'recipe/no-project': ['project', 'path'],
  'recipe/no-bin': ['project', 'path'],
  'recipe/unknown-bin': ['project', 'bin'],
};

/** The crate of a recipe, and whether its samples exist: every mistake with its location in the recipe. */
export async function resolveCrate(draft: RecipeDraft, document: YamlDocument): Promise<Result<Crate>> {
  const { folder, bin, features, defaultFeatures } = draft.project;
  const choice = { features, defaultFeatures, ...defined({ bin }) };
  const crate = await readCrate(folder, choice);
  const failures = [
    ...(crate.ok ? [] : [atKey(crate.error, document)]),
    ...(crate.ok && crate.value.pyo3?.extensionModule === true ? [extensionModuleOnly(crate.value)] : []),
    ...reservedVariables(draft, document),
    ...(await lostSamples(draft, document)),
  ];
  const failure = combineFailures(failures);
  if (failure !== undefined) return err(failure);
  return crate.ok ? ok(crate.value) : crate;
}

/**
 * A crate that is an extension module alone: PyO3 then leaves libpython out of the link ("extension-module", PyO3's guide,
 * "Building and distribution"), and a program stops at undefined symbols.
 */
export function extensionModuleOnly({ folder }: Crate): Failure {
  return {
    code: 'recipe/extension-module',
    what: "PyO3's feature `extension-module` is on: a program built with it has no Python in it.",
    why: 'The feature leaves libpython out of the link, because an extension module is loaded by an interpreter that already runs.',
    fix: [
      'Make it a feature of your own that only the extension module enables: `extension-module = ["pyo3/extension-module"]` below `[features]`, not among `default`.',
      'If it has to stay a default feature: `default-features: false` below `project` in the recipe.',
    ],
    see: [`${folder}/Cargo.toml`],
  };
}

/** Variables of the recipe that would take something away that no build can do without. */
function reservedVariables({ project }: RecipeDraft, document: YamlDocument): readonly Failure[] {
  return Object.keys(project.env).flatMap((name) => {
    const instead = reservedVariable(name);
    if (instead === undefined) return [];
    return [
      {
        code: 'recipe/reserved-variable',
        what: `\`${name}\` cannot be set in \`project.env\`: provision sets it for every build.`,
        fix: [`Remove it. ${instead}`],
        at: document.locate(['project', 'env', name], 'key'),
      } as const,
    ];
  });
}

function atKey(failure: Failure, document: YamlDocument): Failure {
  const path = ABOUT[failure.code];
  // A binary named on the command line, or a default folder, is not in the file.
  if (path === undefined || document.written(path) === undefined) return failure;
  return { ...failure, at: document.locate(path, 'value') };
}

async function lostSamples({ samples }: RecipeDraft, document: YamlDocument): Promise<readonly Failure[]> {
  const failures: Failure[] = [];
  for (const [index, path] of samples.paths.entries()) {
    if (await exists(path)) continue;
    const item = document.written(['samples', 'path', index]) !== undefined;
    failures.push({
      code: 'recipe/no-samples',
      what: `There is no \`${path}\`.`,
      fix: ['Give a script or a folder of scripts, relative to the recipe file.'],
      at: document.locate(item ? ['samples', 'path', index] : ['samples', 'path'], 'value'),
    });
  }
  return failures;
}
