import { basename, dirname, extname, join } from 'node:path';
import type { Crate } from '../domain/crate.ts';
import { defined } from '../domain/defined.ts';
import type {
  CommandTest,
  DefinitionFile,
  ImageDefinition,
  Recipe,
  Resolved,
  RuntimeDefinition,
  SysrootDefinition,
} from '../domain/definitions.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Target } from '../domain/target.ts';
import { isThere } from '../exec/files.ts';
import { machineName } from '../exec/machine.ts';
import type { Failure } from '../failure.ts';
import { CAPABILITIES } from '../runtime/capabilities.ts';
import { architectureOn, hostTargetOf, toolchainIn } from './architectures.ts';
import { type Choice, choosePoint } from './choose-point.ts';
import { noOwnReference } from './choose-variant.ts';
import { combineFailures } from './combine-failures.ts';
import { resolveCrate } from './crate.ts';
import { chooseArchitecture, loadRuntime } from './definitions.ts';
import type { YamlDocument } from './document.ts';
import { type Added, type FoundRecipe, findRecipe, type RecipeLookup } from './find.ts';
import { imageFile, imageNames, runtimeFile, sysrootFile } from './folders.ts';
import { belowFloor, lineOfOldest, otherLibrary } from './glibc.ts';
import { loadImage } from './images.ts';
import { besideLibrary, comparedWith } from './implementation.ts';
import type { Loaded } from './load.ts';
import { DEFAULT_WASM } from './parse-recipe.ts';
import { type Axes, loadAxes, withOlderLibrary } from './points.ts';
import { openReader, type Reader } from './reader.ts';
import { loadReferences, type References } from './references.ts';
import { chooseImage } from './rust-channel.ts';
import type { SysrootFile } from './schemas.ts';
import { loadForm, loadSysroot } from './sysroots.ts';
import { readData, systemDataOf, unreadData } from './system-data.ts';
import { chooseSystems } from './systems.ts';
import { type CLibrary, loadLibcOfTarget } from './targets.ts';
import { unknown } from './unknown-name.ts';

/**
 * A recipe with everything it names; what `asked` can be: `findRecipe`. Fails with every mistake of the recipe and of
 * what it names, each with its location.
 */
export async function resolveRecipe(
  lookup: RecipeLookup,
  asked: string | undefined,
): Promise<Result<Resolved>> {
  const read = openReader();
  const found = await findRecipe(lookup, asked, read);
  return found.ok ? resolveNames(lookup, found.value, read) : found;
}

/** `{platform}` in the description of what every target has by itself. */
export function describe(description: string, target: Target): string {
  return description.replaceAll('{platform}', target.description.replace(/\.$/, ''));
}

/** Everything that a recipe names, read. */
interface Named {
  readonly found: FoundRecipe;
  readonly axes: Axes;
  readonly point: Choice;
  readonly form: Loaded<SysrootFile>;
  readonly hostTarget: Target;
  readonly toolchain: Loaded<ImageDefinition>;
  readonly toolchainFile: DefinitionFile;
  readonly rustBecause?: string;
  readonly sysroot: SysrootDefinition;
  readonly references: References;
  readonly crate: Crate;
}

