// CPython's own tests in the bundle of another architecture: three quick modules, compared with the reference.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import type { Conformance } from '../../src/domain/conformance.ts';
import { provision, SHARED_STORE, temporaryFolder } from '../support/cli.ts';

const MODULES = ['test_grammar', 'test_copy', 'test_complex'];

let folder = '';

before(() => {
  folder = temporaryFolder({ after: (done) => process.once('exit', done) }, 'provision conformance ü ');
});

function conformance(recipe = 'aarch64'): Conformance {
  return JSON.parse(
    readFileSync(join(folder, 'artifacts', recipe, 'conformance.json'), 'utf8'),
  ) as Conformance;
}

test('tests that pass on the reference pass in the bundle, and both ran all of them', async () => {
  const run = await provision(['conformance', 'aarch64', '--tests', MODULES.join(',')], {
    cwd: folder,
    store: SHARED_STORE,
    timeoutMs: 20 * 60_000,
  });
  assert.equal(run.status, 0, run.stdout + run.stderr);
  const { modules, totals } = conformance();
  assert.deepEqual(
    modules.map(({ name }) => name),
    MODULES,
  );
  for (const { name, reference, target } of modules) {
    assert.deepEqual([reference.end, target.end], ['done', 'done'], name);
    assert.ok(reference.passed > 30, `${name}: ${reference.passed}`);
    assert.equal(target.failed, reference.failed, name);
    assert.equal(target.passed + target.skipped, reference.passed + reference.skipped, name);
  }
  assert.equal(totals.worse, 0);
  assert.match(run.stdout, /3 of 3 modules conform/);
});

test('a second conformance run takes equal results from the store', async () => {
  const { modules } = conformance();
  const again = await provision(['conformance', 'aarch64', '--tests', MODULES.join(','), '--offline'], {
    cwd: folder,
    store: SHARED_STORE,
  });
  assert.equal(again.status, 0, again.stderr);
  assert.equal(conformance().totals.cached, MODULES.length);
  assert.deepEqual(conformance().modules, modules);
  assert.match(again.stdout, /^conformance: cached/m);
});

test('a test module that CPython does not have is a usage error', async () => {
  const run = await provision(['conformance', 'aarch64', '--tests', 'test_gramar', '--offline'], {
    cwd: folder,
    store: SHARED_STORE,
  });
  assert.equal(run.status, 2, run.stdout);
  assert.match(run.stderr, /usage\/no-such-test[\s\S]*test_grammar/);
});

test("tests that need one of CPython's test-only extensions are skipped, the others of the module compared", async () => {
  const run = await provision(['conformance', 'wasm32-wasip1', '--tests', 'test_class'], {
    cwd: folder,
    store: SHARED_STORE,
    timeoutMs: 30 * 60_000,
  });
  assert.equal(run.status, 0, run.stdout + run.stderr);
  const [module] = conformance('wasm32-wasip1').modules;
  assert.equal(module?.target.end, 'done');
  assert.ok((module?.target.passed ?? 0) > 20, `${module?.target.passed}`);
  const skipped = module?.differences.filter(({ target }) => target === 'skipped') ?? [];
  assert.ok(skipped.some(({ message }) => message === 'the build leaves _testinternalcapi out'));
  // The page shows it even where no samples were run.
  const page = readFileSync(join(folder, 'artifacts', 'report.html'), 'utf8');
  assert.ok(page.includes('the build leaves _testinternalcapi out'));
});
