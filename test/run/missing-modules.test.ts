import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Recipe } from '../../src/domain/definitions.ts';
import type { Failure } from '../../src/failure.ts';
import { withModuleCures } from '../../src/run/missing-modules.ts';
import { crateOf } from '../support/crate.ts';

/** A crate with modules in and beside it; `recipe` is its file, relative to the crate. */
function project(t: TestContext, recipe = 'provision.yaml'): Recipe {
  const folder = crateOf(t, {
    'Cargo.toml': '[package]\n',
    'python/tool/__init__.py': '',
    'src/deep/er/single.py': '',
    'beside.py': '',
    'atop/__init__.py': '',
    'empty/readme.txt': '',
    'samples/helper.py': '',
    'target/built.py': '',
  });
  const paths = [join(folder, 'samples')];
  return {
    file: join(folder, recipe),
    project: { folder, root: folder },
    samples: { paths },
  } as unknown as Recipe;
}

async function cures(recipe: Recipe, why: string): Promise<readonly string[]> {
  const failure: Failure = { code: 'samples/differ', what: '1 fails.', why, fix: ['Fix it.'] };
  const { fix } = await withModuleCures(failure, recipe);
  assert.equal(fix.at(-1), 'Fix it.');
  return fix.slice(0, -1).map((one) => /`python: .*?`(?=[.,])|$/.exec(one)?.[0] ?? '');
}

const lacks = (name: string): string => `ModuleNotFoundError: No module named '${name}'`;

test('a module of the project that no bundle has is named with the path to write, others as a package', async (t) => {
  const recipe = project(t);
  for (const [name, cure] of [
    ['tool', '`python: {paths: [python/]}`'],
    ['tool.part', '`python: {paths: [python/]}`'],
    ['single', '`python: {paths: [src/deep/er/]}`'],
    ['beside', '`python: {paths: [beside.py]}`'],
    // Its folder is that of the crate, which is no path of modules.
    ['atop', '`python: {paths: [python/]}`'],
    ['requests', '`python: {packages: [requests]}`'],
    ['empty', '`python: {packages: [empty]}`'],
    ['helper', '`python: {packages: [helper]}`'],
    ['built', '`python: {packages: [built]}`'],
  ] as const)
    assert.deepEqual(await cures(recipe, lacks(name)), [cure], name);
  assert.deepEqual(await cures(recipe, lacks('_ssl')), []);
  assert.deepEqual(await cures(recipe, 'exit status 1'), []);
  assert.equal((await cures(recipe, ['a', 'b', 'c', 'd', 'a'].map(lacks).join('\n'))).length, 3);
});

test('paths are relative to the recipe; a shipped one is no file of the project', async (t) => {
  assert.deepEqual(await cures(project(t, 'build/provision.yaml'), lacks('tool')), [
    '`python: {paths: [../python/]}`',
  ]);
  assert.deepEqual(await cures({ ...project(t), file: '/somewhere/recipes/x.yaml' }, lacks('tool')), [
    '`python: {paths: [python/]}`',
  ]);
});