async function resolveNames(
  lookup: RecipeLookup,
  found: FoundRecipe,
  read: Reader,
): Promise<Result<Resolved>> {
  const named = await readNamed(lookup, found, read);
  if (!named.ok) return named;
  const { axes, point, sysroot, toolchain, references, crate, hostTarget } = named.value;
  const sysrootNamed = found.draft.sysroot !== undefined;
  const { document, added } = found;
  const { target } = point;
  const recipe = withPlaces(whole(named.value), document);
  const rustStd = toolchain.value.rustStd[target.name];
  const { home } = lookup;
  const { borrowed } = found;
  const library = await loadLibcOfTarget(home, target, read);
  if (!library.ok) return library;
  const systems = await chooseSystems({
    ...{ home, document, borrowed, target, sysroot, read },
    ...defined({ asked: recipe.systems }),
  });
  const misfit = combineFailures([
    ...(rustStd === undefined ? [noRustStd(document, toolchain.value, target)] : []),
    ...noInterpreter(references.interpreter),
    ...notForWasm(recipe, document, target),
    ...(borrowed ? [] : unreadData(recipe, document, target)),
    ...(borrowed ? [] : otherLibrary(recipe, document, target)),
    ...runtimeTwice(document),
    ...(systems.ok
      ? belowFloor({
          axes,
          point,
          named: sysrootNamed,
          document,
          ...{ floor: sysroot.glibc, oldestRelease: oldestOf(target, library.value) },
          glibc: recipe.glibc,
          systems: systems.value.systems,
        })
      : [systems.error]),
    ...compiledMisfit(recipe, document, sysroot),
    ...noAllocator(recipe, document, point),
    ...noOwnReference(sysroot, target, hostTarget),
    ...besideLibrary(recipe, document, sysroot),
    ...(added === undefined || added.sysroot.length === 0 ? [] : foreignPackages(document, target)),
  ]);
  if (misfit !== undefined || rustStd === undefined || !systems.ok) return err(misfit as Failure);
  const runtime = await runtimeDefinitionOf(home, recipe, target, hostTarget);
  if (!runtime.ok) return runtime;
  const systemData = await systemDataOf(lookup, recipe);
  if (!systemData.ok) return systemData;
  const std = rustStd.from === 'packages' ? rustStd.tree.exclude : [];
  const plain = leavingOut(optimized(sysroot, recipe), std);
  const extended = withPackages(plain, added?.sysroot ?? []);
  const shippedLock = sysrootFile(
    home,
    sysroot.name,
    toolchainIn(target, toolchain.value.rootfs.architecture),
  );
  const additions = additionsOf(
    found.draft.file,
    added,
    { plain, sysroot: extended, shippedLock },
    toolchain.value,
  );
  return ok({
    recipe: target.libc === 'wasi' ? { ...recipe, wasm: recipe.wasm ?? DEFAULT_WASM } : recipe,
    ...defined({ runtimeDefinition: runtime.value, systemData: systemData.value }),
    target,
    hostTarget,
    toolchain: toolchain.value,
    sysroot: extended,
    ...systems.value,
    ...defined({ pythonBecause: point.because, rustBecause: named.value.rustBecause }),
    ...defined({ olderPython: lineOfOldest(axes, point, sysrootNamed) }),
    // A library has no program that could run on them.
    ...(crate.testsOnly === true ? { systems: [] } : {}),
    rustStd,
    interpreter: references.interpreter.value,
    reference: references.reference,
    referenceTarget: references.target,
    ...defined({ ordered: references.ordered }),
    files: {
      toolchain: named.value.toolchainFile,
      sysroot: additions.sysrootFile ?? shippedLock,
      ...references.files,
    },
    crate,
    ...additions,
    ...defined({
      pythonLock: recipe.pythonPackages && pythonLock(found.draft.file, sysroot.name, found.lockArguments),
    }),
  });
}

/** The oldest release that a Python from source can be had for. */
function oldestOf({ older, startsWith }: Target, { oldestRelease }: CLibrary): string | undefined {
  return startsWith === undefined ? (oldestRelease ?? older?.glibc) : undefined;
}

