import { dirname, resolve } from 'node:path';
import { type Table, tableAt, tablesAt, textAt, textsAt } from '../crate/toml.ts';
import { defined } from '../domain/defined.ts';
import type { PythonSource } from '../domain/python-packages.ts';
import type { Failure } from '../failure.ts';
import { addPath, type Collected } from './collect.ts';
import { markersOf } from './environment.ts';
import { markerHolds, otherVersion, withoutWheel } from './foreign-lock.ts';
import { normalizedName } from './marker.ts';
import { unknownName, wrongPython } from './pyproject.ts';
import { readTomlFile, type TomlFile } from './toml-file.ts';

/** The version of the format that is read (PEP 751, `lock-version`). */
const VERSION = '1.0';

/** Reads a `pylock.toml` (PEP 751): exact versions and digests, for the environment that is collected for. */
export async function readPylock(
  collected: Collected,
  file: string,
  { extras, groups, at }: PythonSource,
): Promise<void> {
  const toml = await readTomlFile(collected, file, at);
  if (toml === undefined) return;
  const { table } = toml;
  const version = textAt(table, 'lock-version') ?? '';
  if (version.split('.')[0] !== VERSION.split('.')[0]) {
    const fix = `Have it written in version ${VERSION}: \`pip lock\`, \`uv export --format pylock.toml\`.`;
    collected.fail(otherVersion(toml, { version, key: 'lock-version', read: VERSION, fix }));
    return;
  }
  const unfit = wrongPython(collected, toml, textAt(table, 'requires-python'));
  if (unfit !== undefined) collected.fail(unfit);
  for (const [kind, asked, key] of [
    ['extra', extras, 'extras'],
    ['dependency group', groups, 'dependency-groups'],
  ] as const) {
    const known = textsAt(table, key);
    for (const one of asked) {
      if (!known.map(normalizedName).includes(normalizedName(one)))
        collected.fail(unknownName(kind, one, known, toml));
    }
  }
  const chosen = groups.length > 0 ? groups : textsAt(table, 'default-groups');
  const lock = { collected, toml, rewrite: 'Have the tool that wrote this lock write it again.' };
  const environment = markersOf(collected.environment, { extras, groups: chosen });
  const environments = textsAt(table, 'environments');
  if (environments.length > 0 && !environments.some((text) => markerHolds(lock, text, environment)))
    collected.fail(otherEnvironment(collected, toml, environments));
  for (const one of tablesAt(table, 'packages')) {
    const marker = textAt(one, 'marker');
    if (marker !== undefined && !markerHolds(lock, marker, environment)) continue;
    addPackage(collected, toml, one);
  }
}

function addPackage(collected: Collected, toml: TomlFile, one: Table): void {
  const name = normalizedName(textAt(one, 'name') ?? '');
  const at = toml.locate(`"${textAt(one, 'name')}"`);
  const version = textAt(one, 'version');
  const folder = dirname(toml.file);
  const directory = textAt(tableAt(one, 'directory'), 'path');
  const archive = tableAt(one, 'archive');
  if (directory !== undefined) {
    addPath(collected, { path: resolve(folder, directory), extras: [], hashes: [], at });
    return;
  }
  const hashes = digestsOf(archive);
  const path = textAt(archive, 'path');
  if (path !== undefined) {
    addPath(collected, { path: resolve(folder, path), extras: [], hashes, at });
    return;
  }
  const address = textAt(archive, 'url');
  if (address !== undefined) {
    collected.index.push({ name, extras: [], specifier: '', hashes, at, address });
    return;
  }
  const wheels = tablesAt(one, 'wheels');
  const local = wheels.filter((wheel) => textAt(wheel, 'path') !== undefined);
  for (const wheel of local) {
    const file = resolve(folder, textAt(wheel, 'path') as string);
    addPath(collected, { path: file, extras: [], hashes: digestsOf(wheel), at });
  }
  const remote = wheels.filter((wheel) => !local.includes(wheel));
  if (remote.length === 0 && local.length > 0) return;
  if (remote.length === 0 || version === undefined) {
    collected.fail(withoutWheel(name, Object.keys(tableAt(one, 'vcs')).length > 0, at));
    return;
  }
  collected.index.push({
    name,
    extras: [],
    specifier: `==${version}`,
    hashes: remote.flatMap(digestsOf),
    at,
    ...defined({ version }),
  });
}

/** Digests that pip takes, of a file's `hashes`. */
function digestsOf(file: Table): readonly string[] {
  const hashes = tableAt(file, 'hashes');
  const algorithm = ['sha256', 'sha384', 'sha512'].find((one) => textAt(hashes, one) !== undefined);
  return algorithm === undefined ? [] : [`${algorithm}:${textAt(hashes, algorithm)}`];
}

function otherEnvironment({ environment }: Collected, toml: TomlFile, all: readonly string[]): Failure {
  return {
    code: 'recipe/lock-environment',
    what: `The lock is not for ${environment.triple} with Python ${environment.version}.`,
    why: `It is for: ${all.join('; ')}.`,
    fix: ['Lock for this environment, too; both the target and the machine that builds import the packages.'],
    at: toml.locate('environments'),
  };
}
