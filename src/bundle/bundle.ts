import { chmod, copyFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { packTarGz } from '../archive/pack.ts';
import type { Context } from '../domain/context.ts';
import type { Resolved } from '../domain/definitions.ts';
import type { PythonDistribution } from '../domain/python.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Digest } from '../domain/words.ts';
import type { Engine } from '../engine/engine.ts';
import { PATHS } from '../engine/paths.ts';
import { digestFile } from '../store/digest.ts';
import type { Store, StoreEntry } from '../store/store.ts';
import type { Bytecode } from './bytecode.ts';
import { type ElfFile, readElf } from './elf.ts';
import { checkProgram } from './leaks.ts';
import { closeOver, indexLibraries } from './libraries.ts';
import { copyStdlib } from './stdlib.ts';
import { addWasmParts } from './wasm.ts';

/** Goes up when the layout of a bundle changes. */
const BUNDLE_VERSION = 1;

interface Tree {
  readonly folder: string;
  readonly fingerprint: string;
}

export interface BundleInput {
  readonly resolved: Resolved;
  readonly python: PythonDistribution;
  readonly program: Tree & { readonly meta: { readonly program: string; readonly digest: Digest } };
  readonly sysroot: Tree;
  readonly rootfs: Tree;
  readonly toolchain: Tree;
  readonly reference: Tree;
  readonly bytecode: Bytecode;
  /** Seconds since the epoch, of every file in the archive. */
  readonly sourceDateEpoch: number;
  readonly engine: () => Promise<Result<Engine>>;
  readonly logs: string;
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
    // A static interpreter's bundle has a folder more.
    ...(input.python.linkage === 'static' ? { landmark: LANDMARK } : {}),
    ...(input.resolved.recipe.wasm === undefined
      ? {}
      : {
          wasm: {
            layout: 2,
            stack: input.resolved.recipe.wasm.stack,
            maxMemory: input.resolved.recipe.wasm.maxMemory ?? null,
          },
        }),
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
  if (input.python.linkage === 'static') await addLandmark(home, input.python);
  const { wasm } = input.resolved.recipe;
  if (wasm !== undefined) await addWasmParts(home, input.program.meta.program, input.python, wasm);
  const libraries =
    wasm === undefined
      ? await findLibraries(context, input, stdlib.extensions)
      : ok<ReadonlyMap<string, string>>(new Map());
  if (!libraries.ok) return libraries;
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
  });
}

/** Without this folder an interpreter says at every start that it found no `exec_prefix`; a static one has nothing in it. */
const LANDMARK = 'lib-dynload/README.txt';

async function addLandmark(home: string, python: PythonDistribution): Promise<void> {
  const file = join(home, python.stdlib.replace(/^usr\//, ''), LANDMARK);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, 'The extension modules of the standard library are inside the program.\n');
}

/** Reads what program and extension modules need, checks the program, and closes over the libraries. */
async function findLibraries(
  context: Context,
  input: BundleInput,
  extensions: readonly string[],
): Promise<Result<ReadonlyMap<string, string>>> {
  const { target, toolchain } = input.resolved;
  const engine = await input.engine();
  if (!engine.ok) return engine;
  const available = await indexLibraries(input.sysroot.folder, target);
  const provided = await indexLibraries(input.rootfs.folder, target);
  const inProgram = `${PATHS.project}/${input.program.meta.program}`;
  const paths = [...new Set([...available.values(), ...extensions])].sort();
  const sandbox = await engine.value.open({
    rootfs: input.toolchain.folder,
    network: 'none',
    mounts: [
      { kind: 'tree', source: input.sysroot.folder, at: PATHS.sysroot },
      { kind: 'tree', source: input.program.folder, at: PATHS.project },
    ],
  });
  if (!sandbox.ok) return sandbox;
  await using box = sandbox.value;
  await mkdir(input.logs, { recursive: true });
  const read = await readElf(context, {
    sandbox: box,
    readelf: toolchain.tools.readelf ?? 'readelf',
    files: [inProgram, ...paths.map((path) => `${PATHS.sysroot}/${path}`)],
    log: join(input.logs, 'bundle.log'),
  });
  if (!read.ok) return read;
  const program = read.value.get(inProgram);
  const problem = checkProgram(input.program.meta.program, program, target);
  if (problem !== undefined) return err(problem);
  const bySysrootPath = new Map(
    [...read.value].map(([path, file]) => [path.replace(`${PATHS.sysroot}/`, ''), file]),
  );
  const roots = new Map<string, ElfFile>();
  if (program !== undefined) roots.set(input.program.meta.program, program);
  for (const path of extensions) {
    const file = bySysrootPath.get(path);
    if (file !== undefined) roots.set(path, file);
  }
  return closeOver({ roots, available, provided, elf: bySysrootPath });
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
