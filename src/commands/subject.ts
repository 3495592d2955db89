import { open, readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Range, TarStretch } from '../archive/content.ts';
import { findMember } from '../archive/member.ts';
import { pickFiles } from '../archive/pick.ts';
import { refusable } from '../archive/refusal.ts';
import { type Manifest, notBundle } from '../bundle/inspect.ts';
import { distribution } from '../distro/distribution.ts';
import { defined } from '../domain/defined.ts';
import { absentAsUndefined, unlessDeviceFailed } from '../domain/errno.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { exists } from '../exec/files.ts';
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

/** In which form a bundle is packed. */
type Packed = 'tar.gz' | 'deb' | 'oci';

/** What a path leads to, by its content. */
type Found =
  /** An unpacked bundle, and the folder in it that has `bundle.json`. */
  | { readonly kind: 'folder'; readonly home: string }
  /** A packed one, and where its files are. */
  | { readonly kind: 'archive'; readonly format: Packed; readonly stretch: TarStretch }
  | { readonly kind: 'executable'; readonly program: Buffer };

/** Finds out what was given: a bundle, packed in any format or unpacked, or an executable. Nothing is written and nothing is run. */
export async function findSubject(path: string, given: string, signal: AbortSignal): Promise<Result<Found>> {
  const info = await stat(path).catch(unlessDeviceFailed(undefined));
  if (info === undefined) return err(notBundle(given, 'There is no such file or folder.'));
  if (info.isDirectory()) return ok({ kind: 'folder', home: await homeIn(path) });
  if (!info.isFile()) return err(notBundle(given, NO_FILE));
  const start = await firstBytes(path, HEAD);
  const whole = { file: path, start: 0, size: info.size };
  if (start.readUInt16BE(0) === GZIP)
    return ok({ kind: 'archive', format: 'tar.gz', stretch: { range: whole, compression: 'gz' } });
  if (start.toString('latin1', 0, 8) === '!<arch>\n') return filesOfPackage(path, given);
  if (start.toString('latin1', 257, 262) === 'ustar') return layerOfImage(path, given, whole, signal);
  const program = await readFile(path);
  if (!isElf(program) && readSections(program) === undefined)
    return err(notBundle(given, 'It is neither a bundle nor an ELF file nor a module of WebAssembly.'));
  return ok({ kind: 'executable', program });
}

/** Reads the program of what was given, and the documents beside it. */
export async function readSubject(
  path: string,
  given: string,
  signal: AbortSignal,
): Promise<Result<Subject>> {
  const found = await findSubject(path, given, signal);
  if (!found.ok) return found;
  switch (found.value.kind) {
    case 'folder': {
      const { home } = found.value;
      return subjectOf(given, (file) => readFile(join(home, file)).catch(absentAsUndefined));
    }
    case 'archive':
      return fromArchive(path, given, found.value.stretch, signal);
    default:
      return ok({ ...found.value, name: basename(path), beside: {} });
  }
}

/** What begins so is compressed with gzip (RFC 1952, section 2.3.1). */
const GZIP = 0x1f8b;

/** Bytes by which a format is known; a tar archive has its mark behind the name. */
const HEAD = 262;

async function filesOfPackage(path: string, given: string): Promise<Result<Found>> {
  const stretch = await refusable(path, async () => distribution.openPackage(given, path));
  return stretch.ok
    ? ok({ kind: 'archive', format: 'deb', stretch: stretch.value })
    : asNotBundle(given, stretch.error);
}

/** An image of containers: the last of its layers is the bundle (OCI image specification; `manifest.json` as Docker has it). */
async function layerOfImage(
  path: string,
  given: string,
  range: Range,
  signal: AbortSignal,
): Promise<Result<Found>> {
  const wanted = (name: string): boolean => name === 'manifest.json';
  const picked = await pickFiles(path, { range, compression: 'none' }, wanted, signal);
  if (!picked.ok) return asNotBundle(given, picked.error);
  const layer = lastLayer(picked.value.files.get('manifest.json')?.toString('utf8') ?? '');
  const found = layer === undefined ? undefined : await findMember(path, layer);
  if (found === undefined) return err(notBundle(given, 'It is an archive, and no image of a bundle.'));
  return ok({ kind: 'archive', format: 'oci', stretch: { range: found, compression: 'gz' } });
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

/** The folders that a bundle is in: of its own archive, of a package, of an image. */
const PLACES = ['', 'usr/lib/', 'opt/'];

/** The folder with the manifest: the one given, the only such one in it, or its only subfolder. */
export async function homeIn(folder: string): Promise<string> {
  const names = await readdir(folder);
  if (names.includes('bundle.json')) return folder;
  const candidates = await Promise.all(
    PLACES.map(async (place) => {
      const inside = place === '' ? names : await readdir(join(folder, place)).catch(() => []);
      return inside.map((name) => join(folder, place, name));
    }),
  );
  const homes = await Promise.all(
    candidates.flat().map(async (home) => ((await exists(join(home, 'bundle.json'))) ? [home] : [])),
  );
  const [home, ...others] = homes.flat();
  if (home !== undefined && others.length === 0) return home;
  return names.length === 1 ? join(folder, names[0] as string) : folder;
}

const HOME = `(?:${PLACES.map((place) => `${place}[^/]+`).join('|')})`;
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
