import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../domain/context.ts';
import { defined } from '../../domain/defined.ts';
import { Once } from '../../domain/once.ts';
import type { LockedPackage } from '../../domain/packages.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import { fingerprint } from '../../store/fingerprint.ts';
import { withTemporaryFolder } from '../../store/scratch.ts';
import type { Json, Store } from '../../store/store.ts';
import type { IndexedPackage, MachineFiles, Mirrors, Newest, NewestRequest } from '../distro.ts';
import { inheritedSettings, PrivateApt } from './apt.ts';
import { SOURCE } from './entries.ts';
import { indexFailure, noMirror } from './failures.ts';
import { findKeyring } from './keyring.ts';
import { aptConfiguration, locateMirrors } from './mirrors.ts';
import { readRelease } from './release-file.ts';
import { openFirst } from './resolve.ts';
import { SYSTEM_PATH } from './settings.ts';
import { anyHasRelease, isUnchanged, mirrorHas, noteChecked } from './unchanged.ts';
import { compareVersions } from './versions.ts';

/**
 * Looks packages up in the list of a suite. The lists stay in a volume of the store, and the mirror is asked each time whether they
 * changed: apt checks their signature where it has another signed file than the one that apt has checked here before.
 */
export async function newestPackages(
  context: Context,
  store: Store,
  request: NewestRequest,
  machine: MachineFiles = {},
): Promise<Result<Newest>> {
  const suite = request.security ? `${request.suite}-security` : request.suite;
  const name = `lists-${suite}-${request.architecture}`;
  const volume = await store.volume(name);
  if (!volume.ok) return volume;
  const lock = await store.lock(`volume-${name}`, { signal: context.signal });
  if (!lock.ok) return lock;
  await using _held = lock.value;
  return withTemporaryFolder(store.folder, 'keyring', async (folder) => {
    const path = machine.path ?? SYSTEM_PATH;
    const { once = new Once() } = request;
    // No lock has a say in it: the snapshot archive, where it comes to that, is asked for today.
    const today = `${new Date().toISOString().slice(0, 19)}Z`;
    const located = await once.get('mirrors', () => locateMirrors(context, [today], machine));
    const none = noMirror(located);
    if (none !== undefined) return err(none);
    const { proxies } = located;
    const keyring = await findKeyring(context, {
      ...{ mirrors: located.urls, proxies, path, folder },
      ...(machine.keyrings && { files: machine.keyrings }),
    });
    if (!keyring.ok) return keyring;
    const configuration = await once.get('apt', () => aptConfiguration(context, path));
    const mirrors = request.security ? { ...located, urls: located.urls.map(securityRoot) } : located;
    const options = {
      ...{ suite, keyring: keyring.value, proxies, path },
      // What apt makes of the lists for its own use takes longer than all the rest.
      settings: [
        ...inheritedSettings(configuration, context.settings.caBundle),
        ['pkgCacheFile::Generate', 'false'],
      ] as const,
    };
    const [first = ''] = mirrors.urls;
    const place = { mirror: first, suite, keyring: keyring.value };
    const apt = await PrivateApt.create(context, join(volume.value, '0'), request.architecture, {
      ...{ ...options, mirror: first },
    });
    const same = await isUnchanged({ ...place, apt }, (release) =>
      once.get(`${first} ${suite} ${release.digest}`, () =>
        mirrorHas({ ...place, apt }, release, join(folder, release.file)),
      ),
    );
    if (same) return readLists(store, apt, request, { ...mirrors, urls: [first] });
    // Of updates for security many mirrors have none, whatever the architecture.
    const there =
      !request.security ||
      (await once.get(`release of ${suite}`, () =>
        anyHasRelease(apt, mirrors.urls, suite, join(folder, 'there')),
      ));
    if (!there) return err(indexFailure(first, suite, []));
    const opened = await openFirst(context, volume.value, request.architecture, mirrors, options);
    if (!opened.ok) return opened;
    const { mirror } = opened.value;
    await noteChecked({ ...place, apt: opened.value.apt, mirror });
    return readLists(store, opened.value.apt, request, { ...mirrors, urls: [mirror] });
  });
}

/** The archive of security updates is beside the main one, also in the snapshot archive. */
function securityRoot(root: string): string {
  return root.replace(/\/debian(?=$|\/\d{8}T\d{6}Z$)/, '/debian-security');
}

/** Incremented when the same list gives other packages. */
const VERSION = 1;

type Found = Readonly<Record<string, IndexedPackage>>;

