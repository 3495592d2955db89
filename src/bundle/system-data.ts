import { copyFile, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { LockedPackage } from '../domain/packages.ts';
import type { StoredTree } from '../domain/stored-tree.ts';
import type { BundledData, SystemData } from '../domain/system-data.ts';

/** What a bundle brings of a system's data, and where it is taken from. */
export interface SystemDataSource {
  readonly tree: StoredTree;
  readonly data: readonly BundledData[];
}

/** The packages of the image that data comes from (`docker/system-data`). */
const PACKAGES: Readonly<Record<SystemData, string>> = {
  certificates: 'ca-certificates',
  zoneinfo: 'tzdata',
  'mime-types': 'media-types',
  services: 'netbase',
};

/** Folder beside the modules of the standard library; what is appended to them looks there. */
const FOLDER = 'system-data';

/** The package that `zoneinfo` looks into where a system has no zones. */
const PACKAGE = 'tzdata';

/** Whether a path in a bundle is data of a system, or a module with nothing but data. */
export function isSystemData(path: string, stdlib: string): boolean {
  return [FOLDER, PACKAGE].some((folder) => path.startsWith(`${stdlib}/${folder}/`));
}

/** What of it is wanted, with the packages of the image's lock. */
export function describeData(
  wanted: readonly SystemData[],
  packages: readonly LockedPackage[],
): readonly BundledData[] {
  return wanted.flatMap((data) => {
    const found = packages.find(({ name }) => name === PACKAGES[data]);
    return found === undefined ? [] : [{ data, package: found.name, version: found.version }];
  });
}

/** Writes data of a system into the folder of a standard library. */
export async function addSystemData(library: string, { tree, data }: SystemDataSource): Promise<void> {
  await mkdir(join(library, FOLDER), { recursive: true });
  for (const one of data) await WRITERS[one.data](library, tree.folder);
}

const WRITERS: Readonly<Record<SystemData, (library: string, root: string) => Promise<void>>> = {
  certificates: async (library, root) => {
    await writeFile(join(library, FOLDER, 'ca-certificates.crt'), await certificates(root));
  },
  zoneinfo: addZones,
  'mime-types': (library, root) =>
    copyFile(join(root, 'etc/mime.types'), join(library, FOLDER, 'mime.types')),
  services: (library, root) => copyFile(join(root, 'etc/services'), join(library, FOLDER, 'services')),
};

/** Every certificate of the package, each of which is a file, in one: what its maintainer script makes of them. */
async function certificates(root: string): Promise<string> {
  const folder = join(root, 'usr/share/ca-certificates/mozilla');
  const names = (await readdir(folder)).filter((name) => name.endsWith('.crt')).sort();
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
  return texts.map((text) => (text.endsWith('\n') ? text : `${text}\n`)).join('');
}

const ZONES = 'usr/share/zoneinfo';
/** Laid out as the package `tzdata` of the Python Package Index, which `zoneinfo` looks into where a system has no zones. */
async function addZones(library: string, root: string): Promise<void> {
  const to = join(library, PACKAGE, 'zoneinfo');
  for (const path of await zoneFiles(root)) {
    await mkdir(dirname(join(to, path)), { recursive: true });
    // Older names of zones are links.
    await copyFile(join(root, ZONES, path), join(to, path));
  }
}

/** Paths below the folder of zones: those whose file is one (tzfile(5)), and the tables beside them. */
async function zoneFiles(root: string, folder = ''): Promise<readonly string[]> {
  const entries = await readdir(join(root, ZONES, folder), { withFileTypes: true });
  const paths = await Promise.all(
    entries.map(async (entry) => {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      return entry.isDirectory() ? zoneFiles(root, path) : [path];
    }),
  );
  return paths.flat().sort();
}

/** Modules and lists of that package that are no zones: path in the standard library → text. */
export async function zoneModules({
  tree,
  data,
}: SystemDataSource): Promise<Readonly<Record<string, string>>> {
  const version = data.find((one) => one.data === 'zoneinfo')?.version;
  if (version === undefined) return {};
  const files = await zoneFiles(tree.folder);
  const keys: string[] = [];
  for (const path of files) if (await isZone(join(tree.folder, ZONES, path))) keys.push(path);
  const folders = new Set(files.map((path) => dirname(path)).filter((folder) => folder !== '.'));
  const packages = ['zoneinfo', ...[...folders].sort().map((folder) => `zoneinfo/${folder}`)];
  return {
    [`${PACKAGE}/__init__.py`]: `IANA_VERSION = "${version.split('-')[0]}"\n`,
    [`${PACKAGE}/zones`]: `${keys.join('\n')}\n`,
    ...Object.fromEntries(packages.map((name) => [`${PACKAGE}/${name}/__init__.py`, ''])),
  };
}

async function isZone(file: string): Promise<boolean> {
  return (await readFile(file)).subarray(0, 4).toString('latin1') === 'TZif';
}
