import { stat } from 'node:fs/promises';
import { closest } from '../domain/closest.ts';
import type { Crate } from '../domain/crate.ts';
import { defined } from '../domain/defined.ts';
import type {
  ImageDefinition,
  Recipe,
  Resolved,
  RuntimeDefinition,
  SysrootDefinition,
} from '../domain/definitions.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Target } from '../domain/target.ts';
import type { Failure } from '../failure.ts';
import { resolveCrate } from './crate.ts';
import {
  foldersWith,
  imageFile,
  loadImage,
  loadRuntime,
  loadSysroot,
  loadTarget,
  namesIn,
  recipeFile,
  runtimeFile,
  sysrootFile,
  targetFile,
} from './definitions.ts';
import type { YamlDocument } from './document.ts';
import { DEFAULT_WASM, loadRecipe } from './drafts.ts';
import { type FoundRecipe, findRecipe, type Places, recipeNames } from './find.ts';
import type { Loaded } from './load.ts';
import { readText } from './text.ts';
import { together } from './together.ts';
import { list } from './words.ts';

/**
 * A recipe with everything it names; what `asked` can be: `findRecipe`. Fails with every mistake of the recipe and of
 * what it names, each at its place.
 */
export async function resolveRecipe(places: Places, asked: string | undefined): Promise<Result<Resolved>> {
  const found = await findRecipe(places, asked);
  return found.ok ? resolveNames(places.home, found.value) : found;
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

async function resolveNames(home: string, found: FoundRecipe): Promise<Result<Resolved>> {
  const { draft, document, added } = found;
  const images = foldersWith(home, 'docker', 'image.yaml');
  const sysroots = foldersWith(home, 'sysroots', 'sysroot.yaml');
  const targets = namesIn(home, 'targets');
  const [target, toolchain, sysroot, reference, crate] = await Promise.all([
    named(document, 'target', draft.target, targets, (name) => loadTarget(targetFile(home, name))),
    named(document, 'toolchain', draft.toolchain, images, (name) => loadImage(imageFile(home, name).file)),
    named(document, 'sysroot', draft.sysroot, sysroots, (name) => loadSysroot(sysrootFile(home, name).file)),
    named(document, 'reference', draft.reference, images, (name) => loadImage(imageFile(home, name).file)),
    resolveCrate(draft, document),
  ]);
  const failures = [target, toolchain, sysroot, reference, crate].flatMap((result) =>
    result.ok ? [] : [result.error],
  );
  const failure = together(failures);
  if (failure !== undefined) return err(failure);
  if (!target.ok || !toolchain.ok || !sysroot.ok || !reference.ok || !crate.ok) {
    throw new Error('a failure got lost');
  }
  const recipe = whole(found, crate.value, target.value.value, sysroot.value.value);
  const misfit = together([
    ...misfits(recipe, document, target.value.value, sysroot.value),
    ...noInterpreter(reference.value),
    ...notForWasm(recipe, document, target.value.value),
    ...runtimeTwice(document),
    ...optimizationMisfit(recipe, document, sysroot.value.value),
    ...(added === undefined ? [] : foreignPackages(document, target.value.value)),
  ]);
  if (misfit !== undefined) return err(misfit);
  const runtime = await runtimeDefinitionOf(home, recipe, target.value.value);
  if (!runtime.ok) return runtime;
  const hostTarget = await hostTargetOf(home, toolchain.value, target.value.value);
  if (!hostTarget.ok) return hostTarget;
  return ok({
    recipe: target.value.value.libc === 'wasi' ? { ...recipe, wasm: recipe.wasm ?? DEFAULT_WASM } : recipe,
    ...defined({ runtimeDefinition: runtime.value }),
    target: target.value.value,
    hostTarget: hostTarget.value,
    toolchain: toolchain.value.value,
    sysroot: optimized(withPackages(sysroot.value.value, added?.packages ?? []), recipe),
    reference: reference.value.value,
    crate: crate.value,
    ...(added === undefined ? {} : { sysrootFile: added.file }),
  });
}

/** A draft with what the crate and the target say. */
function whole(
  { draft, borrowed }: FoundRecipe,
  crate: Crate,
  target: Target,
  sysroot: SysrootDefinition,
): Recipe {
  const { optimization, allocator, runtime, wasm, ...rest } = draft;
  const { folder, root, bin } = crate;
  // What a file says of one kind of target is not meant for another that is named on the command line.
  const forWasm = !borrowed || target.libc === 'wasi';
  const compiled = !borrowed || sysroot.kind !== 'packages';
  return {
    ...rest,
    description: draft.description || `${crate.name} for ${target.name}.`,
    project: { ...draft.project, folder, root, bin },
    ...(optimization !== undefined && compiled ? { optimization } : {}),
    ...(allocator !== undefined && compiled ? { allocator } : {}),
    ...(runtime !== undefined && forWasm ? { runtime } : {}),
    ...(wasm !== undefined && forWasm ? { wasm } : {}),
  };
}

/** A sysroot with packages that a crate links with; the run-time tree stays: the bundle takes their libraries along. */
function withPackages(sysroot: SysrootDefinition, packages: readonly string[]): SysrootDefinition {
  if (packages.length === 0) return sysroot;
  const both = [...new Set([...sysroot.sysroot.packages, ...packages])];
  return { ...sysroot, sysroot: { ...sysroot.sysroot, packages: both } };
}

/** Debian compiles its packages for the GNU C library; linked with another one they fail in ways that are hard to read. */
function foreignPackages(document: YamlDocument, { name, libc }: Target): readonly Failure[] {
  if (libc === 'gnu') return [];
  return [
    {
      code: 'recipe/foreign-packages',
      what: `\`sysroot.packages\` cannot be used for \`${name}\`: packages are compiled for the GNU C library.`,
      fix: [
        'Let the crate build the library itself, where it can (a `vendored` or `bundled` feature), in a recipe of its own for this target: `extends` in a further file beside this one.',
      ],
      at: document.place(['sysroot', 'packages'], 'key'),
    },
  ];
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
  const runtime = document.written(['runner']) === undefined ? 'runtime' : 'runner';
  return [
    ...(recipe.runtime === undefined ? [] : [runtime]),
    ...(recipe.wasm === undefined ? [] : ['wasm']),
  ].map((key) => ({
    code: 'recipe/not-wasm',
    what: `\`${key}\` is for WebAssembly; the target \`${target.name}\` is none.`,
    fix: [`Remove \`${key}\`.`],
    at: document.place([key], 'key'),
  }));
}

function runtimeTwice(document: YamlDocument): readonly Failure[] {
  const twice = (['runtime', 'runner'] as const).every((key) => document.written([key]) !== undefined);
  if (!twice) return [];
  return [
    {
      code: 'recipe/invalid-value',
      what: 'The recipe names its runtime twice.',
      fix: ['Remove `runner`: it is the old name of `runtime`.'],
      at: document.place(['runner'], 'key'),
    },
  ];
}

/** The locked runtime for WebAssembly of a recipe that is run in one. */
async function runtimeDefinitionOf(
  home: string,
  recipe: Recipe,
  target: Target,
): Promise<Result<RuntimeDefinition | undefined>> {
  const kind = recipe.runtime ?? target.runtime;
  const file = runtimeFile(home, kind);
  if (target.libc !== 'wasi' || !(await exists(file))) return ok(undefined);
  const loaded = await loadRuntime(file);
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
