import { createHash, randomBytes } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { defined } from '../domain/defined.ts';
import type { DefinitionFile } from '../domain/definitions.ts';
import type { Lock, LockedPackage } from '../domain/packages.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Failure, SourcePosition } from '../failure.ts';
import { asLock, type LockMistake, lockMistakes } from './check.ts';
import { addedLater, definitionChecksum, type LockedDefinition, packageSets } from './checksum.ts';
import { locateJson } from './json.ts';

/** Mistakes that are listed; a file with more of them was not written by this tool. */
const MISTAKES_SHOWN = 5;

/**
 * Reads the lock beside a definition. Failures: `lock/missing`, `lock/unreadable`, `lock/malformed` (with the location),
 * `lock/stale` (the definition asks for other packages than those the lock was made for, or one of the sets that are
 * `wanted` is not in it).
 */
export async function readLock(
  file: DefinitionFile,
  definition: LockedDefinition,
  wanted: readonly string[] = Object.keys(packageSets(definition)),
): Promise<Result<Lock>> {
  const text = await readText(file);
  if (!text.ok) return text;
  const parsed = parse(text.value);
  if (!parsed.ok) return err(notJson(file, text.value));
  const checksum = definitionChecksum(definition);
  // First, for a lock of another definition need not hold the sets of this one.
  const recorded = (parsed.value as Partial<Lock> | null)?.definition;
  if (typeof recorded === 'string' && /^sha256:[0-9a-f]{64}$/.test(recorded) && recorded !== checksum) {
    return err(stale(file));
  }
  const mistakes = lockMistakes(parsed.value, packageSets(definition), addedLater(definition));
  if (mistakes.length > 0) return err(malformed(file, text.value, mistakes));
  const lock = asLock(parsed.value);
  const whole = wanted.every((name) => Object.hasOwn(lock.sets, name));
  return whole && lock.suite === definition.suite ? ok(lock) : err(stale(file));
}

/** What is known of a lock, stale or not; without a valid one nothing but no sets. */
export async function readOld(file: DefinitionFile): Promise<OldLock> {
  const text = await readText(file);
  const parsed = text.ok ? parse(text.value) : text;
  const { suite, sets, lists } = (parsed.ok ? (parsed.value ?? {}) : {}) as Partial<Lock>;
  const whole = typeof sets === 'object' && sets !== null && Object.values(sets).every(Array.isArray);
  return {
    sets: whole ? sets : {},
    ...defined({ suite, lists: Array.isArray(lists) ? lists : undefined }),
  };
}

export type OldLock = Pick<Lock, 'sets' | 'lists'> & Partial<Pick<Lock, 'suite'>>;

/** Writes a lock in one step: whoever reads meanwhile sees the old file or the new one. Failure: `lock/unwritable`. */
export async function writeLock(file: DefinitionFile, lock: Lock): Promise<Result<void>> {
  const beside = `${file.lockFile}.${randomBytes(6).toString('hex')}.tmp`;
  try {
    // A sysroot's first lock for a Python begins the folder.
    await mkdir(dirname(file.lockFile)).catch(() => undefined);
    await using handle = await open(beside, 'wx', 0o644);
    await handle.writeFile(formatLock(lock));
    await handle.sync();
    await rename(beside, file.lockFile);
    return ok(undefined);
  } catch (error) {
    await rm(beside, { force: true }).catch(() => undefined);
    return err({
      code: 'lock/unwritable',
      what: `The lock of ${file.id} could not be written.`,
      fix: [`Make the folder of \`${file.lockFile}\` writable, or run as the user who owns it.`],
      evidence: [(error as Error).message],
    });
  }
}

/** `sha256:…` of a lock as it is written. */
export function lockChecksum(lock: Lock): string {
  return `sha256:${createHash('sha256').update(formatLock(lock)).digest('hex')}`;
}

/** The text of a lock: sorted, one package a line, so that a changed package is a changed line. */
export function formatLock(lock: Lock): string {
  const sets = Object.entries(lock.sets)
    .sort(([a], [b]) => compare(a, b))
    .map(
      ([name, packages]) =>
        `    ${JSON.stringify(name)}: [\n${packages.map(formatPackage).join(',\n')}\n    ]`,
    );
  const head = (['definition', 'suite', 'resolved'] as const).map(
    (key) => `  "${key}": ${JSON.stringify(lock[key])},\n`,
  );
  const lists = (lock.lists ?? []).map(
    ({ suite, architecture, dated, digest }) =>
      `    ${formatFields(defined({ suite, architecture, dated, digest }))}`,
  );
  const from = lock.lists === undefined ? '' : `  "lists": [\n${lists.join(',\n')}\n  ],\n`;
  const kept = lock.kept === undefined ? '' : `  "kept": ${formatKept(lock.kept)},\n`;
  return `{\n  "schema": 1,\n${head.join('')}${from}${kept}  "sets": {\n${sets.join(',\n')}\n  }\n}\n`;
}

