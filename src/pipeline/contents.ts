import { stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { Compression } from '../archive/content.ts';
import { pickFiles } from '../archive/pick.ts';
import { distribution } from '../distro/distribution.ts';
import { defined } from '../domain/defined.ts';
import type { LockedPackage } from '../domain/packages.ts';
import { ok, type Result } from '../domain/result.ts';
import { fetchPackages } from '../fetch/fetch.ts';
import type { LicenceText } from '../sbom/model.ts';
import { fingerprint } from '../store/fingerprint.ts';
import type { Json } from '../store/store.ts';
import type { Session } from './session.ts';

/** What package files say of themselves, as far as a bill of materials needs it. */
export interface PackageContents {
  /** Libraries, archives of objects and objects, by their paths. */
  readonly binaries: readonly string[];
  /** Licences at the top of a source archive. */
  readonly texts: readonly LicenceText[];
  /** What CPython says of the sources of others that it contains (`Misc/sbom.spdx.json`). */
  readonly bundled?: string;
  /** What their own headers say, and theirs are right where the two differ: name → version. */
  readonly versions?: Readonly<Record<string, string>>;
  /** What the distribution's own archive of a source package says that its version is: whole, as no file name has it. */
  readonly version?: string;
}

/** By the digest of the package file. */
export type Contents = Readonly<Record<string, PackageContents>>;

/** Incremented when the same package gives another record. */
const VERSION = 3;

const BINARY = /\.(?:so(?:\.[0-9.]+)?|a|o|rlib)$/;
const LICENCE = /^[^/]+\/(?:LICEN[CS]E|COPYING|COPYRIGHT|NOTICE)[^/]*$/i;
const BUNDLED = /^[^/]+\/Misc\/sbom\.spdx\.json$/;

/** Headers of CPython's sources with the version of a library of others. */
const HEADERS: Readonly<Record<string, (text: string) => string | undefined>> = {
  'Modules/expat/expat.h': (text) => {
    const numbers = [...text.matchAll(/^#\s*define XML_(?:MAJOR|MINOR|MICRO)_VERSION (\d+)/gm)];
    return numbers.length === 3 ? numbers.map(([, number]) => number).join('.') : undefined;
  },
  'Modules/_decimal/libmpdec/mpdecimal.h': (text) => /^#\s*define MPD_VERSION "([^"]+)"/m.exec(text)?.[1],
  // The number of 2.1.2 is 212.
  'Include/internal/mimalloc/mimalloc.h': (text) =>
    /^#\s*define MI_MALLOC_VERSION (\d)(\d)(\d)\b/m.exec(text)?.slice(1).join('.'),
};
const NAMES: Readonly<Record<string, string>> = {
  'Modules/expat/expat.h': 'expat',
  'Modules/_decimal/libmpdec/mpdecimal.h': 'mpdecimal',
  'Include/internal/mimalloc/mimalloc.h': 'mimalloc',
};

/** The path of a file within a source archive, which has one folder. */
function inside(name: string): string {
  return name.slice(name.indexOf('/') + 1);
}

function versionsIn(files: ReadonlyMap<string, Buffer>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    [...files].flatMap(([name, bytes]) => {
      const version = HEADERS[inside(name)]?.(bytes.toString('utf8'));
      return version === undefined ? [] : [[NAMES[inside(name)] ?? '', version] as const];
    }),
  );
}

/** Reads package files and source archives; what was read is kept in the store. Failures: those of fetching. */
export async function packageContents(
  session: Session,
  packages: readonly LockedPackage[],
  resolved: string,
): Promise<Result<Contents>> {
  const { context, store } = session;
  const contents: Record<string, PackageContents> = {};
  const unread: LockedPackage[] = [];
  for (const one of new Map(packages.map((locked) => [locked.digest, locked])).values()) {
    if (compressionOf(one.path) === undefined) continue;
    const known = await store.readResult<PackageContents & Json>(keyOf(one), { anywhere: true });
    if (known === undefined) unread.push(one);
    else contents[one.digest] = known;
  }
  if (unread.length === 0) return ok(contents);
  const mirrors = await distribution.locate(context, [resolved]);
  for await (const item of fetchPackages(context, store, unread, mirrors, { stage: 'bundle' })) {
    if (!item.ok) return item;
    const { package: one, file } = item.value;
    const read = await readOne(session, one, file);
    if (!read.ok) return read;
    const written = await store.writeResult(keyOf(one), read.value as PackageContents & Json, {
      anywhere: true,
    });
    if (!written.ok) return written;
    contents[one.digest] = read.value;
  }
  return ok(contents);
}

function keyOf({ digest }: LockedPackage): string {
  return fingerprint({ what: 'contents of a package', version: VERSION, package: digest });
}

async function readOne(
  { context }: Session,
  one: LockedPackage,
  file: string,
): Promise<Result<PackageContents>> {
  const source = one.architecture === distribution.sources.architecture;
  const compression = compressionOf(one.path) ?? 'none';
  const stretch = source
    ? { range: { file, start: 0, size: (await stat(file)).size }, compression }
    : distribution.openPackage(one.path, file);
  const isChangelog = (name: string): boolean => distribution.updates.changelogIn([name]) !== undefined;
  const wanted = (name: string): boolean =>
    source &&
    (LICENCE.test(name) || BUNDLED.test(name) || Object.hasOwn(HEADERS, inside(name)) || isChangelog(name));
  const picked = await pickFiles(one.path, stretch, wanted, context.signal);
  if (!picked.ok) return picked;
  const { names, files } = picked.value;
  const bundled = [...files].find(([name]) => BUNDLED.test(name))?.[1];
  const changelog = [...files].find(([name]) => isChangelog(name))?.[1].toString('utf8');
  return ok({
    binaries: source ? [] : names.filter((name) => BINARY.test(name)),
    texts: [...files]
      .filter(([name]) => LICENCE.test(name))
      .map(([name, bytes]) => ({ name: basename(name), text: bytes.toString('utf8') }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
    ...defined({ version: changelog && distribution.updates.newestIn(changelog) }),
    ...(bundled === undefined ? {} : { bundled: bundled.toString('utf8'), versions: versionsIn(files) }),
  });
}

/** How the file itself, or what is in it, is compressed; undefined where nothing here reads it. */
function compressionOf(path: string): Compression | undefined {
  if (path.endsWith('.xz')) return 'xz';
  if (path.endsWith('.gz')) return 'gz';
  return path.endsWith('.bz2') ? undefined : 'none';
}
