import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Context } from '../../domain/context.ts';
import { runProcess } from '../../exec/process.ts';
import type { MachineFiles, Mirrors } from '../distro.ts';
import type { AptSettings } from './apt.ts';
import { type AptSource, parseDeb822, parseOneLine } from './apt-sources.ts';
import { APT_FOLDER, MIRROR_VARIABLE, SYSTEM_PATH } from './settings.ts';

/** Suites of Debian's own archive, for sources that do not name their keyring. */
const SUITE =
  /^(stable|oldstable|oldoldstable|testing|unstable|sid|bullseye|bookworm|trixie|forky|duke)(-updates|-backports)?\/?$/;

/** What stands for the time in the address of a snapshot archive (apt.conf(5), `Acquire::Snapshots::URI`). */
const SNAPSHOT_ID = '@SNAPSHOTID@';

/** Where apt's configuration names the snapshot archive of Debian; the first that is set counts. */
const SNAPSHOT_KEYS = ['override::origin', 'origin'].map((key) => `acquire::snapshots::uri::${key}::debian`);

/**
 * The mirrors to use, best first: those that the user set, else those the machine's own apt reads Debian from, and behind
 * these the snapshot archive that apt's configuration names, as it was at each of the times (ISO 8601): it has every file a
 * lock of that time names. There may be none.
 */
export async function locateMirrors(
  context: Context,
  resolved: readonly string[],
  machine: MachineFiles = {},
): Promise<Mirrors> {
  const { settings } = context;
  const proxies = lowerCase(settings.proxies);
  if (settings.mirrors.length > 0) {
    return {
      urls: unique(settings.mirrors.flatMap((mirror) => atTimes(mirror, resolved)).map(withoutSlash)),
      proxies,
      why: `${MIRROR_VARIABLE} names the mirrors.`,
    };
  }
  const configured = await aptMirrors(machine.configuration ?? APT_FOLDER);
  const apt = await aptConfiguration(context, machine.path ?? SYSTEM_PATH);
  const snapshots = unique(atTimes(snapshotArchive(apt), resolved).map(withoutSlash));
  const behind = snapshots.length === 0 ? '' : '; the snapshot archive that it names is the last resort';
  return {
    urls: [...configured, ...snapshots],
    proxies: withAptProxies(proxies, apt),
    why:
      configured.length > 0
        ? `The apt configuration of this machine names the mirrors${behind}.`
        : snapshots.length > 0
          ? 'apt of this machine names no mirror of Debian: the snapshot archive that it names is used.'
          : 'apt of this machine names no mirror of Debian.',
    ...(configured.length > 0 ? { lastResorts: snapshots.length } : {}),
  };
}

/** The address that apt's configuration has, with a place for the time; empty where it has none. */
function snapshotArchive(configuration: AptSettings): string {
  const values = SNAPSHOT_KEYS.map(
    (wanted) => configuration.find(([key]) => key.toLowerCase() === wanted)?.[1],
  );
  return values.find((value) => value?.includes(SNAPSHOT_ID)) ?? '';
}

/** An address as it is at each of the times, where it has a place for one; none for an empty one. */
function atTimes(address: string, resolved: readonly string[]): readonly string[] {
  if (address === '') return [];
  if (!address.includes(SNAPSHOT_ID)) return [address];
  return unique(resolved).map((time) => address.replaceAll(SNAPSHOT_ID, snapshotName(time)));
}

/** `2026-01-31T12:00:00Z` → `20260131T120000Z`, as the snapshot archive names its times. */
export function snapshotName(resolved: string): string {
  return resolved.replaceAll(/[-:]/g, '');
}

