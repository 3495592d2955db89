import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Resolved } from '../../src/domain/definitions.ts';
import type { Failure } from '../../src/failure.ts';
import { readLock } from '../../src/lock/lockfile.ts';
import { makePlan } from '../../src/plan/plan.ts';
import type { RecipeLookup } from '../../src/recipe/find.ts';
import { resolveRecipe } from '../../src/recipe/recipe.ts';
import { crateOf, PROGRAM, put } from '../support/crate.ts';
import { definitionsHome, LIBC, PYTHON, RECIPE, SYSROOT, TARGET } from '../support/definitions-home.ts';

const SOURCE_RECIPES = {
  'recipes/wasm.yaml': RECIPE.replace('target: far', 'target: wasm')
    .replace('packaged', 'wasi-packaged')
    .replace('description: A', 'description: Another'),
  'targets/libc/wasi-1.yaml': LIBC.replace('kind: gnu', 'kind: wasi'),
  'targets/wasm-unknown-linux-gnu.yaml': TARGET.replaceAll('far', 'wasm')
    .replace('libc: wasm-gnu-1', 'libc: wasi-1')
    .replace(/runtime: .*\nemulator:\n.*/, 'runtime: wasmtime'),
  'sysroots/wasi-packaged/sysroot.yaml': SYSROOT.replace('libc: gnu', 'libc: wasi'),
  'pythons/cpython-3.13/python.yaml': `${PYTHON}  wasi-packaged: {}\n`,
};

interface Setup {
  readonly home: string;
  readonly crate: string;
}

function setup(t: TestContext, recipe?: string, files: Readonly<Record<string, string>> = PROGRAM): Setup {
  const crate = crateOf(t, files);
  if (recipe !== undefined) writeFileSync(join(crate, 'provision.yaml'), recipe);
  return { home: definitionsHome(t, SOURCE_RECIPES), crate };
}

async function resolved(lookup: RecipeLookup, asked?: string): Promise<Resolved> {
  const result = await resolveRecipe(lookup, asked);
  assert.ok(result.ok, JSON.stringify(result));
  return result.value;
}

async function failure(lookup: RecipeLookup, asked?: string): Promise<Failure> {
  const result = await resolveRecipe(lookup, asked);
  assert.ok(!result.ok);
  return result.error;
}

test('an extending recipe defines the program, the shipped one its target', async (t) => {
  const { home, crate } = setup(
    t,
    `schema: 1
extends: far
project: {bin: mini, profile: dev, features: [fast], default-features: false, env: {LEVEL: "2"}}
samples: {timeout: 5, args: [run, "{script}", "{args}"], env: {MODE: x}}
tests:
  cargo: {args: [--lib], harness: [--nocapture]}
  commands:
    - {name: greets, args: [--hello], stdout: "hello\\n"}
    - {name: counts, reference: [-c, "print(1)"], timeout: 3}
limits: {memory-mib: 512}
`,
    { ...PROGRAM, 'samples/one.py': '' },
  );
  const { recipe, target, sysroot, crate: read, sysrootFile } = await resolved({ home, cwd: crate });
  assert.deepEqual(recipe, {
    name: 'far',
    file: join(crate, 'provision.yaml'),
    description: 'mini for far-unknown-linux-gnu.',
    target: 'far',
    toolchain: 'tools',
    sysroot: 'packaged',
    pythonVersion: '3.13',
    project: {
      folder: crate,
      root: crate,
      bin: 'mini',
      profile: 'dev',
      features: ['fast'],
      defaultFeatures: false,
      env: { LEVEL: '2' },
    },
    samples: {
      paths: [join(crate, 'samples')],
      timeoutSeconds: 5,
      args: ['run', '{script}', '{args}'],
      env: { MODE: 'x' },
    },
    tests: {
      cargo: { args: ['--lib'], harness: ['--nocapture'], timeoutSeconds: 600 },
      commands: [
        {
          name: 'greets',
          args: ['--hello'],
          stdin: '',
          files: [],
          status: 0,
          stdout: 'hello\n',
          timeoutSeconds: 60,
        },
        {
          name: 'counts',
          args: [],
          stdin: '',
          files: [],
          status: 0,
          reference: ['-c', 'print(1)'],
          timeoutSeconds: 3,
        },
      ],
    },
    limits: { memory: 512 * 2 ** 20 },
  });
  assert.equal(target.name, 'far');
  assert.equal(read.pyo3?.version, '0.30.1');
  assert.deepEqual(sysroot.sysroot.packages, ['libc6-dev', 'libpython3.13-dev']);
  assert.equal(sysrootFile, undefined);
});

