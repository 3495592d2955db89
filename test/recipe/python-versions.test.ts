import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Resolved } from '../../src/domain/definitions.ts';
import { listRecipes } from '../../src/recipe/list.ts';
import { resolveRecipe } from '../../src/recipe/recipe.ts';
import { namedVersions } from '../../src/recipe/versions.ts';
import { provision, REPOSITORY, temporaryFolder } from '../support/cli.ts';
import { put } from '../support/crate.ts';
import { definitionsHome, RECIPE } from '../support/definitions-home.ts';

interface Crate {
  /** Version of PyO3 in `Cargo.lock`. */
  readonly pyo3?: string;
  readonly features?: readonly string[];
}

/** A crate with a `provision.yaml`; `python` is the value of `--python`. */
function resolve(t: TestContext, recipe: string, crate: Crate = {}, python?: string, asked?: string) {
  const { cwd } = crateFolder(t, recipe, crate);
  return resolveRecipe({ home: REPOSITORY, cwd, machine: 'x86_64', ...(python ? { python } : {}) }, asked);
}

function crateFolder(t: TestContext, recipe: string, { pyo3, features = [] }: Crate) {
  const cwd = temporaryFolder(t);
  const dependency = `pyo3 = {version = "0", features = ${JSON.stringify(features)}}`;
  put(cwd, {
    'Cargo.toml': `[package]\nname = "own"\nversion = "0.1.0"\nedition = "2021"\n[dependencies]\n${pyo3 ? dependency : ''}\n`,
    'Cargo.lock': pyo3 ? `version = 4\n\n[[package]]\nname = "pyo3"\nversion = "${pyo3}"\n` : 'version = 4\n',
    'src/main.rs': 'fn main() {}\n',
    'provision.yaml': `schema: 1\n${recipe}\n`,
  });
  return { cwd };
}

async function taken(
  t: TestContext,
  ...args: Parameters<typeof resolve> extends [unknown, ...infer A] ? A : []
) {
  const found = await resolve(t, ...args);
  assert.ok(found.ok, JSON.stringify(found));
  return found.value;
}

function point({ sysroot }: Pick<Resolved, 'sysroot'>): string {
  return sysroot.name;
}

async function failure(
  t: TestContext,
  ...args: Parameters<typeof resolve> extends [unknown, ...infer A] ? A : []
) {
  const found = await resolve(t, ...args);
  assert.ok(!found.ok, 'it is accepted');
  const { code, what, why = '', fix, at } = found.error;
  return { code, what, why, fix: fix.join(' '), at: at && `${at.line}:${at.column}` };
}

test('a version that a recipe or the command line names is taken, of the form that its target has', async (t) => {
  const named = await taken(t, 'extends: x86_64\npython: {version: "3.14"}');
  assert.equal(point(named), 'packaged/cpython-3.14/x86_64');
  assert.deepEqual([named.sysroot.suite, named.sysroot.glibc], ['forky', '2.42']);
  assert.equal(named.reference.name, 'cpython-3.14 reference');
  assert.equal(named.recipe.name, 'x86_64');
  const option = await taken(t, 'extends: aarch64\npython: {version: "3.13"}', {}, '3.15');
  assert.equal(point(option), 'packaged/cpython-3.15/aarch64');
  assert.equal(option.recipe.name, 'aarch64-python3.15', 'artifacts of several versions lie side by side');
  const older = await taken(t, 'extends: s390x\npython: {from: packages}', {}, '3.11');
  assert.deepEqual([point(older), older.sysroot.suite], ['packaged/cpython-3.11/s390x', 'bookworm']);
  assert.equal(older.sysroot.sysroot.packages.includes('libpython3.11-dev'), true);
});

