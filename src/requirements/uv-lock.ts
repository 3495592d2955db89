import { dirname, resolve } from 'node:path';
import { isTable, type Table, tableAt, tablesAt, textAt } from '../crate/toml.ts';
import type { PythonSource } from '../domain/python-packages.ts';
import type { Failure } from '../failure.ts';
import { addPath, type Collected } from './collect.ts';
import { markersOf } from './environment.ts';
import { type ForeignLock, markerHolds, otherVersion, withoutWheel } from './foreign-lock.ts';
import { normalizedName } from './marker.ts';
import { unknownName, wrongPython } from './pyproject.ts';
import { readTomlFile, type TomlFile } from './toml-file.ts';
import { staleUvLock } from './uv-project.ts';

/** The version of the format that is read: minor changes are its `revision`. */
const VERSION = 1;

/** What a walk through the lock has reached. */
interface Walk extends ForeignLock {
  readonly packages: readonly Table[];
  /** Package → the extras of it that have been followed. */
  readonly reached: Map<Table, Set<string>>;
}

/**
 * Reads a `uv.lock`: from the project beside it along the dependencies whose markers hold in the environment that is
 * collected for. The project itself is not among them.
 */
export async function readUvLock(
  collected: Collected,
  file: string,
  { extras, groups, at }: PythonSource,
): Promise<void> {
  const toml = await readTomlFile(collected, file, at);
  if (toml === undefined) return;
  if (toml.table.version !== VERSION) {
    const fix =
      'Export it in the common format and name that: `uv export --format pylock.toml -o pylock.toml`.';
    const version = String(toml.table.version ?? '');
    collected.fail(otherVersion(toml, { version, key: 'version', read: String(VERSION), fix }));
    return;
  }
  const unfit = wrongPython(collected, toml, textAt(toml.table, 'requires-python'));
  if (unfit !== undefined) collected.fail(unfit);
  const packages = tablesAt(toml.table, 'package');
  const root = packages.find((one) => ['virtual', 'editable'].some((key) => sourceOf(one)[key] === '.'));
  if (root === undefined) {
    collected.fail(noRoot(toml));
    return;
  }
  const rewrite = 'Have uv write this lock again: `uv lock`.';
  const walk: Walk = { collected, toml, rewrite, packages, reached: new Map([[root, new Set()]]) };
  const dependencies = tablesAt(root, 'dependencies');
  const find = (one: Table) => packages.find((candidate) => isMeant(candidate, one));
  const stale = await staleUvLock({ ...{ collected, toml, rewrite }, dependencies, find });
  if (stale !== undefined) collected.fail(stale);
  follow(walk, dependencies);
  for (const extra of extras) {
    const all = tableAt(root, 'optional-dependencies');
    if (Object.hasOwn(all, extra)) follow(walk, tablesAt(all, extra));
    else collected.fail(unknownName('extra', extra, Object.keys(all), toml));
  }
  for (const group of groups) {
    const all = tableAt(root, 'dev-dependencies');
    if (Object.hasOwn(all, group)) follow(walk, tablesAt(all, group));
    else collected.fail(unknownName('dependency group', group, Object.keys(all), toml));
  }
}

function sourceOf(one: Table): Table {
  return tableAt(one, 'source');
}

function follow(walk: Walk, dependencies: readonly Table[]): void {
  for (const dependency of dependencies) {
    const marker = textAt(dependency, 'marker');
    if (marker !== undefined && !markerHolds(walk, marker, markersOf(walk.collected.environment))) continue;
    const one = walk.packages.find((candidate) => isMeant(candidate, dependency));
    if (one === undefined) {
      walk.collected.fail(lost(walk.toml, textAt(dependency, 'name') ?? ''));
      continue;
    }
    const known = walk.reached.get(one);
    if (known === undefined) {
      walk.reached.set(one, new Set());
      add(walk, one);
      follow(walk, tablesAt(one, 'dependencies'));
    }
    const asked = Array.isArray(dependency.extra) ? dependency.extra : [];
    for (const extra of asked.filter((name) => typeof name === 'string')) {
      const followed = walk.reached.get(one) as Set<string>;
      if (followed.has(extra)) continue;
      followed.add(extra);
      follow(walk, tablesAt(tableAt(one, 'optional-dependencies'), extra));
    }
  }
}

/** A dependency names version and source where there are several packages of its name. */
function isMeant(candidate: Table, dependency: Table): boolean {
  if (textAt(candidate, 'name') !== textAt(dependency, 'name')) return false;
  const version = textAt(dependency, 'version');
  if (version !== undefined && version !== textAt(candidate, 'version')) return false;
  return (
    !isTable(dependency.source) || JSON.stringify(dependency.source) === JSON.stringify(candidate.source)
  );
}

function add({ collected, toml }: Walk, one: Table): void {
  const name = textAt(one, 'name') ?? '';
  const source = sourceOf(one);
  const at = toml.locate(`name = "${name}"`);
  const local = ['path', 'directory', 'editable', 'virtual']
    .map((key) => textAt(source, key))
    .find((path) => path !== undefined);
  const hashes = tablesAt(one, 'wheels').flatMap((wheel) => textAt(wheel, 'hash') ?? []);
  if (local !== undefined) {
    // A virtual member has dependencies and no code that is installed.
    if (source.virtual === undefined)
      addPath(collected, { path: resolve(dirname(toml.file), local), extras: [], hashes, at });
    return;
  }
  const version = textAt(one, 'version');
  if (source.git !== undefined || hashes.length === 0 || version === undefined) {
    collected.fail(withoutWheel(name, source.git !== undefined, at));
    return;
  }
  const address = textAt(source, 'url');
  const common = { name: normalizedName(name), extras: [], hashes, at };
  if (address === undefined) collected.index.push({ ...common, specifier: `==${version}`, version });
  else collected.index.push({ ...common, specifier: '', address });
}

function lost(toml: TomlFile, name: string): Failure {
  return {
    code: 'recipe/requirement-syntax',
    what: `The lock has no package \`${name}\`, on which another one depends.`,
    fix: ['Have uv write it again: `uv lock`.'],
    at: toml.locate(name),
  };
}

function noRoot(toml: TomlFile): Failure {
  return {
    code: 'recipe/lock-source',
    what: 'The lock is of a workspace without a project in its own folder: it does not say whose packages are meant.',
    fix: ['Export those of one member: `uv export --package <name> --format pylock.toml -o pylock.toml`.'],
    at: toml.locate('[[package]]'),
  };
}
