import { open, readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Range, TarStretch } from '../archive/content.ts';
import { findMember } from '../archive/member.ts';
import { pickFiles } from '../archive/pick.ts';
import { refusable } from '../archive/refusal.ts';
import { type Manifest, notBundle } from '../bundle/inspect.ts';
import { distribution } from '../distro/distribution.ts';
import { defined } from '../domain/defined.ts';
import { absentAsUndefined } from '../domain/errno.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Failure } from '../failure.ts';
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

/** Of pipes and devices: they have no size, and opening one may wait for ever. */
export const NO_FILE = 'It is a pipe or a device, and read are files.';

/** Reads a bundle, packed in any format or unpacked, or an executable; nothing is written and nothing is run. */
export async function readSubject(
  path: string,
  given: string,
  signal: AbortSignal,
): Promise<Result<Subject>> {
  const info = await stat(path).catch(absentAsUndefined);
  if (info === undefined) return err(notBundle(given, 'There is no such file or folder.'));
  if (info.isDirectory()) return fromFolder(path, given);
  if (!info.isFile()) return err(notBundle(given, NO_FILE));
  const start = await firstBytes(path, HEAD);
  const whole = { file: path, start: 0, size: info.size };
  if (start.readUInt16BE(0) === 0x1f8b)
    return fromArchive(path, given, { range: whole, compression: 'gz' }, signal);
  if (start.toString('latin1', 0, 8) === '!<arch>\n') return fromPackage(path, given, signal);
  if (start.toString('latin1', 257, 262) === 'ustar') return fromImage(path, given, whole, signal);
  const program = await readFile(path);
  if (!isElf(program) && readSections(program) === undefined)
    return err(notBundle(given, 'It is neither a bundle nor an ELF file nor a module of WebAssembly.'));
  return ok({ kind: 'executable', name: basename(path), program, beside: {} });
}

/** Bytes by which a format is known; a tar archive has its mark behind the name. */
const HEAD = 262;

async function fromPackage(path: string, given: string, signal: AbortSignal): Promise<Result<Subject>> {
  const stretch = await refusable(path, async () => distribution.openPackage(given, path));
  return stretch.ok ? fromArchive(path, given, stretch.value, signal) : asNotBundle(given, stretch.error);
}

/** An image of containers: the last of its layers is the bundle (OCI image specification; `manifest.json` as Docker has it). */
async function fromImage(
  path: string,
  given: string,
  range: Range,
  signal: AbortSignal,
): Promise<Result<Subject>> {
  const wanted = (name: string): boolean => name === 'manifest.json';
  const picked = await pickFiles(path, { range, compression: 'none' }, wanted, signal);
  if (!picked.ok) return asNotBundle(given, picked.error);
  const layer = lastLayer(picked.value.files.get('manifest.json')?.toString('utf8') ?? '');
  const found = layer === undefined ? undefined : await findMember(path, layer);
  if (found === undefined) return err(notBundle(given, 'It is an archive, and no image of a bundle.'));
  return fromArchive(path, given, { range: found, compression: 'gz' }, signal);
}

function lastLayer(manifest: string): string | undefined {
  try {
    const [{ Layers }] = JSON.parse(manifest) as [{ readonly Layers: readonly unknown[] }];
    const last = Layers.at(-1);
    return typeof last === 'string' ? last : undefined;
  } catch {
    return undefined;
  }
}

export async function firstBytes(path: string, count: number): Promise<Buffer> {
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

/** The folder that a bundle is in: of its own archive, of a package, of an image. */
const HOME = '(?:[^/]+|usr/lib/[^/]+|opt/[^/]+)';
const WANTED = new RegExp(`^${HOME}/(?:bundle\\.json|bin/[^/]+|share/doc/[^/]+/sbom\\.[a-z]+\\.json)$`);

async function fromArchive(
  path: string,
  given: string,
  stretch: TarStretch,
  signal: AbortSignal,
): Promise<Result<Subject>> {
  const picked = await pickFiles(path, stretch, (name) => WANTED.test(name), signal, LARGEST);
  if (!picked.ok) return asNotBundle(given, picked.error);
  const { files } = picked.value;
  const manifest = [...files.keys()].find((name) => name.endsWith('/bundle.json')) ?? '';
  const top = manifest.slice(0, manifest.lastIndexOf('/'));
  return subjectOf(given, async (file) => files.get(`${top}/${file}`));
}

function asNotBundle(given: string, failure: Failure): Result<never> {
  return err(
    failure.code.startsWith('archive/')
      ? notBundle(given, [failure.what, failure.why].filter(Boolean).join(' '))
      : failure,
  );
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