async function readNamed(lookup: RecipeLookup, found: FoundRecipe, read: Reader): Promise<Result<Named>> {
  const { home } = lookup;
  const { draft, document } = found;
  const [axes, crate] = await Promise.all([loadAxes(home, read), resolveCrate(draft, document)]);
  if (!axes.ok) return axes;
  const images = imageNames(home);
  const { borrowed, versionIsOption, variantIsOption } = found;
  const asked = { ...draft, borrowed, ...defined({ versionIsOption, variantIsOption }) };
  const needs = { ...defined({ pyo3: crate.ok ? crate.value.pyo3 : undefined }), env: draft.project.env };
  const chosen = choosePoint(axes.value, asked, document, needs);
  const failure = combineFailures([
    ...[chosen, crate].flatMap((one) => (one.ok ? [] : [one.error])),
    ...(draft.toolchain === undefined || images.includes(draft.toolchain)
      ? []
      : [unknown('toolchain', draft.toolchain, images, document, ['toolchain'])]),
  ]);
  if (failure !== undefined) return err(failure);
  if (!chosen.ok || !crate.ok) throw new Error('a failure got lost');
  const point = withOlderLibrary(chosen.value, draft.glibc);
  const form = await loadForm(home, point, read);
  if (!form.ok) return form;
  const { targets } = axes.value;
  const image = draft.toolchain ?? form.value.value.toolchain;
  if (!images.includes(image))
    return err(unknown('toolchain', image, images, form.value.document, ['toolchain']));
  const machine = lookup.machine ?? machineName();
  const native = architectureOn(targets, machine);
  const architecture = await chooseArchitecture(home, form.value, image, native, read);
  if (!architecture.ok) return architecture;
  const context = { home, targets, architecture: architecture.value, read };
  const [stable, sysroot] = await Promise.all([
    loadImage(context, image),
    loadSysroot(
      home,
      { ...point, hostArchitecture: architecture.value, ...defined({ glibc: draft.glibc }) },
      read,
    ),
  ]);
  const misread = combineFailures([stable, sysroot].flatMap((one) => (one.ok ? [] : [one.error])));
  if (misread !== undefined) return err(misread);
  if (!stable.ok || !sysroot.ok) throw new Error('a failure got lost');
  const built = await chooseImage(context, stable.value, {
    ...defined({ rust: draft.rust, needed: lookup.neededRust }),
    crate: crate.value,
    document,
  });
  if (!built.ok) return built;
  const { image: toolchain, because } = built.value;
  const hostTarget = hostTargetOf(targets, architecture.value);
  if (hostTarget === undefined) throw new Error('an image without its machine was read');
  const compared = comparedWith(axes.value.pythons, point.python);
  if (!compared.ok) return compared;
  const references = await loadReferences(context, compared.value, point.target);
  if (!references.ok) return references;
  return ok({
    found,
    axes: axes.value,
    point,
    form: form.value,
    hostTarget,
    toolchain,
    toolchainFile: imageFile(home, toolchain.value.name, architecture.value),
    ...defined({ rustBecause: because }),
    sysroot: sysroot.value,
    references: references.value,
    crate: crate.value,
  });
}

/** A draft completed with the facts of crate, target and sysroot. */
function whole({ found, crate, point, sysroot, toolchain, form }: Named): Recipe {
  const { draft, borrowed } = found;
  const { optimization, allocator, variant: _, runtime, wasm, brings, ...rest } = draft;
  const { folder, root, outside, bin } = crate;
  const { target } = point;
  // A setting for one kind of target does not apply to another one named on the command line.
  const forWasm = !borrowed || target.libc === 'wasi';
  const compiled = !borrowed || sysroot.source !== undefined;
  const usual = form.value.kind === 'cpython-source' ? allocatorOf(point, form.value.allocator) : undefined;
  const own = compiled ? allocator : undefined;
  return {
    ...rest,
    target: target.name,
    toolchain: toolchain.value.name,
    sysroot: point.form,
    description: describe(draft.description, target) || `${crate.name} for ${target.rustTriple}.`,
    project: { ...draft.project, folder, root, ...defined({ outside }), bin },
    ...(compiled ? defined({ optimization }) : {}),
    ...defined({ variant: point.variant }),
    ...defined({ allocator: borrowed ? (usual ?? allocatorOf(point, own)) : (own ?? usual) }),
    ...(forWasm ? defined({ runtime, wasm }) : {}),
    ...defined({ brings: borrowed ? readData({ ...defined({ brings }) }, target) : brings }),
  };
}

/** An allocator, where the Python has it. */
function allocatorOf(
  { python }: Pick<Choice, 'python'>,
  allocator: Recipe['allocator'],
): Recipe['allocator'] {
  const { source } = python.value;
  return allocator === undefined || source === undefined || source.allocators.includes(allocator)
    ? allocator
    : undefined;
}

/** A program that asks for an allocator that there is not would not start. */
function noAllocator(
  { allocator }: Recipe,
  document: YamlDocument,
  point: Pick<Choice, 'python'>,
): readonly Failure[] {
  const { word, source } = point.python.value;
  if (allocatorOf(point, allocator) === allocator) return [];
  return [
    {
      code: 'recipe/no-allocator',
      what: `Python ${word} has no allocator \`${allocator}\`.`,
      fix: [`Remove \`allocator\`, or name one that it has: ${source?.allocators.join(', ')}.`],
      at: document.locate(['allocator'], 'value'),
    },
  ];
}

