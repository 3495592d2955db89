import { chmod, copyFile, cp, mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { packTarGz } from '../archive/pack.ts';
import type { Context } from '../domain/context.ts';
import type { Resolved } from '../domain/definitions.ts';
import type { PythonDistribution } from '../domain/python.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { StoredTree } from '../domain/stored-tree.ts';
import type { Digest } from '../domain/words.ts';
import { PATHS } from '../engine/paths.ts';
import { programFormat } from '../runtime/program/program.ts';
import { digestFile } from '../store/digest.ts';
import type { Store, StoreEntry } from '../store/store.ts';
import type { Bytecode } from './bytecode.ts';
import { type ElfFile, readElf } from './elf.ts';
import { checkLibrary, checkProgram, findPaths, pathLeak, telling } from './leaks.ts';
import { closeOver, indexLibraries } from './libraries.ts';
import type { Packages } from './packages.ts';
import { copyStdlib } from './stdlib.ts';

/** Goes up when the layout of a bundle changes, or what it is checked for. */
const BUNDLE_VERSION = 2;

export interface BundleInput {
  readonly resolved: Resolved;
  readonly python: PythonDistribution;
  readonly program: StoredTree & { readonly meta: { readonly program: string; readonly digest: Digest } };
  readonly sysroot: StoredTree;
  readonly rootfs: StoredTree;
  readonly reference: StoredTree;
  readonly bytecode: Bytecode;
  /** Python packages, and the folder of the bundle that they go into. */
  readonly packages?: { readonly target: Packages; readonly at: string };
  /** Seconds since the epoch, of every file in the archive. */
  readonly sourceDateEpoch: number;
}

export interface BundleMeta {
  readonly [key: string]: string | number | readonly string[];
  /** File name of the archive in the entry's folder. */
  readonly archive: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  /** Shared libraries that travel with the program. */
  readonly libraries: readonly string[];
  readonly files: number;
  /** Paths in the program that were there while it was built and nowhere else. */
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
  const inputs = {
    what: 'bundle',
    version: BUNDLE_VERSION,
    program: input.program.meta.digest,
    sysroot: input.sysroot.fingerprint,
    // Decides which libraries are left out.
    rootfs: input.rootfs.fingerprint,
    bytecode: input.bytecode.fingerprint,
    sourceDateEpoch: input.sourceDateEpoch,
    name: archiveName(input),
    // With the modules inside there is a folder more.
    ...(hasModulesInside(input) ? { landmark: LANDMARK } : {}),
    ...(input.packages === undefined
      ? {}
      : { packages: input.packages.target.fingerprint, packagesAt: input.packages.at }),
    ...programFormat(input.resolved.target).bundleInputs(input.resolved),
  };
  return store.obtain<BundleMeta>('builds', inputs, (folder) => assemble(context, input, folder), {
    signal: context.signal,
  });
}

async function assemble(context: Context, input: BundleInput, folder: string): Promise<Result<BundleMeta>> {
  const name = archiveName(input);
  const top = name.replace(/\.tar\.gz$/, '');
  const root = join(folder, '.assemble');
  const home = join(root, top);
  await mkdir(join(home, 'bin'), { recursive: true });
  await mkdir(join(home, 'lib'), { recursive: true });
  const program = join(home, 'bin', input.program.meta.program);
  await copyFile(join(input.program.folder, input.program.meta.program), program);
  await chmod(program, 0o755);
  const stdlib = await copyStdlib({
    python: input.python,
    sysroot: input.sysroot.folder,
    // A standard library of our own build may differ from the reference's by a line: it comes with its own.
    bytecode:
      input.python.bytecode === undefined
        ? join(input.bytecode.folder, input.bytecode.meta.stdlib)
        : join(input.sysroot.folder, input.python.bytecode),
    compiledFrom: join(
      input.python.bytecode === undefined ? input.reference.folder : input.sysroot.folder,
      input.python.stdlib,
    ),
    to: join(home, input.python.stdlib.replace(/^usr\//, '')),
  });
  const packages = await addPackages(home, input.packages);
  if (hasModulesInside(input)) await addLandmark(home, input.python);
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
  const packed = await packTarGz({ root, archive, mtime: input.sourceDateEpoch });
  if (!packed.ok) return packed;
  await rm(root, { recursive: true });
  const { digest, size } = await digestFile(archive);
  return ok({
    archive: name,
    digest,
    size,
    libraries: [...libraries.value.keys()],
    files: stdlib.files + libraries.value.size + 2,
    sandboxPaths: mentions.value,
  });
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
  const names = await readdir(site, { recursive: true });
  return names
    .filter((name) => /\.so(\.|$)/.test(name))
    .sort()
    .map((name) => ({ path: `${at}/${name}`, file: join(site, name) }));
}

/** A CPython of our own build holds its extension modules, in the program or in a shared library. */
function hasModulesInside({ resolved }: BundleInput): boolean {
  return resolved.sysroot.source !== undefined;
}

/** Without this folder an interpreter says at every start that it found no `exec_prefix`; one with its modules inside has nothing in it. */
const LANDMARK = 'lib-dynload/README.txt';

async function addLandmark(home: string, python: PythonDistribution): Promise<void> {
  const file = join(home, python.stdlib.replace(/^usr\//, ''), LANDMARK);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, 'The extension modules of the standard library are inside the program.\n');
}

/** Reads what program and extension modules need, checks all that goes in, and closes over the libraries. */
async function findLibraries(
  input: BundleInput,
  extensions: readonly string[],
  packages: readonly PackageLibrary[],
): Promise<Result<ReadonlyMap<string, string>>> {
  const { target } = input.resolved;
  const available = await indexLibraries(input.sysroot.folder, target);
  const provided = new Map(await indexLibraries(input.rootfs.folder, target));
  const name = input.program.meta.program;
  const program = await readElf(join(input.program.folder, name));
  const problem = checkProgram({ name, file: program, target, python: input.python });
  if (problem !== undefined) return err(problem);
  const roots = new Map<string, ElfFile>(program === undefined ? [] : [[name, program]]);
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
    // Wheels bring what manylinux does not promise, and find it by their own search paths.
    provided.set(basename(path), path);
  }
  const closed = closeOver({ roots, available, provided, elf });
  if (!closed.ok) return closed;
  for (const path of [...extensions, ...closed.value.values()]) {
    const wrong = checkLibrary(path, elf.get(path), target);
    if (wrong !== undefined) return err(wrong);
  }
  return closed;
}

/** Looks for folders of this machine in the program: an error; and for those of the sandbox: worth a notice. */
async function findHostPaths(context: Context, input: BundleInput): Promise<Result<readonly string[]>> {
  const { settings } = context;
  const host = telling([
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

/** `bundle.json`: what is inside, for people and tools; nothing of the machine that made it. */
function describe(input: BundleInput, libraries: readonly string[]) {
  return {
    schema: 1,
    program: { file: `bin/${input.program.meta.program}`, digest: input.program.meta.digest },
    target: input.resolved.target.rustTriple,
    python: {
      implementation: input.python.implementation,
      version: input.python.version,
      linkage: input.python.linkage,
    },
    stdlib: input.python.stdlib.replace(/^usr\//, ''),
    libraries: [...libraries].sort(),
    sysroot: `sha256:${input.sysroot.fingerprint}`,
  };
}
