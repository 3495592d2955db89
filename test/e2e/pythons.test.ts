// Other versions of CPython than the default: one run with two samples; with PROVISION_TEST_ALL=1 the whole suite on every target
// and version, also those that are emulated. PROVISION_TEST_CELLS="x86_64 3.15,s390x 3.11" selects.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { env } from 'node:process';
import { test } from 'node:test';
import type { Report } from '../../src/domain/report.ts';
import { listRecipes } from '../../src/recipe/list.ts';
import { provision, REPOSITORY, SHARED_STORE, temporaryFolder } from '../support/cli.ts';

const SAMPLES = ['dynamic/template_strings', 'realworld/zstandard_archive'];
const native = process.arch === 'x64' ? false : 'the program is for x86-64';

function reportIn(folder: string): Report {
  return JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8')) as Report;
}

test('a program has the Python that the command line names, and prints what that version prints', {
  skip: native,
}, async (t) => {
  const cwd = temporaryFolder(t, 'provision python ü ');
  const samples = SAMPLES.flatMap((name) => [
    '--samples',
    join(REPOSITORY, 'runner', 'samples', `${name}.py`),
  ]);
  const run = await provision(['x86_64', '--python', '3.14', ...samples, '--no-host', '--frozen'], {
    ...{ cwd, store: SHARED_STORE, timeoutMs: 20 * 60_000 },
  });
  assert.equal(run.status, 0, run.stdout + run.stderr);
  const artifacts = join(cwd, 'artifacts', 'x86_64-python3.14');
  const { python, reference, samples: results } = reportIn(artifacts);
  assert.match(python?.version ?? '', /^3\.14\./);
  assert.match(python?.libpython ?? '', /libpython3\.14\.so$/);
  assert.ok(reference?.version.startsWith(python?.version as string), JSON.stringify(reference));
  assert.deepEqual(
    results.map(({ status, target }) => [status, target?.exit, target?.stderr]),
    SAMPLES.map(() => ['passed', { status: 0 }, '']),
  );
  const bundle = readdirSync(artifacts).find((name) => name.endsWith('.tar.gz')) as string;
  const inspected = await provision(['inspect', join(artifacts, bundle), '--json']);
  const { libc } = JSON.parse(inspected.stdout) as { readonly libc: { readonly floor: string } };
  const planned = await provision(['plan', 'x86_64', '--python', '3.14']);
  assert.match(planned.stdout, new RegExp(`^glibc +${libc.floor.replace('.', '\\.')} or newer`, 'm'));
});

const listed = await listRecipes(REPOSITORY);
assert.ok(listed.ok);
const chosen = env.PROVISION_TEST_CELLS?.split(',');
const cells = listed.value.flatMap(({ name, pythons }) =>
  pythons.flatMap((one) => ('why' in one || one.default === true ? [] : [{ name, version: one.version }])),
);
for (const { name, version } of cells) {
  const other = chosen !== undefined && !chosen.includes(`${name} ${version}`);
  test(`all samples are equal on ${name} with Python ${version}`, {
    skip: env.PROVISION_TEST_ALL === '1' && !other ? false : 'PROVISION_TEST_ALL=1 runs the whole suite',
  }, async (t) => {
    const cwd = temporaryFolder(t, 'provision python ü ');
    const run = await provision([name, '--python', version, '--no-host', '--artifacts', 'out', '--frozen'], {
      ...{ cwd, store: SHARED_STORE, timeoutMs: 60 * 60_000 },
    });
    assert.equal(run.status, 0, run.stdout + run.stderr);
    const { python, totals } = reportIn(join(cwd, 'out'));
    assert.ok(python?.version.startsWith(`${version}.`), python?.version);
    assert.deepEqual([totals.failed, totals.passed > 60], [0, true]);
  });
}

for (const version of ['3.11', '3.14', '3.15']) {
  test(`CPython ${version}'s own tests conform`, {
    skip: env.PROVISION_TEST_ALL === '1' ? native : 'PROVISION_TEST_ALL=1 runs them',
  }, async (t) => {
    const cwd = temporaryFolder(t, 'provision python ü ');
    // The first has another name in 3.11.
    const tests = ['--tests', 'test_str,test_grammar,test_copy'];
    const run = await provision(['conformance', 'x86_64', '--python', version, ...tests], {
      ...{ cwd, store: SHARED_STORE, timeoutMs: 30 * 60_000 },
    });
    assert.equal(run.status, 0, run.stdout + run.stderr);
    assert.match(run.stdout, /3 of 3 modules conform/);
  });
}