/** A recipe whose entries about Python know where they stand in its file. */
function withPlaces(recipe: Recipe, document: YamlDocument): Recipe {
  const { pythonPackages, pythonPaths, tests } = recipe;
  const place = (key: 'packages' | 'paths', index: number) => {
    const path = ['python', key, index];
    const item = document.written(path) !== undefined || document.written([...path, 'file']) !== undefined;
    return document.locate(item ? path : ['python', key], 'value');
  };
  const withPlacesOfFiles = (command: CommandTest, index: number): CommandTest => ({
    ...command,
    files: command.files.map((one, i) => ({
      ...one,
      at: document.locate(['tests', 'commands', index, 'files', i], 'value'),
    })),
  });
  return {
    ...recipe,
    ...defined({
      pythonPackages: pythonPackages?.map((one, i) => ({ ...one, at: place('packages', i) })),
      pythonPaths: pythonPaths?.map((one, i) => ({ ...one, at: place('paths', i) })),
      tests: tests && { ...tests, commands: tests.commands.map(withPlacesOfFiles) },
    }),
  };
}

/**
 * A sysroot with packages that a crate links with; the run-time tree stays the same: the bundle includes their libraries. A
 * library that is built from source is there already: neither its package nor what would bring it is added.
 */
function withPackages(sysroot: SysrootDefinition, packages: readonly string[]): SysrootDefinition {
  const there = sysroot.source?.libraries.flatMap(({ standsFor }) => standsFor) ?? [];
  const { packages: own, without } = sysroot.sysroot;
  const more = packages.filter((name) => !there.includes(name) && !own.includes(name));
  if (more.length === 0) return sysroot;
  const tree = { packages: [...own, ...more], without: [...new Set([...(without ?? []), ...there])] };
  return { ...sysroot, sysroot: { ...sysroot.sysroot, ...tree } };
}

/** Excludes unneeded files of the Rust standard library's packages, which are part of the link-time tree. */
function leavingOut(sysroot: SysrootDefinition, exclude: readonly string[]): SysrootDefinition {
  const both = [...new Set([...sysroot.sysroot.exclude, ...exclude])];
  return { ...sysroot, sysroot: { ...sysroot.sysroot, exclude: both } };
}

/** What the recipe adds, and where its locks are: one for each sysroot and each image. */
function additionsOf(
  file: string,
  added: Added | undefined,
  {
    plain,
    sysroot,
    shippedLock,
  }: {
    readonly plain: SysrootDefinition;
    readonly sysroot: SysrootDefinition;
    readonly shippedLock: DefinitionFile;
  },
  { name, rootfs }: ImageDefinition,
): Pick<Resolved, 'sysrootFile' | 'plainSysroot' | 'sysrootPackages' | 'tools'> {
  if (added === undefined) return {};
  const { lockArguments, toolchain: packages } = added;
  const image = `${name}/${rootfs.architecture}`;
  return {
    ...(sysroot === plain
      ? {}
      : {
          plainSysroot: plain,
          sysrootFile: {
            ...ownLock(file, sysroot.name, lockArguments),
            addsTo: shippedLock,
          },
        }),
    ...(added.sysroot.length === 0 ? {} : { sysrootPackages: added.sysroot }),
    ...(packages.length === 0 ? {} : { tools: { packages, file: ownLock(file, image, lockArguments) } }),
  };
}

/** The lock of what a recipe adds to a shipped definition, beside the recipe. */
function ownLock(file: string, of: string, lockArguments: string): DefinitionFile {
  const name = basename(file, extname(file));
  const lockFile = join(dirname(file), `${name}.${of.replaceAll('/', '-')}.lock`);
  return { id: `${basename(file)} (${of})`, file, lockFile, lockPath: lockFile, lockArguments };
}

/** The lock of Python packages: one for each sysroot, as the wheels for another one may be others. */
function pythonLock(file: string, sysroot: string, lockArguments = ''): NonNullable<Resolved['pythonLock']> {
  const name = basename(file, extname(file));
  const lock = `${name}.${sysroot.replaceAll('/', '-')}.python.lock`;
  return { file: join(dirname(file), lock), arguments: lockArguments };
}

