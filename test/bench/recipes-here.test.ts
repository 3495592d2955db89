import assert from 'node:assert/strict';
import { test } from 'node:test';
import { recipesHere } from '../../src/bench/recipes-here.ts';
import { REPOSITORY } from '../support/cli.ts';

async function here(machine: string) {
  const notices: string[] = [];
  const context = {
    settings: { home: REPOSITORY, cwd: REPOSITORY },
    emit: (event: { readonly message?: string }) => notices.push(event.message ?? ''),
  } as unknown as Parameters<typeof recipesHere>[0];
  return { recipes: await recipesHere(context, machine), notices };
}

test('the default recipes are those whose toolchain runs on this machine; a notice names each other one', async () => {
  const { recipes, notices } = await here('x86_64');
  assert.ok(recipes.ok);
  for (const name of ['native', 'musl', 'aarch64', 's390x', 'wasm32-wasip1'])
    assert.ok(recipes.value.includes(name), name);
  assert.deepEqual(notices, []);
});

test('another machine gets its own recipes; a machine without any is a failure', async () => {
  const arm = await here('aarch64');
  assert.ok(arm.recipes.ok);
  assert.ok(arm.recipes.value.includes('aarch64'));
  assert.ok(!arm.recipes.value.includes('native'));
  assert.deepEqual(
    arm.notices.map((line) => line.replace(/ is skipped: its toolchain \S+ runs on x86_64, and.*/, '')),
    ['native'],
  );
  const none = await here('loongarch64');
  assert.ok(!none.recipes.ok);
  assert.equal(none.recipes.error.code, 'recipe/no-toolchain-here');
});
