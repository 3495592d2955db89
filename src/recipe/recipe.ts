import { stat } from 'node:fs/promises';
import { basename, extname, join, resolve } from 'node:path';
import { closest } from '../domain/closest.ts';
import type { Settings } from '../domain/context.ts';
import type {
  ImageDefinition,
  Recipe,
  Resolved,
  RunnerDefinition,
  SysrootDefinition,
} from '../domain/definitions.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Target } from '../domain/target.ts';
import type { Failure } from '../failure.ts';
import {
  DEFAULT_WASM,
  foldersWith,
  imageFile,
  type Loaded,
  loadImage,
  loadRecipe,
  loadRunner,
  loadSysroot,
  loadTarget,
  namesIn,
  recipeFile,
  runnerFile,
  sysrootFile,
  targetFile,
} from './definitions.ts';
import type { YamlDocument } from './document.ts';
import { NAME } from './schemas.ts';
import { readText } from './text.ts';
import { together } from './together.ts';
import { list } from './words.ts';

/** Where recipes are looked for: the tool's own folder, and the folder the command was given in. */
export type Places = Pick<Settings, 'home' | 'cwd'>;

/**
 * A recipe with everything it names. A word is the name of a shipped recipe; what has a slash or ends in `.yaml` or
 * `.yml` is a file of yours. Fails with every mistake of the recipe and of what it names, each at its place.
 */
export async function resolveRecipe(places: Places, nameOrFile: string): Promise<Result<Resolved>> {
  const file = await findRecipe(places, nameOrFile);
  if (!file.ok) return file;
  const recipe = await loadRecipe(file.value);
  return recipe.ok ? resolveNames(places.home, recipe.value) : recipe;
}

export interface RecipeSummary {
  readonly name: string;
  readonly description: string;
  readonly target: string;
}

/** The shipped recipes, by name. */
export async function listRecipes(home: string): Promise<Result<readonly RecipeSummary[]>> {
  const loaded = await Promise.all(recipeNames(home).map((name) => loadRecipe(recipeFile(home, name))));
  const failure = together(loaded.flatMap((result) => (result.ok ? [] : [result.error])));
  if (failure !== undefined) return err(failure);
  return ok(
    loaded.flatMap((result) => {
      if (!result.ok) return [];
      const { name, description, target } = result.value.value;
      return [{ name, description, target }];
    }),
  );
}

/** Names of the shipped recipes, without reading them. */
function recipeNames(home: string): readonly string[] {
  return namesIn(home, 'recipes');
}

async function findRecipe({ home, cwd }: Places, nameOrFile: string): Promise<Result<string>> {
  const isFile = nameOrFile.includes('/') || /\.ya?ml$/.test(nameOrFile);
  if (!isFile) {
    if (recipeNames(home).includes(nameOrFile)) return ok(recipeFile(home, nameOrFile));
    return err(await unknownRecipe({ home, cwd }, nameOrFile));
  }
  const file = resolve(cwd, nameOrFile);
  if (NAME.test(basename(file, extname(file)))) return ok(file);
  return err({
    code: 'recipe/invalid-name',
    what: `A recipe's file name becomes the name of its artifacts, and \`${basename(file)}\` cannot be one.`,
    fix: ['Rename the file: letters, digits, `.`, `_` and `-`, then `.yaml`.'],
  });
}