test('of 3.11 the default is the one from source; its libraries are of the release whose patches there are', async (t) => {
  const { sysroot, recipe, reference } = await taken(t, 'extends: x86_64', {}, '3.11');
  assert.deepEqual(
    [point({ sysroot }), sysroot.suite, sysroot.glibc],
    ['portable-gnu/cpython-3.11/x86_64', 'bookworm', '2.30'],
  );
  const { sources, cpython } = sysroot.source as NonNullable<typeof sysroot.source>;
  assert.deepEqual([sources.suite, sources.elsewhere], ['trixie', { 'python3.11': 'bookworm' }]);
  assert.deepEqual([cpython.optimization, cpython.profile], [['lto'], undefined]);
  assert.equal(reference.name, 'cpython-3.11 reference');
  // The sysroot's, mimalloc, came with 3.13.
  assert.equal(recipe.allocator, undefined);
  assert.equal((await taken(t, 'extends: x86_64', {}, '3.13')).recipe.allocator, 'mimalloc');
  for (const [name, form] of Object.entries({ musl: 'static-musl', native: 'static-gnu' }))
    assert.match(
      point(await taken(t, `extends: ${name}`, {}, '3.11')),
      new RegExp(`^${form}/cpython-3\\.11/`),
    );
});

test('an allocator that the version has not', async (t) => {
  const asked = await failure(t, 'extends: x86_64\nallocator: mimalloc\npython: {version: "3.11"}');
  assert.deepEqual([asked.code, asked.at], ['recipe/no-allocator', '3:12']);
  assert.match(asked.fix, /pymalloc, malloc/);
  assert.equal((await taken(t, 'extends: x86_64\nallocator: malloc', {}, '3.11')).recipe.allocator, 'malloc');
});

test('without one it stays what starts with the oldest glibc; what no released system can start is taken on request', async (t) => {
  assert.equal(point(await taken(t, 'extends: x86_64')), 'portable-gnu/cpython-3.13/x86_64');
  assert.equal(point(await taken(t, 'extends: riscv64')), 'packaged/cpython-3.13/riscv64');
  const packages = await taken(t, 'extends: x86_64\npython: {from: packages}', { pyo3: '0.30.1' });
  assert.equal(point(packages), 'packaged/cpython-3.13/x86_64');
  assert.equal(packages.pythonBecause, undefined);
});

test('a version that nobody has', async (t) => {
  const inRecipe = await failure(t, 'extends: x86_64\npython: {version: "3.10"}');
  assert.deepEqual([inRecipe.code, inRecipe.at], ['recipe/unknown-python', '3:19']);
  assert.match(inRecipe.fix, /There are: `3\.15`, `3\.14`, `3\.13` and `3\.11`/);
  const option = await failure(t, 'extends: x86_64', {}, '3.10');
  assert.deepEqual([option.code, option.at], ['recipe/unknown-python', undefined]);
  const several = await failure(t, 'extends: x86_64', {}, '3.13,3.14');
  assert.equal(several.code, 'usage/python');
});

test('a version that the target lacks, and one that lacks the origin', async (t) => {
  const musl = await failure(t, 'extends: musl\npython: {version: "3.14"}');
  assert.deepEqual([musl.code, musl.at], ['recipe/no-such-python', '3:19']);
  assert.match(musl.why, /serves no source/);
  assert.match(musl.fix, /there is `3\.13` and `3\.11`.* `aarch64`/);
  const riscv64 = await failure(t, 'extends: riscv64', {}, '3.11');
  assert.deepEqual([riscv64.code, riscv64.at], ['recipe/no-such-python', undefined]);
  assert.match(riscv64.why, /RISC-V/);
  const source = await failure(t, 'extends: x86_64\npython: {version: "3.14", from: source}');
  assert.deepEqual([source.code, source.at], ['recipe/no-such-origin', '3:33']);
  assert.match(source.what, /with Python 3\.14 is built from source/);
  const native = await failure(t, 'extends: native', {}, '3.14');
  assert.equal(native.code, 'recipe/sysroot-misfit');
  assert.match(native.fix, /`provision x86_64 --python 3\.14`/);
});

