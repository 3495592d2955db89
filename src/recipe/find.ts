import { statSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { closest } from '../domain/closest.ts';
import type { Settings } from '../domain/context.ts';
import type { NeededRust } from '../domain/crate.ts';
import { defined } from '../domain/defined.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { shellWord } from '../domain/shell.ts';
import { isThere } from '../exec/files.ts';
import type { Failure } from '../failure.ts';
import type { YamlDocument } from './document.ts';
import { recipeFileNames, targetNames } from './folders.ts';
import { list } from './message-text.ts';
import {
  type ExtendingDraft,
  extendingNothing,
  loadOwnRecipe,
  loadShipped,
  type RecipeDraft,
} from './parse-recipe.ts';
import { openReader, type Reader } from './reader.ts';
import { NAME } from './schemas.ts';

/** Where recipes are looked up: the tool's own folder, the current folder, the user's crate. */
export type RecipeLookup = Pick<Settings, 'home' | 'cwd' | 'project' | 'bin' | 'python'> & {
  /** Machine that the toolchain is to run on, as `uname -m` names it; absent: this one. */
  readonly machine?: string;
  /** What a build has found out of the crates that the lock names; absent: nothing that matters. */
  readonly neededRust?: NeededRust;
};

/** The recipe of a crate, in its folder. */
export const PROJECT_FILE = 'provision.yaml';

/** A recipe as it was found, names not yet resolved. */
export interface FoundRecipe {
  readonly draft: RecipeDraft;
  readonly document: YamlDocument;
  /** Packages that are added. */
  readonly added?: Added;
  /** The shipped recipe was named on the command line, and is another than the one that the file extends. */
  readonly borrowed: boolean;
  /** The version of Python was given on the command line. */
  readonly versionIsOption?: boolean;
  /** So was its variant. */
  readonly variantIsOption?: boolean;
  /** What follows `provision lock` to have a lock of this recipe written. */
  readonly lockArguments?: string;
}

/** Packages that a recipe adds to what it extends. */
export interface Added {
  readonly sysroot: readonly string[];
  readonly toolchain: readonly string[];
  /** Arguments of `provision lock` that write their locks. */
  readonly lockArguments: string;
}

/**
 * A word is the name of a shipped recipe; what has a slash or ends in `.yaml` or `.yml` is a file of yours. With a
 * crate (`--project`, or a `provision.yaml` in the current folder or above) a name selects what that crate is built for;
 * without one it is what its `provision.yaml` extends.
 */
export async function findRecipe(
  lookup: RecipeLookup,
  asked: string | undefined,
  read: Reader = openReader(),
): Promise<Result<FoundRecipe>> {
  const found = await lookUp(lookup, asked, read);
  if (!found.ok || lookup.python === undefined) return found;
  return withPython(found.value, lookup.python);
}

/** `--python`: the recipe with another version of Python, and artifacts of its own. */
function withPython(found: FoundRecipe, version: string): Result<FoundRecipe> {
  if (!PYTHON_VERSION.test(version)) return err(severalPythons(version));
  const { draft, added, lockArguments } = found;
  const option = ` --python ${version}`;
  const [pythonVersion = '', variant] = version.split('+');
  return ok({
    ...found,
    draft: {
      ...draft,
      pythonVersion,
      name: `${draft.name}${pythonSuffix(version)}`,
      ...defined({ variant: variant ?? draft.variant }),
    },
    versionIsOption: true,
    ...(variant === undefined ? {} : { variantIsOption: true }),
    ...defined({
      added: added && { ...added, lockArguments: `${added.lockArguments}${option}` },
      lockArguments: lockArguments === undefined ? undefined : `${lockArguments}${option}`,
    }),
  });
}

/** What follows the name of a recipe that `--python` gives another version. */
export function pythonSuffix(version: string): string {
  return `-python${version.replace('+', '-')}`;
}

/** One version: `3.14`, free-threaded `3.14t`; or a variant of it: `3.14+jit`. */
const PYTHON_VERSION = /^[0-9]+\.[0-9]+t?(\+[a-z][a-z0-9-]*)?$/;

function severalPythons(given: string): Failure {
  return {
    code: 'usage/python',
    what: `This command takes one version of Python, not "${given}".`,
    fix: [
      'Give one: `--python 3.14`. `provision run` and `provision matrix` take several: `--python 3.13,3.14`.',
    ],
  };
}

async function lookUp(
  lookup: RecipeLookup,
  asked: string | undefined,
  read: Reader,
): Promise<Result<FoundRecipe>> {
  const { home, project } = lookup;
  if (asked !== undefined && isFile(asked)) return fromFile(lookup, asked, read);
  if (asked !== undefined && !recipeNames(home).includes(asked)) return err(unknownRecipe(lookup, asked));
  const file = projectFile(lookup);
  if (file !== undefined) return fromProjectFile(lookup, file, asked, read);
  if (asked === undefined) return err(nothingAsked(project));
  if (project === undefined) {
    const shipped = await loadShipped(home, asked, read);
    return shipped.ok
      ? ok({ draft: shipped.value.value, document: shipped.value.document, borrowed: false })
      : shipped;
  }
  // A file that does not exist: paths in it would be relative to the crate.
  const draft = extendingNothing(join(project, PROJECT_FILE), asked);
  const shipped = await loadShipped(home, asked, read);
  if (!shipped.ok) return shipped;
  const { document } = shipped.value;
  const found = await onto(lookup, { value: draft, document }, asked, '', read);
  return found.ok ? ok({ ...found.value, draft: { ...found.value.draft, file: document.file } }) : found;
}

/** The `provision.yaml` of the crate at hand: in `--project`, else in the current folder or the nearest one above. */
export function projectFile({ cwd, project }: Pick<RecipeLookup, 'cwd' | 'project'>): string | undefined {
  if (project !== undefined) return present(join(project, PROJECT_FILE));
  for (let folder = cwd; ; folder = dirname(folder)) {
    const file = present(join(folder, PROJECT_FILE));
    if (file !== undefined || folder === dirname(folder)) return file;
  }
}

function present(file: string): string | undefined {
  return isThere(file) ? file : undefined;
}

/** Names of the shipped recipes, without reading them. */
export function recipeNames(home: string): readonly string[] {
  return [...new Set([...recipeFileNames(home), ...targetNames(home).map(({ recipe }) => recipe)])].sort();
}

function isFile(asked: string): boolean {
  return asked.includes('/') || /\.ya?ml$/.test(asked);
}

async function fromFile(lookup: RecipeLookup, asked: string, read: Reader): Promise<Result<FoundRecipe>> {
  const file = resolve(lookup.cwd, asked);
  if (!NAME.test(basename(file, extname(file)))) {
    return err({
      code: 'recipe/invalid-name',
      what: `A recipe's file name becomes the name of its artifacts, and \`${basename(file)}\` cannot be one.`,
      fix: ['Rename the file: letters, digits, `.`, `_` and `-`, then `.yaml`.'],
    });
  }
  const own = await loadOwnRecipe(file);
  if (!own.ok) return own;
  const { value, document } = own.value;
  const lockArguments = ` ${shellWord(asked)}`;
  if (!('extends' in value))
    return ok({ draft: atProject(value, lookup), document, borrowed: false, lockArguments });
  return onto(lookup, { value, document }, value.extends, lockArguments, read);
}

async function fromProjectFile(
  lookup: RecipeLookup,
  file: string,
  asked: string | undefined,
  read: Reader,
): Promise<Result<FoundRecipe>> {
  const own = await loadOwnRecipe(file);
  if (!own.ok) return own;
  const { value, document } = own.value;
  if (!('extends' in value)) {
    if (asked === undefined) return ok({ draft: value, document, borrowed: false });
    const { target, toolchain, sysroot, description, ...rest } = value;
    const extending = { ...rest, extends: '', sysrootPackages: [], toolchainPackages: [] };
    return onto(lookup, { value: extending, document }, asked, ` ${asked}`, read);
  }
  if (!recipeNames(lookup.home).includes(value.extends))
    return err(unknownBase(lookup.home, value.extends, document));
  const at = lookup.project === undefined ? '' : ` --project ${shellWord(lookup.project)}`;
  const base = asked ?? value.extends;
  return onto(
    lookup,
    own.value as { value: ExtendingDraft; document: YamlDocument },
    base,
    base === value.extends ? at : ` ${base}${at}`,
    read,
  );
}

/** A crate's own recipe merged with a shipped one: the first defines the program, the second its target. */
async function onto(
  lookup: RecipeLookup,
  { value: own, document }: { readonly value: ExtendingDraft; readonly document: YamlDocument },
  base: string,
  lockArguments: string,
  read: Reader,
): Promise<Result<FoundRecipe>> {
  const { home } = lookup;
  if (!recipeNames(home).includes(base)) return err(unknownBase(home, base, document));
  const shipped = await loadShipped(home, base, read);
  if (!shipped.ok) return shipped;
  const { project: _, samples: __, ...inherited } = shipped.value.value;
  const { extends: extended, sysrootPackages, toolchainPackages, description = '', ...rest } = own;
  const borrowed = extended !== base;
  const draft: RecipeDraft = {
    // A value for the extended target does not apply to another target that has a value of its own.
    ...(borrowed ? { ...rest, ...inherited } : { ...inherited, ...rest }),
    file: own.file,
    project: own.project,
    // Artifacts of a crate for several targets lie side by side.
    name: basename(own.file) === PROJECT_FILE ? base : own.name,
    description,
    samples: {
      ...own.samples,
      paths: own.samples.paths.length > 0 ? own.samples.paths : usualSamples(own.file),
    },
  };
  const added = { sysroot: sysrootPackages, toolchain: toolchainPackages, lockArguments };
  return ok({
    draft: atProject(draft, lookup),
    document,
    borrowed,
    lockArguments,
    ...(sysrootPackages.length + toolchainPackages.length === 0 ? {} : { added }),
  });
}

function atProject(draft: RecipeDraft, { project, bin }: RecipeLookup): RecipeDraft {
  const folder =
    project !== undefined && basename(draft.file) !== PROJECT_FILE ? project : draft.project.folder;
  return { ...draft, project: { ...draft.project, folder, ...defined({ bin }) } };
}

function usualSamples(file: string): readonly string[] {
  const folder = join(dirname(file), 'samples');
  return statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true ? [folder] : [];
}

function unknownBase(home: string, name: string, document: YamlDocument): Failure {
  const known = recipeNames(home);
  const meant = closest(name, known);
  return {
    code: 'recipe/unknown-base',
    what: `There is no shipped recipe \`${name}\` to extend.`,
    fix: [
      ...(meant === undefined ? [] : [`Did you mean \`${meant}\`?`]),
      `The shipped recipes: ${list(known) || 'none'}.`,
    ],
    at: document.locate(['extends'], 'value'),
  };
}

function nothingAsked(project: string | undefined): Failure {
  return {
    code: 'usage/missing-argument',
    what:
      project === undefined
        ? `No recipe is named, and neither the current folder nor one above has a \`${PROJECT_FILE}\`.`
        : `No recipe is named, and \`${project}\` has no \`${PROJECT_FILE}\`.`,
    fix: [
      'Name a recipe: `provision aarch64`. See them all: `provision list`.',
      `In a crate of your own \`provision init\` writes a \`${PROJECT_FILE}\`.`,
    ],
  };
}

function unknownRecipe({ home, cwd }: RecipeLookup, name: string): Failure {
  const known = recipeNames(home);
  const meant = closest(name, known);
  const ending = name === '' ? undefined : ['.yaml', '.yml'].find((one) => isThere(join(cwd, name + one)));
  return {
    code: 'recipe/not-found',
    what: `There is no recipe \`${name}\`.`,
    fix: [
      ...(meant === undefined ? [] : [`Did you mean \`${meant}\`?`]),
      ...(ending === undefined
        ? []
        : [`For the file in this folder, give its path: \`./${name}${ending}\`.`]),
      known.length === 0 ? `Put recipes into \`${join(home, 'recipes')}\`.` : `The recipes: ${list(known)}.`,
    ],
  };
}
