// Other versions of CPython than the default: one run with two samples; with PROVISION_TEST_ALL=1 the whole suite on every target
// and version, also those that are emulated. PROVISION_TEST_CELLS="x86_64 3.15,s390x 3.11" selects.
import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { env } from 'node:process';
import { test } from 'node:test';
import type { Report } from '../../src/domain/report.ts';
import { listRecipes } from '../../src/recipe/list.ts';
import { copyOfTool, provision, REPOSITORY, SHARED_STORE, temporaryFolder } from '../support/cli.ts';

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

/** A recipe of the runner with a just-in-time compiler, whose commands show that it is on. */
const JIT = `schema: 1
extends: x86_64
variant: [jit]
project: {path: ${JSON.stringify(join(REPOSITORY, 'runner'))}}
samples: {path: ${JSON.stringify(join(REPOSITORY, 'runner', 'samples', 'any'))}}
tests:
  commands:
    - {name: on, args: [-c, "import os, sys; print(sys._jit.is_enabled(), 'PYTHON_JIT' in os.environ)"], stdout: "True False\\n"}
    - {name: isolated, args: [-I, -c, "import sys; print(sys._jit.is_enabled(), sys.flags.ignore_environment)"], stdout: "True 1\\n"}
    - {name: child, args: [-c, "import subprocess, sys; subprocess.run([sys.executable, '-c', \\"print('PYTHON_JIT' in open('/proc/self/environ').read())\\"])"], stdout: "False\\n"}
`;

test('a program starts with the just-in-time compiler on, also where it is isolated, and no environment has it', {
  skip: native,
}, async (t) => {
  const cwd = temporaryFolder(t, 'provision jit ü ');
  writeFileSync(join(cwd, 'jit.yaml'), JIT);
  const run = await provision(
    ['./jit.yaml', '--python', '3.14', '--artifacts', 'out', '--no-host', '--frozen'],
    {
      ...{ cwd, store: SHARED_STORE, timeoutMs: 20 * 60_000 },
    },
  );
  assert.equal(run.status, 0, run.stdout + run.stderr);
  const { totals } = reportIn(join(cwd, 'out'));
  assert.deepEqual([totals.failed, totals.skipped], [0, 0]);
});

test('a run whose just-in-time compiler is not on fails', {
  skip: process.env.PROVISION_TEST_ALL === '1' ? native : 'PROVISION_TEST_ALL=1 builds one',
}, async (t) => {
  const cwd = temporaryFolder(t, 'provision jit ü ');
  const home = copyOfTool(join(cwd, 'tool'));
  const file = join(home, 'pythons', 'cpython-3.14', 'python.yaml');
  writeFileSync(file, readFileSync(file, 'utf8').replace('PYTHON_JIT: "1"', 'PYTHON_JIT: "0"'));
  writeFileSync(join(cwd, 'jit.yaml'), JIT);
  const run = await provision(
    ['./jit.yaml', '--python', '3.14', '--artifacts', 'out', '--no-host', '--frozen'],
    {
      ...{ cwd, home, store: SHARED_STORE, timeoutMs: 20 * 60_000 },
    },
  );
  assert.equal(run.status, 7, run.stdout + run.stderr);
  const { samples } = reportIn(join(cwd, 'out'));
  assert.ok(samples.every(({ status }) => status === 'failed'));
  assert.match(
    samples[0]?.target?.stderr ?? '',
    /sys\._jit\.is_enabled\(\) is not true: PYTHON_JIT had no effect/,
  );
});

