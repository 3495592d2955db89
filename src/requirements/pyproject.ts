import { isTable, tableAt, textAt, textsAt } from '../crate/toml.ts';
import { closest } from '../domain/closest.ts';
import type { PythonSource } from '../domain/python-packages.ts';
import type { Failure } from '../failure.ts';
import type { Collected } from './collect.ts';
import { normalizedName } from './marker.ts';
import { parseRequirement } from './requirement.ts';
import { readEntry } from './requirements-file.ts';
import { readTomlFile, type TomlFile } from './toml-file.ts';
import { versionHas } from './version.ts';

/**
 * The dependencies of a `pyproject.toml` (PEP 621), of extras and of dependency groups (PEP 735) that are asked for; not
 * the project itself, which is named by its folder.
 */
export async function readPyproject(
  collected: Collected,
  file: string,
  { extras, groups, at, folder }: PythonSource,
): Promise<void> {
  const toml = await readTomlFile(collected, file, at);
  if (toml === undefined) return;
  const project = tableAt(toml.table, 'project');
  const unfit = wrongPython(collected, toml, textAt(project, 'requires-python'));
  if (unfit !== undefined) collected.fail(unfit);
  if (textsAt(project, 'dynamic').includes('dependencies')) collected.fail(dynamic(toml));
  const base = file.slice(0, file.lastIndexOf('/')) || folder;
  for (const text of textsAt(project, 'dependencies')) addText(collected, toml, text, base);
  for (const extra of extras) readExtra(collected, toml, extra, base, []);
  for (const group of groups) readGroup(collected, toml, group, base, []);
}

/** Whether the Python of an environment is one that a project or a lock is for. */
export function wrongPython(
  collected: Collected,
  toml: TomlFile,
  requires: string | undefined,
): Failure | undefined {
  const { version, triple } = collected.environment;
  const clauses = (requires ?? '').split(',').filter((one) => one.trim() !== '');
  const broken = clauses.find((one) => {
    const [, operator = '', other = ''] = /^\s*(===|==|~=|!=|<=|>=|<|>)\s*(\S+)\s*$/.exec(one) ?? [];
    return versionHas(version, operator, other) === false;
  });
  if (broken === undefined) return undefined;
  return {
    code: 'recipe/requires-python',
    what: `This file is for Python \`${requires}\`, and the one for ${triple} is ${version}.`,
    fix: ['Name another version below `python` in the recipe (`version: "3.14"`), or lock for this one.'],
    at: toml.locate('requires-python'),
  };
}

function dynamic(toml: TomlFile): Failure {
  return {
    code: 'recipe/dynamic-dependencies',
    what: 'The dependencies of this project are dynamic: only its build knows them.',
    fix: ['Name the folder of the project instead: it is built, and `provision lock` asks the build.'],
    at: toml.locate('dynamic'),
  };
}

function addText(collected: Collected, toml: TomlFile, text: string, folder: string): void {
  const start = toml.locate(text);
  readEntry(collected, { text, at: (offset) => ({ ...start, column: start.column + offset }) }, folder);
}

function readExtra(
  collected: Collected,
  toml: TomlFile,
  extra: string,
  folder: string,
  within: readonly string[],
): void {
  const all = tableAt(toml.table, 'project', 'optional-dependencies');
  const key = Object.keys(all).find((one) => normalizedName(one) === normalizedName(extra));
  if (key === undefined) {
    collected.fail(unknownName('extra', extra, Object.keys(all), toml));
    return;
  }
  if (within.includes(key)) return;
  const own = normalizedName(textAt(tableAt(toml.table, 'project'), 'name') ?? '');
  for (const text of textsAt(all, key)) {
    const read = parseRequirement(text);
    // A project names its own extras to join them.
    if (read.ok && read.value.name === own && own !== '') {
      for (const one of read.value.extras) readExtra(collected, toml, one, folder, [...within, key]);
    } else addText(collected, toml, text, folder);
  }
}

function readGroup(
  collected: Collected,
  toml: TomlFile,
  group: string,
  folder: string,
  within: readonly string[],
): void {
  const all = tableAt(toml.table, 'dependency-groups');
  const key = Object.keys(all).find((one) => normalizedName(one) === normalizedName(group));
  if (key === undefined) {
    collected.fail(unknownName('dependency group', group, Object.keys(all), toml));
    return;
  }
  if (within.includes(key)) {
    collected.fail({
      code: 'recipe/requirements-cycle',
      what: `The dependency group \`${key}\` includes itself.`,
      why: [...within, key].join(' → '),
      fix: ['Remove one of its `include-group`.'],
      at: toml.locate(key),
    });
    return;
  }
  const entries = all[key];
  for (const entry of Array.isArray(entries) ? entries : []) {
    if (typeof entry === 'string') addText(collected, toml, entry, folder);
    else if (isTable(entry) && typeof entry['include-group'] === 'string')
      readGroup(collected, toml, entry['include-group'], folder, [...within, key]);
  }
}

export function unknownName(
  kind: 'extra' | 'dependency group',
  name: string,
  known: readonly string[],
  toml: TomlFile,
): Failure {
  const meant = closest(name, known);
  return {
    code: kind === 'extra' ? 'recipe/unknown-extra' : 'recipe/unknown-group',
    what: `\`${toml.file}\` has no ${kind} \`${name}\`.`,
    fix: [
      ...(meant === undefined ? [] : [`Did you mean \`${meant}\`?`]),
      known.length === 0 ? 'It has none.' : `It has: ${known.join(', ')}.`,
    ],
    at: toml.locate(kind === 'extra' ? 'optional-dependencies' : 'dependency-groups'),
  };
}
