import { stat } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { defined } from '../domain/defined.ts';
import { unlessDeviceFailed } from '../domain/errno.ts';
import type {
  IndexRequirement,
  PathWheel,
  PythonProject,
  PythonSelection,
  PythonSource,
} from '../domain/python-packages.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Failure } from '../failure.ts';
import { digestFile } from '../store/digest.ts';
import { Collected, type NamedWheel } from './collect.ts';
import type { PackageEnvironment } from './environment.ts';
import { readPylock } from './pylock.ts';
import { readPyproject } from './pyproject.ts';
import { readLine, readRequirementsFile } from './requirements-file.ts';
import { readUvLock } from './uv-lock.ts';
import { versionHas } from './version.ts';
import { parseWheelName, wheelFit } from './wheel-name.ts';

/** Reads all sources of packages for one environment. Fails with every mistake, each at its place. */
export async function readPythonSources(
  sources: readonly PythonSource[],
  environment: PackageEnvironment,
): Promise<Result<PythonSelection>> {
  const collected = new Collected(environment);
  for (const source of sources) await readSource(collected, source);
  const wheels = await chooseWheels(collected);
  for (const project of collected.projects) await checkProject(collected, project);
  const selection = collected.done(wheels);
  for (const failure of disagreements(selection)) collected.fail(failure);
  const [first, ...also] = collected.failures;
  return first === undefined
    ? ok(unique(selection))
    : err({ ...first, ...(also.length > 0 ? { also } : {}) });
}

