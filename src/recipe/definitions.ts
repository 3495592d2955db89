import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, extname, join, resolve } from 'node:path';
import type * as z from 'zod';
import type {
  DefinitionFile,
  ImageDefinition,
  Recipe,
  RunnerDefinition,
  SysrootDefinition,
  WasmSettings,
} from '../domain/definitions.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Target } from '../domain/target.ts';
import { readYaml, type YamlDocument } from './document.ts';
import { type FileKind, IMAGE, RECIPE, RUNNER, SYSROOT, TARGET } from './json-schema.ts';
import { mistakesOf, versionMistake } from './mistakes.ts';
import type { ImageFile, RecipeFile, RunnerFile, SysrootFile, TargetFile } from './schemas.ts';
import { together } from './together.ts';

const MEBIBYTE = 2 ** 20;

/** A definition and the document it was read from, for the places of later mistakes. */
export interface Loaded<T> {
  readonly value: T;
  readonly document: YamlDocument;
}

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

export function runnerFile(home: string, name: string): string {
  return join(home, 'runners', name, 'runner.yaml');
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
export function foldersWith(home: string, folder: 'docker' | 'sysroots' | 'runners', file: string): string[] {
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

export function loadSysroot(file: string): Promise<Result<Loaded<SysrootDefinition>>> {
  return load<SysrootFile, SysrootDefinition>(file, SYSROOT, (read) => ({
    kind: read.kind,
    name: basename(dirname(file)),
    description: read.description,
    suite: read.suite,
    target: read.target,
    python: read.python,
    sysroot: treeOf(read.sysroot, read.architecture),
    rootfs: treeOf(read.rootfs, read.architecture),
  }));
}

export function loadRunner(file: string): Promise<Result<Loaded<RunnerDefinition>>> {
  const folder = dirname(file);
  return load<RunnerFile, RunnerDefinition>(file, RUNNER, (read) => ({
    name: basename(folder),
    description: read.description,
    version: read.version,
    wheel: { project: read.wheel.project, digest: `sha256:${read.wheel.sha256}` },
    library: read.library,
    launcher: resolve(folder, read.launcher),
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
    runner: read.runner,
    ...(read.elf === undefined ? {} : { elf: read.elf }),
    ...(read.emulator === undefined ? {} : { emulator: read.emulator }),
  }));
}

export function loadRecipe(file: string): Promise<Result<Loaded<Recipe>>> {
  const folder = dirname(file);
  return load<RecipeFile, Recipe>(file, RECIPE, ({ project, samples, runner, wasm, ...read }) => ({
    name: basename(file, extname(file)),
    file,
    description: read.description,
    target: read.target,
    toolchain: read.toolchain,
    sysroot: read.sysroot,
    reference: read.reference,
    project: {
      folder: resolve(folder, project.path),
      bin: project.bin,
      profile: project.profile,
      features: project.features,
      defaultFeatures: project['default-features'],
      env: project.env,
    },
    samples: {
      paths: [samples.path].flat().map((path) => resolve(folder, path)),
      timeoutSeconds: samples.timeout,
    },
    ...(runner === undefined ? {} : { runner }),
    ...(wasm === undefined ? {} : { wasm: wasmSettings(wasm) }),
  }));
}

function wasmSettings(read: NonNullable<RecipeFile['wasm']>): WasmSettings {
  const { fuel, timeout, wasmtime, ...sizes } = read;
  const maximum = sizes['max-memory-mib'];
  return {
    stack: sizes['stack-mib'] * MEBIBYTE,
    initialMemory: sizes['initial-memory-mib'] * MEBIBYTE,
    ...(maximum === undefined ? {} : { maxMemory: maximum * MEBIBYTE }),
    ...(fuel === undefined ? {} : { fuel }),
    ...(timeout === undefined ? {} : { timeoutSeconds: timeout }),
    wasmtime,
  };
}

async function load<Read, T>(
  file: string,
  kind: FileKind,
  toDomain: (read: Read) => T,
): Promise<Result<Loaded<T>>> {
  const document = await readYaml(file);
  if (!document.ok) return document;
  const version = versionMistake(document.value, kind);
  if (version !== undefined) return err(version);
  const parsed = kind.schema.safeParse(document.value.value) as z.ZodSafeParseResult<Read>;
  const issues = parsed.success ? [] : mistakesOf(document.value, parsed.error.issues, kind);
  const failure = together([...document.value.mistakes, ...issues]);
  if (failure !== undefined) return err(failure);
  return ok({ value: toDomain(parsed.data as Read), document: document.value });
}

function treeOf(
  { packages, without, exclude, links, files }: ImageFile | SysrootFile['sysroot'],
  architecture: string,
): ImageDefinition['rootfs'] {
  return { architecture, packages, without, exclude, links, files };
}