test('a program for the stable ABI is built once, and every version serves it', {
  skip: process.env.PROVISION_TEST_ALL === '1' ? native : 'PROVISION_TEST_ALL=1 builds one',
}, async (t) => {
  const cwd = temporaryFolder(t, 'provision abi ü ');
  const versions = ['3.11', '3.13', '3.14', '3.15'];
  const run = await provision(
    [
      'run',
      ...['--project', join(REPOSITORY, 'test', 'crates', 'stable-abi')],
      // The oldest comes first, in whatever order they are named.
      ...['--python', versions.toReversed().join(), '--artifacts', 'out', '--no-host', '--frozen'],
    ],
    { cwd, store: SHARED_STORE, timeoutMs: 30 * 60_000 },
  );
  assert.equal(run.status, 0, run.stdout + run.stderr);
  assert.match(
    run.stdout,
    /One program, stable \(sha256:[0-9a-f]{64}\), linked once with python3\.11, by the stable ABI:/,
  );
  assert.match(run.stdout, /^3\.11\.\S+ .* built for it +2 of 2$/m);
  for (const version of versions) {
    const folder = join(cwd, 'out', `python${version}`);
    const { python, totals, stages } = reportIn(folder);
    assert.ok(python?.version.startsWith(`${version}.`), python?.version);
    assert.deepEqual([totals.failed, totals.passed], [0, 2]);
    if (version === '3.11') continue;
    assert.match(run.stdout, new RegExp(`^${version.replace('.', '\\.')}\\.\\S+ .* the same +2 of 2$`, 'm'));
    assert.equal(stages.find(({ name }) => name === 'build')?.outcome, 'hit');
    const inspected = await provision(['inspect', join(folder, 'stable-x86_64-unknown-linux-gnu.tar.gz')]);
    assert.equal(inspected.status, 0, inspected.stderr);
    assert.match(inspected.stdout, /the program was linked with python3\.11, by the stable ABI/);
  }
});

for (const linkage of ['static', 'dynamic'] as const) {
  test(`a free-threaded CPython, ${linkage}, runs threads at the same time, as one that is built of the same source`, {
    skip: process.env.PROVISION_TEST_ALL === '1' ? native : 'PROVISION_TEST_ALL=1 compiles one',
  }, async (t) => {
    const cwd = temporaryFolder(t, 'provision free ü ');
    const crate = join(cwd, 'crate');
    for (const part of ['src', 'build.rs', 'samples'])
      cpSync(join(REPOSITORY, 'runner', part), join(crate, part), { recursive: true });
    // The runner with a PyO3 that compiles for it, and what needs threads that run at the same time.
    cpSync(join(REPOSITORY, 'test', 'crates', 'free-threaded'), crate, { recursive: true });
    writeFileSync(
      join(cwd, 'free.yaml'),
      `schema: 1\nextends: x86_64\nvariant: free-threaded\nproject: {path: crate}\npython: {linkage: ${linkage}}\nsamples: {path: crate/samples}\n`,
    );
    const run = await provision(['./free.yaml', '--artifacts', 'out', '--frozen'], {
      ...{ cwd, store: SHARED_STORE, timeoutMs: 60 * 60_000 },
    });
    assert.equal(run.status, 0, run.stdout + run.stderr);
    const { python, reference, samples, totals } = reportIn(join(cwd, 'out'));
    assert.deepEqual([python?.variant, python?.linkage], ['free-threaded', linkage]);
    assert.match(python?.libpython ?? '', /libpython3\.13t\.(a|so)$/);
    assert.ok(reference?.version.startsWith(python?.version as string), JSON.stringify(reference));
    assert.equal(totals.failed, 0);
    const parallel = samples.find(({ name }) => name.endsWith('parallel_threads'));
    assert.equal(parallel?.status, 'passed');
    const archive = join(cwd, 'out', 'isolate-x86_64-unknown-linux-gnu.tar.gz');
    const inspected = await provision(['inspect', archive, '--json']);
    assert.equal(inspected.status, 0, inspected.stderr);
    const { python: inside } = JSON.parse(inspected.stdout) as {
      readonly python: { readonly soabi: string };
    };
    assert.match(inside.soabi, /^cpython-313t-/);
  });
}

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

test('all samples are equal with the packaged Python 3.11, which is not the default of that version', {
  skip: env.PROVISION_TEST_ALL === '1' ? native : 'PROVISION_TEST_ALL=1 runs the whole suite',
}, async (t) => {
  const cwd = temporaryFolder(t, 'provision python ü ');
  const runner = JSON.stringify(join(REPOSITORY, 'runner'));
  const samples = JSON.stringify(join(REPOSITORY, 'runner', 'samples'));
  writeFileSync(
    join(cwd, 'packaged.yaml'),
    `schema: 1\nextends: x86_64\npython: {from: packages}\nproject: {path: ${runner}}\nsamples: {path: ${samples}}\n`,
  );
  const run = await provision(
    ['./packaged.yaml', '--python', '3.11', '--no-host', '--artifacts', 'out', '--frozen'],
    { cwd, store: SHARED_STORE, timeoutMs: 60 * 60_000 },
  );
  assert.equal(run.status, 0, run.stdout + run.stderr);
  const { python, totals } = reportIn(join(cwd, 'out'));
  assert.deepEqual([python?.linkage, totals.failed, totals.passed > 60], ['dynamic', 0, true]);
});

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
