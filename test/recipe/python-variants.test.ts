// Variants of a Python: just-in-time compiler, free-threaded. What there is not is refused before anything is fetched.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { defined } from '../../src/domain/defined.ts';
import type { PythonDistribution } from '../../src/domain/python.ts';
import { buildEnv, isForAnyPython } from '../../src/env/env.ts';
import { pythonHomeSource } from '../../src/env/python-home.ts';
import { makePlan } from '../../src/plan/plan.ts';
import { resolveRecipe } from '../../src/recipe/recipe.ts';
import { namedVersions } from '../../src/recipe/versions.ts';
import { provision, REPOSITORY, temporaryFolder } from '../support/cli.ts';
import { put } from '../support/crate.ts';

function lookup(t: TestContext, recipe: string, pyo3: string, python?: string, machine = 'x86_64') {
  const cwd = temporaryFolder(t);
  put(cwd, {
    'Cargo.toml':
      '[package]\nname = "own"\nversion = "0.1.0"\nedition = "2021"\n[dependencies]\npyo3 = "0"\n',
    'Cargo.lock': `version = 4\n\n[[package]]\nname = "pyo3"\nversion = "${pyo3}"\n`,
    'src/main.rs': 'fn main() {}\n',
    'provision.yaml': `schema: 1\n${recipe}\n`,
  });
  return { home: REPOSITORY, cwd, machine, ...(python === undefined ? {} : { python }) };
}

const START = { environment: { PYTHON_JIT: '1' }, shows: 'True' };

async function taken(...args: Parameters<typeof lookup>) {
  const found = await resolveRecipe(lookup(...args), undefined);
  assert.ok(found.ok, JSON.stringify(found));
  const { sysroot, recipe } = found.value;
  return { sysroot, recipe, resolved: found.value, is: [sysroot.name, sysroot.python.variant] };
}

async function failure(...args: Parameters<typeof lookup>) {
  const found = await resolveRecipe(lookup(...args), undefined);
  assert.ok(!found.ok, 'it is accepted');
  const { code, what, why = '', fix, at } = found.error;
  return { code, what, why, fix: fix.join(' '), at: at && `${at.line}:${at.column}` };
}

test('a recipe or the command line names a variant; the Python is one that has it', async (t) => {
  const own = await taken(t, 'extends: x86_64\nvariant: [jit]', '0.30.1');
  assert.deepEqual(own.is, ['packaged/cpython-3.15/x86_64', 'jit']);
  const named = await taken(t, 'extends: x86_64\nvariant: jit\npython: {version: "3.14"}', '0.30.1');
  assert.deepEqual(named.is, ['packaged/cpython-3.14/x86_64', 'jit']);
  const option = await taken(t, 'extends: aarch64', '0.30.1', '3.14+jit');
  assert.deepEqual(option.is, ['packaged/cpython-3.14/aarch64', 'jit']);
  assert.equal(option.recipe.name, 'aarch64-python3.14-jit');
  assert.deepEqual(option.sysroot.python.start?.environment, { PYTHON_JIT: '1' });
  // The newest that PyO3 compiles for, as without.
  const older = await taken(t, 'extends: x86_64\nvariant: jit', '0.28.3');
  assert.deepEqual(older.is, ['packaged/cpython-3.14/x86_64', 'jit']);
});