/** By name, then architecture: the order of packages in a lock. */
export function byNameAndArchitecture(a: LockedPackage, b: LockedPackage): number {
  return compare(a.name, b.name) || compare(a.architecture, b.architecture);
}

function formatPackage({ name, version, architecture, path, digest, size }: LockedPackage): string {
  return `      ${formatFields({ name, version, architecture, path, digest, size })}`;
}

function formatKept(kept: NonNullable<Lock['kept']>): string {
  const lists = Object.entries(kept).map(
    ([set, names]) => `${JSON.stringify(set)}: [${names.map((name) => JSON.stringify(name)).join(', ')}]`,
  );
  return `{ ${lists.join(', ')} }`;
}

function formatFields(fields: object): string {
  const entries = Object.entries(fields).map(([key, value]) => `"${key}": ${JSON.stringify(value)}`);
  return `{ ${entries.join(', ')} }`;
}

/** By code unit, the same in every locale. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

async function readText(file: DefinitionFile): Promise<Result<string>> {
  try {
    return ok(await readFile(file.lockFile, 'utf8'));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // No fault of the file.
    if (code === 'EMFILE' || code === 'ENFILE') throw error;
    if (code !== 'ENOENT') {
      const fix = [`Make \`${file.lockFile}\` a file that you can read.`];
      return err({
        code: 'lock/unreadable',
        what: `The lock of ${file.id} cannot be read.`,
        fix,
        evidence: [message],
      });
    }
    return err({
      code: 'lock/missing',
      what: `${file.id} has no lock: there is no file \`${file.lockFile}\`.`,
      why: 'Only exact, locked packages are fetched.',
      fix: [`Run \`${lockCommand(file)}\`.`],
    });
  }
}

/** The command that writes the lock, as a user types it. */
export function lockCommand({ id, lockArguments }: DefinitionFile): string {
  return `provision lock${lockArguments ?? ` ${id}`}`;
}

function parse(text: string): Result<unknown, undefined> {
  try {
    return ok(JSON.parse(text));
  } catch {
    return err(undefined);
  }
}

function stale(file: DefinitionFile): Failure {
  return {
    code: 'lock/stale',
    what: `The lock of ${file.id} was made from another version of \`${file.file}\`.`,
    why: 'Its packages, architecture or suite, or the image that they are added to, changed after the lock was written.',
    fix: [`Run \`${lockCommand(file)}\`, and commit the lock together with the definition.`],
    see: [file.file, file.lockFile],
  };
}

function notJson(file: DefinitionFile, text: string): Failure {
  const { error } = locateJson(text);
  const conflict = /^<{7} /m.test(text);
  return {
    code: 'lock/malformed',
    what: `The lock of ${file.id} is not JSON${error === undefined ? '' : `: ${error.expected} was expected here`}.`,
    ...(conflict ? { why: 'It contains an unresolved merge conflict.' } : {}),
    fix: [`Restore it (\`git checkout -- ${file.lockFile}\`), or run \`${lockCommand(file)}\`.`],
    ...defined({ at: error && position(file, text, error.offset) }),
  };
}

function malformed(file: DefinitionFile, text: string, mistakes: readonly LockMistake[]): Failure {
  const { offsets } = locateJson(text);
  const [first, ...rest] = mistakes.slice(0, MISTAKES_SHOWN).map(({ path, mustBe }): Failure => {
    const offset = offsets.get(path) ?? 0;
    return {
      code: 'lock/malformed',
      what: `The lock of ${file.id} is not valid: ${path === '' ? 'it' : `\`${path}\``} must be ${mustBe}.`,
      fix: [`Restore it (\`git checkout -- ${file.lockFile}\`), or run \`${lockCommand(file)}\`.`],
      at: position(file, text, offset),
    };
  });
  if (first === undefined) throw new Error('a malformed lock without a mistake');
  return rest.length === 0 ? first : { ...first, also: rest };
}

function position(file: DefinitionFile, text: string, at: number): SourcePosition {
  // An error at the very end is shown on the last line that is not empty.
  const offset = Math.min(at, text.trimEnd().length);
  const start = offset === 0 ? 0 : text.lastIndexOf('\n', offset - 1) + 1;
  const end = text.indexOf('\n', offset);
  const line = text.slice(0, start).split('\n').length;
  const column = [...text.slice(start, offset)].length + 1;
  return { file: file.lockFile, line, column, text: text.slice(start, end === -1 ? undefined : end) };
}
