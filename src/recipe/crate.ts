import { dirname, resolve } from 'node:path';
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
    ...(crate.ok ? [] : [atKey(crate.error, draft, document)]),
    ...(crate.ok && crate.value.pyo3?.extensionModule === true ? [extensionModuleOnly(crate.value)] : []),
    ...(crate.ok && crate.value.testsOnly === true ? withoutProgram(crate.value, draft, document) : []),
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

/** A library has tests and nothing else; what a recipe asks of a program would silently not be done. */
function withoutProgram({ folder }: Crate, draft: RecipeDraft, document: YamlDocument): readonly Failure[] {
  const { tests } = draft;
  const written = (path: DocumentPath) => at(document.value, path) !== undefined;
  const asked = [['tests', 'commands'], ['samples'], ['project', 'bin'], ['wasm', 'snapshot']].filter(
    written,
  );
  if (tests?.cargo === undefined)
    return [
      atKey(
        {
          code: 'recipe/no-bin',
          what: `The crate in \`${folder}\` has no binary: there is no program to build and run.`,
          why: 'It is a library. Its tests can be run on the target; an extension module is built with a tool such as maturin.',
          fix: [
            'To run its tests, write `tests: {cargo: {}}` into the recipe; `provision init` does.',
            'For a program, add `src/main.rs`, or a `[[bin]]` to its `Cargo.toml`.',
          ],
        },
        draft,
        document,
      ),
    ];
  return asked.map((path) => ({
    code: 'recipe/no-program',
    what: `\`${path.join('.')}\` needs a program, and the crate in \`${folder}\` is a library.`,
    fix: ['Remove the key, or add `src/main.rs` or an example to the crate.'],
    at: document.locate(path, 'key'),
  }));
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

function at(value: unknown, path: DocumentPath): unknown {
  return path.reduce<unknown>((inner, key) => (inner as Record<string, unknown> | undefined)?.[key], value);
}

function atKey(failure: Failure, draft: RecipeDraft, document: YamlDocument): Failure {
  const path = ABOUT[failure.code];
  // A binary or a folder named on the command line, or a default folder, is not in the file.
  if (path === undefined || document.written(path) === undefined) return failure;
  const written = String(at(document.value, path));
  const { folder, bin } = draft.project;
  const isThat =
    path.at(-1) === 'path' ? resolve(dirname(document.file), written) === folder : written === bin;
  if (!isThat) return failure;
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