test('what starts the program is part of the build of a variant, and of no other', async (t) => {
  const python = {
    ...{ implementation: 'CPython', version: '3.14.8', minor: '3.14', abiflags: '', linkage: 'dynamic' },
    ...{ libName: 'python3.14', libDir: 'usr/lib', stdlib: 'usr/lib/python3.14', sysconfigdata: '' },
    ...{ soabi: '', pointerWidth: 64, buildFlags: [], why: '' },
  } as unknown as PythonDistribution;
  const of = async (word: string) => {
    const { resolved } = await taken(t, 'extends: x86_64', '0.30.1', word);
    return buildEnv({ resolved, python, runtime: 'native', sourceDateEpoch: 1 });
  };
  const jit = await of('3.14+jit');
  assert.match(JSON.stringify(jit.variables), /--wrap=Py_InitializeFromConfig/);
  assert.match(jit.linked['python-start.c'] ?? '', /\{"PYTHON_JIT", "1"\}/);
  assert.match(JSON.stringify(jit.variables), /=\/job\/linked\/python-start\.o/);
  assert.deepEqual(jit.compiled?.sources, [
    'python-home.c',
    'python-start.c',
    'onefile.c',
    'onefile-start.c',
  ]);
  const plain = await of('3.14');
  // Cargo's link compiles nothing.
  assert.doesNotMatch(JSON.stringify(plain.variables), /link-arg=\S+\.c\b/);
  assert.deepEqual(plain.compiled?.sources, ['python-home.c', 'onefile.c', 'onefile-start.c']);
  assert.doesNotMatch(JSON.stringify(plain), /python-start|Py_InitializeFromConfig|provision_before_start/);
});

test('a program for the stable ABI looks for the library of the version that it finds', async (t) => {
  const of = async (linkage: 'static' | 'dynamic', abi3?: string, variant?: string) => {
    const { resolved } = await taken(t, 'extends: x86_64', '0.30.1', '3.14');
    const { crate, sysroot } = resolved;
    const own = {
      crate: { ...crate, ...defined({ pyo3: crate.pyo3 && { ...crate.pyo3, ...defined({ abi3 }) } }) },
      sysroot: variant === undefined ? sysroot : { ...sysroot, python: { ...sysroot.python, start: START } },
    };
    return isForAnyPython(own, { linkage, abiflags: '' });
  };
  assert.deepEqual(
    [
      await of('dynamic', 'abi3-py311'),
      await of('static', 'abi3-py311'),
      await of('dynamic'),
      await of('dynamic', 'abi3-py311', 'jit'),
    ],
    [true, false, false, false],
  );
  assert.match(pythonHomeSource(undefined), /put\(end, of_version\("\/os\.py"\)\)/);
  assert.match(pythonHomeSource('lib/python3.14'), /put\(end, "\/lib\/python3\.14\/os\.py"\)/);
  assert.doesNotMatch(pythonHomeSource('lib/python3.14'), /Py_GetVersion/);
});

test('a variant of a Python that has it not, with the reason and those that have it', async (t) => {
  const jit = await failure(t, 'extends: x86_64\nvariant: jit\npython: {version: "3.13"}', '0.30.1');
  assert.deepEqual([jit.code, jit.at], ['recipe/no-such-variant', '3:10']);
  assert.match(jit.why, /builds 3\.13 without it/);
  assert.match(jit.fix, /`3\.15` and `3\.14` have it: `--python 3\.15\+jit`/);
  const option = await failure(t, 'extends: x86_64', '0.30.1', '3.11+jit');
  assert.deepEqual([option.code, option.at], ['recipe/no-such-variant', undefined]);
  assert.match(option.why, /from 3\.13 on/);
  const target = await failure(t, 'extends: s390x\nvariant: jit', '0.30.1');
  assert.equal(target.code, 'recipe/no-such-variant');
  assert.match(target.what, /No Python has the variant `jit` for `s390x`/);
  assert.match(target.fix, /there for `aarch64` and `x86_64`/);
  const free = await failure(t, 'extends: x86_64', '0.30.1', '3.14+free-threaded');
  assert.match(free.why, /serves no source/);
});

test('an unknown variant, with the one that may be meant', async (t) => {
  const typed = await failure(t, 'extends: x86_64\nvariant: free-treaded', '0.28.3');
  assert.deepEqual([typed.code, typed.at], ['recipe/unknown-variant', '3:10']);
  assert.match(typed.fix, /Did you mean `free-threaded`\? There are: `free-threaded` and `jit`/);
  const option = await failure(t, 'extends: x86_64', '0.30.1', '3.14+jitt');
  assert.deepEqual([option.code, option.at], ['recipe/unknown-variant', undefined]);
  const letter = await failure(t, 'extends: x86_64', '0.28.3', '3.13t');
  assert.match(letter.fix, /`--python 3\.13\+free-threaded`/);
});