async function unknownRecipe({ home, cwd }: Places, name: string): Promise<Failure> {
  const known = recipeNames(home);
  const meant = closest(name, known);
  const beside = await Promise.all(
    ['', '.yaml', '.yml'].map((ending) =>
      exists(join(cwd, name + ending)).then((there) => (there ? ending : undefined)),
    ),
  );
  const ending = name === '' ? undefined : beside.find((found) => found !== undefined && found !== '');
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

async function resolveNames(
  home: string,
  { value: recipe, document }: Loaded<Recipe>,
): Promise<Result<Resolved>> {
  const images = foldersWith(home, 'docker', 'image.yaml');
  const sysroots = foldersWith(home, 'sysroots', 'sysroot.yaml');
  const targets = namesIn(home, 'targets');
  const [target, toolchain, sysroot, reference, paths] = await Promise.all([
    named(document, 'target', recipe.target, targets, (name) => loadTarget(targetFile(home, name))),
    named(document, 'toolchain', recipe.toolchain, images, (name) => loadImage(imageFile(home, name).file)),
    named(document, 'sysroot', recipe.sysroot, sysroots, (name) => loadSysroot(sysrootFile(home, name).file)),
    named(document, 'reference', recipe.reference, images, (name) => loadImage(imageFile(home, name).file)),
    missingPaths(recipe, document),
  ]);
  const failures = [target, toolchain, sysroot, reference].flatMap((result) =>
    result.ok ? [] : [result.error],
  );
  const failure = together([...failures, ...paths]);
  if (failure !== undefined) return err(failure);
  if (!target.ok || !toolchain.ok || !sysroot.ok || !reference.ok) throw new Error('a failure got lost');
  const misfit = together([
    ...misfits(recipe, document, target.value.value, sysroot.value),
    ...noInterpreter(reference.value),
    ...notForWasm(recipe, document, target.value.value),
    ...optimizationMisfit(recipe, document, sysroot.value.value),
  ]);
  if (misfit !== undefined) return err(misfit);
  const runner = await runnerOf(home, recipe, target.value.value);
  if (!runner.ok) return runner;
  const hostTarget = await hostTargetOf(home, toolchain.value, target.value.value);
  if (!hostTarget.ok) return hostTarget;
  return ok({
    recipe: target.value.value.libc === 'wasi' ? { ...recipe, wasm: recipe.wasm ?? DEFAULT_WASM } : recipe,
    ...(runner.value === undefined ? {} : { runnerDefinition: runner.value }),
    target: target.value.value,
    hostTarget: hostTarget.value,
    toolchain: toolchain.value.value,
    sysroot: optimized(sysroot.value.value, recipe),
    reference: reference.value.value,
  });
}

/** What a key of the recipe names, or where it says a name that is not there. */
async function named<T>(
  document: YamlDocument,
  key: 'target' | 'toolchain' | 'sysroot' | 'reference',
  name: string,
  known: readonly string[],
  load: (name: string) => Promise<Result<T>>,
): Promise<Result<T>> {
  if (known.includes(name)) return load(name);
  const meant = closest(name, known);
  const noun = {
    target: 'target',
    toolchain: 'toolchain image',
    sysroot: 'sysroot',
    reference: 'reference image',
  }[key];
  return err({
    code: `recipe/unknown-${key}`,
    what: `There is no ${noun} \`${name}\`.`,
    fix: [
      ...(meant === undefined ? [] : [`Did you mean \`${meant}\`?`]),
      `There are: ${list(known) || 'none'}.`,
    ],
    at: document.place([key], 'value'),
  });
}

async function missingPaths(recipe: Recipe, document: YamlDocument): Promise<readonly Failure[]> {
  const failures: Failure[] = [];
  const { folder } = recipe.project;
  if (!(await exists(join(folder, 'Cargo.toml')))) {
    failures.push({
      code: 'recipe/no-project',
      what: `There is no \`Cargo.toml\` in \`${folder}\`.`,
      fix: ['Give the folder of the crate, relative to the recipe file.'],
      at: document.place(['project', 'path'], 'value'),
    });
  }
  for (const [index, path] of recipe.samples.paths.entries()) {
    if (await exists(path)) continue;
    const item = document.written(['samples', 'path', index]) !== undefined;
    failures.push({
      code: 'recipe/no-samples',
      what: `There is no \`${path}\`.`,
      fix: ['Give a script or a folder of scripts, relative to the recipe file.'],
      at: document.place(item ? ['samples', 'path', index] : ['samples', 'path'], 'value'),
    });
  }
  return failures;
}

/** A sysroot of another platform links, and then fails in ways that are hard to read. */
function misfits(
  recipe: Recipe,
  document: YamlDocument,
  target: Target,
  sysroot: Loaded<SysrootDefinition>,
): readonly Failure[] {
  const { name, target: made, sysroot: tree } = sysroot.value;
  if (made !== recipe.target) {
    return [
      {
        code: 'recipe/sysroot-misfit',
        what: `The sysroot \`${name}\` is for the target \`${made}\`, the recipe for \`${recipe.target}\`.`,
        fix: ['Name a sysroot and a target that belong together.'],
        at: document.place(['sysroot'], 'value'),
      },
    ];
  }
  // Packages of every architecture: they come along with those of any.
  if (tree.architecture === target.debianArch || target.debianArch === 'all') return [];
  return [
    {
      code: 'recipe/sysroot-misfit',
      what: `The sysroot \`${name}\` is of architecture \`${tree.architecture}\`, its target of \`${target.debianArch}\`.`,
      fix: [`Write \`architecture: ${target.debianArch}\`.`],
      at: sysroot.document.place(['architecture'], 'value'),
    },
  ];
}

/** A sysroot compiled as the recipe wants it. */
function optimized(sysroot: SysrootDefinition, { optimization }: Recipe): SysrootDefinition {
  if (optimization === undefined || sysroot.kind === 'packages') return sysroot;
  return { ...sysroot, cpython: { ...sysroot.cpython, optimization } };
}

function optimizationMisfit(
  recipe: Recipe,
  document: YamlDocument,
  sysroot: SysrootDefinition,
): readonly Failure[] {
  const { optimization } = recipe;
  if (optimization === undefined) return [];
  const at = document.place(['optimization'], 'value');
  if (sysroot.kind === 'packages') {
    return [
      {
        code: 'recipe/no-optimization',
        what: `The sysroot \`${sysroot.name}\` is made of packages: how its CPython is compiled cannot be chosen.`,
        fix: ['Remove `optimization`, or name a sysroot of the kind `cpython-source`.'],
        at,
      },
    ];
  }
  if (!optimization.startsWith('pgo') || sysroot.cpython.training !== '') return [];
  return [
    {
      code: 'recipe/no-training',
      what: `The sysroot \`${sysroot.name}\` has no training workload, which \`${optimization}\` takes profiles of.`,
      fix: ['Add `training` to `cpython` in the sysroot definition.'],
      at,
    },
  ];
}

/** Settings of WebAssembly in a recipe for anything else would be silently without effect. */
function notForWasm(recipe: Recipe, document: YamlDocument, target: Target): readonly Failure[] {
  if (target.libc === 'wasi') return [];
  return (['runner', 'wasm'] as const)
    .filter((key) => recipe[key] !== undefined)
    .map((key) => ({
      code: 'recipe/not-wasm',
      what: `\`${key}\` is for WebAssembly; the target \`${target.name}\` is none.`,
      fix: [`Remove \`${key}\`.`],
      at: document.place([key], 'key'),
    }));
}

/** The locked engine of a recipe that is run in one. */
async function runnerOf(
  home: string,
  recipe: Recipe,
  target: Target,
): Promise<Result<RunnerDefinition | undefined>> {
  const kind = recipe.runner ?? target.runner;
  const file = runnerFile(home, kind);
  if (target.libc !== 'wasi' || !(await exists(file))) return ok(undefined);
  const loaded = await loadRunner(file);
  return loaded.ok ? ok(loaded.value.value) : loaded;
}

function noInterpreter({ value, document }: Loaded<ImageDefinition>): readonly Failure[] {
  if (value.tools.python !== undefined) return [];
  return [
    {
      code: 'recipe/no-interpreter',
      what: `The reference image \`${value.name}\` does not say which program its interpreter is.`,
      fix: ['Add `python: python3.13` (its program name) below `tools`.'],
      at: document.place(['tools'], 'key'),
    },
  ];
}

/** The GNU target whose packages the toolchain image is made of. */
async function hostTargetOf(
  home: string,
  image: Loaded<ImageDefinition>,
  target: Target,
): Promise<Result<Target>> {
  const { architecture } = image.value.rootfs;
  const fits = (candidate: Target): boolean =>
    candidate.debianArch === architecture && candidate.libc === 'gnu';
  if (fits(target)) return ok(target);
  const failures: Failure[] = [];
  for (const name of namesIn(home, 'targets')) {
    const file = targetFile(home, name);
    // Reading text is cheap, parsing is not: most files are about another architecture.
    const text = await readText(file);
    if (text.ok && !text.value.includes(architecture)) continue;
    const loaded = text.ok ? await loadTarget(file) : text;
    if (!loaded.ok) failures.push(loaded.error);
    else if (fits(loaded.value.value)) return ok(loaded.value.value);
  }
  return err(
    together(failures) ?? {
      code: 'recipe/no-host-target',
      what: `No target is of the architecture that the image \`${image.value.name}\` runs on, \`${architecture}\`.`,
      fix: [
        'Add a file to `targets/` with this `debian-arch` and `libc: gnu`: build scripts are linked for it.',
      ],
      at: image.document.place(['architecture'], 'value'),
    },
  );
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
