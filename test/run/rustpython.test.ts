// The shipped causes of RustPython, on what it and CPython printed: test/docs/take-divergences.ts takes these from runs.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import type { Divergence } from '../../src/domain/divergence.ts';
import type { Observation } from '../../src/domain/sample.ts';
import { loadCauses } from '../../src/recipe/pythons.ts';
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
const fixtures = readdirSync(FOLDER).map((file) => ({
  name: basename(file, '.json'),
  fixture: JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as Fixture,
}));

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
  const seen = new Set(fixtures.flatMap(({ fixture }) => fixture.divergence.causes.map(({ id }) => id)));
  const known = [...text, ...causes].map(({ id }) => id);
  assert.equal(new Set(known).size, known.length, 'a cause twice');
  assert.deepEqual(
    [...known, 'panic', 'signal', 'module', 'time-limit'].filter((id) => !seen.has(id)),
    [],
  );
});
