import { lstat, open, readdir, readFile } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { defined } from '../domain/defined.ts';
import { unlessDeviceFailed } from '../domain/errno.ts';
import type { Linkage } from '../domain/ids.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { BundledData } from '../domain/system-data.ts';
import type { Failure } from '../failure.ts';
import { digestFile } from '../store/digest.ts';
import { installedPackages } from './dist-info.ts';
import { type ElfFile, readElf } from './elf.ts';
import { type GlibcRequirement, minimumGlibc } from './glibc-version.ts';
import { isSystemData } from './system-data.ts';

/** The keys of `bundle.json` that are read here. */
export interface Manifest {
  readonly program: { readonly file: string; readonly digest: string };
  readonly target: string;
  readonly python: {
    readonly implementation: string;
    readonly version: string;
    readonly linkage: Linkage;
    /** The libpython that the program names, where that is an older one: it is made for the stable ABI. */
    readonly linkedWith?: string;
  };
  readonly stdlib: string;
  /** What it brings of a system's data. */
  readonly data?: readonly BundledData[];
}

export interface BundleFile {
  /** Relative to the bundle's folder. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  readonly digest: string;
}

export interface Library extends BundleFile {
  readonly needed: readonly string[];
}

/** The contents of a bundle as its files show them; the manifest is used only for what no file shows. */
export interface Contents {
  readonly manifest: Manifest;
  readonly program: BundleFile;
  /** Absent where the program is not an ELF file. */
  readonly elf?: ElfFile;
  /** Shared libraries in the bundle. */
  readonly bundled: readonly Library[];
  /** Extension modules of Python. */
  readonly extensions: number;
  /** Libraries that the system must provide → the files that need them. */
  readonly system: Readonly<Record<string, readonly string[]>>;
  /** Absent where no file needs a version of glibc. */
  readonly glibc?: GlibcRequirement;
  /** Text of the interpreter's `_sysconfigdata_*.py`. */
  readonly sysconfigdata?: { readonly path: string; readonly text: string };
  /** Python packages, from their metadata. */
  readonly packages: readonly { readonly name: string; readonly version: string }[];
  /** The compiler that built the interpreter, e.g. `GCC 14.2.0`. */
  readonly compiler?: string;
  readonly parts: Readonly<Record<Part, { readonly files: number; readonly bytes: number }>>;
  readonly files: number;
  /** Of all files, unpacked. */
  readonly bytes: number;
  /** ELF files by path, for checks against a target. */
  readonly elves: ReadonlyMap<string, ElfFile>;
}

export type Part =
  | 'program'
  | 'libraries'
  | 'extensions'
  | 'stdlib'
  | 'bytecode'
  | 'data'
  | 'packages'
  | 'other';

interface FileEntry {
  readonly path: string;
  readonly size: number;
}

/** Reads the folder of a bundle. */
export async function readContents(folder: string): Promise<Result<Contents>> {
  const manifest = await readManifest(folder);
  if (!manifest.ok) return manifest;
  const { program, stdlib } = manifest.value;
  const files = await walk(folder, '');
  const own = files.find(({ path }) => path === program.file);
  if (own === undefined)
    return err(notBundle(folder, `It lacks ${program.file}, the program that its bundle.json names.`));
  const elves = new Map<string, ElfFile>();
  for (const { path } of files.filter(({ path }) => mayBeElf(path))) {
    const elf = await readElf(join(folder, path));
    if (elf !== undefined) elves.set(path, elf);
  }
  const libraries = files.filter(
    ({ path }) => elves.has(path) && partOf(path, manifest.value) === 'libraries',
  );
  const bundled: Library[] = [];
  for (const { path, size } of libraries) {
    const { digest } = await digestFile(join(folder, path));
    bundled.push({ path, size, digest, needed: elves.get(path)?.needed ?? [] });
  }
  const elf = elves.get(program.file);
  const glibc = minimumGlibc(elves);
  const sysconfigdata = await readSysconfigdata(folder, files, stdlib);
  const interpreter = libraries.find(({ path }) => /^libpython\d/.test(basename(path)))?.path ?? program.file;
  const compiler = await compilerOf(join(folder, interpreter));
  return ok({
    manifest: manifest.value,
    program: { ...own, digest: (await digestFile(join(folder, program.file))).digest },
    ...defined({ elf }),
    bundled,
    extensions: files.filter(({ path }) => partOf(path, manifest.value) === 'extensions').length,
    system: systemLibraries(elves, files),
    ...defined({ glibc, sysconfigdata, compiler }),
    packages: await packagesIn(folder, files),
    parts: sizes(files, manifest.value),
    files: files.length,
    bytes: files.reduce((sum, { size }) => sum + size, 0),
    elves,
  });
}

/** Packages in every folder that has metadata of some. */
async function packagesIn(folder: string, files: readonly FileEntry[]): Promise<Contents['packages']> {
  const sites = files.flatMap(({ path }) => /^(.*)\/[^/]+\.dist-info\/METADATA$/.exec(path)?.[1] ?? []);
  const found = await Promise.all([...new Set(sites)].map((site) => installedPackages(join(folder, site))));
  return found.flat();
}

async function readManifest(folder: string): Promise<Result<Manifest>> {
  const text = await readFile(join(folder, 'bundle.json'), 'utf8').catch(unlessDeviceFailed(undefined));
  if (text === undefined) return err(notBundle(folder, 'It has no bundle.json.'));
  try {
    const { program, target, python, stdlib, data } = JSON.parse(text) as Partial<Manifest>;
    const required = [program?.file, program?.digest, target, python?.version, python?.linkage, stdlib];
    if (required.every((value) => typeof value === 'string'))
      return ok({ program, target, python, stdlib, ...defined({ data }) } as Manifest);
    return err(notBundle(folder, 'Its bundle.json lacks program, target, python or stdlib.'));
  } catch (error) {
    return err(
      notBundle(
        folder,
        `Its bundle.json is not valid JSON: ${error instanceof Error ? error.message : error}`,
      ),
    );
  }
}

export function notBundle(path: string, why: string): Failure {
  return {
    code: 'usage/not-a-bundle',
    what: `${path} is not a bundle made by provision.`,
    why,
    fix: [
      'Give what a run writes into `artifacts/<recipe>/` (archive, package, image, program), or the folder that it was unpacked into.',
    ],
  };
}

async function walk(folder: string, below: string): Promise<FileEntry[]> {
  const found: FileEntry[] = [];
  const entries = await readdir(join(folder, below), { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = below === '' ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) found.push(...(await walk(folder, path)));
    else if (entry.isFile()) found.push({ path, size: (await lstat(join(folder, path))).size });
  }
  return found;
}

/** Most files are text and need not be opened. */
function mayBeElf(path: string): boolean {
  return !['.py', '.pyc', '.txt', '.json', '.zip', '.pyi', '.wasm'].includes(extname(path));
}

function partOf(path: string, { program, stdlib }: Manifest): Part {
  if (path === program.file) return 'program';
  if (/^lib\/python\d+(?:\.\d+t?)?\/(?:site|dist)-packages\//.test(path)) return 'packages';
  if (isSystemData(path, stdlib)) return 'data';
  if (path.endsWith('.pyc') || /^lib\/python\d+t?\.zip$/.test(path)) return 'bytecode';
  if (path.startsWith(`${stdlib}/`)) return path.endsWith('.so') ? 'extensions' : 'stdlib';
  return /^lib\/[^/]+\.so(\.|$)/.test(path) ? 'libraries' : 'other';
}

function sizes(files: readonly FileEntry[], manifest: Manifest): Contents['parts'] {
  const parts: Record<Part, { files: number; bytes: number }> = {
    program: { files: 0, bytes: 0 },
    libraries: { files: 0, bytes: 0 },
    extensions: { files: 0, bytes: 0 },
    stdlib: { files: 0, bytes: 0 },
    bytecode: { files: 0, bytes: 0 },
    data: { files: 0, bytes: 0 },
    packages: { files: 0, bytes: 0 },
    other: { files: 0, bytes: 0 },
  };
  for (const { path, size } of files) {
    const part = parts[partOf(path, manifest)];
    part.files += 1;
    part.bytes += size;
  }
  return parts;
}

/** Needed libraries that are not in the bundle. */
export function systemLibraries(
  elves: ReadonlyMap<string, ElfFile>,
  files: readonly Pick<FileEntry, 'path'>[],
): Readonly<Record<string, readonly string[]>> {
  const inside = new Set(files.map(({ path }) => basename(path)));
  const neededBy = new Map<string, string[]>();
  for (const [path, { needed }] of elves) {
    for (const name of needed.filter((library) => !inside.has(library)))
      neededBy.set(name, [...(neededBy.get(name) ?? []), path]);
  }
  return Object.fromEntries([...neededBy].sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function readSysconfigdata(folder: string, files: readonly FileEntry[], stdlib: string) {
  const found = files.find(
    ({ path }) => path.startsWith(`${stdlib}/_sysconfigdata_`) && path.endsWith('.py'),
  );
  return found === undefined
    ? undefined
    : { path: found.path, text: await readFile(join(folder, found.path), 'utf8') };
}

/** Finds the constant of `Py_GetCompiler`: `[GCC 14.2.0]`, `[Clang 19.1.7 …]`, possibly after a line break. */
async function compilerOf(file: string): Promise<string | undefined> {
  const handle = await open(file);
  try {
    const pattern = /\[((?:GCC|Clang) [ -~]{1,80}?)\]\0/;
    let before = '';
    for await (const chunk of handle.createReadStream({ highWaterMark: 1 << 20, encoding: 'latin1' })) {
      const text = before + String(chunk);
      const match = pattern.exec(text);
      if (match !== null) return match[1]?.trim();
      before = text.slice(-128);
    }
    return undefined;
  } finally {
    await handle.close();
  }
}
