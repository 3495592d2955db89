import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recipesHere } from '../../src/bench/recipes-here.ts';
import { REPOSITORY } from '../support/cli.ts';

async function here(machine: string) {
  const told: string[] = [];
  const context = {
    settings: { home: REPOSITORY, cwd: REPOSITORY },
    emit: (event: { readonly message?: string }) => told.push(event.message ?? ''),
  } as unknown as Parameters<typeof recipesHere>[0];
  return { recipes: await recipesHere(context, machine), told };
}

test('a bench of all recipes takes those whose toolchain this machine can start, and names the others', async () => {
  const { recipes, told } = await here('x86_64');
  assert.ok(recipes.ok);
  for (const name of ['native', 'musl', 'aarch64', 's390x', 'wasm32-wasip1'])
    assert.ok(recipes.value.includes(name), name);
  assert.deepEqual(told, []);
});

test('on a machine of another kind it is the other way round, and where none is left it fails', async () => {
  const arm = await here('aarch64');
  assert.ok(arm.recipes.ok && arm.recipes.value.includes('aarch64') && !arm.recipes.value.includes('native'));
  assert.deepEqual(
    arm.told.map((line) => line.replace(/ is left out: its toolchain \S+ is for x86_64 machines.*/, '')),
    ['native', 'wasm32-wasip1', 'wasm32-wasip1-node', 'wasm32-wasip1-snapshot'],
  );
  const none = await here('loongarch64');
  assert.ok(!none.recipes.ok);
  assert.equal(none.recipes.error.code, 'recipe/no-toolchain-here');
});
