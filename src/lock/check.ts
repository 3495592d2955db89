import type { Lock, LockedPackage, PackageSet } from '../domain/packages.ts';

/** A field of a lock that is not as it must be. `path` is as in `jsonPlaces`. */
export interface LockMistake {
  readonly path: string;
  /** Completes the sentence "… must be". */
  readonly mustBe: string;
}

const LOCK_KEYS = ['schema', 'definition', 'suite', 'resolved', 'sets'] as const;
const PACKAGE_KEYS = ['name', 'version', 'architecture', 'path', 'digest', 'size'] as const;

/** What the `Sources` index counts as an architecture. */
const SOURCE = 'source';

const DIGEST = /^sha256:[0-9a-f]{64}$/;
const SUITE = /^[a-z][a-z0-9-]*$/;
const RESOLVED = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/;
/** Debian Policy 5.6.1, 5.6.8 and 5.6.12. */
const NAME = /^[a-z0-9][a-z0-9+.-]+$/;
const VERSION = /^[0-9A-Za-z.+:~-]+$/;
/** A relative path of plain names: no empty, `.` or `..` part, nothing that a shell, URL or file system reads anew. */
const PATH = /^(?!\/)(?:(?!\.{1,2}\/)[A-Za-z0-9.+~:_-]+\/)*[A-Za-z0-9][A-Za-z0-9.+~:_-]*\.deb$/;
const SOURCE_PATH =
  /^(?!\/)(?:(?!\.{1,2}\/)[A-Za-z0-9.+~:_-]+\/)*[A-Za-z0-9][A-Za-z0-9.+~:_-]*\.(?:tar\.(?:xz|gz|bz2)|diff\.gz)$/;

/**
 * Every mistake of a value that ought to be a lock. Strict, because what stands there decides which bytes are fetched
 * and where they are put: unknown keys, paths out of the archive and packages of a foreign architecture are refused.
 */
export function lockMistakes(
  value: unknown,
  sets: Readonly<Record<string, PackageSet>>,
): readonly LockMistake[] {
  const mistakes: LockMistake[] = [];
  const lock = record(value, '', LOCK_KEYS, mistakes);
  if (lock === undefined) return mistakes;
  need(mistakes, lock.schema === 1, 'schema', '1 (a newer version of this tool may have written it)');
  need(
    mistakes,
    matches(lock.definition, DIGEST),
    'definition',
    '`sha256:` and 64 lower-case hexadecimal digits',
  );
  need(mistakes, matches(lock.suite, SUITE), 'suite', 'the name of a suite');
  const time = matches(lock.resolved, RESOLVED) && !Number.isNaN(Date.parse(lock.resolved as string));
  need(mistakes, time, 'resolved', 'a time in UTC, such as `2026-01-31T12:00:00Z`');
  const given = record(lock.sets, 'sets', Object.keys(sets), mistakes) ?? {};
  for (const [name, set] of Object.entries(sets)) {
    if (name in given) checkSet(given[name], `sets.${name}`, set.architecture, mistakes);
  }
  return mistakes;
}

/** The value, once `lockMistakes` found none in it. */
export function asLock(value: unknown): Lock {
  return value as Lock;
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
    const key = architecture === SOURCE ? 'path' : 'name';
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
  const fits = locked.architecture === architecture || locked.architecture === 'all';
  need(mistakes, matches(locked.name, NAME), `${at}.name`, 'the name of a package');
  need(mistakes, matches(locked.version, VERSION), `${at}.version`, 'the version of a package');
  need(mistakes, fits, `${at}.architecture`, `\`${architecture}\` or \`all\``);
  need(
    mistakes,
    matches(locked.path, architecture === SOURCE ? SOURCE_PATH : PATH),
    `${at}.path`,
    `a path below the archive root that ends in \`${architecture === SOURCE ? '.tar.xz' : '.deb'}\`, without \`..\``,
  );
  need(
    mistakes,
    matches(locked.digest, DIGEST),
    `${at}.digest`,
    '`sha256:` and 64 lower-case hexadecimal digits',
  );
  const size = Number.isSafeInteger(locked.size) && (locked.size as number) > 0;
  need(mistakes, size, `${at}.size`, 'a whole number of bytes above 0');
}

function record(
  value: unknown,
  path: string,
  keys: readonly string[],
  mistakes: LockMistake[],
): Record<string, unknown> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    mistakes.push({ path, mustBe: `an object with ${keys.join(', ')}` });
    return undefined;
  }
  const prefix = path === '' ? '' : `${path}.`;
  for (const key of keys) need(mistakes, Object.hasOwn(value, key), path, `an object with \`${key}\``);
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
