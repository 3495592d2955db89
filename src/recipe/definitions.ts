import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { closest } from '../domain/closest.ts';
import type { ConformanceSuite } from '../domain/conformance.ts';
import { defined } from '../domain/defined.ts';
import type {
  DefinitionFile,
  ImageDefinition,
  LibraryDefinition,
  RuntimeDefinition,
  SourceSysroot,
  SysrootDefinition,
  TextFile,
} from '../domain/definitions.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Target } from '../domain/target.ts';
import type { Failure } from '../failure.ts';
import type { YamlDocument } from './document.ts';
import { CONFORMANCE, IMAGE, LIBRARY, RUNTIME, SYSROOT, TARGET } from './json-schema.ts';
import { type Loaded, load } from './load.ts';
import type {
  ConformanceFile,
  ImageFile,
  LibraryFile,
  RuntimeFile,
  SysrootFile,
  TargetFile,
} from './schemas.ts';
import { together } from './together.ts';

/** Every file that a lock is made for: images, then sysroots, by name. */
export function definitionFiles(home: string): DefinitionFile[] {
  return [
    ...foldersWith(home, 'docker', 'image.yaml').map((name) => imageFile(home, name)),
    ...foldersWith(home, 'sysroots', 'sysroot.yaml').map((name) => sysrootFile(home, name)),
  ];
}

export function imageFile(home: string, name: string): DefinitionFile {
  const folder = join(home, 'docker', name);
  return { id: `docker/${name}`, file: join(folder, 'image.yaml'), lockFile: join(folder, 'image.lock') };
}

export function sysrootFile(home: string, name: string): DefinitionFile {
  const folder = join(home, 'sysroots', name);
  return {
    id: `sysroots/${name}`,
    file: join(folder, 'sysroot.yaml'),
    lockFile: join(folder, 'sysroot.lock'),
  };
}

export function runtimeFile(home: string, name: string): string {
  return join(home, 'runtimes', name, 'runtime.yaml');
}

export function targetFile(home: string, name: string): string {
  return join(home, 'targets', `${name}.yaml`);
}

export function recipeFile(home: string, name: string): string {
  return join(home, 'recipes', `${name}.yaml`);
}

/** Names of the YAML files of a folder, sorted; none where the folder is not there. */
export function namesIn(home: string, folder: 'recipes' | 'targets'): string[] {
  return entries(join(home, folder))
    .filter((entry) => extname(entry) === '.yaml')
    .map((entry) => basename(entry, '.yaml'));
}

/** Names of the folders of `folder` that hold a file, sorted; none where it is not there. */
export function foldersWith(
  home: string,
  folder: 'docker' | 'sysroots' | 'runtimes',
  file: string,
): string[] {
  return entries(join(home, folder)).filter((name) => existsSync(join(home, folder, name, file)));
}

function entries(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder).sort() : [];
}

/** The definition in an `image.yaml` or `sysroot.yaml`. */
export async function loadDefinition({
  file,
}: DefinitionFile): Promise<Result<ImageDefinition | SysrootDefinition>> {
  const loaded = basename(file) === 'sysroot.yaml' ? await loadSysroot(file) : await loadImage(file);
  return loaded.ok ? ok(loaded.value.value) : loaded;
}

export function loadImage(file: string): Promise<Result<Loaded<ImageDefinition>>> {
  return load<ImageFile, ImageDefinition>(file, IMAGE, (read) => ({
    kind: 'image',
    name: basename(dirname(file)),
    description: read.description,
    suite: read.suite,
    rootfs: treeOf(read, read.architecture),
    tools: read.tools,
  }));
}

export async function loadSysroot(file: string): Promise<Result<Loaded<SysrootDefinition>>> {
  const loaded = await load<SysrootFile, SysrootFile>(file, SYSROOT, (read) => read);
  if (!loaded.ok) return loaded;
  const { value: read, document } = loaded.value;
  const base = {
    name: basename(dirname(file)),
    description: read.description,
    suite: read.suite,
    target: read.target,
    python: read.python,
    sysroot: treeOf(read.sysroot, read.architecture),
    rootfs: treeOf(read.rootfs, read.architecture),
  };
  if (read.kind === 'packages') return ok({ value: { kind: read.kind, ...base }, document });
  const source = await sourceSysroot(file, base, read, document);
  return source.ok ? ok({ value: source.value, document }) : source;
}

type SourceFile = Extract<SysrootFile, { kind: 'cpython-source' }>;
type SysrootBase = Pick<
  SourceSysroot,
  'name' | 'description' | 'suite' | 'target' | 'python' | 'sysroot' | 'rootfs'
>;

function cLibraryOf({ 'c-library': read }: SourceFile): Pick<SourceSysroot, 'cLibrary'> {
  if (read === undefined) return {};
  const ranges = Object.entries(read.ranges).map(([minor, { 'at-least': atLeast, below }]) => [
    minor,
    { atLeast, ...defined({ below }) },
  ]);
  return { cLibrary: { package: read.package, ranges: Object.fromEntries(ranges) } };
}