/** What a source is, by the name of its file. */
async function readSource(collected: Collected, source: PythonSource): Promise<void> {
  const { text, folder, at } = source;
  const file = resolve(folder, text);
  const name = basename(text);
  if (/^pylock(\.[^.]+)?\.toml$/.test(name)) return readPylock(collected, file, source);
  if (name === 'uv.lock') return readUvLock(collected, file, source);
  if (name === 'pyproject.toml') return readPyproject(collected, file, source);
  if (/^[^\s;]+\.(txt|in)$/.test(text)) return readRequirementsFile(collected, file, at);
  const quoted = /^["']/.test(at.text?.slice(at.column - 1) ?? '') ? 1 : 0;
  const line = {
    text,
    at: (offset: number) => ({ ...at, column: at.column + quoted + offset }),
  };
  return readLine(collected, line, folder, false, []);
}

/** Of the wheels of one package the one that fits best: a person gives those for the target and for the reference. */
async function chooseWheels(collected: Collected): Promise<readonly PathWheel[]> {
  const named = new Map<string, (PathWheel & { readonly fit: number | undefined })[]>();
  for (const wheel of collected.wheels) {
    const read = await readWheel(collected, wheel);
    if (read === undefined) continue;
    const { name } = read;
    named.set(name, [...(named.get(name) ?? []), read]);
  }
  const chosen: PathWheel[] = [];
  for (const [name, wheels] of named) {
    const first = wheels[0] as PathWheel;
    const other = wheels.find(({ version }) => version !== first.version);
    if (other !== undefined) {
      collected.fail(disagree(name, [first.version, other.version], other.at));
      continue;
    }
    const best = wheels
      .filter(({ fit }) => fit !== undefined)
      .sort((a, b) => (a.fit as number) - (b.fit as number))[0];
    if (best === undefined) collected.fail(noneFits(collected.environment, name, wheels));
    else {
      const { fit: _, ...wheel } = best;
      chosen.push({ ...wheel, extras: [...new Set(wheels.flatMap(({ extras }) => extras))] });
    }
  }
  return chosen;
}

async function readWheel(
  collected: Collected,
  { file, hashes, extras, at }: NamedWheel,
): Promise<(PathWheel & { readonly fit: number | undefined }) | undefined> {
  const name = parseWheelName(basename(file));
  if (name === undefined) {
    collected.fail({
      code: 'recipe/wheel-name',
      what: `\`${basename(file)}\` is no name of a wheel.`,
      why: 'A wheel says in its name what it is for: `name-version-python-abi-platform.whl`.',
      fix: ['Give it the name that it was built with: pip refuses others, too.'],
      at,
    });
    return undefined;
  }
  const info = await stat(file).catch(unlessDeviceFailed(undefined));
  if (info?.isFile() !== true) {
    collected.fail({
      code: 'recipe/no-wheel-file',
      what: info === undefined ? `There is no \`${file}\`.` : `\`${file}\` is not a file.`,
      fix: ['Give the path of a wheel, relative to the file that names it.'],
      at,
    });
    return undefined;
  }
  const { digest } = await digestFile(file);
  const comparable = hashes.filter((one) => one.startsWith('sha256:'));
  if (comparable.length > 0 && !comparable.includes(digest)) {
    collected.fail({
      code: 'fetch/wheel-digest',
      what: `\`${basename(file)}\` does not have the digest that is stated for it.`,
      why: `It has ${digest}.`,
      fix: ['It was not installed. State its digest (`pip hash <wheel>`), or put the right file there.'],
      at,
    });
    return undefined;
  }
  const fit = wheelFit(name, collected.environment.tags);
  return { file, name: name.name, version: name.version, digest, extras, at, fit };
}

/** A free-threaded interpreter loads extension modules that were compiled for such a one alone. */
function abiTagOf({ minor, abiflags }: PackageEnvironment['tags']): string {
  if (!abiflags.includes('t')) return '';
  return `; with extension modules it has the ABI tag \`cp${minor.replace('.', '')}${abiflags}\``;
}

function noneFits(
  { triple, tags, why }: PackageEnvironment,
  name: string,
  wheels: readonly PathWheel[],
): Failure {
  const files = wheels.map(({ file }) => `\`${basename(file)}\``).join(', ');
  const [best] = tags.platforms;
  return {
    code: 'recipe/wheel-tag',
    what: `No wheel of \`${name}\` is for CPython ${tags.minor}${tags.abiflags} on ${triple}: ${files}.`,
    why:
      why ??
      `A wheel for it is named for \`any\`, or for a platform such as \`${best}\` or older${abiTagOf(tags)}.`,
    fix:
      best === undefined
        ? [
            'Use a package without extension modules (its wheel ends in `-none-any.whl`).',
            'Or build for a target whose programs load them: `provision list` shows the targets.',
          ]
        : [
            'Name its wheel for this platform, too: both the target and the reference interpreter, which it is compared with, import it.',
          ],
    at: (wheels[0] as PathWheel).at,
  };
}

async function checkProject(collected: Collected, { path, kind, at }: PythonProject): Promise<void> {
  const info = await stat(path).catch(unlessDeviceFailed(undefined));
  const fail = (what: string, fix: string): void =>
    collected.fail({ code: 'recipe/no-python-project', what, fix: [fix], at });
  if (info === undefined)
    return fail(`There is no \`${path}\`.`, 'Check the path: it is relative to the file that names it.');
  if (kind === 'archive') {
    if (!info.isFile()) fail(`\`${path}\` is not a file.`, 'Give the path of a source distribution.');
    return;
  }
  if (!info.isDirectory())
    return fail(
      `\`${path}\` is neither a wheel nor a source distribution nor a folder.`,
      'A wheel ends in `.whl`, a source distribution in `.tar.gz`; a module of your own goes into `python.paths`.',
    );
  const has = await Promise.all(
    ['pyproject.toml', 'setup.py'].map((name) =>
      stat(resolve(path, name)).catch(unlessDeviceFailed(undefined)),
    ),
  );
  if (has.every((one) => one === undefined))
    fail(
      `\`${path}\` has neither a \`pyproject.toml\` nor a \`setup.py\`: it is no project that pip can build.`,
      'A folder of modules without metadata goes into `python.paths`.',
    );
}

/** Sources that state different versions of a package, and constraints that none satisfies. */
function disagreements({ index, wheels, constraints }: PythonSelection): readonly Failure[] {
  const stated = [
    ...wheels.map(({ name, version, at }) => ({ name, version, at })),
    ...index.flatMap(({ name, version, at }) => (version === undefined ? [] : [{ name, version, at }])),
  ];
  const first = new Map<string, string>();
  const failures: Failure[] = [];
  for (const { name, version, at } of stated) {
    const before = first.get(name) ?? version;
    first.set(name, before);
    if (versionHas(before, '==', version) === false) failures.push(disagree(name, [before, version], at));
  }
  const limits = [...constraints, ...index.filter(({ version }) => version === undefined)];
  for (const { name, specifier, at } of limits) {
    const version = first.get(name);
    if (version !== undefined && !satisfies(version, specifier))
      failures.push(disagree(name, [version, specifier], at));
  }
  return failures;
}

function satisfies(version: string, specifier: string): boolean {
  return specifier
    .split(',')
    .filter((one) => one !== '')
    .every((one) => {
      const [, operator = '', other = ''] = /^(===|==|~=|!=|<=|>=|<|>)(.*)$/.exec(one) ?? [];
      return versionHas(version, operator, other) !== false;
    });
}

function disagree(name: string, [one, other]: readonly [string, string], at: Failure['at']): Failure {
  return {
    code: 'recipe/python-versions',
    what: `The sources of \`python.packages\` state two versions of \`${name}\`: \`${one}\` and \`${other}\`.`,
    fix: ['Leave one of them out, or make them agree.'],
    ...defined({ at }),
  };
}

/** What several sources name alike is there once, with the extras and digests of all. */
function unique(selection: PythonSelection): PythonSelection {
  const local = new Set(selection.wheels.map(({ name }) => name));
  const index = new Map<string, IndexRequirement>();
  for (const one of selection.index.filter(({ name }) => !local.has(name))) {
    const before = index.get(one.name);
    index.set(one.name, before === undefined ? one : joined(before, one));
  }
  const extras = (name: string): readonly string[] =>
    selection.index.filter((one) => one.name === name).flatMap((one) => one.extras);
  return {
    ...selection,
    index: [...index.values()],
    wheels: selection.wheels.map((one) => ({
      ...one,
      extras: [...new Set([...one.extras, ...extras(one.name)])],
    })),
  };
}

function joined(a: IndexRequirement, b: IndexRequirement): IndexRequirement {
  const exact = a.version !== undefined ? a : b;
  return {
    ...exact,
    specifier:
      exact.version !== undefined
        ? exact.specifier
        : [a.specifier, b.specifier].filter((one) => one !== '').join(','),
    extras: [...new Set([...a.extras, ...b.extras])],
    hashes: [...new Set([...a.hashes, ...b.hashes])],
  };
}
