import { chmod, copyFile, cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { packTarGz } from '../archive/pack.ts';
import type { Context } from '../domain/context.ts';
import { defined } from '../domain/defined.ts';
import type { Resolved } from '../domain/definitions.ts';
import type { Digest } from '../domain/ids.ts';
import type { PythonDistribution } from '../domain/python.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { StoredTree } from '../domain/stored-tree.ts';
import { PATHS } from '../engine/paths.ts';
import { programFormat } from '../runtime/program/program.ts';
import { verifyAll } from '../store/sound.ts';
import type { Store, StoreEntry } from '../store/store.ts';
import type { Bytecode } from './bytecode.ts';
import { type ElfFile, readElf } from './elf.ts';
import { checkLibrary, checkProgram, distinctive, findPaths, pathLeak } from './leaks.ts';
import { indexLibraries, libraryClosure } from './libraries.ts';
import type { LibraryModules } from './library-modules.ts';
import type { Packages } from './packages.ts';
import { addLandmark, copyStdlib, extensionModules, LANDMARK } from './stdlib.ts';
import { addSystemData, type SystemDataSource } from './system-data.ts';

/** Incremented when the layout of a bundle or its checks change. */
const BUNDLE_VERSION = 5;

export interface BundleInput {
  readonly resolved: Resolved;
  readonly python: PythonDistribution;
  /** What the program was linked with, where that is the libpython of an older version, by the stable ABI: `python3.11`. */
  readonly linkedWith?: string;
  readonly program: StoredTree & { readonly meta: { readonly program: string; readonly digest: Digest } };
  readonly sysroot: StoredTree;
  readonly rootfs: StoredTree;
  /** The tree that the bytecode was compiled from. */
  readonly interpreter: StoredTree;
  readonly bytecode: Bytecode;
  /** Modules in place of those of the standard library, and beside them. */
  readonly modules?: LibraryModules;
  /** What it brings of a system's data. */
  readonly systemData?: SystemDataSource;
  /** What is known of its contents: bills of materials and licences, for `share/doc/<name>`. */
  readonly documents?: StoredTree;
  /** Python packages, and the bundle folder that they are installed into. */
  readonly packages?: { readonly target: Packages; readonly at: string };
  /** Modification time of every file in the archive, in seconds since the epoch. */
  readonly sourceDateEpoch: number;
}

export interface BundleMeta {
  readonly [key: string]: string | number | readonly string[];
  /** File name of the archive in the entry's folder. */
  readonly archive: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  /** Shared libraries in the bundle. */
  readonly libraries: readonly string[];
  readonly files: number;
  /** Paths inside the build sandbox that the program contains. */
  readonly sandboxPaths: readonly string[];
}

export type Bundle = StoreEntry<BundleMeta>;

/**
 * Packs program, libpython, standard library and the shared libraries that the target's libc packages lack into one
 * relocatable archive: `bin/`, `lib/`, found from `$ORIGIN`.
 */
export async function makeBundle(
  context: Context,
  store: Store,
  input: BundleInput,
): Promise<Result<Bundle>> {
  const format = programFormat(input.resolved.target);
  const inputs = {
    what: 'bundle',
    version: BUNDLE_VERSION,
    program: input.program.meta.digest,
    sysroot: input.sysroot.fingerprint,
    // Determines which libraries are left out.
    rootfs: input.rootfs.fingerprint,
    bytecode: input.bytecode.fingerprint,
    sourceDateEpoch: input.sourceDateEpoch,
    name: archiveName(input),
    // With the modules inside there is a folder more.
    ...(isFromSource(input) ? { landmark: LANDMARK } : {}),
    ...(input.packages === undefined
      ? {}
      : { packages: input.packages.target.fingerprint, packagesAt: input.packages.at }),
    ...defined({
      modules: input.modules?.fingerprint,
      documents: input.documents?.fingerprint,
      linkedWith: input.linkedWith,
    }),
    ...(input.systemData === undefined
      ? {}
      : {
          systemData: input.systemData.tree.fingerprint,
          brings: input.systemData.data.map(({ data }) => data),
        }),
    ...format.bundleInputs(input.resolved),
  };
  return store.obtain<BundleMeta>('builds', inputs, (folder) => assemble(context, store, input, folder), {
    signal: context.signal,
    reads: readBy(input),
  });
}

/** Folders of everything that a bundle is assembled from. */
function readBy(input: BundleInput): readonly string[] {
  const { program, bytecode, sysroot, rootfs, interpreter, modules, systemData, documents, packages } = input;
  const always = [program, bytecode, sysroot, rootfs];
  const some = [modules, systemData?.tree, documents, packages?.target].filter((one) => one !== undefined);
  // Where the sysroot has no bytecode, it is found by the interpreter's sources.
  const own = input.python.bytecode === undefined ? [interpreter] : [];
  return [...always, ...some, ...own].map(({ folder }) => folder);
}

async function assemble(
  context: Context,
  store: Store,
  input: BundleInput,
  folder: string,
): Promise<Result<BundleMeta>> {
  const sound = await verifyInputs(store, input);
  if (!sound.ok) return sound;
  const name = archiveName(input);
  const top = name.replace(/\.tar\.gz$/, '');
  const root = join(folder, '.assemble');
  const home = join(root, top);
  await mkdir(join(home, 'bin'), { recursive: true });
  await mkdir(join(home, 'lib'), { recursive: true });
  const program = join(home, 'bin', input.program.meta.program);
  await copyFile(join(input.program.folder, input.program.meta.program), program);
  await chmod(program, 0o755);
  const library = join(home, input.python.stdlib.replace(/^usr\//, ''));
  const stdlib = await copyStdlib({
    python: input.python,
    sysroot: input.sysroot.folder,
    // A standard library built from source may differ from the reference's, so it has bytecode of its own.
    bytecode:
      input.python.bytecode === undefined
        ? join(input.bytecode.folder, input.bytecode.meta.stdlib)
        : join(input.sysroot.folder, input.python.bytecode),
    compiledFrom: join(
      input.python.bytecode === undefined ? input.interpreter.folder : input.sysroot.folder,
      input.python.stdlib,
    ),
    to: library,
  });
  if (input.modules !== undefined)
    await cp(join(input.modules.folder, input.modules.meta.site), library, { recursive: true });
  if (input.systemData !== undefined) await addSystemData(library, input.systemData);
  const packages = await addPackages(home, input.packages);
  if (input.documents !== undefined)
    await cp(input.documents.folder, join(home, documentsFolder(input.resolved.recipe.project.bin)), {
      recursive: true,
    });
  if (isFromSource(input) && stdlib.extensions.length === 0) await addLandmark(home, input.python);
  const format = programFormat(input.resolved.target);
  await format.addToBundle(home, { ...input, program: input.program.meta.program });
  const libraries = format.sharedLibraries
    ? await findLibraries(input, stdlib.extensions, packages)
    : ok<ReadonlyMap<string, string>>(new Map());
  if (!libraries.ok) return libraries;
  const mentions = await findHostPaths(context, input);
  if (!mentions.ok) return mentions;
  for (const [library, path] of libraries.value) {
    await copyFile(join(input.sysroot.folder, path), join(home, 'lib', library));
  }
  const manifest = describe(input, [...libraries.value.keys()]);
  await writeFile(join(home, 'bundle.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  const archive = join(folder, name);
  const packed = await packTarGz({
    ...{ root, archive, mtime: input.sourceDateEpoch, signal: context.signal },
    // An edit changes the program and nothing there.
    lasting: { store, folder: `${top}/lib` },
  });
  if (!packed.ok) return packed;
  await rm(root, { recursive: true });
  // Of what was written, whatever the disk made of it: delivering compares with that.
  const { digest, bytes: size } = packed.value;
  return ok({
    archive: name,
    digest,
    size,
    libraries: [...libraries.value.keys()],
    files: stdlib.files + libraries.value.size + 2,
    sandboxPaths: mentions.value,
  });
}

/** Reads what goes into the bundle, and compares every byte with what was written: disks and caches fail silently. */
function verifyInputs(store: Store, input: BundleInput): Promise<Result<void>> {
  const { stdlib, bytecode } = input.python;
  const folders = [stdlib, ...(bytecode === undefined ? [] : [bytecode])].map((path) => `${path}/`);
  const wanted = (path: string): boolean =>
    folders.some((folder) => path.startsWith(folder)) || /\.so(\.|$)/.test(path);
  const { program, sysroot, interpreter, modules, systemData, documents, packages } = input;
  const some = [modules, systemData?.tree, documents, packages?.target].filter((one) => one !== undefined);
  return verifyAll(store, [
    program,
    input.bytecode,
    { folder: sysroot.folder, wanted },
    // Bytecode of another library is taken where the source is the same.
    ...(bytecode === undefined ? [{ folder: interpreter.folder, wanted }] : []),
    ...some,
  ]);
}

/** A file of a package that is a shared library or an extension module. */
interface PackageLibrary {
  /** Relative to the bundle's folder. */
  readonly path: string;
  readonly file: string;
}

async function addPackages(
  home: string,
  packages: BundleInput['packages'],
): Promise<readonly PackageLibrary[]> {
  if (packages === undefined) return [];
  const { target, at } = packages;
  const site = join(target.folder, target.meta.site);
  await cp(site, join(home, at), { recursive: true });
  await cp(join(target.folder, target.meta.data), home, { recursive: true });
  return packageLibraries(target, at);
}

async function packageLibraries({ folder, meta }: Packages, at: string): Promise<readonly PackageLibrary[]> {
  const site = join(folder, meta.site);
  const names = await readdir(site, { recursive: true });
  return names
    .filter((name) => /\.so(\.|$)/.test(name))
    .sort()
    .map((name) => ({ path: `${at}/${name}`, file: join(site, name) }));
}

/** A CPython built from source may contain its extension modules, in the program or in a shared library. */
function isFromSource({ resolved }: BundleInput): boolean {
  return resolved.sysroot.source !== undefined;
}

/** Folder of a bundle for what is known of its contents (Filesystem Hierarchy Standard, `/usr/share`). */
function documentsFolder(program: string): string {
  return `share/doc/${program}`;
}

/** The shared libraries that a bundle will bring: file name → path relative to the sysroot. */
export async function bundledLibraries(input: LibrariesInput): Promise<Result<ReadonlyMap<string, string>>> {
  if (!programFormat(input.resolved.target).sharedLibraries) return ok(new Map());
  const { packages } = input;
  const extensions = await extensionModules(input.python, input.sysroot.folder);
  const added = packages === undefined ? [] : await packageLibraries(packages.target, packages.at);
  return findLibraries(input, extensions, added);
}

type LibrariesInput = Pick<
  BundleInput,
  'resolved' | 'python' | 'linkedWith' | 'program' | 'sysroot' | 'rootfs' | 'packages'
>;

/** Reads the dependencies of the program and the extension modules, checks every file, and computes the closure. */
async function findLibraries(
  input: LibrariesInput,
  extensions: readonly string[],
  packages: readonly PackageLibrary[],
): Promise<Result<ReadonlyMap<string, string>>> {
  const { target } = input.resolved;
  const available = withOwnName(await indexLibraries(input.sysroot.folder, target), input);
  const provided = new Map(await indexLibraries(input.rootfs.folder, target));
  const name = input.program.meta.program;
  const program = await readElf(join(input.program.folder, name));
  const python = { ...input.python, ...defined({ libName: input.linkedWith }) };
  const problem = checkProgram({ name, file: program, target, python });
  if (problem !== undefined) return err(problem);
  const roots = new Map<string, ElfFile>(program === undefined ? [] : [[name, withUnwinder(program, input)]]);
  const elf = new Map<string, ElfFile>();
  for (const path of [...new Set([...available.values(), ...extensions])]) {
    const file = await readElf(join(input.sysroot.folder, path));
    if (file === undefined) continue;
    elf.set(path, file);
    if (extensions.includes(path)) roots.set(path, file);
  }
  for (const { path, file } of packages) {
    const library = await readElf(file);
    const wrong = checkLibrary(path, library, target);
    if (wrong !== undefined) return err(wrong);
    if (library !== undefined) roots.set(path, library);
    // Wheels contain the libraries that manylinux does not guarantee, and find them by their own search paths.
    provided.set(basename(path), path);
  }
  const closed = libraryClosure({ roots, available, provided, elf });
  if (!closed.ok) return closed;
  for (const path of [...extensions, ...closed.value.values()]) {
    const wrong = checkLibrary(path, elf.get(path), target);
    if (wrong !== undefined) return err(wrong);
  }
  return closed;
}

/** A program for the stable ABI finds the libpython of this version by the name of the one that it was linked with. */
function withOwnName(
  available: ReadonlyMap<string, string>,
  { linkedWith, python }: LibrariesInput,
): ReadonlyMap<string, string> {
  if (linkedWith === undefined) return available;
  const names = [...available].flatMap(([name, path]): readonly [string, string][] => {
    const ending = name.startsWith(`lib${python.libName}.so`)
      ? name.slice(`lib${python.libName}`.length)
      : '';
    return ending === '' ? [] : [[`lib${linkedWith}${ending}`, path]];
  });
  return new Map([...available, ...names]);
}

/**
 * The C library loads gcc's unwinder by itself, where a thread is ended, and libraries of C++ that packages bring need it. A
 * program that has its Python inside has the unwinder inside, too, and does not name it.
 */
function withUnwinder(program: ElfFile, { python, resolved }: LibrariesInput): ElfFile {
  if (python.linkage === 'dynamic' || resolved.target.libc !== 'gnu') return program;
  return { ...program, needed: [...program.needed, 'libgcc_s.so.1'] };
}

/** Searches the program for folders of this machine, which is an error, and of the sandbox, which is reported. */
async function findHostPaths(context: Context, input: BundleInput): Promise<Result<readonly string[]>> {
  const { settings } = context;
  const host = distinctive([
    { folder: input.resolved.recipe.project.root, of: 'the project' },
    { folder: settings.store, of: 'the store' },
    ...(settings.cargoHome === undefined ? [] : [{ folder: settings.cargoHome, of: "cargo's home" }]),
  ]);
  const sandbox = [PATHS.project, PATHS.target].map((folder) => ({
    folder,
    of: 'the sandbox',
  }));
  const name = input.program.meta.program;
  const found = await findPaths(join(input.program.folder, name), [...host, ...sandbox]);
  const leak = pathLeak(
    name,
    found.filter(({ needle }) => host.includes(needle)),
  );
  return leak === undefined ? ok(found.map(({ text }) => text)) : err(leak);
}

function archiveName(input: BundleInput): string {
  return `${input.resolved.recipe.project.bin}-${input.resolved.target.rustTriple}.tar.gz`;
}

/** `bundle.json`: describes the contents; holds nothing of the machine that made it. */
function describe(input: BundleInput, libraries: readonly string[]) {
  return {
    schema: 1,
    program: { file: `bin/${input.program.meta.program}`, digest: input.program.meta.digest },
    target: input.resolved.target.rustTriple,
    python: {
      implementation: input.python.implementation,
      version: input.python.version,
      linkage: input.python.linkage,
      ...defined({ linkedWith: input.linkedWith }),
    },
    // Nothing is there of a Python that has its library inside of the program.
    stdlib: input.python.stdlib.replace(/^usr\//, ''),
    libraries: [...libraries].sort(),
    ...(input.systemData === undefined ? {} : { data: input.systemData.data }),
    sysroot: `sha256:${input.sysroot.fingerprint}`,
  };
}