test('a variant that a recipe names is left out for another target that has it not', async (t) => {
  const found = await resolveRecipe(lookup(t, 'extends: x86_64\nvariant: jit', '0.30.1'), 's390x');
  assert.ok(found.ok, JSON.stringify(found));
  assert.deepEqual(
    [found.value.recipe.variant, found.value.sysroot.python.variant, found.value.sysroot.python.start],
    [undefined, undefined, undefined],
  );
});

test('`all` are the versions that have the variant', async (t) => {
  const versions = await namedVersions(
    lookup(t, 'extends: x86_64\nvariant: jit', '0.30.1', 'all'),
    undefined,
  );
  assert.deepEqual(versions, { ok: true, value: ['3.15', '3.14'] });
});

test('a free-threaded Python is built from source, with the flag in every name', async (t) => {
  const { is, sysroot, resolved } = await taken(t, 'extends: x86_64', '0.28.3', '3.13+free-threaded');
  assert.deepEqual(is, ['portable-gnu/cpython-3.13/x86_64', 'free-threaded']);
  assert.equal(sysroot.python.abiflags, 't');
  assert.ok(sysroot.source?.cpython.configure.includes('--disable-gil'));
  assert.deepEqual(sysroot.source?.cpython.ownPatches, [], 'what rests on the lock is left out');
  const plan = makePlan(resolved, { machine: 'x86_64', platform: 'linux' });
  const run = plan.stages.find(({ stage }) => stage === 'run');
  assert.equal(run?.inputs.reference, 'python3.13t');
  const shared = await taken(
    t,
    'extends: x86_64\nvariant: free-threaded\npython: {linkage: dynamic}',
    '0.28.3',
  );
  assert.deepEqual(shared.is, ['shared-gnu/cpython-3.13/x86_64', 'free-threaded']);
});

test('a PyO3 that does not compile for a free-threaded Python', async (t) => {
  const newer = await failure(t, 'extends: x86_64\nvariant: free-threaded', '0.30.1');
  assert.deepEqual([newer.code], ['recipe/pyo3-misfit']);
  assert.match(
    newer.what,
    /PyO3 0\.30\.1.* for Python 3\.14 and newer alone without the global interpreter lock/,
  );
  assert.match(newer.fix, /PyO3 0\.23 to 0\.28 compiles for Python 3\.13: .*`pyo3 = "0\.28"`/);
  const older = await failure(t, 'extends: x86_64', '0.22.6', '3.13+free-threaded');
  assert.match(older.what, /compiles for none without the global interpreter lock/);
});

test('the reference of a free-threaded Python is a program of the target', async (t) => {
  const other = await failure(t, 'extends: x86_64', '0.28.3', '3.13+free-threaded', 'aarch64');
  assert.equal(other.code, 'recipe/no-reference');
  assert.match(other.fix, /a machine with x86_64/);
});

test('a wheel without the ABI tag of a free-threaded Python is refused by name', async (t) => {
  const at = lookup(
    t,
    'extends: x86_64\npython: {packages: [./fast-1.0-cp313-cp313-manylinux_2_17_x86_64.whl]}',
    '0.28.3',
  );
  writeFileSync(join(at.cwd, 'fast-1.0-cp313-cp313-manylinux_2_17_x86_64.whl'), 'no archive');
  const run = await provision(['run', '--python', '3.13+free-threaded', '--offline'], {
    ...{ cwd: at.cwd, store: join(at.cwd, 'störe') },
  });
  assert.equal(run.status, 2, run.stdout + run.stderr);
  const said = run.stderr.replaceAll(/\s+/g, ' ');
  assert.match(said, /recipe\/wheel-tag\]: No wheel of `fast` is for CPython 3\.13t on x86_64/);
  assert.match(said, /it has the ABI tag `cp313t`/);
});
