import { lstat, open, readdir, readFile } from 'node:fs/promises';
import { basename, extname, join } from 'node:path';
import { defined } from '../domain/defined.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Linkage } from '../domain/words.ts';
import type { Failure } from '../failure.ts';
import { digestFile } from '../store/digest.ts';
import { type ElfFile, readElf } from './elf.ts';
import { glibcFloor, type LibcFloor } from './floor.ts';

/** `bundle.json`, as far as it is read here. */
export interface Manifest {
  readonly program: { readonly file: string; readonly digest: string };
  readonly target: string;
  readonly python: { readonly implementation: string; readonly version: string; readonly linkage: Linkage };
  readonly stdlib: string;
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

/** What the files of a bundle say of themselves; nothing is taken from the manifest that a file can tell. */
export interface Contents {
  readonly manifest: Manifest;
  readonly program: BundleFile;
  /** Absent: the program is no ELF file. */
  readonly elf?: ElfFile;
  /** Shared libraries that are in the bundle. */
  readonly brought: readonly Library[];
  /** Extension modules of Python. */
  readonly extensions: number;
  /** Libraries that the system must have → who needs them. */
  readonly system: Readonly<Record<string, readonly string[]>>;
  /** Absent: no file asks for a version of glibc. */
  readonly floor?: LibcFloor;
  /** Text of the interpreter's `_sysconfigdata_*.py`. */
  readonly sysconfigdata?: { readonly path: string; readonly text: string };
  /** What the compiler of the interpreter calls itself, e.g. `GCC 14.2.0`. */
  readonly compiler?: string;
  readonly parts: Readonly<Record<Part, { readonly files: number; readonly bytes: number }>>;
  readonly files: number;
  /** Of all files, unpacked. */
  readonly bytes: number;
  /** ELF files by path: for checks against a target. */
  readonly elves: ReadonlyMap<string, ElfFile>;
}

export type Part = 'program' | 'libraries' | 'extensions' | 'stdlib' | 'bytecode' | 'packages' | 'other';

interface Found {
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
    return err(notBundle(folder, `${program.file}, which its bundle.json names, is not in it.`));
  const elves = new Map<string, ElfFile>();
  for (const { path } of files.filter(({ path }) => mayBeElf(path))) {
    const elf = await readElf(join(folder, path));
    if (elf !== undefined) elves.set(path, elf);
  }
  const libraries = files.filter(
    ({ path }) => elves.has(path) && partOf(path, manifest.value) === 'libraries',
  );
  const brought: Library[] = [];
  for (const { path, size } of libraries) {
    const { digest } = await digestFile(join(folder, path));
    brought.push({ path, size, digest, needed: elves.get(path)?.needed ?? [] });
  }
  const elf = elves.get(program.file);
  const floor = glibcFloor(elves);
  const sysconfigdata = await readSysconfigdata(folder, files, stdlib);
  const interpreter = libraries.find(({ path }) => /^libpython\d/.test(basename(path)))?.path ?? program.file;
  const compiler = await compilerOf(join(folder, interpreter));
  return ok({
    manifest: manifest.value,
    program: { ...own, digest: (await digestFile(join(folder, program.file))).digest },
    ...defined({ elf }),
    brought,
    extensions: files.filter(({ path }) => partOf(path, manifest.value) === 'extensions').length,
    system: systemLibraries(elves, files),
    ...defined({ floor, sysconfigdata, compiler }),
    parts: sizes(files, manifest.value),
    files: files.length,
    bytes: files.reduce((sum, { size }) => sum + size, 0),
    elves,
  });
}

async function readManifest(folder: string): Promise<Result<Manifest>> {
  const text = await readFile(join(folder, 'bundle.json'), 'utf8').catch(() => undefined);
  if (text === undefined) return err(notBundle(folder, 'It has no bundle.json.'));
  try {
    const { program, target, python, stdlib } = JSON.parse(text) as Partial<Manifest>;
    const words = [program?.file, program?.digest, target, python?.version, python?.linkage, stdlib];
    if (words.every((word) => typeof word === 'string'))
      return ok({ program, target, python, stdlib } as Manifest);
    return err(notBundle(folder, 'Its bundle.json lacks program, target, python or stdlib.'));
  } catch (error) {
    return err(
      notBundle(folder, `Its bundle.json is no JSON: ${error instanceof Error ? error.message : error}`),
    );
  }
}

export function notBundle(path: string, why: string): Failure {
  return {
    code: 'usage/not-a-bundle',
    what: `${path} is not a bundle of provision.`,
    why,
    fix: [
      'Give the `.tar.gz` that a run leaves in `artifacts/<recipe>/`, or a folder that it was unpacked into.',
    ],
  };
}

async function walk(folder: string, below: string): Promise<Found[]> {
  const found: Found[] = [];
  const entries = await readdir(join(folder, below), { withFileTypes: true });
  for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
    const path = below === '' ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) found.push(...(await walk(folder, path)));
    else if (entry.isFile()) found.push({ path, size: (await lstat(join(folder, path))).size });
  }
  return found;
}

/** Most files are text: only others are opened. */
function mayBeElf(path: string): boolean {
  return !['.py', '.pyc', '.txt', '.json', '.zip', '.pyi', '.wasm'].includes(extname(path));
}

function partOf(path: string, { program, stdlib }: Manifest): Part {
  if (path === program.file) return 'program';
  if (/^lib\/python[\d.]+\/(site|dist)-packages\//.test(path)) return 'packages';
  if (path.endsWith('.pyc') || /^lib\/python\d+\.zip$/.test(path)) return 'bytecode';
  if (path.startsWith(`${stdlib}/`)) return path.endsWith('.so') ? 'extensions' : 'stdlib';
  return /^lib\/[^/]+\.so(\.|$)/.test(path) ? 'libraries' : 'other';
}

function sizes(files: readonly Found[], manifest: Manifest): Contents['parts'] {
  const parts: Record<Part, { files: number; bytes: number }> = {
    program: { files: 0, bytes: 0 },
    libraries: { files: 0, bytes: 0 },
    extensions: { files: 0, bytes: 0 },
    stdlib: { files: 0, bytes: 0 },
    bytecode: { files: 0, bytes: 0 },
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

/** What is asked for by name and is nowhere in the bundle. */
function systemLibraries(
  elves: ReadonlyMap<string, ElfFile>,
  files: readonly Found[],
): Readonly<Record<string, readonly string[]>> {
  const inside = new Set(files.map(({ path }) => basename(path)));
  const asked = new Map<string, string[]>();
  for (const [path, { needed }] of elves) {
    for (const name of needed.filter((library) => !inside.has(library)))
      asked.set(name, [...(asked.get(name) ?? []), path]);
  }
  return Object.fromEntries([...asked].sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function readSysconfigdata(folder: string, files: readonly Found[], stdlib: string) {
  const found = files.find(
    ({ path }) => path.startsWith(`${stdlib}/_sysconfigdata_`) && path.endsWith('.py'),
  );
  return found === undefined
    ? undefined
    : { path: found.path, text: await readFile(join(folder, found.path), 'utf8') };
}

/** `Py_GetCompiler` gives a constant: `[GCC 14.2.0]`, `[Clang 19.1.7 …]`, after a line break where one is. */
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
