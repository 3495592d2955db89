// The shipped causes of RustPython, on what it and CPython printed: test/docs/take-divergences.ts takes these from runs.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import type { ModuleResult } from '../../src/domain/conformance.ts';
import type { Divergence } from '../../src/domain/divergence.ts';
import type { Observation } from '../../src/domain/sample.ts';
import { loadCauses } from '../../src/recipe/pythons.ts';
import { moduleDivergence } from '../../src/run/conformance/divergence.ts';
import { divergenceOf } from '../../src/run/divergence.ts';
import type { Run } from '../../src/run/observe.ts';
import { REPOSITORY } from '../support/cli.ts';

const FOLDER = join(REPOSITORY, 'test', 'run', 'fixtures', 'rustpython');

interface Fixture {
  readonly sample: string;
  readonly end?: 'time';
  readonly divergence: Divergence;
  readonly target: Observation;
  readonly reference: Observation;
}

function runOf({ stdout, stderr, exit, ms }: Observation, end: Run['end'] = 'itself'): Run {
  return {
    ...{ stdout: Buffer.from(stdout), stderr: Buffer.from(stderr), exit, ms },
    ...{ end, emulator: [], cached: false },
  };
}

const rules = await loadCauses(REPOSITORY, 'rustpython-0.6');
assert.ok(rules.ok, JSON.stringify(rules));
const read = (file: string): unknown => JSON.parse(readFileSync(join(FOLDER, file), 'utf8'));
const files = readdirSync(FOLDER);
const fixtures = files
  .filter((file) => !file.startsWith('test_'))
  .map((file) => ({ name: basename(file, '.json'), fixture: read(file) as Fixture }));
const modules = files
  .filter((file) => file.startsWith('test_'))
  .map((file) => read(file) as ModuleResult & { readonly divergence: Divergence });

for (const { divergence, ...module } of modules)
  test(`what RustPython made of ${module.name} is classified`, () => {
    assert.deepEqual(moduleDivergence(module, rules.value), divergence);
    assert.equal(moduleDivergence({ ...module, conforms: true }, rules.value), undefined);
  });

test('a module that panics, ends by a signal or hangs is told apart from one whose tests fail', () => {
  const [module] = modules;
  assert.ok(module);
  const ended = (end: ModuleResult['target']['end'], reason?: string) => {
    const target = { ...module.target, end, ...(reason === undefined ? {} : { reason }) };
    const found = moduleDivergence({ ...module, target, differences: [] }, rules.value);
    return [found?.kind, found?.causes[0]?.id];
  };
  const panic = fixtures.find(({ name }) => name === 'crashes-panic')?.fixture.target.stderr ?? '';
  assert.deepEqual(ended('stopped', `ended with exit status 101 after a:\n${panic.trim()}`), [
    'crashes',
    'panic',
  ]);
  assert.deepEqual(ended('stopped', 'ended with SIGSEGV after a'), ['crashes', 'signal']);
  assert.deepEqual(ended('stopped', 'ended with exit status 3'), ['differs', undefined]);
  assert.deepEqual(ended('time', 'ran into the time limit'), ['hangs', 'time-limit']);
  assert.deepEqual(ended('done'), ['differs', undefined]);
});

for (const { name, fixture } of fixtures)
  test(`what RustPython printed for ${name} is classified as that`, () => {
    const { divergence, target, reference, end } = fixture;
    const runs = { target: runOf(target, end), reference: runOf(reference) };
    const found = divergenceOf(runs, rules.value);
    assert.deepEqual(found, divergence);
    assert.ok(
      divergence.causes.some(({ id }) => name === `${divergence.kind}-${id}`),
      name,
    );
    // The same on both sides is no difference of any kind but none.
    const same = divergenceOf({ target: runs.reference, reference: runs.reference }, rules.value);
    assert.deepEqual(same, { kind: 'text', causes: [] });
  });

test('every cause that is shipped was seen', () => {
  const { text, causes } = rules.value;
  const all = [...fixtures.map(({ fixture }) => fixture), ...modules];
  const seen = new Set(all.flatMap(({ divergence }) => divergence.causes.map(({ id }) => id)));
  const known = [...text, ...causes].map(({ id }) => id);
  assert.equal(new Set(known).size, known.length, 'a cause twice');
  assert.deepEqual(
    [...known, 'panic', 'signal', 'module', 'time-limit'].filter((id) => !seen.has(id)),
    [],
  );
});