test('provision.yaml is found upwards, or in the folder of --project; a name selects another shipped recipe for it', async (t) => {
  const { home, crate } = setup(t, 'schema: 1\nextends: far\nwasm: {stack-mib: 2}\n');
  put(crate, { 'src/deep/er/x.rs': '' });
  // The stack is WebAssembly's own, and this file is for another target.
  assert.equal((await failure({ home, cwd: crate })).code, 'recipe/not-wasm');
  writeFileSync(join(crate, 'provision.yaml'), 'schema: 1\nextends: wasm\nwasm: {stack-mib: 2}\n');
  const deep = await resolved({ home, cwd: join(crate, 'src/deep/er') });
  assert.deepEqual([deep.recipe.name, deep.recipe.wasm?.stack], ['wasm', 2 * 2 ** 20]);
  const elsewhere = await resolved({ home, cwd: '/', project: crate });
  assert.equal(elsewhere.recipe.project.folder, crate);
  const other = await resolved({ home, cwd: crate }, 'far');
  assert.deepEqual(
    [other.recipe.name, other.target.name, other.recipe.wasm, other.recipe.project.folder],
    ['far', 'far', undefined, crate],
  );
});

test('settings of a shipped recipe apply unless the extending file overrides them', async (t) => {
  const wasm = SOURCE_RECIPES['recipes/wasm.yaml'];
  const crate = crateOf(t, {
    ...PROGRAM,
    'provision.yaml': 'schema: 1\nextends: wasm\nwasm: {stack-mib: 2}\n',
  });
  const home = definitionsHome(t, {
    ...SOURCE_RECIPES,
    'recipes/other.yaml': `${wasm}wasm: {stack-mib: 4}\nlimits: {processors: 2}\n`,
    'recipes/node.yaml': `${wasm}runtime: node-wasi\n`,
    'recipes/old.yaml': `${wasm}runner: node-wasi\n`,
  });
  const stack = async (asked?: string) => (await resolved({ home, cwd: crate }, asked)).recipe.wasm?.stack;
  assert.equal(await stack(), 2 * 2 ** 20);
  assert.equal(await stack('node'), 2 * 2 ** 20);
  assert.equal(await stack('other'), 4 * 2 ** 20);
  assert.equal((await resolved({ home, cwd: crate }, 'node')).recipe.runtime, 'node-wasi');
  // The key's old name.
  assert.equal((await resolved({ home, cwd: crate }, 'old')).recipe.runtime, 'node-wasi');
  assert.deepEqual((await resolved({ home, cwd: crate }, 'other')).recipe.limits, { processors: 2 });
});

test('a crate without provision.yaml is built with the settings of the shipped recipe', async (t) => {
  const { home, crate } = setup(t);
  const { recipe } = await resolved({ home, cwd: '/', project: crate }, 'far');
  assert.deepEqual([recipe.name, recipe.project.folder, recipe.project.bin], ['far', crate, 'mini']);
  assert.deepEqual(recipe.samples.paths, [], 'the shipped suite is for the shipped program');
  mkdirSync(join(crate, 'samples'));
  const again = await resolved({ home, cwd: '/', project: crate }, 'far');
  assert.deepEqual(again.recipe.samples.paths, [join(crate, 'samples')]);
  const unnamed = await failure({ home, cwd: '/', project: crate });
  assert.equal(unnamed.code, 'usage/missing-argument');
  assert.match(unnamed.fix.join(' '), /provision init/);
  // Without a crate at hand a word is the shipped recipe, as it is.
  assert.equal((await resolved({ home, cwd: '/' }, 'far')).recipe.project.bin, 'program');
});

