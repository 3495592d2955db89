import { basename, dirname, resolve } from 'node:path';
import type {
  DefinitionFile,
  ImageDefinition,
  RuntimeDefinition,
  SysrootDefinition,
} from '../domain/definitions.ts';
import type { Digest } from '../domain/ids.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { SystemDefinition } from '../domain/system.ts';
import { machineName } from '../exec/machine.ts';
import type { Failure } from '../failure.ts';
import { architectureOn, toolchainIn } from './architectures.ts';
import type { YamlDocument } from './document.ts';
import {
  imageFile,
  imageNames,
  imageYaml,
  PYTHON_IMAGES,
  type PythonImage,
  pythonImageFile,
  pythonImageYaml,
  sysrootFile,
} from './folders.ts';
import { type ImageContext, imageArchitectures, loadImage, loadPythonImage } from './images.ts';
import { RUNTIME } from './json-schema.ts';
import { type Loaded, load } from './load.ts';
import { type Axes, allPoints, type Chosen, loadAllAxes } from './points.ts';
import { loadPython } from './pythons.ts';
import { openReader, type Reader } from './reader.ts';
import type { RuntimeFile, SysrootFile } from './schemas.ts';
import { loadForm, loadSysroot, sysrootName } from './sysroots.ts';
import { lockedSystems } from './systems.ts';
import { loadTargets } from './targets.ts';

/** A definition that a lock is made for, read when it is asked for. */
export interface LockedFile {
  readonly file: DefinitionFile;
  load(): Promise<Result<ImageDefinition | SysrootDefinition | SystemDefinition>>;
}

/** Everything that a lock is made for: images, what there is of each Python, sysroots, systems; by name. */
export async function definitionFiles(
  home: string,
  read: Reader = openReader(),
): Promise<Result<readonly LockedFile[]>> {
  const axes = await loadAllAxes(home, read);
  if (!axes.ok) return axes;
  const files: LockedFile[] = [];
  for (const name of imageNames(home)) {
    const architectures = await imageArchitectures(imageYaml(home, name), home, read);
    if (!architectures.ok) return architectures;
    for (const architecture of architectures.value) {
      const context = { home, targets: axes.value.targets, architecture, read };
      files.push({
        file: imageFile(home, name, architecture),
        load: () => loaded(loadImage(context, name)),
      });
    }
  }
  const further = await pythonImages(home, axes.value, read);
  if (!further.ok) return further;
  const points: LockedFile[] = [];
  for (const point of allPoints(axes.value)) {
    const architectures = await toolchainsOf(home, point, read);
    if (!architectures.ok) return architectures;
    for (const architecture of architectures.value)
      points.push({
        file: sysrootFile(home, sysrootName(point), toolchainIn(point.target, architecture)),
        load: () => loadSysroot(home, { ...point, hostArchitecture: architecture }, read),
      });
  }
  const systems = await lockedSystems(home, axes.value.targets, read);
  return systems.ok ? ok([...files, ...further.value, ...points, ...systems.value]) : systems;
}

async function pythonImages(
  home: string,
  { targets, pythons }: Axes,
  read: Reader,
): Promise<Result<readonly LockedFile[]>> {
  const files: LockedFile[] = [];
  for (const image of PYTHON_IMAGES) {
    if (pythons.length === 0) continue;
    const architectures = await imageArchitectures(pythonImageYaml(home, image), home, read);
    if (!architectures.ok) return architectures;
    for (const { value: python } of pythons) {
      // Another implementation is compared with a CPython, which has them.
      if (python.reference !== python.name) continue;
      for (const architecture of architectures.value) {
        const context: ImageContext = { home, targets, architecture, read };
        files.push({
          file: pythonImageFile(home, python.name, image, architecture),
          load: () => loaded(loadPythonImage(context, python, image)),
        });
      }
    }
  }
  return ok(files);
}

async function loaded<T>(result: Promise<Result<Loaded<T>>>): Promise<Result<T>> {
  const read = await result;
  return read.ok ? ok(read.value.value) : read;
}

/** Architectures that a sysroot is locked for: those of its toolchain where it differs by them, else any of them. */
async function toolchainsOf(home: string, point: Chosen, read: Reader): Promise<Result<readonly string[]>> {
  const form = await loadForm(home, point, read);
  if (!form.ok) return form;
  const { toolchain } = form.value.value;
  const first = await chooseArchitecture(home, form.value, toolchain, undefined, read);
  if (!first.ok || toolchainIn(point.target, first.value) === undefined)
    return first.ok ? ok([first.value]) : first;
  const all = await imageArchitectures(imageYaml(home, toolchain), home, read);
  return all.ok ? ok(all.value.filter((one) => form.value.value.architectures?.includes(one) ?? true)) : all;
}

