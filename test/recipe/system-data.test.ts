import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Resolved } from '../../src/domain/definitions.ts';
import type { Lock } from '../../src/domain/packages.ts';
import type { Result } from '../../src/domain/result.ts';
import { readLocks } from '../../src/pipeline/trees.ts';
import { formatPlan, makePlan } from '../../src/plan/plan.ts';
import { resolveRecipe } from '../../src/recipe/recipe.ts';
import { REPOSITORY, temporaryFolder } from '../support/cli.ts';
import { put } from '../support/crate.ts';
import { runnerRecipe } from '../support/runner-recipe.ts';

const ALL = 'certificates: bundled\nzoneinfo: bundled\nmime-types: bundled\nservices: bundled\n';

function resolve(t: TestContext, target: string, more: string): Promise<Result<Resolved>> {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'r.yaml'), runnerRecipe(target, { more }));
  return resolveRecipe({ home: REPOSITORY, cwd: folder }, './r.yaml');
}

test('what the bundle is to bring has its lock, which the plan shows', async (t) => {
  const none = await resolve(t, 'aarch64', 'zoneinfo: system\n');
  assert.ok(none.ok, JSON.stringify(none));
  assert.deepEqual([none.value.recipe.brings, none.value.systemData], [undefined, undefined]);
  const some = await resolve(t, 'aarch64', ALL);
  assert.ok(some.ok, JSON.stringify(some));
  assert.deepEqual(some.value.recipe.brings, ['certificates', 'zoneinfo', 'mime-types', 'services']);
  const plan = formatPlan(makePlan(some.value, { machine: 'x86_64', platform: 'linux' }));
  assert.match(plan, /docker\/system-data\/image\.amd64\.lock/);
  assert.match(plan, /data +Unpack the data of a system that the bundle brings\./);
  assert.match(plan, /brings +certificates zoneinfo mime-types services\n/);
  const locks = await readLocks(some.value);
  assert.ok(locks.ok, JSON.stringify(locks));
  assert.equal(locks.value.systemData?.file.id, 'docker/system-data/amd64');
});

test('its packages are for every architecture: each machine puts the same files into a bundle', () => {
  const file = join(REPOSITORY, 'docker', 'system-data', 'image.amd64.lock');
  const { sets } = JSON.parse(readFileSync(file, 'utf8')) as Lock;
  assert.deepEqual([...new Set(sets.rootfs?.map(({ architecture }) => architecture))], ['all']);
});

test('what nothing can read on WASI is refused at its lines, with the reason; zones are not', async (t) => {
  const refused = await resolve(t, 'wasm32-wasip1', ALL);
  assert.ok(!refused.ok);
  const failures = [refused.error, ...(refused.error.also ?? [])];
  assert.deepEqual(
    failures.map(({ code, at }) => [code, at?.text?.trim(), at?.column]),
    [
      ['recipe/unread-data', 'certificates: bundled', 15],
      ['recipe/unread-data', 'services: bundled', 11],
    ],
  );
  assert.match(failures[0]?.why ?? '', /no `ssl` in its Python/);
  assert.match(failures[1]?.fix[0] ?? '', /Remove `services`/);
  const zones = await resolve(t, 'wasm32-wasip1', 'zoneinfo: bundled\nmime-types: bundled\n');
  assert.ok(zones.ok, JSON.stringify(zones));
  assert.deepEqual(zones.value.recipe.brings, ['zoneinfo', 'mime-types']);
});

test('another target that a recipe is applied to gets what can be read there', async (t) => {
  const folder = temporaryFolder(t);
  put(folder, {
    'Cargo.toml': '[package]\nname = "p"\nversion = "1.0.0"\nedition = "2021"\n',
    'Cargo.lock': 'version = 3\n\n[[package]]\nname = "p"\nversion = "1.0.0"\n',
    'src/main.rs': 'fn main() {}\n',
    'provision.yaml': `schema: 1\nextends: aarch64\n${ALL}`,
  });
  const lookup = { home: REPOSITORY, cwd: folder };
  const wasm = await resolveRecipe(lookup, 'wasm32-wasip1');
  assert.ok(wasm.ok, JSON.stringify(wasm));
  assert.deepEqual(wasm.value.recipe.brings, ['zoneinfo', 'mime-types']);
  writeFileSync(join(folder, 'provision.yaml'), 'schema: 1\nextends: aarch64\ncertificates: bundled\n');
  const nothing = await resolveRecipe(lookup, 'wasm32-wasip1');
  assert.ok(nothing.ok, JSON.stringify(nothing));
  assert.deepEqual([nothing.value.recipe.brings, nothing.value.systemData], [undefined, undefined]);
});

test('a word that is none is a mistake of the recipe', async (t) => {
  const wrong = await resolve(t, 'aarch64', 'zoneinfo: bundle\n');
  assert.ok(!wrong.ok);
  assert.equal(wrong.error.at?.text, 'zoneinfo: bundle');
});