test('a version that PyO3 is too old for, with the releases that compile for it', async (t) => {
  const asked = 'extends: x86_64\npython: {version: "3.14"}';
  const old = await failure(t, asked, { pyo3: '0.24.2' });
  assert.deepEqual([old.code, old.at], ['recipe/pyo3-misfit', '3:19']);
  assert.match(old.what, /PyO3 0\.24\.2.* Python 3\.7 to 3\.13; the recipe asks for 3\.14/);
  assert.match(
    old.fix,
    /compiles for `3\.13` and `3\.11`: .*--python 3\.13.* PyO3 0\.25 or newer .*`pyo3 = "0\.30"`/,
  );
  assert.equal((await taken(t, asked, { pyo3: '0.25.1' })).sysroot.python.version, '3.14');
  assert.equal((await failure(t, 'extends: x86_64', { pyo3: '0.28.3' }, '3.15')).code, 'recipe/pyo3-misfit');
  // Not known here: what it compiles for shows in the build.
  assert.equal((await taken(t, asked, { pyo3: '0.99.0' })).sysroot.python.version, '3.14');
  const env = 'project: {env: {PYO3_USE_ABI3_FORWARD_COMPATIBILITY: "1"}}';
  assert.equal((await taken(t, `${asked}\n${env}`, { pyo3: '0.24.2' })).sysroot.python.version, '3.14');
});

test('a version that PyO3 is too new for', async (t) => {
  const home = definitionsHome(t, {
    'pythons/bindings/pyo3.yaml':
      'schema: 1\ndescription: X.\nreleases:\n  "0.40": {oldest: "3.14"}\n  "0.30": {oldest: "3.9", newest: "3.15"}\n',
    'crate/Cargo.toml': '[package]\nname = "program"\n[dependencies]\npyo3 = "0.40"\n',
    'crate/Cargo.lock': 'version = 4\n\n[[package]]\nname = "pyo3"\nversion = "0.40.0"\n',
  });
  const found = await resolveRecipe({ home, cwd: home }, 'far');
  assert.ok(!found.ok);
  assert.equal(found.error.code, 'recipe/pyo3-misfit');
  assert.equal(found.error.at?.line, RECIPE.split('\n').findIndex((line) => line.startsWith('python')) + 1);
  assert.match(found.error.fix.join(' '), /PyO3 0\.30 compiles for Python 3\.13/);
});

test('a stable ABI that is newer than the Python', async (t) => {
  const crate = { pyo3: '0.30.1', features: ['abi3-py314'] };
  const asked = await failure(t, 'extends: x86_64\npython: {version: "3.13"}', crate);
  assert.deepEqual([asked.code, asked.at], ['recipe/abi3-misfit', '3:19']);
  assert.match(asked.fix, /`3\.15` and `3\.14`.* `abi3-py313`/);
  assert.equal((await taken(t, 'extends: x86_64', crate, '3.14')).sysroot.python.version, '3.14');
  // The lowest of several, as PyO3 reads them.
  const both = { pyo3: '0.30.1', features: ['abi3-py314', 'abi3-py310'] };
  assert.equal((await taken(t, 'extends: x86_64', both)).sysroot.python.version, '3.13');
});

test('without a version the newest that the crate compiles for, and why', async (t) => {
  const of = async (crate: Crate, recipe = 'extends: x86_64') => {
    const { sysroot, pythonBecause } = await taken(t, recipe, crate);
    return [sysroot.name, pythonBecause ?? ''] as const;
  };
  const [old, because] = await of({ pyo3: '0.21.2' });
  assert.equal(old, 'portable-gnu/cpython-3.11/x86_64');
  assert.match(because, /PyO3 0\.21\.2.* Python 3\.7 to 3\.12\.$/);
  assert.equal((await of({ pyo3: '0.30.1', features: ['abi3-py314'] }))[0], 'packaged/cpython-3.15/x86_64');
  assert.equal((await of({ pyo3: '0.27.2', features: ['abi3-py314'] }))[0], 'packaged/cpython-3.14/x86_64');
  assert.deepEqual(await of({ pyo3: '0.22.6' }), ['portable-gnu/cpython-3.13/x86_64', '']);
  assert.equal((await of({ pyo3: '0.21.2' }, 'extends: musl'))[0], 'static-musl/cpython-3.11/x86_64-musl');
  const none = await failure(t, 'extends: wasm32-wasip1', { pyo3: '0.21.2' });
  assert.deepEqual([none.code, none.at], ['recipe/pyo3-misfit', '2:10']);
  assert.match(none.what, /for `wasm32-wasip1` there is `3\.13`/);
  assert.match(none.fix, /PyO3 0\.22 or newer/);
});