/** Debian compiles its packages for the GNU C library; linked with another one they fail in ways that are hard to diagnose. */
function foreignPackages(document: YamlDocument, { name, libc }: Target): readonly Failure[] {
  if (libc === 'gnu') return [];
  return [
    {
      code: 'recipe/foreign-packages',
      what: `\`sysroot.packages\` cannot be used for \`${name}\`: packages are compiled for the GNU C library.`,
      fix: [
        'If the crate can build the library itself (a `vendored` or `bundled` feature), let it do so in a separate recipe for this target: a second file beside this one, with `extends`.',
      ],
      at: document.locate(['sysroot', 'packages'], 'key'),
    },
  ];
}

/** A sysroot with the compilation options of the recipe. */
function optimized(sysroot: SysrootDefinition, { optimization }: Recipe): SysrootDefinition {
  if (optimization === undefined || sysroot.source === undefined) return sysroot;
  const { source } = sysroot;
  return { ...sysroot, source: { ...source, cpython: { ...source.cpython, optimization } } };
}

/** Options that apply only to a CPython that is built from source. */
function compiledMisfit(
  { optimization }: Recipe,
  document: YamlDocument,
  { name, source }: SysrootDefinition,
): readonly Failure[] {
  if (source === undefined) {
    if (optimization === undefined) return [];
    return [
      {
        code: 'recipe/no-optimization',
        what: `The sysroot \`${name}\` is made of packages: the compilation of its CPython cannot be configured.`,
        fix: ['Remove `optimization`, or name a sysroot of the kind `cpython-source`.'],
        at: document.locate(['optimization'], 'value'),
      },
    ];
  }
  const flags = optimization ?? source.cpython.optimization;
  if (!flags.includes('pgo') || source.cpython.profile !== undefined) return [];
  return [
    {
      code: 'recipe/no-training',
      what: `The sysroot \`${name}\` has no locked profile of its Python, which \`pgo\` needs.`,
      fix: ['Make the profile: `provision profile <recipe>`.'],
      at: document.locate(['optimization'], 'value'),
    },
  ];
}

/** A program in Rust needs its standard library for the target. */
function noRustStd(document: YamlDocument, { name }: ImageDefinition, target: Target): Failure {
  return {
    code: 'recipe/no-rust-std',
    what: `The toolchain image \`${name}\` has no Rust standard library for \`${target.name}\`.`,
    fix: [`Name another image, or add \`${target.libc}\` to \`rust-std\` of its \`image.yaml\`.`],
    at: document.locate(['toolchain'], 'value'),
  };
}

/** Settings of WebAssembly in a recipe for another target would silently have no effect. */
function notForWasm(recipe: Recipe, document: YamlDocument, target: Target): readonly Failure[] {
  if (target.libc === 'wasi') return [];
  const runtime = document.written(['runner']) === undefined ? 'runtime' : 'runner';
  return [
    ...(recipe.runtime === undefined ? [] : [runtime]),
    ...(recipe.wasm === undefined ? [] : ['wasm']),
  ].map((key) => ({
    code: 'recipe/not-wasm',
    what: `\`${key}\` is for WebAssembly only; the target is \`${target.name}\`.`,
    ...defined({
      why:
        key === 'wasm' && recipe.wasm?.snapshot === true
          ? CAPABILITIES[target.runtime].impossible.snapshot
          : undefined,
    }),
    fix: [`Remove \`${key}\`.`],
    at: document.locate([key], 'key'),
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
      at: document.locate(['runner'], 'key'),
    },
  ];
}

/** The locked runtime for WebAssembly of a recipe that is run in one. */
async function runtimeDefinitionOf(
  home: string,
  recipe: Recipe,
  target: Target,
  { machine }: Target,
): Promise<Result<RuntimeDefinition | undefined>> {
  const kind = recipe.runtime ?? target.runtime;
  const file = runtimeFile(home, kind);
  if (target.libc !== 'wasi' || !isThere(file)) return ok(undefined);
  const loaded = await loadRuntime(file, machine);
  return loaded.ok ? ok(loaded.value.value) : loaded;
}

function noInterpreter({ value, document }: Loaded<ImageDefinition>): readonly Failure[] {
  if (value.tools.python !== undefined) return [];
  return [
    {
      code: 'recipe/no-interpreter',
      what: `The reference image \`${value.name}\` does not name its interpreter.`,
      fix: ['Add `python: python3.13` (its program name) below `tools`.'],
      at: document.locate(['tools'], 'key'),
    },
  ];
}
