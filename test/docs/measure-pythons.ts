// Takes what runs left behind into the README's table of Pythons:
//   ./provision --run-node test/docs/measure-pythons.ts <artifacts>…
// Each is the folder of a run of a shipped recipe, with its report and its bundle. Writes test/docs/python-runs.json.
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Report } from '../../src/domain/report.ts';
import measured from './python-runs.json' with { type: 'json' };
import type { PythonRuns } from './pythons-table.ts';

const home = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const runs: Record<string, PythonRuns[string]> = { ...(measured as PythonRuns) };
for (const folder of process.argv.slice(2)) {
  const { recipe, python, bundle, samples, sysroot } = JSON.parse(
    readFileSync(join(folder, 'report.json'), 'utf8'),
  ) as Report;
  if (python === undefined || bundle === undefined)
    throw new Error(`${folder} is not of a run that came to its end`);
  const version = python.version.split('.').slice(0, 2).join('.');
  const { variant } = python;
  const word = variant === undefined ? version : `${version}+${variant}`;
  const shipped = recipe.replace(`-python${word.replace('+', '-')}`, '');
  const { libc, python: inside } = inspect(join(resolve(folder), basename(bundle.file)));
  const program = basename(bundle.file).replace(/-[^-]*-[^-]*-linux-.*$/, '');
  const name = program === 'isolate' ? shipped : `${shipped}:${program}`;
  const of = (status: string) =>
    samples.filter((one) => one.system === undefined && one.status === status).length;
  runs[`${name} ${word}`] = {
    python: python.version,
    ...(variant === undefined ? {} : { variant }),
    ...(sysroot?.name.startsWith('packaged/') === true ? {} : { source: true }),
    linkage: python.linkage,
    ...(program === 'isolate' ? {} : { linkedWith: inside.linkedWith ?? `python${version}` }),
    libc: libc.name,
    ...(libc.floor === null ? {} : { floor: libc.floor }),
    equal: of('passed'),
    differ: of('failed'),
    skipped: of('skipped'),
  };
}
const sorted = Object.fromEntries(Object.entries(runs).sort(([one], [other]) => one.localeCompare(other)));
writeFileSync(join(home, 'test', 'docs', 'python-runs.json'), `${JSON.stringify(sorted, undefined, 2)}\n`);

interface Inspected {
  readonly libc: { readonly name: 'gnu' | 'musl' | 'wasi'; readonly floor: string | null };
  readonly python: { readonly linkedWith?: string };
}

function inspect(bundle: string): Inspected {
  const { status, stdout } = spawnSync(join(home, 'provision'), ['inspect', bundle, '--json'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw new Error(`${bundle} could not be inspected`);
  return JSON.parse(stdout) as Inspected;
}
