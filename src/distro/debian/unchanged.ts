import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { absentAsUndefined } from '../../domain/errno.ts';
import type { PrivateApt } from './apt.ts';
import { type Release, readRelease } from './release-file.ts';
import { APT_HELPER } from './settings.ts';

/** What apt has checked in a folder, and with what. */
interface Checked {
  readonly mirror: string;
  readonly suite: string;
  /** Of the signed file. */
  readonly digest: string;
  /** Digest of the keys that it was checked with. */
  readonly keys: string;
}

/** Of one list of one mirror. */
export interface ListPlace {
  readonly apt: PrivateApt;
  readonly mirror: string;
  readonly suite: string;
  /** File with the trusted keys. */
  readonly keyring: string;
}

const FILE = 'checked.json';

/** Notes what apt has just checked. */
export async function noteChecked(place: ListPlace): Promise<void> {
  const release = await readRelease(join(place.apt.folder, 'state/lists'));
  if (release === undefined) return;
  const { mirror, suite, keyring } = place;
  const checked: Checked = { mirror, suite, digest: release.digest, keys: await digestOf(keyring) };
  await writeFile(join(place.apt.folder, FILE), JSON.stringify(checked));
}

/**
 * Whether the mirror still has, byte for byte, the signed file that apt has checked with these keys: then the lists here are those
 * that it names, and apt needs not be asked again. Where its time is over, or anything is in doubt, apt is asked. `compare`
 * asks the mirror.
 */
export async function isUnchanged(
  place: ListPlace,
  compare: (release: Release) => Promise<boolean>,
): Promise<boolean> {
  const text = await readFile(join(place.apt.folder, FILE), 'utf8').catch(absentAsUndefined);
  const checked = text === undefined ? undefined : parsed(text);
  if (checked === undefined) return false;
  const release = await readRelease(join(place.apt.folder, 'state/lists')).catch(absentAsUndefined);
  return (
    release?.digest === checked.digest &&
    isValid(release) &&
    checked.mirror === place.mirror &&
    checked.suite === place.suite &&
    checked.keys === (await digestOf(place.keyring)) &&
    (await compare(release))
  );
}

function parsed(text: string): Checked | undefined {
  try {
    return JSON.parse(text) as Checked;
  } catch {
    // Half written: the process was killed.
    return undefined;
  }
}

/** By this machine's clock; what is out of it is apt's to refuse or, where the machine says so, to take. */
function isValid({ dated, validUntil }: Release): boolean {
  const now = Date.now();
  return (
    dated !== undefined &&
    Date.parse(dated) <= now &&
    (validUntil === undefined || now < Date.parse(validUntil))
  );
}

/** Has apt's own downloader compare a suite's signed file on the mirror with the one here: it knows proxies, certificates and time-outs. */
export async function mirrorHas(
  { apt, mirror, suite }: ListPlace,
  { file, digest }: Release,
  into: string,
): Promise<boolean> {
  const hash = digest.replace('sha256:', 'SHA256:');
  const run = await apt.run([APT_HELPER, 'download-file', `${mirror}/dists/${suite}/${file}`, into, hash]);
  return run.ok && run.value.ok;
}

/** Whether a mirror has a suite at all, as far as it says so. */
export async function anyHasRelease(
  apt: PrivateApt,
  mirrors: readonly string[],
  suite: string,
  into: string,
): Promise<boolean> {
  for (const mirror of mirrors) {
    for (const file of ['InRelease', 'Release']) {
      const run = await apt.run([APT_HELPER, 'download-file', `${mirror}/dists/${suite}/${file}`, into]);
      if (!run.ok || run.value.ok) return true;
    }
  }
  return false;
}

async function digestOf(file: string): Promise<string> {
  return createHash('sha256')
    .update(await readFile(file))
    .digest('hex');
}