test('the lock of additional sysroot packages is beside the recipe, and the command that writes it is named', async (t) => {
  const { home, crate } = setup(t, 'schema: 1\nextends: far\nsysroot: {packages: [libssl-dev, libc6-dev]}\n');
  const { sysroot, sysrootFile, ...rest } = await resolved({ home, cwd: crate });
  assert.deepEqual(sysroot.sysroot.packages, ['libc6-dev', 'libpython3.13-dev', 'libssl-dev']);
  assert.deepEqual(sysroot.rootfs.packages, ['libc6']);
  assert.equal(sysrootFile?.lockFile, join(crate, 'provision.packaged-cpython-3.13-far.lock'));
  const plan = makePlan({ ...rest, sysroot, sysrootFile }, { machine: 'near64', platform: 'linux' });
  assert.ok(JSON.stringify(plan.stages[0]).includes(sysrootFile.lockFile));
  const command = async (lookup: RecipeLookup, asked?: string): Promise<string> => {
    const found = await resolved(lookup, asked);
    assert.ok(found.sysrootFile);
    const lock = await readLock(found.sysrootFile, found.sysroot);
    assert.ok(!lock.ok && lock.error.code === 'lock/missing');
    return lock.error.fix.join('\n');
  };
  assert.equal(await command({ home, cwd: crate }), 'Run `provision lock`.');
  assert.equal(
    await command({ home, cwd: '/', project: crate }),
    `Run \`provision lock --project '${crate}'\`.`,
  );
  writeFileSync(join(crate, 'more.yaml'), 'schema: 1\nextends: far\nsysroot: {packages: [libssl-dev]}\n');
  assert.equal(await command({ home, cwd: crate }, './more.yaml'), 'Run `provision lock ./more.yaml`.');
  const foreign = await failure({ home, cwd: crate }, 'wasm');
  assert.deepEqual([foreign.code, foreign.at?.line], ['recipe/foreign-packages', 3]);
});

test('mistakes in an extending recipe are reported with their locations', async (t) => {
  const cases: readonly (readonly [string, string, string])[] = [
    ['schema: 1\nextends: fra\n', 'recipe/unknown-base 2:10', 'Did you mean `far`?'],
    ['schema: 2\nextends: far\n', 'recipe/newer-schema 1:9', 'Update provision'],
    ['schema: 1\nextends: far\ntarget: x\n', 'recipe/unknown-key 3:1', 'Remove it'],
    ['schema: 1\nextends: far\nproject: {bin: mimi}\n', 'recipe/unknown-bin 3:16', 'Did you mean `mini`?'],
    ['schema: 1\nextends: far\nproject: {path: no}\n', 'recipe/no-project 3:17', '--project'],
    ['schema: 1\nextends: far\nsamples: {path: no}\n', 'recipe/no-samples 3:17', 'script'],
    ['schema: 1\nextends: far\nsamples: {args: [run]}\n', 'recipe/invalid-value 3:17', '{script}'],
    [
      'schema: 1\nextends: far\ntests: {commands: [{name: a, stdout: x, reference: [y]}]}\n',
      'recipe/invalid-value 3:38',
      'reference',
    ],
  ];
  for (const [text, location, fix] of cases) {
    const { home, crate } = setup(t, text);
    const { code, at, what, fix: fixes } = await failure({ home, cwd: crate });
    assert.equal(`${code} ${at?.line}:${at?.column}`, location, what);
    assert.ok(`${what} ${fixes.join(' ')}`.includes(fix), `${what} ${fixes.join(' ')}`);
  }
});

test('a crate that is only an extension module is rejected with the reason, whatever enables the feature', async (t) => {
  const manifest = `[package]
name = "mini"
[features]
default = ["module"]
module = ["pyo3/extension-module"]
[dependencies]
pyo3 = "0.30"
`;
  const { home, crate } = setup(t, 'schema: 1\nextends: far\n', { ...PROGRAM, 'Cargo.toml': manifest });
  const reported = await failure({ home, cwd: crate });
  assert.equal(reported.code, 'recipe/extension-module');
  assert.match(reported.why ?? '', /libpython/);
  writeFileSync(
    join(crate, 'provision.yaml'),
    'schema: 1\nextends: far\nproject: {default-features: false}\n',
  );
  await resolved({ home, cwd: crate });
});

test('a base that there is not is told also where another one is asked for; packages are no templates', async (t) => {
  const lost = setup(t, 'schema: 1\nextends: fra\n');
  assert.equal((await failure({ home: lost.home, cwd: lost.crate }, 'near')).code, 'recipe/unknown-base');
  const filled = setup(t, 'schema: 1\nextends: far\nsysroot: {packages: ["lib{python}-dev"]}\n');
  const { code, at } = await failure({ home: filled.home, cwd: filled.crate });
  assert.deepEqual([code, at?.line], ['recipe/invalid-value', 3]);
});
