import { basename, extname, join } from 'node:path';
import { distribution } from '../distro/distribution.ts';
import { closest } from '../domain/closest.ts';
import { defined } from '../domain/defined.ts';
import type {
  CompilerFlags,
  LibraryDefinition,
  LinkRules,
  LockedProfile,
  SourceBuild,
  SysrootDefinition,
  TextFile,
} from '../domain/definitions.ts';
import { compareReleases } from '../domain/glibc.ts';
import type { TreeDefinition } from '../domain/packages.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Target } from '../domain/target.ts';
import { isThere } from '../exec/files.ts';
import type { Failure } from '../failure.ts';
import { packagesOf } from './architectures.ts';
import { combineFailures } from './combine-failures.ts';
import type { YamlDocument } from './document.ts';
import { formFile, libraryNames } from './folders.ts';
import { LIBRARY, SYSROOT } from './json-schema.ts';
import { type Loaded, load } from './load.ts';
import { loadProfile } from './profile.ts';
import { floorOf, loadDifferences, ownPatches, type PythonDefinition } from './pythons.ts';
import { openReader, type Reader } from './reader.ts';
import type { LibraryFile, SysrootFile } from './schemas.ts';
import { type CLibrary, loadLibcOf, loadLibcOfTarget } from './targets.ts';
import { pythonVariables, targetVariables } from './template.ts';
import { added, treeOf } from './trees.ts';

/** A target, a Python, and the way in which the two are joined. */
export interface Point {
  readonly form: string;
  readonly target: Target;
  readonly python: Loaded<PythonDefinition>;
  readonly variant?: string;
  /** Debian's name of the architecture of the toolchain, for trees of a target that has none of its own. */
  readonly hostArchitecture: string;
  /** Architectures that the sysroot is locked for. */
  readonly shipped: readonly string[];
  /** The oldest glibc that the recipe's bundle has to start with. */
  readonly glibc?: string;
}

/** `<form>/<python>/<target>`, with the C library where it is the older one: name of a sysroot, and of its lock. */
export function sysrootName({ form, python, target }: Pick<Point, 'form' | 'python' | 'target'>): string {
  const library = target.startsWith === undefined ? '' : `-${target.cLibrary}`;
  return `${form}/${python.value.name}/${target.name}${library}`;
}

/** A form, filled in for a target and a Python. */
export function loadForm(
  home: string,
  { form, target, python }: Pick<Point, 'form' | 'target' | 'python'>,
  read: Reader = openReader(),
): Promise<Result<Loaded<SysrootFile>>> {
  const variables = { ...targetVariables(target), ...pythonVariables(python.value) };
  return load<SysrootFile, SysrootFile>(formFile(home, form), SYSROOT, (parsed) => parsed, {
    read,
    variables,
  });
}

/** What a program for a target is linked against and run in, from all three axes. */
export async function loadSysroot(
  home: string,
  point: Point,
  read: Reader = openReader(),
): Promise<Result<SysrootDefinition>> {
  const form = await loadForm(home, point, read);
  if (!form.ok) return form;
  const { target, python, shipped } = point;
  // A packaged libpython needs the C library of its own suite, and so do libraries from packages.
  const packaged = form.value.value.kind !== 'cpython-source' || form.value.value.sysroot.packages.length > 0;
  const { suite } = python.value;
  const library = await (packaged
    ? loadLibcOf(home, suite, target, read)
    : loadLibcOfTarget(home, target, read));
  if (!library.ok) return library;
  const architecture = packagesOf(target, point.hostArchitecture);
  const of = { architecture, others: shipped };
  const link = added(library.value.link, form.value.value.sysroot);
  const at = { document: form.value.document, at: ['sysroot'] };
  const [sysroot, rootfs] = await Promise.all([
    treeOf(home, link, of, at),
    treeOf(home, library.value.run, of, at),
  ]);
  if (!sysroot.ok) return sysroot;
  if (!rootfs.ok) return rootfs;
  // Sources are the Python's own suite's, whatever the C library that they are built on.
  const older = packaged || library.value.suite === suite ? {} : { suite: library.value.suite };
  const release = packaged ? undefined : olderRelease(point, library.value);
  const source = await sourceOf(home, point, form.value, read);
  if (!source.ok) return source;
  return ok(
    joined({
      point,
      form: form.value.value,
      suite: packaged ? library.value.suite : suite,
      sysroot: { ...sysroot.value, ...older, relativeLinks: true, ...defined({ glibcRelease: release }) },
      rootfs: { ...rootfs.value, ...older },
      ...defined({ source: source.value, cxx: library.value.cxx }),
    }),
  );
}