/** What `apt-config dump` prints. */
export async function aptConfiguration(context: Context, path: string): Promise<AptSettings> {
  const run = await runProcess({
    argv: ['apt-config', 'dump'],
    env: { PATH: path, LC_ALL: 'C' },
    timeoutMs: 10_000,
    signal: context.signal,
  });
  // Without apt there is no configuration of apt: that is no failure here.
  if (!run.ok || run.value.status !== 0) return [];
  return Buffer.from(run.value.stdout)
    .toString('utf8')
    .split('\n')
    .flatMap((line) => {
      const match = /^(\S+) "(.*)";$/.exec(line);
      return match === null ? [] : [[match[1] ?? '', match[2] ?? ''] as const];
    });
}

async function aptMirrors(folder: string): Promise<readonly string[]> {
  const files = [
    'sources.list',
    ...(await names(join(folder, 'sources.list.d'))).map((name) => `sources.list.d/${name}`),
  ];
  const sources: AptSource[] = [];
  for (const file of files) {
    const text = await readOrEmpty(join(folder, file));
    if (file.endsWith('.list')) sources.push(...parseOneLine(text));
    else if (file.endsWith('.sources')) sources.push(...parseDeb822(text));
  }
  const uris = await Promise.all(sources.filter(isDebian).flatMap((source) => source.uris.map(archiveRoots)));
  return unique(uris.flat().filter(isArchiveRoot));
}

/** Debian's main archive, recognised by its keyring or its suites; not its security archive, not a third party's. */
function isDebian(source: AptSource): boolean {
  const keyring = source.signedBy.some((key) => key.includes('debian-archive'));
  const suites = source.signedBy.length === 0 && source.suites.some((suite) => SUITE.test(suite));
  return source.components.includes('main') && (keyring || suites);
}

function isArchiveRoot(uri: string): boolean {
  return (
    URL.canParse(uri) && /^https?:$/.test(new URL(uri).protocol) && new URL(uri).pathname.endsWith('/debian')
  );
}

/** The roots an URI stands for: itself, or what the list that it points at names (apt-transport-mirror(1)). */
async function archiveRoots(uri: string): Promise<readonly string[]> {
  const list = /^mirror\+file:(?:\/\/)?(\/.*)$/.exec(uri)?.[1];
  if (list === undefined) return [withoutSlash(uri)];
  const lines = (await readOrEmpty(list)).split('\n').filter((line) => !line.startsWith('#'));
  return lines
    .flatMap((line) => line.trim().split(/\s+/, 1))
    .filter(Boolean)
    .map(withoutSlash);
}

/** apt's own proxy settings (apt-transport-http(1)) win over the environment's for what apt would fetch. */
function withAptProxies(
  environment: Readonly<Record<string, string>>,
  configuration: AptSettings,
): Readonly<Record<string, string>> {
  const proxies: Record<string, string> = { ...environment };
  for (const [key, value] of configuration) {
    const match = /^acquire::(https?)::proxy(?:::(.+))?$/i.exec(key);
    if (match === null || value === '') continue;
    const [, scheme = '', host] = match;
    const direct = value.toUpperCase() === 'DIRECT';
    if (host !== undefined && direct) proxies.no_proxy = [proxies.no_proxy, host].filter(Boolean).join(',');
    else if (host === undefined && direct) delete proxies[`${scheme.toLowerCase()}_proxy`];
    else if (host === undefined) proxies[`${scheme.toLowerCase()}_proxy`] = value;
  }
  return proxies;
}

/** The lower-case names, which win over their upper-case twins as they do in curl and apt. */
function lowerCase(proxies: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const upper = Object.entries(proxies).filter(([name]) => name !== name.toLowerCase());
  return {
    ...Object.fromEntries(upper.map(([name, value]) => [name.toLowerCase(), value])),
    ...lowerOnly(proxies),
  };
}

function lowerOnly(proxies: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(proxies).filter(([name]) => name === name.toLowerCase()));
}

function withoutSlash(uri: string): string {
  return uri.replace(/\/+$/, '');
}

function unique(values: readonly string[]): readonly string[] {
  return [...new Set(values)];
}

async function names(folder: string): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).sort();
  } catch {
    // Not a Debian, or not readable for us: then apt configures no mirror.
    return [];
  }
}

async function readOrEmpty(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch {
    return '';
  }
}
