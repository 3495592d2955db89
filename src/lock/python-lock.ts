import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, dirname, relative } from 'node:path';
import { defined } from '../domain/defined.ts';
import { unlessDeviceFailed } from '../domain/errno.ts';
import type { IndexRequirement, PythonProject, PythonSelection } from '../domain/python-packages.ts';
import { err, ok, type Result } from '../domain/result.ts';
import { shellWord } from '../domain/shell.ts';
import type { Failure } from '../failure.ts';
import { requirementsDigest } from '../requirements/project.ts';
import { locateJson } from './json.ts';

/** A wheel of an index: by what pip finds it, and by what it is verified. No address: the index is a machine's setting. */
export interface LockedWheel {
  /** Normalized (PEP 503). */
  readonly name: string;
  readonly version: string;
  readonly file: string;
  /** `sha256:…`. */
  readonly digest: string;
}

/** The exact packages of a recipe's `python.packages`, beside the recipe. */
export interface PythonLock {
  readonly schema: 1;
  /** Checksum of what the sources ask for. */
  readonly requirements: string;
  readonly target: readonly LockedWheel[];
  readonly reference: readonly LockedWheel[];
  /** Path of a project relative to this file → what its build requires. */
  readonly build: Readonly<Record<string, readonly LockedWheel[]>>;
}

/** Where a recipe's lock of Python packages is, and what has it written. */
export interface PythonLockFile {
  /** Absolute. */
  readonly file: string;
  /** What follows `provision lock`. */
  readonly arguments: string;
}

/** Whether sources state everything themselves: exact versions and digests, and nothing that is built. */
export function isLocked({ index, projects }: PythonSelection): boolean {
  return projects.length === 0 && openRequirement({ index }) === undefined;
}

function openRequirement({ index }: Pick<PythonSelection, 'index'>): IndexRequirement | undefined {
  return index.find(
    ({ version, address, hashes }) => (version ?? address) === undefined || hashes.length === 0,
  );
}

/** Key of a project in a lock. */
export function projectKey({ file }: PythonLockFile, { path }: PythonProject): string {
  return relative(dirname(file), path) || '.';
}

/** Checksum of what decides which packages are locked. */
export async function pythonChecksum(
  lock: PythonLockFile,
  selections: readonly PythonSelection[],
  minor: string,
  reference?: string,
): Promise<string> {
  const stated = [];
  for (const { index, wheels, projects, constraints } of selections) {
    const plain = (all: readonly IndexRequirement[]): readonly string[] =>
      all
        .map(({ name, extras, specifier, address = '', hashes }) =>
          JSON.stringify([name, [...extras].sort(), specifier, address, [...hashes].sort()]),
        )
        .sort();
    const built = [];
    for (const one of projects)
      built.push([projectKey(lock, one), await requirementsDigest(one), [...one.extras].sort()]);
    stated.push([
      plain(index),
      plain(constraints),
      wheels.map(({ name, digest, extras }) => [name, digest, [...extras].sort()]).sort(),
      built.sort(),
    ]);
  }
  const text = JSON.stringify([minor, stated, ...(reference === undefined ? [] : [reference])]);
  return `sha256:${createHash('sha256').update(text).digest('hex')}`;
}

