// Takes what a run of the recipe `rustpython` recorded as fixtures of causes: for each cause the shortest sample that has it.
//   ./provision --run-node test/docs/take-divergences.ts artifacts/rustpython [<artifacts of another run>…]
// Writes test/run/fixtures/rustpython/<kind>-<cause>.json, and of modules of CPython's tests <module>.json; what is expected there is to be read before it is believed.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Conformance } from '../../src/domain/conformance.ts';
import type { Report } from '../../src/domain/report.ts';
import type { SampleResult } from '../../src/domain/sample.ts';

const folder = join(dirname(dirname(fileURLToPath(import.meta.url))), 'run', 'fixtures', 'rustpython');
/** Where cargo unpacks crates: the name of the index is no part of what is shown. */
const INDEX = /(cargo\/registry\/src\/)[^/]+/g;
const reports = process.argv.slice(2).map((artifacts) => join(artifacts, 'report.json'));
const samples = reports
  .filter((file) => existsSync(file))
  .flatMap((file) => {
    const text = readFileSync(file, 'utf8').replaceAll(INDEX, '$1index');
    return (JSON.parse(text) as Pick<Report, 'samples'>).samples;
  });
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
for (const file of process.argv.slice(2).map((artifacts) => join(artifacts, 'conformance.json'))) {
  if (!existsSync(file)) continue;
  const { modules } = JSON.parse(readFileSync(file, 'utf8')) as Conformance;
  for (const module of modules.filter(({ divergence }) => divergence !== undefined))
    writeFileSync(join(folder, `${module.name}.json`), `${JSON.stringify(module, null, 2)}\n`);
}
const shortest = new Map<string, SampleResult>();
for (const sample of samples) {
  const { divergence, target, reference } = sample;
  if (divergence === undefined || isCut(target) || isCut(reference)) continue;
  const ids = divergence.causes.length === 0 ? ['unknown'] : divergence.causes.map(({ id }) => id);
  for (const id of ids) {
    const name = `${divergence.kind}-${id}`;
    const before = shortest.get(name);
    if (before === undefined || sizeOf(sample) < sizeOf(before)) shortest.set(name, sample);
  }
}
for (const [name, { name: sample, kind: end, divergence, target, reference }] of shortest) {
  const fixture = { sample, ...(end === 'time-limit' ? { end: 'time' } : {}), divergence, target, reference };
  writeFileSync(join(folder, `${name}.json`), `${JSON.stringify(fixture, null, 2)}\n`);
}

function isCut(seen: SampleResult['target']): boolean {
  return seen === undefined || seen.cut !== undefined || seen.encoding !== 'utf8';
}

function sizeOf({ target, reference }: SampleResult): number {
  return [target, reference].reduce(
    (sum, seen) => sum + (seen?.stdout.length ?? 0) + (seen?.stderr.length ?? 0),
    0,
  );
}
