import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../domain/context.ts';
import { defined } from '../../domain/defined.ts';
import type { LockedPackage, PackageSet, SourceList } from '../../domain/packages.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import type { Failure } from '../../failure.ts';
import { onDisk } from '../../store/disk.ts';
import { removeTree, temporaryFolder } from '../../store/temporary.ts';
import type { MachineFiles, Mirrors, ResolvedSets, ResolveRequest } from '../distro.ts';
import { type AptOptions, inheritedSettings, PrivateApt } from './apt.ts';
import { SOURCE } from './entries.ts';
import { indexFailure, noMirror } from './failures.ts';
import { findKeyring } from './keyring.ts';
import { aptConfiguration, locateMirrors } from './mirrors.ts';
import { type KnownElsewhere, knownPackages, resolveSet } from './packages.ts';
import { readRelease } from './release-file.ts';
import { SYSTEM_PATH } from './settings.ts';
import { resolveSources } from './source-packages.ts';

/**
 * Finds the exact packages of each set, by apt, in a private root per architecture. Failures: `lock/no-apt`,
 * `lock/no-keyring`, `lock/untrusted`, `lock/no-mirror`, `lock/unknown-package`, `lock/unknown-source`,
 * `lock/unsatisfiable`, `lock/inconsistent`, and those of the disk.
 */
export async function resolveSets(
  context: Context,
  { suite, sets, resolved }: ResolveRequest,
  machine: MachineFiles = {},
): Promise<Result<ResolvedSets>> {
  const folder = await workFolder(context);
  if (!folder.ok) return folder;
  try {
    const path = machine.path ?? SYSTEM_PATH;
    const mirrors = await locateMirrors(context, [resolved], machine);
    const none = noMirror(mirrors);
    if (none !== undefined) return err(none);
    const keyring = await findKeyring(context, {
      ...(machine.keyrings && { files: machine.keyrings }),
      mirrors: mirrors.urls,
      proxies: mirrors.proxies,
      path,
      folder: folder.value,
    });
    if (!keyring.ok) return keyring;
    const options = {
      suite,
      keyring: keyring.value,
      proxies: mirrors.proxies,
      settings: inheritedSettings(await aptConfiguration(context, path), context.settings.caBundle),
      path,
    };
    return await resolveEach(context, folder.value, sets, mirrors, options);
  } finally {
    await removeTree(folder.value);
  }
}

/** Sets of one suite and architecture share a root: the index is fetched once. */
async function resolveEach(
  context: Context,
  folder: string,
  sets: Readonly<Record<string, PackageSet>>,
  mirrors: Mirrors,
  options: Omit<AptOptions, 'mirror'>,
): Promise<Result<ResolvedSets>> {
  const apts = new Map<string, PrivateApt>();
  const lists: SourceList[] = [];
  const aptOf = async (architecture: string, suite: string): Promise<Result<PrivateApt>> => {
    const key = `${suite}-${architecture}`;
    const there = apts.get(key);
    if (there !== undefined) return ok(there);
    const opened = await openApt(context, join(folder, key), architecture, mirrors, { ...options, suite });
    if (!opened.ok) return opened;
    apts.set(key, opened.value);
    const release = await readRelease(join(opened.value.folder, 'state/lists'));
    if (release !== undefined) {
      const { digest, dated } = release;
      lists.push({ suite, architecture, digest, ...defined({ dated }) });
    }
    return opened;
  };
  const resolveBinaries = async (name: string, set: PackageSet) => {
    const { suite = options.suite, architecture, others = [] } = set;
    const apt = await aptOf(architecture, suite);
    const known = elsewhere(others, (one) => aptOf(one, suite));
    return apt.ok ? resolveSet(apt.value, name, set, known) : apt;
  };
  const locked: Record<string, readonly LockedPackage[]> = {};
  for (const [name, set] of Object.entries(sets)) {
    const packages =
      set.architecture === SOURCE
        ? await resolveSources((suite = options.suite) => aptOf(SOURCE, suite), name, set)
        : await resolveBinaries(name, set);
    if (!packages.ok) return packages;
    locked[name] = packages.value;
  }
  return ok({ sets: locked, lists: lists.toSorted((a, b) => (listKey(a) < listKey(b) ? -1 : 1)) });
}

function listKey({ suite, architecture }: SourceList): string {
  return `${suite} ${architecture}`;
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
  mirrors: Mirrors,
  options: Omit<AptOptions, 'mirror'>,
): Promise<Result<PrivateApt>> {
  const opened = await openFirst(context, folder, architecture, mirrors, options);
  return opened.ok ? ok(opened.value.apt) : opened;
}

/** The same, and which mirror it is. */
export async function openFirst(
  context: Context,
  folder: string,
  architecture: string,
  mirrors: Mirrors,
  options: Omit<AptOptions, 'mirror'>,
): Promise<Result<{ readonly apt: PrivateApt; readonly mirror: string }>> {
  const failures: Failure[] = [];
  for (const [index, mirror] of mirrors.urls.entries()) {
    const apt = await PrivateApt.create(context, join(folder, String(index)), architecture, {
      ...options,
      mirror,
    });
    const updated = await apt.update();
    if (!updated.ok) return updated;
    if (updated.value.ok) return ok({ apt, mirror });
    const failure = indexFailure(mirror, options.suite, updated.value.messages);
    // A mirror that is wrongly signed is not passed over in silence: someone may be in between.
    if (failure.code === 'lock/untrusted') return err(failure);
    failures.push(failure);
  }
  const [first, ...also] = failures;
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
