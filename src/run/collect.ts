import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { defined } from '../domain/defined.ts';
import { err, ok, type Result } from '../domain/result.ts';
import type { Sample } from '../domain/sample.ts';
import type { Failure } from '../failure.ts';
import { readHeader } from './header.ts';

interface Script {
  readonly name: string;
  readonly file: string;
  readonly suite: string;
  readonly given: Sample['given'];
}

/**
 * The samples of absolute files and folders, sorted by name: a file is a sample whatever its name, a folder is searched
 * to any depth for `*.py`, leaving out what begins with `_` or `.` (docs/samples.md, "Which files").
 * Fails with `usage/no-such-sample`, `usage/no-samples`, `usage/sample-header`, `usage/sample-name`; mistakes in several
 * headers are reported together.
 */
export async function collectSamples(
  paths: readonly string[],
  defaults: { readonly timeoutSeconds: number },
): Promise<Result<readonly Sample[]>> {
  const scripts = await findScripts(paths);
  if (!scripts.ok) return scripts;
  const doubled = firstDouble(scripts.value);
  if (doubled !== undefined) return err(sameName(doubled));
  const samples: Sample[] = [];
  const failures: Failure[] = [];
  for (const script of scripts.value) {
    const sample = await readSample(script, defaults);
    if (sample.ok) samples.push(sample.value);
    else failures.push(sample.error);
  }
  const [first, ...others] = failures.flatMap(({ also = [], ...failure }): Failure[] => [failure, ...also]);
  if (first === undefined) return ok(samples);
  return err(others.length === 0 ? first : { ...first, also: others });
}

async function findScripts(paths: readonly string[]): Promise<Result<readonly Script[]>> {
  const found = new Map<string, Script>();
  for (const path of paths) {
    const scripts = await scriptsAt(path);
    if (!scripts.ok) return scripts;
    // A file that is given by itself and lies in a folder that is given, too, is one sample.
    for (const script of scripts.value) if (!found.has(script.file)) found.set(script.file, script);
  }
  if (found.size === 0) return err(noSamples(paths));
  return ok([...found.values()].sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name))));
}

async function scriptsAt(path: string): Promise<Result<readonly Script[]>> {
  try {
    const info = await stat(path);
    if (info.isFile()) return ok([await givenFile(path)]);
    if (info.isDirectory()) return ok(await scriptsBelow(await realpath(path)));
    return err(noSuchSample(path, 'It is neither a file nor a folder.'));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    return err(noSuchSample(path, code === 'ENOENT' ? undefined : message));
  }
}

/** A file given by name. Links are followed, as Python does before it looks for modules beside a script. */
async function givenFile(path: string): Promise<Script> {
  const file = await realpath(path);
  return { name: withoutSuffix(basename(file)), file, suite: dirname(file), given: 'file' };
}

async function scriptsBelow(suite: string, below = ''): Promise<readonly Script[]> {
  const scripts: Script[] = [];
  for (const entry of await readdir(join(suite, below), { withFileTypes: true })) {
    if (entry.name.startsWith('_') || entry.name.startsWith('.')) continue;
    const path = below === '' ? entry.name : `${below}/${entry.name}`;
    if (entry.isDirectory()) scripts.push(...(await scriptsBelow(suite, path)));
    if (!entry.name.endsWith('.py')) continue;
    const file = join(suite, path);
    if (entry.isFile()) scripts.push({ name: withoutSuffix(path), file, suite, given: 'folder' });
    if (entry.isSymbolicLink() && (await stat(file)).isFile()) {
      scripts.push({ ...(await givenFile(file)), name: withoutSuffix(path) });
    }
  }
  return scripts;
}

async function readSample(
  script: Script,
  defaults: { readonly timeoutSeconds: number },
): Promise<Result<Sample>> {
  let bytes: Uint8Array;
  try {
    bytes = await readFile(script.file);
  } catch (error) {
    return err(noSuchSample(script.file, (error as Error).message));
  }
  const read = readHeader(bytes, script.file);
  if (!read.ok) return read;
  const header = read.value;
  return ok({
    ...script,
    title: header?.title ?? script.name,
    tier: header?.tier ?? 'user',
    requires: header?.requires ?? [],
    ...defined({ python: header?.python }),
    argv: header?.argv ?? [],
    stdin: header?.stdin ?? '',
    timeoutSeconds: header?.timeoutSeconds ?? defaults.timeoutSeconds,
    knownDifferences: header?.knownDifferences ?? [],
  });
}

function withoutSuffix(name: string): string {
  return name.length > 3 && name.endsWith('.py') ? name.slice(0, -3) : name;
}

/** Two scripts with one name, of the sorted ones. */
function firstDouble(scripts: readonly Script[]): readonly [Script, Script] | undefined {
  for (const [index, script] of scripts.entries()) {
    const next = scripts[index + 1];
    if (next?.name === script.name) return [script, next];
  }
  return undefined;
}

function sameName([one, other]: readonly [Script, Script]): Failure {
  return {
    code: 'usage/sample-name',
    what: `Two samples have the name "${one.name}".`,
    why: 'Results and logs are filed by name.',
    fix: ['Rename one of them, or give them in two runs.'],
    evidence: [one.file, other.file],
  };
}

function noSuchSample(path: string, why: string | undefined): Failure {
  return {
    code: 'usage/no-such-sample',
    what: why === undefined ? `There is no sample ${path}.` : `The sample ${path} cannot be read.`,
    ...defined({ why }),
    fix: ['Give Python scripts, or folders that hold some.'],
  };
}

function noSamples(paths: readonly string[]): Failure {
  return {
    code: 'usage/no-samples',
    what: paths.length === 0 ? 'No samples are given.' : `No sample was found in ${paths.join(', ')}.`,
    why: 'A folder is searched for files `*.py`; names that begin with `_` or `.` are left out.',
    fix: ['Name a script, or a folder that holds some.'],
  };
}