/** The architecture of an image that a sysroot is built with: the machine's where both have it, else the first. */
export async function chooseArchitecture(
  home: string,
  { value: form, document }: Loaded<SysrootFile>,
  image: string,
  machine: string | undefined,
  read: Reader,
): Promise<Result<string>> {
  const made = await imageArchitectures(imageYaml(home, image), home, read);
  if (!made.ok) return made;
  const fit = made.value.filter((one) => form.architectures?.includes(one) ?? true);
  const [first] = fit;
  if (machine !== undefined && fit.includes(machine)) return ok(machine);
  if (first !== undefined) return ok(first);
  return err({
    code: 'recipe/toolchain-misfit',
    what: `The image \`${image}\` is made for ${made.value.join(', ') || 'no architecture'}, but ${form.architectures?.join(', ') ?? 'one'} is needed.`,
    fix: ['Name another image, or add the architecture to it.'],
    at: document.locate(['architectures'], 'value'),
  });
}

/** An image and where its lock is. */
export interface LockedImage {
  readonly file: DefinitionFile;
  readonly definition: ImageDefinition;
}

/** An image for this machine, else for the first of its architectures. */
export async function imageHere(
  home: string,
  name: string,
  machine: string = machineName(),
): Promise<Result<LockedImage>> {
  const read = openReader();
  const context = await contextHere(home, imageYaml(home, name), machine, read);
  if (!context.ok) return context;
  const image = await loadImage(context.value, name);
  if (!image.ok) return image;
  return ok({
    file: imageFile(home, name, context.value.architecture),
    definition: image.value.value,
  });
}

/** The same of what there is of a Python: name of a folder in `pythons/`. */
export async function pythonImageHere(
  home: string,
  python: string,
  image: PythonImage,
  machine: string = machineName(),
): Promise<Result<LockedImage>> {
  const read = openReader();
  const definition = await loadPython(home, python, read);
  if (!definition.ok) return definition;
  const context = await contextHere(home, pythonImageYaml(home, image), machine, read);
  if (!context.ok) return context;
  const loaded = await loadPythonImage(context.value, definition.value.value, image);
  if (!loaded.ok) return loaded;
  return ok({
    file: pythonImageFile(home, python, image, context.value.architecture),
    definition: loaded.value.value,
  });
}

async function contextHere(
  home: string,
  file: string,
  machine: string,
  read: Reader,
): Promise<Result<ImageContext>> {
  const loaded = await loadTargets(home, read);
  if (!loaded.ok) return loaded;
  const targets = loaded.value.map(({ value }) => value);
  const architectures = await imageArchitectures(file, home, read);
  if (!architectures.ok) return architectures;
  const own = architectureOn(targets, machine);
  const here = architectures.value.find((one) => one === own) ?? architectures.value[0] ?? '';
  return ok({ home, targets, architecture: here, read });
}

/** A runtime as it is for a machine. */
export async function loadRuntime(file: string, machine: string): Promise<Result<Loaded<RuntimeDefinition>>> {
  const folder = dirname(file);
  const loaded = await load<RuntimeFile, RuntimeFile>(file, RUNTIME, (read) => read);
  if (!loaded.ok) return loaded;
  const { value: read, document } = loaded.value;
  const wheel = Object.hasOwn(read.wheels, machine) ? read.wheels[machine] : undefined;
  if (wheel === undefined) return err(noWheel(basename(folder), machine, document));
  const value = {
    name: basename(folder),
    description: read.description,
    version: read.version,
    wheel: { project: read.project, digest: `sha256:${wheel.sha256}` as Digest },
    library: wheel.library,
    launcher: resolve(folder, read.launcher),
  };
  return ok({ value, document });
}

function noWheel(name: string, machine: string, document: YamlDocument): Failure {
  return {
    code: 'recipe/runtime-misfit',
    what: `\`${name}\` is locked for no machine of the kind ${machine}.`,
    fix: ['Add its wheel below `wheels`, with digest and library, if the package index has one.'],
    at: document.locate(['wheels'], 'key'),
  };
}
