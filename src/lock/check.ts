import { distribution } from '../distro/distribution.ts';
import type { Lock, LockedPackage, PackageSet } from '../domain/packages.ts';

/** An invalid field of a lock. `path` is as in `locateJson`. */
export interface LockMistake {
  readonly path: string;
  /** Completes the sentence "… must be". */
  readonly mustBe: string;
}

const LOCK_KEYS = ['schema', 'definition', 'suite', 'resolved', 'lists', 'kept', 'sets'] as const;
const LIST_KEYS = ['suite', 'architecture', 'dated', 'digest'] as const;
const PACKAGE_KEYS = ['name', 'version', 'architecture', 'path', 'digest', 'size'] as const;

const DIGEST = /^sha256:[0-9a-f]{64}$/;
const SUITE = /^[a-z][a-z0-9-]*$/;
const RESOLVED = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/;

/**
 * Every mistake of a value that should be a lock. Strict, because a lock decides which bytes are fetched and where they
 * are unpacked: unknown keys, paths outside of the archive and packages of a foreign architecture are rejected.
 */
export function lockMistakes(
  value: unknown,
  sets: Readonly<Record<string, PackageSet>>,
  /** Sets that may be missing. */
  optional: readonly string[] = [],
): readonly LockMistake[] {
  const mistakes: LockMistake[] = [];
  const lock = record(value, '', LOCK_KEYS, mistakes, ['lists', 'kept']);
  if (lock === undefined) return mistakes;
  need(mistakes, lock.schema === 1, 'schema', '1 (a newer version of this tool may have written it)');
  need(mistakes, matches(lock.definition, DIGEST), 'definition', HEX);
  need(mistakes, matches(lock.suite, SUITE), 'suite', 'the name of a suite');
  need(mistakes, isTime(lock.resolved), 'resolved', TIME);
  checkLists(lock.lists ?? [], mistakes);
  checkKept(lock.kept ?? {}, Object.keys(sets), mistakes);
  const given = record(lock.sets, 'sets', Object.keys(sets), mistakes, optional) ?? {};
  for (const [name, set] of Object.entries(sets)) {
    if (!Object.hasOwn(given, name)) continue;
    checkSet(given[name], `sets.${name}`, set.architecture, mistakes);
    // What is asked for may be there already.
    const complete = set.packages.length === 0 || set.installed !== undefined;
    const bare = Array.isArray(given[name]) && given[name].length === 0 && !complete;
    need(mistakes, !bare, `sets.${name}`, 'a list with at least one package');
  }
  return mistakes;
}

/** The value, once `lockMistakes` found none in it. */
export function asLock(value: unknown): Lock {
  return value as Lock;
}

function checkLists(lists: unknown, mistakes: LockMistake[]): void {
  if (!Array.isArray(lists)) {
    mistakes.push({ path: 'lists', mustBe: 'a list of the lists that it was resolved from' });
    return;
  }
  for (const [index, entry] of lists.entries()) {
    const at = `lists[${index}]`;
    const list = record(entry, at, LIST_KEYS, mistakes, ['dated']);
    if (list === undefined) continue;
    need(mistakes, matches(list.suite, SUITE), `${at}.suite`, 'the name of a suite');
    need(mistakes, matches(list.architecture, SUITE), `${at}.architecture`, 'the name of an architecture');
    need(mistakes, list.dated === undefined || isTime(list.dated), `${at}.dated`, TIME);
    need(mistakes, matches(list.digest, DIGEST), `${at}.digest`, HEX);
  }
}

function checkKept(kept: unknown, sets: readonly string[], mistakes: LockMistake[]): void {
  for (const [set, names] of Object.entries(record(kept, 'kept', sets, mistakes, sets) ?? {})) {
    const list = Array.isArray(names) && names.every((name) => typeof name === 'string');
    need(mistakes, list, `kept.${set}`, 'a list of names of packages');
  }
}

const TIME = 'a time in UTC, such as `2026-01-31T12:00:00Z`';
const HEX = '`sha256:` and 64 lower-case hexadecimal digits';

function isTime(value: unknown): boolean {
  return matches(value, RESOLVED) && !Number.isNaN(Date.parse(value as string));
}

function checkSet(value: unknown, path: string, architecture: string, mistakes: LockMistake[]): void {
  if (!Array.isArray(value)) {
    mistakes.push({ path, mustBe: 'a list of packages' });
    return;
  }
  const seen = new Set<string>();
  for (const [index, entry] of value.entries()) {
    const at = `${path}[${index}]`;
    const locked = record(entry, at, PACKAGE_KEYS, mistakes) as Partial<LockedPackage> | undefined;
    if (locked === undefined) continue;
    checkPackage(locked, at, architecture, mistakes);
    // A source package has several files.
    const key = architecture === distribution.sources.architecture ? 'path' : 'name';
    const known = String(locked[key]);
    need(mistakes, !seen.has(known), `${at}.${key}`, `there once (\`${known}\` is listed twice)`);
    seen.add(known);
  }
}

function checkPackage(
  locked: Partial<LockedPackage>,
  at: string,
  architecture: string,
  mistakes: LockMistake[],
): void {
  for (const { field, mustBe } of distribution.verify(locked, architecture))
    mistakes.push({ path: `${at}.${field}`, mustBe });
  need(mistakes, matches(locked.digest, DIGEST), `${at}.digest`, HEX);
  const size = Number.isSafeInteger(locked.size) && (locked.size as number) > 0;
  need(mistakes, size, `${at}.size`, 'a whole number of bytes above 0');
}

function record(
  value: unknown,
  path: string,
  keys: readonly string[],
  mistakes: LockMistake[],
  optional: readonly string[] = [],
): Record<string, unknown> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    mistakes.push({ path, mustBe: `an object with ${keys.join(', ')}` });
    return undefined;
  }
  const prefix = path === '' ? '' : `${path}.`;
  for (const key of keys.filter((one) => !optional.includes(one)))
    need(mistakes, Object.hasOwn(value, key), path, `an object with \`${key}\``);
  for (const key of Object.keys(value))
    need(mistakes, keys.includes(key), `${prefix}${key}`, 'left out: there is no such key');
  return value as Record<string, unknown>;
}

function matches(value: unknown, pattern: RegExp): boolean {
  return typeof value === 'string' && pattern.test(value);
}

function need(mistakes: LockMistake[], holds: boolean, path: string, mustBe: string): void {
  if (!holds) mistakes.push({ path, mustBe });
}
