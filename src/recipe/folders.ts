import { readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import type { DefinitionFile } from '../domain/definitions.ts';
import { unlessDeviceFailed } from '../domain/errno.ts';
import { isThere } from '../exec/files.ts';

/** Defaults of every shipped recipe; not a recipe itself. */
const DEFAULTS = 'defaults';

export function defaultsFile(home: string): string {
  return join(home, 'recipes', `${DEFAULTS}.yaml`);
}

export function recipeFile(home: string, name: string): string {
  return join(home, 'recipes', `${name}.yaml`);
}

/** Names of the recipes that have a file of their own. */
export function recipeFileNames(home: string): readonly string[] {
  return yamlNames(join(home, 'recipes')).filter((name) => name !== DEFAULTS);
}

export function targetFile(home: string, triple: string): string {
  return join(home, 'targets', `${triple}.yaml`);
}

/** What a target is called; the file is named after its triple. */
export interface TargetNames {
  readonly triple: string;
  readonly name: string;
  readonly recipe: string;
}

/** All targets, without checking their files: for names that are looked up before anything is read. */
export function targetNames(home: string): readonly TargetNames[] {
  return yamlNames(join(home, 'targets')).map((triple) => {
    const text = textOf(targetFile(home, triple));
    const key = (word: string): string | undefined =>
      new RegExp(`^\\ufeff?(["']?)${word}\\1[ \\t]*:[ \\t]*["']?([A-Za-z0-9._-]+)`, 'm').exec(text)?.[2];
    const name = key('name') ?? triple;
    return { triple, name, recipe: key('recipe') ?? name };
  });
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    return unlessDeviceFailed('')(cause);
  }
}

export function libcFile(home: string, name: string): string {
  return join(home, 'targets', 'libc', `${name}.yaml`);
}

export function libcNames(home: string): readonly string[] {
  return yamlNames(join(home, 'targets', 'libc'));
}

export function systemYaml(home: string, name: string): string {
  return join(home, 'systems', `${name}.yaml`);
}

export function systemNames(home: string): readonly string[] {
  return yamlNames(join(home, 'systems'));
}

export function systemFile(home: string, name: string, architecture: string): DefinitionFile {
  const lockPath = `systems/${name}.${architecture}.lock`;
  return lockedAt(home, `systems/${name}/${architecture}`, systemYaml(home, name), lockPath);
}

export function imageYaml(home: string, name: string): string {
  return join(home, 'docker', name, 'image.yaml');
}

export function imageNames(home: string): readonly string[] {
  return foldersWith(join(home, 'docker'), 'image.yaml');
}

/** Folder of text files that roots have in their `etc/`. */
export function etcFolder(home: string): string {
  return join(home, 'docker', 'etc');
}

export function formFile(home: string, form: string): string {
  return join(home, 'sysroots', form, 'sysroot.yaml');
}

/** The ways in which Python and C library are joined. */
export function formNames(home: string): readonly string[] {
  return foldersWith(join(home, 'sysroots'), 'sysroot.yaml');
}

export function pythonFile(home: string, name: string): string {
  return join(home, 'pythons', name, 'python.yaml');
}

/** What says which versions of CPython the releases of a binding compile for. */
export function bindingsFile(home: string, binding: string): string {
  return join(home, 'pythons', 'bindings', `${binding}.yaml`);
}

export function pythonNames(home: string): readonly string[] {
  return foldersWith(join(home, 'pythons'), 'python.yaml');
}

/** Per-Python definitions beside the libraries, made like images. */
export const PYTHON_IMAGES = ['reference', 'tests'] as const;

export type PythonImage = (typeof PYTHON_IMAGES)[number];

export function pythonImageYaml(home: string, image: PythonImage): string {
  return join(home, 'pythons', `${image}.yaml`);
}

export function conformanceFile(home: string, python: string): string {
  return join(home, 'pythons', python, 'conformance.yaml');
}

export function differencesFile(home: string, python: string): string {
  return join(home, 'pythons', python, 'differences.yaml');
}

export function causesFile(home: string, python: string): string {
  return join(home, 'pythons', python, 'causes.yaml');
}

/** The script that profiles are taken of. */
export function trainingFile(home: string, python: string): string {
  return join(home, 'pythons', python, 'training.py');
}

export function profileFile(home: string, python: string): string {
  return join(home, 'pythons', python, 'profile.yaml');
}

/** Static libraries that can be built. */
export function libraryNames(home: string): readonly string[] {
  return yamlNames(join(home, 'libraries'));
}

export function runtimeFile(home: string, name: string): string {
  return join(home, 'runtimes', name, 'runtime.yaml');
}

export function imageFile(home: string, name: string, architecture: string): DefinitionFile {
  const lockPath = `docker/${name}/image.${architecture}.lock`;
  return lockedAt(home, `docker/${name}/${architecture}`, imageYaml(home, name), lockPath);
}

export function pythonImageFile(
  home: string,
  python: string,
  image: PythonImage,
  architecture: string,
): DefinitionFile {
  const lockPath = `pythons/${python}/${image}.${architecture}.lock`;
  return lockedAt(home, `pythons/${python}/${image}/${architecture}`, pythonImageYaml(home, image), lockPath);
}

/** `name` is that of a sysroot: `<form>/<python>/<target>`. `toolchain`: of whose architecture its run-time tree is, if of one. */
export function sysrootFile(home: string, name: string, toolchain?: string): DefinitionFile {
  const form = name.split('/', 1)[0] as string;
  const [id, lock] =
    toolchain === undefined ? [name, name] : [`${name}/${toolchain}`, `${name}.${toolchain}`];
  return lockedAt(home, `sysroots/${id}`, formFile(home, form), `sysroots/${lock}.lock`);
}

function lockedAt(home: string, id: string, file: string, lockPath: string): DefinitionFile {
  return { id, file, lockFile: join(home, lockPath), lockPath };
}

function yamlNames(folder: string): readonly string[] {
  return entries(folder)
    .filter((entry) => extname(entry) === '.yaml')
    .map((entry) => basename(entry, '.yaml'));
}

function foldersWith(folder: string, file: string): readonly string[] {
  return entries(folder).filter((name) => isThere(join(folder, name, file)));
}

function entries(folder: string): readonly string[] {
  const isFolder = statSync(folder, { throwIfNoEntry: false })?.isDirectory() === true;
  return isFolder ? readdirSync(folder).sort() : [];
}