/** The release of glibc to link for, where the recipe asks for an older one than its libpython starts with otherwise. */
function olderRelease(point: Point, { oldestRelease }: CLibrary): string | undefined {
  const { glibc: asked } = point;
  const floor = floorOf(point, point.form);
  if (asked === undefined || floor === undefined || oldestRelease === undefined) return undefined;
  const reached = compareReleases(asked, floor) < 0 && compareReleases(asked, oldestRelease) >= 0;
  return reached ? asked : undefined;
}

interface Joined {
  readonly point: Point;
  readonly form: SysrootFile;
  readonly suite: string;
  readonly sysroot: TreeDefinition;
  readonly rootfs: TreeDefinition;
  readonly source?: SourceBuild;
  readonly cxx?: string;
}

/** The point of the axes as one value. Pure. */
function joined({ point, form, suite, sysroot, rootfs, source, cxx }: Joined): SysrootDefinition {
  const { target, variant } = point;
  const python = point.python.value;
  const build = variant === undefined ? undefined : python.variants[variant];
  return {
    kind: 'sysroot',
    name: sysrootName(point),
    description: form.description,
    suite,
    target: target.name,
    python: {
      name: python.name,
      implementation: python.implementation,
      version: python.version,
      abiflags: `${python.abiflags}${build?.abiflags ?? ''}`,
      ...defined({ variant, start: build?.start, release: python.release }),
      ...(python.reference === python.name ? {} : { reference: python.reference }),
    },
    ...defined({ glibc: sysroot.glibcRelease ?? floorOf(point, point.form), cxx }),
    sysroot,
    rootfs,
    ...rulesOf(form, python.source),
    ...defined({ source }),
  };
}

/** How a libpython of packages, or a crate, is used: with nothing of its own. */
const PACKAGED = {
  compiler: { flags: [] } satisfies CompilerFlags,
  link: { static: [], dynamic: [], wholePython: false, pie: true, arguments: [] } satisfies LinkRules,
  without: {},
} as const;

function rulesOf(
  form: SysrootFile,
  source: PythonDefinition['source'],
): Pick<SysrootDefinition, 'compiler' | 'link' | 'without'> {
  if (form.kind !== 'cpython-source') return PACKAGED;
  const { compiler, link, cpython } = form;
  return {
    compiler: { flags: compiler.flags, ...defined({ multiarch: compiler.multiarch }) },
    link: {
      static: link.static,
      dynamic: link.dynamic,
      wholePython: link['whole-python'],
      pie: link.pie,
      arguments: link.arguments,
    },
    without: cpython.without ?? source?.without ?? {},
  };
}

async function sourceOf(
  home: string,
  { form, target, python, variant }: Point,
  { value: read, document }: Loaded<SysrootFile>,
  reader: Reader,
): Promise<Result<SourceBuild | undefined>> {
  if (read.kind !== 'cpython-source') return ok(undefined);
  const { source } = python.value;
  if (source === undefined) return err(noSource(python, form));
  const [libraries, patches, differences, profile] = await Promise.all([
    loadLibraries(home, read.libraries, document, reader),
    ownPatches(python, form, variant),
    loadDifferences(home, python.value.name, target, form, reader),
    loadProfile(home, python, reader),
  ]);
  const failures = [libraries, patches, differences, profile].flatMap((one) => (one.ok ? [] : [one.error]));
  const failure = combineFailures(failures);
  if (failure !== undefined) return err(failure);
  if (!libraries.ok || !patches.ok || !differences.ok || !profile.ok) throw new Error('a failure got lost');
  const names = [source.package, ...libraries.value.map((one) => one.source)];
  const upstreamOnly = libraries.value.filter((one) => one.upstreamOnly).map((one) => one.source);
  const elsewhere = source['libraries-suite'];
  return ok({
    sources: {
      architecture: distribution.sources.architecture,
      ...(elsewhere === undefined
        ? {}
        : { suite: elsewhere, elsewhere: { [source.package]: python.value.suite } }),
      packages: [...new Set(names)].sort(),
      ...(upstreamOnly.length === 0 ? {} : { upstreamOnly }),
    },
    ...cLibraryOf(python.value, form),
    libraries: libraries.value,
    cpython: cpythonOf(read, python.value, source, variant, {
      patches: patches.value,
      profile: profile.value,
    }),
    differences: differences.value,
  });
}

