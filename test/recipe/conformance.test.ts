import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pythonImageHere } from '../../src/recipe/definitions.ts';
import { listRecipes } from '../../src/recipe/list.ts';
import { loadConformance } from '../../src/recipe/pythons.ts';
import { resolveRecipe } from '../../src/recipe/recipe.ts';
import { REPOSITORY } from '../support/cli.ts';

test("every shipped recipe has CPython's tests, whatever its reference image is called and wherever it runs", async () => {
  const recipes = await listRecipes(REPOSITORY);
  assert.ok(recipes.ok);
  for (const { name } of recipes.value) {
    const resolved = await resolveRecipe({ home: REPOSITORY, cwd: '/' }, name);
    assert.ok(resolved.ok, name);
    const { python } = resolved.value.sysroot;
    const suite = await loadConformance(REPOSITORY, python);
    assert.ok(suite.ok, name);
    assert.ok(suite.value.value.modules.length > 0);
    for (const machine of ['x86_64', 'aarch64']) {
      const tests = await pythonImageHere(REPOSITORY, python.name, 'tests', machine);
      assert.ok(tests.ok, `${name} on ${machine}`);
    }
  }
});