async function sourceSysroot(
  file: string,
  base: SysrootBase,
  read: SourceFile,
  document: YamlDocument,
): Promise<Result<SourceSysroot>> {
  const libraries = await loadLibraries(file, read.libraries, document);
  if (!libraries.ok) return libraries;
  const { compiler, cpython, link } = read;
  const besides = (path: string, at: readonly (string | number)[]) => fileBeside(file, path, document, at);
  const training =
    cpython.training === undefined ? undefined : await besides(cpython.training, ['cpython', 'training']);
  const patches = await Promise.all(
    cpython['own-patches'].map((path, index) => besides(path, ['cpython', 'own-patches', index])),
  );
  const failure = together(
    [training, ...patches].flatMap((one) => (one === undefined || one.ok ? [] : [one.error])),
  );
  if (failure !== undefined) return err(failure);
  const names = [cpython.source, ...libraries.value.map(({ source }) => source)];
  return ok({
    kind: 'cpython-source',
    ...base,
    sources: { architecture: 'source', packages: [...new Set(names)].sort() },
    compiler: {
      name: compiler.name,
      flags: compiler.flags,
      ...defined({ multiarch: compiler.multiarch }),
    },
    ...cLibraryOf(read),
    libraries: libraries.value,
    cpython: {
      source: cpython.source,
      patches: cpython.patches,
      ownPatches: patches.flatMap((one) => (one.ok ? [one.value] : [])),
      configure: cpython.configure,
      env: cpython.env,
      setup: cpython.setup,
      make: cpython.make,
      modules: cpython.modules,
      without: cpython.without,
      optimization: cpython.optimization,
      training: training?.ok ? training.value.text : '',
    },
    link: {
      static: link.static,
      dynamic: link.dynamic,
      wholePython: link['whole-python'],
      pie: link.pie,
      arguments: link.arguments,
    },
    rustStd: read['rust-std'],
  });
}

/** The libraries that a sysroot names: each a file in `libraries/` of the same home. */
async function loadLibraries(
  sysroot: string,
  names: readonly string[],
  document: YamlDocument,
): Promise<Result<readonly LibraryDefinition[]>> {
  const folder = join(dirname(sysroot), '..', '..', 'libraries');
  const loaded = await Promise.all(
    names.map((name, index) => {
      const file = join(folder, `${name}.yaml`);
      return existsSync(file) ? loadLibrary(file) : err(unknownLibrary(name, folder, document, index));
    }),
  );
  const failure = together(loaded.flatMap((result) => (result.ok ? [] : [result.error])));
  return failure === undefined
    ? ok(loaded.flatMap((result) => (result.ok ? [result.value.value] : [])))
    : err(failure);
}

function loadLibrary(file: string): Promise<Result<Loaded<LibraryDefinition>>> {
  return load<LibraryFile, LibraryDefinition>(file, LIBRARY, (read) => ({
    name: basename(file, '.yaml'),
    description: read.description,
    source: read.source,
    patches: read.patches,
    build: read.build,
  }));
}

function unknownLibrary(name: string, folder: string, document: YamlDocument, index: number): Failure {
  const known = entries(folder).flatMap((entry) =>
    extname(entry) === '.yaml' ? [basename(entry, '.yaml')] : [],
  );
  const meant = closest(name, known);
  return {
    code: 'recipe/unknown-library',
    what: `There is no library \`${name}\`.`,
    fix: [
      ...(meant === undefined ? [] : [`Did you mean \`${meant}\`?`]),
      `There are: ${known.join(', ') || 'none'}.`,
    ],
    at: document.place(['libraries', index], 'value'),
  };
}

/** A file that a definition names, relative to itself. */
async function fileBeside(
  definition: string,
  path: string,
  document: YamlDocument,
  at: readonly (string | number)[],
): Promise<Result<TextFile>> {
  const file = join(dirname(definition), path);
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text !== undefined) return ok({ name: basename(path), text });
  return err({
    code: 'recipe/no-file',
    what: `There is no file \`${file}\`.`,
    fix: ['Give a path relative to the sysroot file.'],
    at: document.place(at, 'value'),
  });
}

export function loadRuntime(file: string): Promise<Result<Loaded<RuntimeDefinition>>> {
  const folder = dirname(file);
  return load<RuntimeFile, RuntimeDefinition>(file, RUNTIME, (read) => ({
    name: basename(folder),
    description: read.description,
    version: read.version,
    wheel: { project: read.wheel.project, digest: `sha256:${read.wheel.sha256}` },
    library: read.library,
    launcher: resolve(folder, read.launcher),
  }));
}

/** Which of CPython's own tests are run against a reference image. */
export function conformanceFile(home: string, reference: string): string {
  return join(home, 'conformance', `${reference}.yaml`);
}

export function loadConformance(file: string): Promise<Result<Loaded<ConformanceSuite>>> {
  return load<ConformanceFile, ConformanceSuite>(file, CONFORMANCE, (read) => ({
    file,
    image: read.image,
    folder: read.folder,
    package: read.package,
    modules: read.modules,
    renamed: read.renamed,
    timeoutSeconds: read.timeout,
    known: read.known,
  }));
}

export function loadTarget(file: string): Promise<Result<Loaded<Target>>> {
  return load<TargetFile, Target>(file, TARGET, (read) => ({
    name: basename(file, '.yaml'),
    rustTriple: read['rust-triple'],
    clangTriple: read['clang-triple'],
    multiarch: read.multiarch,
    debianArch: read['debian-arch'],
    ociPlatform: read['oci-platform'],
    machine: read.machine,
    libc: read.libc,
    pointerWidth: read['pointer-width'],
    endianness: read.endianness,
    runtime: read.runner,
    ...(read.elf === undefined ? {} : { elf: elfOf(read.elf) }),
    ...(read.emulator === undefined ? {} : { emulator: { program: read.emulator } }),
    ...defined({ actionsRunner: read['actions-runner'] }),
  }));
}

function elfOf({ machine, number, interpreter }: NonNullable<TargetFile['elf']>): NonNullable<Target['elf']> {
  return { machine, number, ...defined({ interpreter }) };
}

function treeOf(
  { packages, without, exclude, links, files }: ImageFile | SysrootFile['sysroot'],
  architecture: string,
): ImageDefinition['rootfs'] {
  return { architecture, packages, without, exclude, links, files };
}