interface BuildFiles {
  readonly patches: readonly TextFile[];
  readonly profile: LockedProfile | undefined;
}

function cpythonOf(
  { cpython }: Extract<SysrootFile, { kind: 'cpython-source' }>,
  python: PythonDefinition,
  source: NonNullable<PythonDefinition['source']>,
  variant: string | undefined,
  files: BuildFiles,
): SourceBuild['cpython'] {
  const further = variant === undefined ? [] : (python.variants[variant]?.configure ?? []);
  return {
    source: source.package,
    patches: source.patches,
    ownPatches: files.patches,
    configure: [...source.configure, ...cpython.configure, ...further],
    cross: cpython.cross,
    env: cpython.env,
    setup: cpython.setup,
    ...(source['left-out'].length === 0 ? {} : { leftOut: source['left-out'] }),
    modules: cpython.modules ?? source.modules ?? [],
    // A Python without a profile is compiled without one, where nobody asks for it.
    optimization: cpython.optimization.filter((flag) => flag !== 'pgo' || files.profile !== undefined),
    ...defined({ profile: files.profile }),
  };
}

function cLibraryOf(python: PythonDefinition, form: string): Pick<SourceBuild, 'cLibrary'> {
  const declared = python.forms[form]?.['c-library'];
  if (declared === undefined) return {};
  const range = { atLeast: declared['at-least'], ...defined({ below: declared.below }) };
  return { cLibrary: { package: declared.package, ranges: { [python.version]: range } } };
}

/** The libraries that a sysroot names: each a file in `libraries/` of the same home. */
async function loadLibraries(
  home: string,
  names: readonly string[],
  document: YamlDocument,
  read: Reader,
): Promise<Result<readonly LibraryDefinition[]>> {
  const folder = join(home, 'libraries');
  const loaded = await Promise.all(
    names.map((name, index) => {
      const file = join(folder, `${name}.yaml`);
      return isThere(file) ? loadLibrary(file, read) : err(unknownLibrary(name, home, document, index));
    }),
  );
  const failures = loaded.flatMap((result) => (result.ok ? [] : [result.error]));
  const libraries = loaded.flatMap((result) => (result.ok ? [result.value.value] : []));
  const failure = combineFailures([...failures, ...outOfOrder(libraries, names, document)]);
  return failure === undefined ? ok(libraries) : err(failure);
}

/** Libraries that stand before what they need, or without it. */
function outOfOrder(
  libraries: readonly LibraryDefinition[],
  names: readonly string[],
  document: YamlDocument,
): readonly Failure[] {
  return libraries.flatMap(({ name, needs }) => {
    const index = names.indexOf(name);
    const lacking = needs.filter((needed) => !names.slice(0, index).includes(needed));
    return lacking.map((needed) => ({
      code: 'recipe/library-order' as const,
      what: `The library \`${name}\` is built on \`${needed}\`, which is not listed before it.`,
      fix: [`Put \`${needed}\` before \`${name}\` in \`libraries\`.`],
      at: document.locate(['libraries', index], 'value'),
    }));
  });
}

function loadLibrary(file: string, read: Reader): Promise<Result<Loaded<LibraryDefinition>>> {
  return load<LibraryFile, LibraryDefinition>(
    file,
    LIBRARY,
    (parsed) => ({
      name: basename(file, extname(file)),
      description: parsed.description,
      source: parsed.source,
      license: parsed.license,
      standsFor: parsed['stands-for'],
      needs: parsed.needs,
      upstreamOnly: parsed['upstream-only'] !== undefined,
      patches: parsed.patches,
      build: parsed.build,
    }),
    { read },
  );
}

function unknownLibrary(name: string, home: string, document: YamlDocument, index: number): Failure {
  const known = libraryNames(home);
  const meant = closest(name, known);
  return {
    code: 'recipe/unknown-library',
    what: `There is no library \`${name}\`.`,
    fix: [
      ...(meant === undefined ? [] : [`Did you mean \`${meant}\`?`]),
      `There are: ${known.join(', ') || 'none'}.`,
    ],
    at: document.locate(['libraries', index], 'value'),
  };
}

function noSource({ value: python, document }: Loaded<PythonDefinition>, form: string): Failure {
  return {
    code: 'recipe/no-source',
    what: `\`${form}\` is built from source, but \`${python.name}\` names no source package.`,
    fix: ['Add `source` with the name of its source package, or remove the form.'],
    at: document.locate(['forms', form], 'key'),
  };
}
