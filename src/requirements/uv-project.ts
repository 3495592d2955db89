import { dirname, join } from 'node:path';
import { type Table, tableAt, textAt, textsAt } from '../crate/toml.ts';
import { isThere } from '../exec/files.ts';
import type { Failure } from '../failure.ts';
import { markersOf } from './environment.ts';
import type { ForeignLock } from './foreign-lock.ts';
import { holds, normalizedName } from './marker.ts';
import { parseRequirement, type Requirement } from './requirement.ts';
import { readTomlFile, type TomlFile } from './toml-file.ts';
import { versionHas } from './version.ts';

export interface LockedProject extends ForeignLock {
  /** The dependencies that the lock states for the project. */
  readonly dependencies: readonly Table[];
  /** The package that a dependency means. */
  readonly find: (dependency: Table) => Table | undefined;
}

/**
 * What the `pyproject.toml` beside a `uv.lock` asks for and the lock does not have: the project was edited since it was
 * locked. Undefined: nothing, or there is no such file, or uv was told to take other versions than the project states.
 */
export async function staleUvLock(locked: LockedProject): Promise<Failure | undefined> {
  const { collected, toml } = locked;
  const file = join(dirname(toml.file), 'pyproject.toml');
  if (!isThere(file)) return undefined;
  const project = await readTomlFile(collected, file, toml.locate('version'));
  if (project === undefined || tableAt(project.table, 'tool', 'uv')['override-dependencies'] !== undefined)
    return undefined;
  const { environment } = collected;
  for (const text of textsAt(tableAt(project.table, 'project'), 'dependencies')) {
    const read = parseRequirement(text);
    if (!read.ok) continue;
    const { marker } = read.value;
    if (marker !== undefined && !holds(marker, markersOf(environment))) continue;
    if (!isLocked(locked, read.value)) return stale(locked, project, text);
  }
  return undefined;
}

function isLocked({ dependencies, find }: LockedProject, { name, specifier }: Requirement): boolean {
  const named = dependencies.filter((one) => normalizedName(textAt(one, 'name') ?? '') === name);
  return named.some((one) => {
    const version = textAt(find(one) ?? {}, 'version');
    return version === undefined || specifier.split(',').every((clause) => fits(version, clause));
  });
}

function fits(version: string, clause: string): boolean {
  const [, operator = '', other = ''] = /^\s*(===|==|~=|!=|<=|>=|<|>)\s*(\S+)\s*$/.exec(clause) ?? [];
  return operator === '' || versionHas(version, operator, other) !== false;
}

function stale({ toml, rewrite }: LockedProject, project: TomlFile, text: string): Failure {
  return {
    code: 'lock/python-stale',
    what: `\`${toml.file}\` does not have what the project beside it asks for: \`${text}\`.`,
    why: 'The project was edited after it was locked, or the lock is of another one.',
    fix: [rewrite],
    at: project.locate(text),
  };
}
