import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { isThere } from '../../src/exec/files.ts';
import { loadTiers } from '../../src/recipe/tiers.ts';
import { REPOSITORY, temporaryFolder } from '../support/cli.ts';

test('the shipped tiers load: the reference is first, and every script is there', async () => {
  const loaded = await loadTiers(REPOSITORY);
  assert.ok(loaded.ok, JSON.stringify(loaded));
  const { tiers, workloads } = loaded.value;
  assert.equal(tiers[0]?.how.kind, 'interpreter');
  assert.equal(tiers.filter(({ how }) => how.kind === 'interpreter').length, 1);
  for (const { script, rounds } of workloads) {
    assert.ok(isThere(script), script);
    assert.deepEqual(
      [...rounds].sort((a, b) => a - b),
      rounds,
    );
  }
  for (const { name, how } of tiers) {
    if (how.kind === 'recipe' && how.recipe.includes('/')) assert.ok(isThere(how.recipe), name);
    if (how.kind === 'image') assert.ok(isThere(join(REPOSITORY, 'docker', how.image, 'image.yaml')), name);
  }
});

test('scripts that judge the advice are neither samples nor workloads', async () => {
  const loaded = await loadTiers(REPOSITORY);
  assert.ok(loaded.ok);
  const held = join(REPOSITORY, 'runner', 'bench', 'advise');
  assert.ok(loaded.value.workloads.every(({ script }) => !script.startsWith(held)));
});

test('a tier without a way, or with two of them, is a mistake with its place', async (context) => {
  const mistakes = async (tier: string): Promise<string> => {
    const loaded = await loadTiers(homeWith(context, tier));
    assert.ok(!loaded.ok);
    return JSON.stringify(loaded.error);
  };
  assert.match(await mistakes('{description: None.}'), /has no `recipe`/);
  assert.match(await mistakes('{description: Two., recipe: far, gone: lost}'), /gone/);
  assert.match(await mistakes('{description: Half., image: far}'), /has no `program`/);
  assert.match(await mistakes('{description: Of none., gone: lost, python: "3.14"}'), /python/);
});

function homeWith(context: TestContext, tier: string): string {
  const home = temporaryFolder(context);
  mkdirSync(join(home, 'tiers'));
  cpSync(join(REPOSITORY, 'tiers', 'schema.json'), join(home, 'tiers', 'schema.json'));
  const text = readFileSync(join(REPOSITORY, 'tiers', 'tiers.yaml'), 'utf8');
  writeFileSync(
    join(home, 'tiers', 'tiers.yaml'),
    `${text.slice(0, text.indexOf('tiers:\n  python3'))}tiers:\n  far: ${tier}\n`,
  );
  return home;
}
