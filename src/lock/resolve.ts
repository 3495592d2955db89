import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../domain/context.ts';
import type { Lock, LockedPackage, PackageSet } from '../domain/packages.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Failure } from '../failure.ts';
import { onDisk } from '../store/disk.ts';
import { removeTree, temporaryFolder } from '../store/temporary.ts';
import { type AptWorld, PrivateApt, SOURCE, travellingOptions } from './apt.ts';
import { definitionChecksum, type LockedDefinition, packageSets } from './checksum.ts';
import { findKeyring } from './keyring.ts';
import { aptConfiguration, type Mirrors, mirrors } from './mirrors.ts';
import { type KnownElsewhere, knownPackages, resolveSet } from './packages.ts';
import { SYSTEM_PATH } from './settings.ts';
import { resolveSources } from './source-packages.ts';
import { indexFailure } from './trouble.ts';

export interface ResolveOptions {
  /** Files that may be the archive's keyring; where not given, where Debian keeps it. */
  readonly keyrings?: readonly string[];
  /** Where apt and dpkg are looked for; where not given, the system's folders. */
  readonly path?: string;
  /** apt's configuration folder, for the mirrors it names; `/etc/apt` where not given. */
  readonly aptFolder?: string;
}

/**
 * Finds the exact packages of a definition, by apt, in a private root per architecture. Failures: `lock/no-apt`,
 * `lock/no-keyring`, `lock/untrusted`, `lock/no-mirror`, `lock/unknown-package`, `lock/unsatisfiable`,
 * `lock/inconsistent`, and those of the disk.
 */
export async function resolveLock(
  context: Context,
  definition: LockedDefinition,
  options: ResolveOptions = {},
): Promise<Result<Lock>> {
  const folder = await workFolder(context);
  if (!folder.ok) return folder;
  try {
    const resolved = `${new Date().toISOString().slice(0, 19)}Z`;
    const path = options.path ?? SYSTEM_PATH;
    const found = await mirrors(context, resolved, {
      path,
      ...(options.aptFolder && { aptFolder: options.aptFolder }),
    });
    const keyring = await findKeyring(context, {
      ...(options.keyrings && { files: options.keyrings }),
      mirrors: found.urls,
      proxies: found.proxies,
      path,
      folder: folder.value,
    });
    if (!keyring.ok) return keyring;
    const { caBundle } = context.settings;
    const world = {
      suite: definition.suite,
      keyring: keyring.value,
      proxies: found.proxies,
      options: travellingOptions(await aptConfiguration(context, path), caBundle),
      path,
    };
    const sets = await resolveSets(context, folder.value, packageSets(definition), found, world);
    if (!sets.ok) return sets;
    return ok({
      schema: 1,
      definition: definitionChecksum(definition),
      suite: definition.suite,
      resolved,
      sets: sets.value,
    });
  } finally {
    await removeTree(folder.value);
  }
}

/** Sets of one architecture share a root: the index is fetched once. */
async function resolveSets(
  context: Context,
  folder: string,
  sets: Readonly<Record<string, PackageSet>>,
  found: Mirrors,
  world: Omit<AptWorld, 'mirror'>,
): Promise<Result<Record<string, readonly LockedPackage[]>>> {
  const apts = new Map<string, PrivateApt>();
  const aptOf = async (architecture: string): Promise<Result<PrivateApt>> => {
    const there = apts.get(architecture);
    if (there !== undefined) return ok(there);
    const opened = await openApt(context, join(folder, architecture), architecture, found, world);
    if (opened.ok) apts.set(architecture, opened.value);
    return opened;
  };
  const locked: Record<string, readonly LockedPackage[]> = {};
  for (const [name, set] of Object.entries(sets)) {
    const apt = await aptOf(set.architecture);
    if (!apt.ok) return apt;
    const packages =
      set.architecture === SOURCE
        ? await resolveSources(apt.value, name, set)
        : await resolveSet(apt.value, name, set, elsewhere(set.others ?? [], aptOf));
    if (!packages.ok) return packages;
    locked[name] = packages.value;
  }
  return ok(locked);
}

/** Looks through the indexes of other architectures, and reads no more of them than it takes. */
function elsewhere(
  architectures: readonly string[],
  aptOf: (architecture: string) => Promise<Result<PrivateApt>>,
): KnownElsewhere {
  return async (names) => {
    const known: string[] = [];
    for (const architecture of architectures) {
      if (names.every((name) => known.includes(name))) break;
      const apt = await aptOf(architecture);
      if (!apt.ok) return apt;
      const there = await knownPackages(apt.value, names);
      if (!there.ok) return there;
      known.push(...there.value);
    }
    return ok(known);
  };
}

/** A root with the suite's index in it, from the first mirror that has it. */
async function openApt(
  context: Context,
  folder: string,
  architecture: string,
  found: Mirrors,
  world: Omit<AptWorld, 'mirror'>,
): Promise<Result<PrivateApt>> {
  const troubles: Failure[] = [];
  for (const [index, mirror] of found.urls.entries()) {
    const apt = await PrivateApt.create(context, join(folder, String(index)), architecture, {
      ...world,
      mirror,
    });
    const updated = await apt.update();
    if (!updated.ok) return updated;
    if (updated.value.ok) return ok(apt);
    const trouble = indexFailure(mirror, world.suite, updated.value.messages);
    // A mirror that is wrongly signed is not passed over in silence: someone may be in between.
    if (trouble.code === 'lock/untrusted') return err(trouble);
    troubles.push(trouble);
  }
  const [first, ...also] = troubles;
  if (first === undefined) throw new Error('no mirror to resolve from');
  return err(also.length === 0 ? first : { ...first, also });
}

/** Below the store's `tmp/`, where what a killed process leaves is swept. Made also where no store is open. */
async function workFolder(context: Context): Promise<Result<string>> {
  const { store } = context.settings;
  return onDisk(store, async () => {
    await mkdir(join(store, 'tmp'), { recursive: true });
    return temporaryFolder(store);
  });
}
