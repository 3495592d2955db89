// What an interpreter offers (test/fixtures/surface/surface.py): of the target against the reference, each difference
// against what pythons/<python>/differences.yaml declares.
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { type CliRun, REPOSITORY } from './cli.ts';

const SCRIPT = join(REPOSITORY, 'test', 'fixtures', 'surface', 'surface.py');

/** Key → text, as the script prints it. */
export type Surface = Readonly<Record<string, string>>;

interface Declared {
  readonly what: string;
  readonly names: readonly string[];
  readonly on: readonly string[];
}

interface Report {
  readonly samples: readonly { readonly name: string; readonly logs?: readonly string[] }[];
}

/** Runs the script as the only sample, by `run` (the arguments that select the samples); both interpreters' surfaces. */
export async function surfaces(
  folder: string,
  artifacts: string,
  run: (...args: readonly string[]) => Promise<CliRun>,
): Promise<{ readonly reference: Surface; readonly target: Surface }> {
  copyFileSync(SCRIPT, join(folder, 'surface.py'));
  const ran = await run('--samples', folder);
  assert.equal(ran.status, 7, ran.stdout + ran.stderr);
  const report = JSON.parse(readFileSync(join(artifacts, 'report.json'), 'utf8')) as Report;
  const logs = report.samples.find(({ name }) => name === 'surface')?.logs ?? [];
  const printed = (which: string): Surface => {
    const file = logs.find((one) => one.endsWith(`.${which}.stdout`));
    assert.ok(file !== undefined, `no output of the ${which}`);
    return JSON.parse(readFileSync(join(artifacts, file), 'utf8')) as Surface;
  };
  return { reference: printed('reference'), target: printed('target') };
}

/** What differs: `key: reference → target`. Of a module that one of the two lacks only that it does. */
export function surfaceDifferences(reference: Surface, target: Surface): ReadonlyMap<string, string> {
  const keys = [...new Set([...Object.keys(reference), ...Object.keys(target)])].sort();
  const there = 'there';
  const lacking = new Set(
    keys
      .filter((key) => key.startsWith('module:') && (reference[key] !== there || target[key] !== there))
      .map((key) => key.slice('module:'.length)),
  );
  // `name:multiprocessing.heap.Arena` is of `multiprocessing` and `multiprocessing.heap`, `sqlite3:option:…` of `sqlite3`.
  const ofLacking = (key: string): boolean => {
    const words = key.replace(/^name:/, '').split(key.startsWith('name:') ? '.' : ':');
    return words.slice(0, -1).some((_, last) => lacking.has(words.slice(0, last + 1).join('.')));
  };
  return new Map(
    keys
      .filter((key) => reference[key] !== target[key] && !ofLacking(key))
      .map((key) => [key, `${reference[key] ?? 'absent'} → ${target[key] ?? 'absent'}`]),
  );
}

/** Every difference is declared for one of these names (target, C library), and everything that is declared is one. */
export function assertDeclared(
  differences: ReadonlyMap<string, string>,
  python: string,
  on: readonly string[],
): void {
  const file = join(REPOSITORY, 'pythons', python, 'differences.yaml');
  const { known } = parse(readFileSync(file, 'utf8')) as { readonly known: readonly Declared[] };
  const applying = known.filter((one) => one.on.some((name) => on.includes(name)));
  const patterns = applying.flatMap(({ names }) => names.map((name) => ({ name, pattern: globOf(name) })));
  const undeclared = [...differences].filter(([key]) => !patterns.some(({ pattern }) => pattern.test(key)));
  assert.deepEqual(
    undeclared.map(([key, how]) => `${key}: ${how}`),
    [],
    'differences that are not declared',
  );
  const keys = [...differences.keys()];
  const unused = patterns.filter(({ pattern }) => !keys.some((key) => pattern.test(key)));
  assert.deepEqual(
    unused.map(({ name }) => name),
    [],
    'declared, and not there',
  );
}

function globOf(pattern: string): RegExp {
  const text = pattern
    .split('*')
    .map((part) => part.replace(/[.+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*');
  return new RegExp(`^${text}$`);
}