/** Reads a lock and checks that it fits what the sources ask for. */
export async function readPythonLock(
  lock: PythonLockFile,
  selection: PythonSelection,
  checksum: string,
): Promise<Result<PythonLock>> {
  const text = await readFile(lock.file, 'utf8').catch(unlessDeviceFailed(undefined));
  const open = openRequirement(selection);
  const [project] = selection.projects;
  const cure = `Run \`provision lock${lock.arguments}\`, which writes \`${basename(lock.file)}\`, and commit it.`;
  if (text === undefined) {
    const what =
      open !== undefined
        ? `\`${open.name}${open.specifier}\` in \`python.packages\` is not locked: it lacks its exact version or its digests.`
        : `What the build of \`${project === undefined ? '' : projectKey(lock, project)}\` requires is not locked.`;
    const at = (open ?? project)?.at;
    return err({
      code: 'lock/python-missing',
      what,
      why: 'Only exact packages are fetched, by their digests.',
      fix: [cure, 'Or state version and digests of every package: `name==version --hash=sha256:…`.'],
      ...defined({ at }),
    });
  }
  const read = parse(lock.file, text);
  if (!read.ok) return read;
  if (read.value.requirements === checksum) return read;
  return err({
    code: 'lock/python-stale',
    what: `\`${basename(lock.file)}\` was written for other sources of \`python.packages\`.`,
    why: 'A requirement, a wheel named by its path, or what a project requires changed since.',
    fix: [cure],
    see: [lock.file],
  });
}

function parse(file: string, text: string): Result<PythonLock> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    const { error } = locateJson(text);
    const before = text.slice(0, error?.offset ?? 0).split('\n');
    return err({
      ...damaged(file, `expected ${error?.expected ?? 'JSON'}`),
      at: { file, line: before.length, column: (before.at(-1) as string).length + 1 },
    });
  }
  const lock = value as Partial<PythonLock> | null;
  if (lock?.schema !== 1) return err(damaged(file, 'its `schema` is not 1'));
  const lists = [lock.target, lock.reference, ...Object.values(lock.build ?? {})];
  const whole =
    typeof lock.requirements === 'string' &&
    lists.every((list) => Array.isArray(list) && list.every(isWheel));
  return whole && lock.build !== undefined
    ? ok(lock as PythonLock)
    : err(damaged(file, 'an entry lacks its name, version, file or digest'));
}

function isWheel(value: unknown): boolean {
  const { name, version, file, digest } = (value ?? {}) as Partial<LockedWheel>;
  return (
    [name, version, file].every((one) => typeof one === 'string' && /^[\w.!+-]+$/.test(one)) &&
    typeof digest === 'string' &&
    /^sha256:[0-9a-f]{64}$/.test(digest)
  );
}

function damaged(file: string, why: string): Failure {
  return {
    code: 'lock/malformed',
    what: `\`${file}\` is no lock of Python packages: ${why}.`,
    fix: [`Remove it (\`rm ${shellWord(file)}\`) and run \`provision lock\` again.`],
  };
}

/** What a lock names, as requirements with their digests. */
export function lockedRequirements(
  wheels: readonly LockedWheel[],
  extras: ReadonlyMap<string, readonly string[]>,
  at: IndexRequirement['at'],
): readonly IndexRequirement[] {
  return wheels.map(({ name, version, digest }) => ({
    name,
    extras: extras.get(name) ?? [],
    specifier: `==${version}`,
    version,
    hashes: [digest],
    at,
  }));
}

export function formatPythonLock(lock: PythonLock): string {
  const list = (wheels: readonly LockedWheel[], indent: string): string =>
    wheels.length === 0
      ? '[]'
      : `[\n${wheels
          .toSorted((a, b) => (a.name < b.name ? -1 : 1))
          .map(
            ({ name, version, file, digest }) =>
              `${indent}  {"name": ${JSON.stringify(name)}, "version": ${JSON.stringify(version)}, "file": ${JSON.stringify(file)},\n${indent}   "digest": ${JSON.stringify(digest)}}`,
          )
          .join(',\n')}\n${indent}]`;
  const build = Object.entries(lock.build)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, wheels]) => `    ${JSON.stringify(key)}: ${list(wheels, '    ')}`);
  return `{
  "schema": 1,
  "requirements": ${JSON.stringify(lock.requirements)},
  "target": ${list(lock.target, '  ')},
  "reference": ${list(lock.reference, '  ')},
  "build": {${build.length === 0 ? '' : `\n${build.join(',\n')}\n  `}}
}
`;
}
