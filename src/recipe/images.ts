import { closest } from '../domain/closest.ts';
import { defined } from '../domain/defined.ts';
import type { ImageDefinition, RustStd } from '../domain/definitions.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Target } from '../domain/target.ts';
import type { Failure } from '../failure.ts';
import { hostTargetOf, packagesOf } from './architectures.ts';
import type { YamlDocument } from './document.ts';
import { imageNames, imageYaml, type PythonImage, pythonImageYaml } from './folders.ts';
import { IMAGE } from './json-schema.ts';
import { type Loaded, load } from './load.ts';
import { list } from './message-text.ts';
import type { PythonDefinition } from './pythons.ts';
import { openReader, type Reader } from './reader.ts';
import type { ImageFile, TreeFile } from './schemas.ts';
import { pythonVariables, targetVariables, type Variables } from './template.ts';
import { added, EMPTY, treeOf } from './trees.ts';

/** The context that an image is read in. */
export interface ImageContext {
  readonly home: string;
  /** Every target: the image brings emulators and Rust's standard library for them. */
  readonly targets: readonly Target[];
  /** The distribution's name of the architecture it is to run on. */
  readonly architecture: string;
  readonly read?: Reader;
}

/** A toolchain image for one architecture. Fails with `recipe/no-host-target` where no target has that architecture. */
export function loadImage(context: ImageContext, name: string): Promise<Result<Loaded<ImageDefinition>>> {
  return loadLayers(context, name, imageYaml(context.home, name), {});
}

/** What `pythons/` has of a Python beside its libraries, for one architecture. */
export async function loadPythonImage(
  context: ImageContext,
  python: PythonDefinition,
  image: PythonImage,
): Promise<Result<Loaded<ImageDefinition>>> {
  const file = pythonImageYaml(context.home, image);
  return loadLayers(context, `${python.name} ${image}`, file, pythonVariables(python));
}

/** The architectures that an image is made for; the first is the default for machines of other architectures. */
export async function imageArchitectures(
  file: string,
  home: string,
  read: Reader = openReader(),
  above: readonly string[] = [],
): Promise<Result<readonly string[]>> {
  const document = await read(file);
  if (!document.ok) return document;
  const parsed = document.value.value as { architectures?: unknown; extends?: unknown } | null;
  if (Array.isArray(parsed?.architectures)) return ok(parsed.architectures.map(String));
  if (parsed?.architectures !== undefined || typeof parsed?.extends !== 'string') {
    // The whole file is validated where placeholders are filled in; this reports why it has no architectures.
    const checked = await load<ImageFile, ImageFile>(file, IMAGE, (whole) => whole, { read });
    return checked.ok ? ok([]) : checked;
  }
  const base = checkBase(home, parsed.extends, above, document.value);
  return base.ok ? imageArchitectures(imageYaml(home, parsed.extends), home, read, [...above, file]) : base;
}

async function loadLayers(
  context: ImageContext,
  name: string,
  file: string,
  variables: Variables,
): Promise<Result<Loaded<ImageDefinition>>> {
  const { home, architecture, targets, read = openReader() } = context;
  const host = hostTargetOf(targets, architecture);
  if (host === undefined) {
    const document = await read(file);
    return document.ok ? err(noHostTarget(name, architecture, document.value)) : document;
  }
  const named = await releasesOf(home, file, read);
  if (!named.ok) return named;
  const known = { ...targetVariables(host), ...variables, ...named.value };
  const loaded = await layersOf(home, file, known, read, []);
  if (!loaded.ok) return loaded;
  const { layers, document } = loaded.value;
  const whole = merged(layers);
  const others = whole.architectures ?? [];
  const tree = await treeOf(home, kept(whole, targets, host), { architecture, others }, { document, at: [] });
  if (!tree.ok) return tree;
  return ok({
    value: {
      kind: 'image',
      name,
      description: whole.description,
      suite: whole.suite ?? '',
      rootfs: tree.value,
      tools: whole.tools,
      rustStd: rustStdOf(whole, targets, architecture),
      ...defined({ rust: named.value.rust, next: whole.next }),
    },
    document,
  });
}

/** `releases` of an image and of those that it extends, its own first: what stands for `{name}` in all of them. */
async function releasesOf(
  home: string,
  file: string,
  read: Reader,
  above: readonly string[] = [],
): Promise<Result<Variables>> {
  const document = await read(file);
  if (!document.ok) return document;
  // What is no mapping, or no text, is reported where the whole file is validated.
  const raw = document.value.value as { releases?: unknown; extends?: unknown } | null;
  const own =
    typeof raw?.releases === 'object' && raw.releases !== null
      ? Object.fromEntries(Object.entries(raw.releases).map(([name, release]) => [name, String(release)]))
      : {};
  if (typeof raw?.extends !== 'string') return ok(own);
  const base = checkBase(home, raw.extends, above, document.value);
  if (!base.ok) return base;
  const below = await releasesOf(home, imageYaml(home, raw.extends), read, [...above, file]);
  return below.ok ? ok({ ...below.value, ...own }) : below;
}

