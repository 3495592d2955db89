import { open, readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pickFiles } from '../archive/pick.ts';
import { type Manifest, notBundle } from '../bundle/inspect.ts';
import { defined } from '../domain/defined.ts';
import { absentAsUndefined } from '../domain/errno.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { readSections } from '../runtime/wasm/module.ts';
import { isElf } from '../sbom/elf-sections.ts';
import { SBOM_FILES, SBOM_FORMATS, type SbomFormat } from '../sbom/model.ts';

/** What somebody was given: a bundle, or a program alone. */
export interface Subject {
  readonly kind: 'bundle' | 'executable';
  /** File name of the program, and its bytes. */
  readonly name: string;
  readonly program: Buffer;
  /** Of a bundle. */
  readonly manifest?: Manifest;
  /** Documents beside the program in the bundle. */
  readonly beside: Readonly<Partial<Record<SbomFormat, string>>>;
}

/** The largest program that there is: one file. */
const LARGEST = 2 ** 31;

/** Reads a bundle, packed or unpacked, or an executable; nothing is written and nothing is run. */
export async function readSubject(
  path: string,
  given: string,
  signal: AbortSignal,
): Promise<Result<Subject>> {
  const info = await stat(path).catch(absentAsUndefined);
  if (info === undefined) return err(notBundle(given, 'There is no such file or folder.'));
  if (info.isDirectory()) return fromFolder(path, given);
  const start = await firstBytes(path, 4);
  if (start.readUInt16BE(0) === 0x1f8b) return fromArchive(path, given, info.size, signal);
  const program = await readFile(path);
  if (!isElf(program) && readSections(program) === undefined)
    return err(notBundle(given, 'It is neither a bundle nor an ELF file nor a module of WebAssembly.'));
  return ok({ kind: 'executable', name: basename(path), program, beside: {} });
}

async function firstBytes(path: string, count: number): Promise<Buffer> {
  const file = await open(path);
  try {
    const buffer = Buffer.alloc(count);
    await file.read(buffer, 0, count, 0);
    return buffer;
  } finally {
    await file.close();
  }
}

async function fromFolder(path: string, given: string): Promise<Result<Subject>> {
  const names = await readdir(path);
  const home = names.length === 1 && names[0] !== 'bundle.json' ? join(path, names[0] as string) : path;
  return subjectOf(given, (file) => readFile(join(home, file)).catch(absentAsUndefined));
}

async function fromArchive(
  path: string,
  given: string,
  size: number,
  signal: AbortSignal,
): Promise<Result<Subject>> {
  const wanted = /^[^/]+\/(?:bundle\.json|bin\/[^/]+|share\/doc\/[^/]+\/sbom\.[a-z]+\.json)$/;
  const stretch = { range: { file: path, start: 0, size }, compression: 'gz' } as const;
  const picked = await pickFiles(path, stretch, (name) => wanted.test(name), signal, LARGEST);
  if (!picked.ok)
    return picked.error.code.startsWith('archive/')
      ? err(notBundle(given, [picked.error.what, picked.error.why].filter(Boolean).join(' ')))
      : picked;
  const { files } = picked.value;
  const [first = ''] = [...files.keys()];
  const top = first.slice(0, first.indexOf('/'));
  return subjectOf(given, async (file) => files.get(`${top}/${file}`));
}

async function subjectOf(
  given: string,
  read: (file: string) => Promise<Buffer | undefined>,
): Promise<Result<Subject>> {
  const text = await read('bundle.json');
  if (text === undefined) return err(notBundle(given, 'It has no bundle.json.'));
  let manifest: Manifest;
  try {
    manifest = JSON.parse(text.toString('utf8')) as Manifest;
  } catch {
    return err(notBundle(given, 'Its bundle.json is not JSON.'));
  }
  const file = manifest.program?.file;
  const program = typeof file === 'string' && !file.includes('..') ? await read(file) : undefined;
  if (program === undefined) return err(notBundle(given, 'It lacks the program that its bundle.json names.'));
  const beside: Partial<Record<SbomFormat, string>> = {};
  const name = basename(file);
  for (const format of SBOM_FORMATS) {
    const document = await read(`share/doc/${name.replace(/\.wasm$/, '')}/${SBOM_FILES[format]}`);
    Object.assign(beside, defined({ [format]: document?.toString('utf8') }));
  }
  return ok({ kind: 'bundle', name, program, manifest, beside });
}
