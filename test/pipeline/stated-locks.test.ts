// The locks in a statement of provenance take the place of those beside the definitions.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatLock } from '../../src/lock/lockfile.ts';
import { hostMachine } from '../../src/pipeline/host.ts';
import { planFrom, planRun } from '../../src/pipeline/prepare.ts';
import { lockResource, withLocks, writeStatedLocks } from '../../src/pipeline/stated-locks.ts';
import { allLocks } from '../../src/pipeline/trees.ts';
import type { Resource, Statement } from '../../src/provenance/statement.ts';
import { resolveRecipe } from '../../src/recipe/recipe.ts';
import { PACKAGED_AARCH64, PACKAGED_X86_64, REPOSITORY, temporaryFolder } from '../support/cli.ts';
import { testContext } from '../support/context.ts';
import { value } from '../support/sandboxes.ts';

function stating(resolvedDependencies: readonly Resource[]): Statement {
  return { predicate: { buildDefinition: { resolvedDependencies } } } as unknown as Statement;
}

const THEN = '2026-01-02T03:04:05Z';

for (const recipe of [PACKAGED_X86_64, PACKAGED_AARCH64])
  test(`every lock of ${recipe.split('/').at(-1)} is the stated one, and nothing else of the plan is another`, async (t) => {
    const context = testContext({ home: REPOSITORY, cwd: REPOSITORY });
    const here = value(await planRun(context, recipe, hostMachine(), []));
    const stated = allLocks(here.locks).map(({ file, lock }) =>
      lockResource(file.id, formatLock({ ...lock, resolved: THEN })),
    );
    const files = await writeStatedLocks(stating(stated), join(temporaryFolder(t), 'locks'));
    assert.equal(files.size, allLocks(here.locks).length);
    const { machine } = hostMachine();
    const resolved = value(await resolveRecipe({ ...context.settings, machine }, recipe));
    const plain = {
      ...resolved,
      recipe: { ...resolved.recipe, samples: { ...resolved.recipe.samples, paths: [] } },
    };
    const then = value(await planFrom(context, withLocks(plain, files), hostMachine()));
    assert.deepEqual(
      allLocks(then.locks).map(({ file, lock }) => [file.id, lock.resolved]),
      allLocks(here.locks).map(({ file }) => [file.id, THEN]),
    );
    assert.deepEqual(
      allLocks(then.locks).map(({ lock }) => lock.sets),
      allLocks(here.locks).map(({ lock }) => lock.sets),
    );
    assert.deepEqual(then.plan.stages, here.plan.stages);
  });

test('a text with another digest than the stated one is not taken, and no name becomes a path', async (t) => {
  const folder = join(temporaryFolder(t), 'locks');
  const good = lockResource('../../../escaped', '{"a": 1}');
  const bad = {
    ...lockResource('docker/llvm/amd64', '{"b": 1}'),
    content: Buffer.from('{}').toString('base64'),
  };
  const none = { name: 'lock systems/x', digest: { sha256: '0'.repeat(64) } };
  const other = { ...lockResource('x', 'x'), name: 'project x' };
  const files = await writeStatedLocks(stating([good, bad, none, other]), folder);
  assert.deepEqual([...files.keys()], ['../../../escaped']);
  assert.deepEqual(readdirSync(folder), ['0.lock']);
  assert.equal(readFileSync(join(folder, '0.lock'), 'utf8'), '{"a": 1}');
  assert.equal(good.digest?.sha256, createHash('sha256').update('{"a": 1}').digest('hex'));
});