interface Layers {
  /** The innermost first. */
  readonly layers: readonly ImageFile[];
  readonly document: YamlDocument;
}

async function layersOf(
  home: string,
  file: string,
  variables: Variables,
  read: Reader,
  above: readonly string[],
): Promise<Result<Layers>> {
  const loaded = await load<ImageFile, ImageFile>(file, IMAGE, (parsed) => parsed, { read, variables });
  if (!loaded.ok) return loaded;
  const { value, document } = loaded.value;
  if (value.extends === undefined) return ok({ layers: [value], document });
  const base = checkBase(home, value.extends, above, document);
  if (!base.ok) return base;
  const below = await layersOf(home, imageYaml(home, value.extends), variables, read, [...above, file]);
  return below.ok ? ok({ layers: [...below.value.layers, value], document }) : below;
}

function checkBase(
  home: string,
  name: string,
  above: readonly string[],
  document: YamlDocument,
): Result<undefined> {
  const names = imageNames(home);
  const circle = above.includes(imageYaml(home, name)) || document.file === imageYaml(home, name);
  if (names.includes(name) && !circle) return ok(undefined);
  const meant = closest(name, names);
  return err({
    code: 'recipe/unknown-base',
    what: circle ? `\`${name}\` extends itself.` : `There is no image \`${name}\` to extend.`,
    fix: [
      ...(meant === undefined || circle ? [] : [`Did you mean \`${meant}\`?`]),
      `There are: ${list(names) || 'none'}.`,
    ],
    at: document.locate(['extends'], 'value'),
  });
}

/** Merges layers: lists are appended, mappings overwritten. */
function merged(layers: readonly ImageFile[]): ImageFile {
  const [first, ...rest] = layers as readonly [ImageFile, ...ImageFile[]];
  return rest.reduce(onto, first);
}

function onto(base: ImageFile, layer: ImageFile): ImageFile {
  return {
    schema: base.schema,
    description: layer.description,
    ...added(treeFileOf(base), treeFileOf(layer)),
    tools: { ...base.tools, ...layer.tools },
    'rust-std': { ...base['rust-std'], ...layer['rust-std'] },
    ...defined({
      next: layer.next,
      suite: layer.suite ?? base.suite,
      architectures: layer.architectures ?? base.architectures,
      emulators: layer.emulators ?? base.emulators,
    }),
  };
}

function treeFileOf({ packages = [], without, exclude, links, files, etc }: ImageFile): TreeFile {
  return { packages, without, exclude, links, files, etc };
}

/** Its tree with the emulators of all targets that its machine does not start itself, and no others. */
function kept(image: ImageFile, targets: readonly Target[], { machine }: Target): TreeFile {
  const tree = treeFileOf(image);
  const { emulators } = image;
  if (emulators === undefined) return tree;
  const folder = emulators.slice(0, emulators.lastIndexOf('/') + 1);
  const others = targets.filter((one) => one.machine !== machine);
  const programs = others.flatMap(({ emulator }) => emulator?.program ?? []);
  const keep = [...new Set(programs)].sort().map((program) => `!${folder}${program}`);
  return { ...tree, exclude: [...tree.exclude, emulators, ...keep] };
}

function rustStdOf(
  image: ImageFile,
  targets: readonly Target[],
  architecture: string,
): ImageDefinition['rustStd'] {
  const entries = targets.flatMap((target): readonly (readonly [string, RustStd])[] => {
    const declared = image['rust-std'][target.libc];
    if (declared === undefined) return [];
    if (declared === 'source') return [[target.name, { from: 'source' }]];
    const own = { ...EMPTY, ...declared };
    const tree = {
      // Packages of every architecture are resolved as those of any.
      architecture: packagesOf(target, architecture),
      packages: own.packages,
      without: own.without,
      exclude: own.exclude,
      links: own.links,
      files: own.files,
    };
    return [[target.name, { from: 'packages', set: `rust-std:${target.name}`, tree }]];
  });
  return Object.fromEntries(entries);
}

function noHostTarget(name: string, architecture: string, document: YamlDocument): Failure {
  return {
    code: 'recipe/no-host-target',
    what: `No target has the architecture \`${architecture}\`, which the image \`${name}\` runs on.`,
    fix: [
      'Add a file to `targets/` with this `debian-arch` and a GNU C library: build scripts are linked for it.',
    ],
    at: document.locate(['architectures'], 'value'),
  };
}
