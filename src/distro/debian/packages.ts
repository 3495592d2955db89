import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digest } from '../../domain/ids.ts';
import type { LockedPackage, PackageSet } from '../../domain/packages.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import type { Failure } from '../../failure.ts';
import type { AptOutput, PrivateApt } from './apt.ts';
import { resolutionFailure, unknownPackages } from './failures.ts';

/** A package file as `apt-get --print-uris` names it. */
interface Planned {
  readonly uri: string;
  readonly name: string;
  readonly size: number;
  readonly hash: string;
}

/** Of names of packages those that another architecture of the definition has. */
export type KnownElsewhere = (names: readonly string[]) => Promise<Result<readonly string[]>>;

/** The packages of one set: those named and all they depend on. */
export async function resolveSet(
  apt: PrivateApt,
  name: string,
  set: PackageSet,
  knownElsewhere: KnownElsewhere = async () => ok([]),
): Promise<Result<readonly LockedPackage[]>> {
  const status = join(apt.folder, `status-${name.replaceAll(/[^\w.-]/g, '-')}`);
  const assumed = await assume(apt, name, set, status, knownElsewhere);
  if (!assumed.ok) return assumed;
  const there = new Set(set.installed?.map((one) => one.name));
  const wanted = set.packages.filter((one) => !there.has(one));
  const planned = await plan(apt, name, wanted, status);
  if (!planned.ok) return planned;
  const records = await indexRecords(
    apt,
    planned.value.map((each) => each.name),
  );
  if (!records.ok) return records;
  const locked: LockedPackage[] = [];
  for (const each of planned.value) {
    const found = agree(each, records.value);
    if (!found.ok) return found;
    locked.push(found.value);
  }
  return ok(locked);
}

/**
 * Writes a dpkg status file in which the packages that are to be left out, and those that are there, stand as installed,
 * on hold, so that apt neither fetches nor replaces them. They depend on nothing there: what only they need stays out too.
 */
async function assume(
  apt: PrivateApt,
  set: string,
  { without = [], installed = [] }: PackageSet,
  status: string,
  knownElsewhere: KnownElsewhere,
): Promise<Result<void>> {
  const asked = [...without, ...installed.map(({ name }) => name)];
  const found = await indexRecords(apt, asked);
  if (!found.ok) return found;
  const known = found.value.filter((record) => without.includes(record.get('Package') ?? ''));
  const missing = without.filter((name) => !known.some((record) => record.get('Package') === name));
  const elsewhere = missing.length === 0 ? ok([]) : await knownElsewhere(missing);
  if (!elsewhere.ok) return elsewhere;
  const unknown = missing.filter((name) => !elsewhere.value.includes(name));
  if (unknown.length > 0) return err(await unknownPackages(apt, set, unknown));
  const there = installed.map(
    ({ name, version, architecture }) =>
      new Map([
        ...(found.value.find((record) => record.get('Package') === name) ?? []),
        ...[
          ['Package', name] as const,
          ['Version', version] as const,
          ['Architecture', architecture] as const,
        ],
      ]),
  );
  const stanzas = [...known, ...there].map((record) => {
    const fields = ['Package', 'Version', 'Architecture', 'Multi-Arch', 'Provides'].flatMap((key) => {
      const value = record.get(key);
      return value === undefined ? [] : [`${key}: ${value}\n`];
    });
    return `${fields.join('')}Status: hold ok installed\nMaintainer: none\nDescription: left out\n`;
  });
  await writeFile(status, stanzas.join('\n'));
  return ok(undefined);
}

/** Of names of packages those that the index of an architecture has. */
export async function knownPackages(
  apt: PrivateApt,
  names: readonly string[],
): Promise<Result<readonly string[]>> {
  const found = await indexRecords(apt, names);
  return found.ok ? ok(found.value.flatMap((record) => record.get('Package') ?? [])) : found;
}

async function plan(
  apt: PrivateApt,
  set: string,
  packages: readonly string[],
  status: string,
): Promise<Result<readonly Planned[]>> {
  const install = (mode: string): Promise<Result<AptOutput>> =>
    apt.run(['apt-get', 'install', mode, '-y', '-o', `Dir::State::status=${status}`, '--', ...packages]);
  const run = await install('--print-uris');
  if (!run.ok) return run;
  if (run.value.ok) return ok(run.value.stdout.split('\n').flatMap(plannedFrom));
  // With `--print-uris` apt does not print which dependencies conflict.
  const simulated = await install('--simulate');
  return simulated.ok ? err(await resolutionFailure(apt, set, simulated.value.messages)) : simulated;
}

/** One line of `--print-uris`: `'uri' file size hash`. */
function plannedFrom(line: string): readonly Planned[] {
  const match = /^'(\S+)' (\S+?)_\S+ (\d+) (\S*)$/.exec(line);
  if (match === null) return [];
  const [, uri = '', name = '', size = '', hash = ''] = match;
  return [{ uri, name, size: Number(size), hash }];
}

async function indexRecords(
  apt: PrivateApt,
  names: readonly string[],
): Promise<Result<readonly ReadonlyMap<string, string>[]>> {
  if (names.length === 0) return ok([]);
  const shown = await apt.run(['apt-cache', 'show', '--no-all-versions', ...names]);
  if (!shown.ok) return shown;
  return ok(records(shown.value.stdout));
}

/** The index's record of a planned file; both must agree. */
function agree(planned: Planned, index: readonly ReadonlyMap<string, string>[]): Result<LockedPackage> {
  const address = decodeURIComponent(planned.uri);
  const record = index.find((each) => each.has('Filename') && address.endsWith(`/${each.get('Filename')}`));
  const field = (key: string): string => record?.get(key) ?? '';
  const digest: Digest = `sha256:${field('SHA256')}`;
  if (
    record === undefined ||
    `SHA256:${field('SHA256')}` !== planned.hash ||
    Number(field('Size')) !== planned.size
  ) {
    return err(inconsistent(planned, record));
  }
  return ok({
    name: field('Package'),
    version: field('Version'),
    architecture: field('Architecture'),
    path: field('Filename'),
    digest,
    size: planned.size,
  });
}

/** Records of control data, first lines of their fields only: Debian Policy 5.1. */
function records(text: string): readonly ReadonlyMap<string, string>[] {
  const stanzas = text.split(/\n\n+/).filter((stanza) => stanza.trim() !== '');
  return stanzas.map((stanza) => {
    const fields = stanza.split('\n').flatMap((line) => {
      const match = /^([^\s:]+): *(.*)$/.exec(line);
      return match === null ? [] : [[match[1] ?? '', match[2] ?? ''] as const];
    });
    return new Map(fields);
  });
}

function inconsistent(planned: Planned, record: ReadonlyMap<string, string> | undefined): Failure {
  const listed = ['Filename', 'Size', 'SHA256'].map((key) => `${key}: ${record?.get(key) ?? '(none)'}`);
  return {
    code: 'lock/inconsistent',
    what: `apt plans another file for ${planned.name} than the suite's index lists.`,
    fix: ['Run the same command again; if it stays, report it with the lines below.'],
    evidence: [`planned: ${planned.uri} ${planned.size} ${planned.hash}`, `listed: ${listed.join(', ')}`],
  };
}
