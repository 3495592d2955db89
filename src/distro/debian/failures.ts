import { withoutLogin } from '../../domain/address.ts';
import { closest } from '../../domain/closest.ts';
import type { Failure } from '../../failure.ts';
import type { Mirrors } from '../distro.ts';
import { advice } from './advice.ts';
import type { PrivateApt } from './apt.ts';
import { MIRROR_VARIABLE } from './settings.ts';

/** What apt, gpgv and sqv print when an index is unsigned or its signature is not valid. */
const UNTRUSTED = /NO_PUBKEY|BADSIG|EXPKEYSIG|REVKEYSIG|EXPSIG|NOSPLIT|NODATA|GPG error|OpenPGP|signature/i;

/** What apt prints of a list that says until when it is valid (`Valid-Until`), when that is over. */
const EXPIRED = /^E: Release file for .* is expired/;

/** Why `apt-get update` failed to bring an index. */
export function indexFailure(mirror: string, suite: string, messages: readonly string[]): Failure {
  const evidence = [...new Set(messages.filter((line) => /^(Err|[EW]:|\s)/.test(line)))];
  const unfetched = evidence.some((line) => /^E: Failed to fetch/.test(line));
  const unsigned = evidence.some((line) => /is not signed/.test(line)) && !unfetched;
  if (unsigned || evidence.some((line) => UNTRUSTED.test(line))) return untrusted(mirror, suite, evidence);
  if (evidence.some((line) => EXPIRED.test(line))) return expired(mirror, suite, evidence);
  return {
    code: 'lock/no-mirror',
    what: `The index of ${suite} could not be fetched from ${withoutLogin(mirror)}.`,
    fix: [
      'Check the network, the proxy settings (`http_proxy`, `https_proxy`) and the date of this machine.',
      advice.otherMirror,
    ],
    evidence,
  };
}

function expired(mirror: string, suite: string, evidence: readonly string[]): Failure {
  return {
    code: 'lock/old-list',
    what: `The index of ${suite} at ${withoutLogin(mirror)} is no longer valid; nothing of it was used.`,
    why: 'The mirror is behind, something between it and this machine serves an old list, or the clock of this machine is wrong.',
    fix: [advice.otherMirror, 'Check the date: `date`.'],
    evidence,
  };
}

function untrusted(mirror: string, suite: string, evidence: readonly string[]): Failure {
  return {
    code: 'lock/untrusted',
    what: `The index of ${suite} at ${withoutLogin(mirror)} is not signed by Debian's archive keys; nothing of it was used.`,
    why: 'The mirror, or something between it and this machine, serves something else; or the keyring is older than the suite.',
    fix: [advice.otherMirror, 'Bring the package `debian-archive-keyring` up to date.'],
    evidence,
  };
}

/** Why apt found no packages for a set: names that the suite does not have, or dependencies that conflict. */
export async function resolutionFailure(
  apt: PrivateApt,
  set: string,
  messages: readonly string[],
): Promise<Failure> {
  const unknown = messages.flatMap((line) => {
    const name = /^E: Unable to locate package (\S+)/.exec(line)?.[1];
    const empty = /^E: Package '?([^\s']+)'? has no installation candidate/.exec(line)?.[1];
    return name ?? empty ?? [];
  });
  if (unknown.length > 0) return unknownPackages(apt, set, unknown);
  return {
    code: 'lock/unsatisfiable',
    what: `The packages of the set "${set}" (${apt.architecture}) cannot be installed together.`,
    fix: ['Change the packages of the definition; the lines below name the conflict.'],
    evidence: messages.filter((line) => !/^(Reading|Building|Solving).*\.\.\./.test(line)),
  };
}

/** Packages that the suite does not have, each with what may have been meant. */
export async function unknownPackages(
  apt: PrivateApt,
  set: string,
  names: readonly string[],
): Promise<Failure> {
  const known = await packageNames(apt);
  const failures: Failure[] = [];
  for (const name of new Set(names)) {
    const meant = await nearest(apt, name, known);
    failures.push({
      code: 'lock/unknown-package',
      entry: name,
      what: `There is no package "${name}" for ${apt.architecture} (set "${set}").`,
      fix: [meant === undefined ? 'Check its name in the definition.' : `Did you mean \`${meant}\`?`],
    });
  }
  const [first, ...also] = failures;
  if (first === undefined) throw new Error('no unknown package');
  return also.length === 0 ? first : { ...first, also };
}

/** How many near names are looked at: most are of packages that there are. */
const NEAREST = 5;

/** The nearest name of a package that can be installed. The index also has names that others merely mention. */
async function nearest(apt: PrivateApt, name: string, known: readonly string[]): Promise<string | undefined> {
  // Only names that can be near: the whole index against each is slow.
  let near = known.filter((each) => Math.abs(each.length - name.length) <= name.length / 3 && each !== name);
  for (let tried = 0; tried < NEAREST; tried += 1) {
    const meant = closest(name, near);
    if (meant === undefined) return undefined;
    const shown = await apt.run(['apt-cache', 'show', '--no-all-versions', meant]);
    if (shown.ok && shown.value.stdout.includes(`Package: ${meant}\n`)) return meant;
    near = near.filter((each) => each !== meant);
  }
  return undefined;
}

async function packageNames(apt: PrivateApt): Promise<readonly string[]> {
  const run = await apt.run(['apt-cache', 'pkgnames']);
  return run.ok && run.value.ok ? run.value.stdout.split('\n').filter(Boolean) : [];
}

/** The failure where there is no mirror at all. */
export function noMirror({ urls, why }: Mirrors): Failure | undefined {
  if (urls.length > 0) return undefined;
  return {
    code: 'lock/no-mirror',
    what: 'No mirror of Debian is known.',
    why,
    fix: [`Name one: \`${MIRROR_VARIABLE}=<address ending in /debian>\`.`],
  };
}