test('the plan says which Python was taken, and why', async (t) => {
  const { cwd } = crateFolder(t, 'extends: x86_64', { pyo3: '0.21.2' });
  const run = await provision(['plan'], { cwd });
  assert.equal(run.status, 0, run.stderr);
  assert.match(
    run.stdout.replaceAll(/\s+/g, ' '),
    /python 3\.11\. PyO3 0\.21\.2, which `Cargo\.lock` has, compiles for/,
  );
});

test('`all` are the versions of the target that the crate compiles for', async (t) => {
  const of = async (recipe: string, crate: Crate = {}) => {
    const { cwd } = crateFolder(t, recipe, crate);
    const found = await namedVersions({ home: REPOSITORY, cwd, python: 'all' }, undefined);
    assert.ok(found.ok, JSON.stringify(found));
    return found.value;
  };
  assert.deepEqual(await of('extends: x86_64'), ['3.15', '3.14', '3.13', '3.11']);
  assert.deepEqual(await of('extends: x86_64', { pyo3: '0.24.0' }), ['3.13', '3.11']);
  assert.deepEqual(await of('extends: riscv64'), ['3.15', '3.14', '3.13']);
  assert.deepEqual(await of('extends: native'), ['3.13', '3.11']);
  assert.deepEqual(await of('extends: x86_64\npython: {from: source}'), ['3.13', '3.11']);
  assert.deepEqual(await of('extends: wasm32-wasip1'), ['3.13']);
});

test('the list says of each recipe and version the form, or why there is none', async () => {
  const recipes = await listRecipes(REPOSITORY);
  assert.ok(recipes.ok);
  for (const { name, pythons } of recipes.value) {
    const defaults = pythons.filter((one) => 'default' in one);
    assert.deepEqual(
      defaults.map(({ version }) => version),
      [name === 'rustpython' ? 'RustPython 0.6' : '3.13'],
      name,
    );
    for (const one of pythons) assert.ok('sysroot' in one || one.why.endsWith('.'), `${name} ${one.version}`);
  }
  const run = await provision(['list']);
  assert.match(run.stdout, /^Python +3\.15 +3\.14 +3\.13 +3\.11 +RustPython 0\.6$/m);
  assert.match(run.stdout, /^rustpython +crate \d\.\d+ \*$/m);
  assert.match(run.stdout, /^x86_64 +packaged 2\.42 +packaged 2\.42 +source 2\.30 \* +source 2\.30$/m);
  assert.match(run.stdout, /^- 3\.11 for riscv64: .*RISC-V\.$/m);
  assert.match(run.stdout, /^\+ 3\.14\+jit for aarch64, x86_64: `--python 3\.14\+jit`\.$/m);
  const x86 = recipes.value.find(({ name }) => name === 'x86_64')?.pythons ?? [];
  const jit = x86.filter((one) => 'variants' in one && one.variants?.includes('jit'));
  assert.deepEqual(
    jit.map(({ version }) => version),
    ['3.15', '3.14'],
  );
});

test('the matrix has a job for each version, named by it', async () => {
  const run = await provision(['matrix', '--json', '--python', 'all', 'riscv64', 'musl']);
  assert.equal(run.status, 0, run.stderr);
  const { include } = JSON.parse(run.stdout);
  assert.deepEqual(
    include.map(({ name, python }: Record<string, string>) => `${name} ${python}`),
    [
      ...['riscv64-python3.15 3.15', 'riscv64-python3.14 3.14', 'riscv64-python3.13 3.13'],
      ...['musl-python3.13 3.13', 'musl-python3.11 3.11'],
    ],
  );
  const plain = await provision(['matrix', '--json', 'musl']);
  assert.equal('python' in JSON.parse(plain.stdout).include[0], false);
  const odd = await provision(['matrix', '--python', 'newest']);
  assert.deepEqual([odd.status, odd.stderr.includes('usage/python')], [2, true]);
});
