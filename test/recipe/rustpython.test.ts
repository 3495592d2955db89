// Another implementation of Python: which point of the axes a recipe gets, and what it is compared with.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { cargoArguments } from '../../src/build/build.ts';
import { buildEnv } from '../../src/env/env.ts';
import { loadPython } from '../../src/recipe/pythons.ts';
import { resolveRecipe } from '../../src/recipe/recipe.ts';
import { describePython } from '../../src/sysroot/python.ts';
import { provision, REPOSITORY, temporaryFolder } from '../support/cli.ts';
import { put } from '../support/crate.ts';
import { definitionsHome, PYTHON } from '../support/definitions-home.ts';

function resolve(t: TestContext, recipe: string) {
  const cwd = temporaryFolder(t);
  put(cwd, {
    'Cargo.toml': '[package]\nname = "own"\nversion = "0.1.0"\nedition = "2021"\n',
    'Cargo.lock': 'version = 4\n',
    'src/main.rs': 'fn main() {}\n',
    'provision.yaml': `schema: 1\n${recipe}\n`,
  });
  return resolveRecipe({ home: REPOSITORY, cwd, machine: 'x86_64' }, undefined);
}

test('the recipe `rustpython` has nothing of Python in its trees, and the CPython of its language as reference', async () => {
  const found = await resolveRecipe({ home: REPOSITORY, cwd: REPOSITORY, machine: 'x86_64' }, 'rustpython');
  assert.ok(found.ok, JSON.stringify(found));
  const { sysroot, reference, recipe, crate } = found.value;
  assert.deepEqual(sysroot.python, {
    ...{ name: 'rustpython-0.6', implementation: 'RustPython', version: '3.14', abiflags: '' },
    ...{ release: '0.6', reference: 'cpython-3.14' },
  });
  assert.equal(reference.tools.python, 'python3.14');
  const packages = [sysroot.sysroot, sysroot.rootfs].flatMap((tree) => tree.packages);
  assert.deepEqual(
    packages.filter((name) => name.includes('python')),
    [],
  );
  assert.deepEqual([recipe.rust, recipe.measure, recipe.project.ignoreRustVersion], ['host', true, true]);
  assert.equal(crate.rustVersion, '1.95');
  const python = await describePython('/nowhere', sysroot, found.value.target);
  assert.ok(python.ok, JSON.stringify(python));
  assert.deepEqual([python.value.version, python.value.libraryInside], ['0.6', true]);
  const { variables, linked, pyo3Config } = buildEnv({
    ...{ resolved: found.value, python: python.value, runtime: 'native', sourceDateEpoch: 0 },
  });
  assert.deepEqual([linked, pyo3Config], [{}, '']);
  assert.doesNotMatch(JSON.stringify(variables), /PYO3|PYTHONHOME|python-home|onefile/);
  assert.ok(cargoArguments(found.value).includes('--ignore-rust-version'));
});

test("a recipe of one's own that extends it has its Python, and measures as it does", async (t) => {
  const found = await resolve(t, 'extends: rustpython');
  assert.ok(found.ok, JSON.stringify(found));
  assert.equal(found.value.sysroot.name, 'rustpython-gnu/rustpython-0.6/x86_64');
  assert.equal(found.value.recipe.measure, true);
  const strict = await resolve(t, 'extends: rustpython\ncompare: equal');
  assert.equal(strict.ok && strict.value.recipe.measure, false);
});

test('no recipe gets it that does not ask for it, whatever version it names', async (t) => {
  for (const recipe of ['extends: x86_64\npython: {version: "3.14"}', 'extends: x86_64']) {
    const found = await resolve(t, recipe);
    assert.ok(found.ok, JSON.stringify(found));
    assert.equal(found.value.sysroot.python.implementation, 'CPython');
  }
  const run = await provision(['plan', 'x86_64', '--python', '3.14']);
  assert.match(run.stdout, /^sysroot +packaged\/cpython-3\.14\/x86_64$/m);
});

for (const [base, what, why] of [
  ['musl', 'x86_64-musl', /asks for Rust 1\.95/],
  ['wasm32-wasip1', 'wasm32-wasip1', /asks for Rust 1\.95/],
  ['riscv64', 'riscv64', /^$/],
] as const)
  test(`there is none for ${what}, which says why, where there is, and what else there is`, async (t) => {
    const found = await resolve(t, `extends: ${base}\npython: {implementation: RustPython}`);
    assert.ok(!found.ok);
    assert.equal(found.error.code, 'recipe/no-such-python');
    assert.match(found.error.what, new RegExp(`no RustPython for \`${what}\``));
    assert.match(found.error.why ?? '', why);
    assert.match(
      found.error.fix.join(' '),
      /There is for `aarch64` and `x86_64`.* `provision [a-z0-9-]+`\.$/,
    );
    assert.deepEqual([found.error.at?.line, found.error.at?.column], [3, 26]);
  });

test('what a bundle brings beside a standard library has no meaning where that is inside of the program', async (t) => {
  const found = await resolve(
    t,
    'extends: rustpython\ncertificates: bundled\npython: {implementation: RustPython, packages: [six==1.17.0], paths: [own.py]}',
  );
  assert.ok(!found.ok);
  const { also = [], ...first } = found.error;
  assert.deepEqual(
    [first, ...also].map(({ code, what }) => [code, what.split(' ')[0]]),
    ['`certificates`', '`python.packages`', '`python.paths`'].map((key) => ['recipe/library-inside', key]),
  );
  const run = await provision(['rustpython', '--format', 'onefile', '--offline'], {
    cwd: temporaryFolder(t),
  });
  assert.equal(run.status, 2, run.stdout);
  assert.match(run.stderr.replaceAll(/\s+/g, ' '), /RustPython inside cannot be packaged as `onefile`/);
});

test('its definition states a release and a reference, which CPython must not', async (t) => {
  const wrong = async (python: string) => {
    const home = definitionsHome(t, { 'pythons/cpython-3.13/python.yaml': python });
    const loaded = await loadPython(home, 'cpython-3.13');
    assert.ok(!loaded.ok, 'it is accepted');
    return [loaded.error, ...(loaded.error.also ?? [])].map(({ what }) => what).join(' ');
  };
  const other = PYTHON.replace('implementation: CPython', 'implementation: RustPython');
  const lacking = await wrong(other);
  assert.match(lacking, /release/);
  assert.match(lacking, /reference/);
  assert.match(await wrong(`${PYTHON}reference: cpython-3.13\n`), /left out for CPython/);
  const misnamed = await wrong(`${other}release: "0.6"\nreference: cpython-3.13\n`);
  assert.match(misnamed, /The folder of RustPython 0\.6 is `rustpython-0\.6`/);
});