/** What the lists say of the packages; it stays in the store as long as the signed file is the same. */
async function readLists(
  store: Store,
  apt: PrivateApt,
  { suite, architecture, names }: NewestRequest,
  mirrors: Mirrors,
): Promise<Result<Newest>> {
  const folder = join(apt.folder, 'state/lists');
  const { dated, digest } = (await readRelease(folder)) ?? {};
  const answer = (packages: ReadonlyMap<string, IndexedPackage>) =>
    ok({ mirrors, packages, ...defined({ dated }) });
  if (digest === undefined) return answer(await packagesIn(folder, architecture, names));
  const key = fingerprint({
    ...{ kind: 'newest', version: VERSION, list: digest, suite, architecture },
    names: names.toSorted(),
  });
  const known: unknown = await store.readResult(key);
  if (known !== undefined) return answer(new Map(Object.entries(known as Found)));
  const packages = await packagesIn(folder, architecture, names);
  const kept = await store.writeResult(key, Object.fromEntries(packages) as unknown as Json);
  return kept.ok ? answer(packages) : kept;
}

async function packagesIn(
  folder: string,
  architecture: string,
  names: readonly string[],
): Promise<ReadonlyMap<string, IndexedPackage>> {
  const wanted = new Set(names);
  const packages = new Map<string, IndexedPackage>();
  for (const file of await readdir(folder)) {
    if (!/_(?:Packages|Sources)$/.test(file)) continue;
    const text = await readFile(join(folder, file));
    for (const fields of stanzas(text, wanted)) {
      const name = fields.get('Package') ?? '';
      const one = indexed(name, fields, architecture);
      const known = packages.get(name);
      if (known === undefined || compareVersions(one.version, known.version) > 0) packages.set(name, one);
    }
  }
  return packages;
}

const PACKAGE = Buffer.from('Package: ');

/**
 * The fields of packages with these names; what is only kept for another source package's sake is left out. Of tens of megabytes only these
 * become text.
 */
function* stanzas(list: Buffer, wanted: ReadonlySet<string>): Generator<ReadonlyMap<string, string>> {
  for (let at = 0; at < list.length; ) {
    const blank = list.indexOf('\n\n', at);
    const end = blank < 0 ? list.length : blank;
    if (list.compare(PACKAGE, 0, PACKAGE.length, at, Math.min(at + PACKAGE.length, end)) === 0) {
      const name = list.toString('utf8', at + PACKAGE.length, list.indexOf('\n', at)).trim();
      if (wanted.has(name)) {
        const fields = fieldsOf(list.toString('utf8', at, end));
        if (fields.get('Extra-Source-Only') !== 'yes') yield fields;
      }
    }
    at = end + 2;
  }
}

/** Fields with their further lines. Format: deb822(5). */
function fieldsOf(stanza: string): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  for (const [, name = '', value = ''] of stanza.matchAll(/^([^\s:]+):[ \t]*(.*(?:\n[ \t].*)*)/gm))
    fields.set(name, value);
  return fields;
}

function indexed(name: string, fields: ReadonlyMap<string, string>, architecture: string): IndexedPackage {
  const version = fields.get('Version') ?? '';
  if (architecture === SOURCE) {
    const file = changelogArchive(name, version, fields);
    return { version, source: { name, version }, ...defined({ file }) };
  }
  // `Source: openssl`, and where the versions differ `Source: gcc-defaults (1.220)`: Debian Policy, 5.6.1.
  const [, source = name, of = version] = /^(\S+)(?: \((.+)\))?$/.exec(fields.get('Source') ?? '') ?? [];
  return { version, source: { name: source, version: of }, ...defined({ file: packageFile(fields) }) };
}

function packageFile(fields: ReadonlyMap<string, string>): LockedPackage | undefined {
  const of = (key: string): string => fields.get(key) ?? '';
  const file: LockedPackage = {
    ...{
      name: of('Package'),
      version: of('Version'),
      architecture: of('Architecture'),
      path: of('Filename'),
    },
    digest: `sha256:${of('SHA256')}`,
    size: Number(of('Size')),
  };
  return /^sha256:[0-9a-f]{64}$/.test(file.digest) && file.path !== '' ? file : undefined;
}

/** The archive with `debian/`, or the only one of a package that Debian itself is the upstream of. */
function changelogArchive(
  name: string,
  version: string,
  fields: ReadonlyMap<string, string>,
): LockedPackage | undefined {
  const files = (fields.get('Checksums-Sha256') ?? '').split('\n').flatMap((line) => {
    const match = /^\s*([0-9a-f]{64}) (\d+) (\S+\.tar\.(?:xz|gz))$/.exec(line);
    return match === null ? [] : [match.slice(1) as [string, string, string]];
  });
  const own = files.find(([, , file]) => /\.debian\.tar\.\w+$/.test(file));
  const found = own ?? (files.length === 1 ? files[0] : undefined);
  const folder = fields.get('Directory');
  if (found === undefined || folder === undefined) return undefined;
  const [sum, size, file] = found;
  return {
    ...{ name, version, architecture: SOURCE, path: `${folder}/${file}` },
    digest: `sha256:${sum}`,
    size: Number(size),
  };
}
