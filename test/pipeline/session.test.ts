// A session is complete when it is opened: everything of a plan that the engine is to know is derived from the plan.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { err, ok, type Result } from '../../src/domain/result.ts';
import { type Event, STAGES } from '../../src/events.ts';
import { lockChecksum } from '../../src/lock/lockfile.ts';
import { hostMachine } from '../../src/pipeline/host.ts';
import { type Planned, planRun } from '../../src/pipeline/prepare.ts';
import { withSession } from '../../src/pipeline/session.ts';
import { lockChecksums } from '../../src/pipeline/trees.ts';
import { makePlan } from '../../src/plan/plan.ts';
import { listRecipes } from '../../src/recipe/list.ts';
import { resolveRecipe } from '../../src/recipe/recipe.ts';
import { openStore } from '../../src/store/open.ts';
import { treeInputs } from '../../src/toolchain/tree.ts';
import { REPOSITORY, temporaryFolder } from '../support/cli.ts';
import { testContext } from '../support/context.ts';

async function plan(recipe: string, events: Event[] = []): Promise<Planned> {
  const context = testContext({ home: REPOSITORY, cwd: REPOSITORY });
  const planned = await planRun({ ...context, emit: (event) => events.push(event) }, recipe, hostMachine());
  assert.ok(planned.ok, JSON.stringify(planned));
  return planned.value;
}

test('planning emits what is planned, and opens neither store nor engine', async () => {
  const events: Event[] = [];
  const planned = await plan('musl', events);
  assert.deepEqual(
    events.map(({ type }) => type),
    ['stage-started', 'stage-finished', 'planned'],
  );
  const [event] = events.filter((one) => one.type === 'planned');
  assert.equal(event?.run.recipe, 'musl');
  assert.equal(event?.run.target.triple, planned.plan.target.rustTriple);
  assert.match(event?.run.plan ?? '', /^sha256:[0-9a-f]{64}$/);
});

test('the checksum of a lock is known under the folder of each tree before the tree is made', async (t) => {
  const planned = await plan('aarch64');
  const store = await openStore(temporaryFolder(t));
  assert.ok(store.ok);
  const checksums = lockChecksums(store.value, planned);
  const { toolchain, sysroot } = planned.locks;
  for (const [definition, lock, set] of [
    [planned.plan.toolchain.rootfs, toolchain.lock, 'rootfs'],
    [planned.plan.sysroot.sysroot, sysroot.lock, 'sysroot'],
    [planned.plan.sysroot.rootfs, sysroot.lock, 'rootfs'],
  ] as const) {
    const inputs = treeInputs({ definition, packages: lock.sets[set] ?? [] });
    const tree: Result<{ readonly folder: string }> = await store.value.obtain<null>(
      'trees',
      inputs,
      async () => ok(null),
      { signal: new AbortController().signal },
    );
    assert.ok(tree.ok);
    assert.equal(checksums.get(tree.value.folder), lockChecksum(lock));
  }
  await store.value.settled();
});

test('an engine that is not needed is not selected', async (t) => {
  const events: Event[] = [];
  const settings = { home: REPOSITORY, cwd: REPOSITORY, store: join(temporaryFolder(t), 'store') };
  const context = { ...testContext(settings), emit: (event: Event) => events.push(event) };
  const planned = await plan('aarch64');
  const used = await withSession(context, [planned], async ({ store }) => ok(store.folder));
  assert.deepEqual(used, ok(settings.store));
  assert.deepEqual(events, []);
});

test('an engine is selected once, however many ask, and is a fact of the report', async (t) => {
  const events: Event[] = [];
  const settings = {
    home: REPOSITORY,
    cwd: REPOSITORY,
    store: join(temporaryFolder(t), 'store'),
    engine: 'no-such-engine',
  };
  const context = { ...testContext(settings), emit: (event: Event) => events.push(event) };
  const failed = await withSession(context, [], async ({ engine }) => {
    const [first, second] = await Promise.all([engine(), engine()]);
    assert.equal(first, second);
    return first;
  });
  assert.equal(failed.ok ? '' : failed.error.code, 'engine/unknown');
  assert.deepEqual(
    events.map(({ type }) => type),
    ['stage-started', 'stage-finished'],
  );
});

test('a store that cannot be opened is a failure before anything is used', async (t) => {
  const file = join(temporaryFolder(t), 'file');
  writeFileSync(file, '');
  const context = testContext({ home: REPOSITORY, store: join(file, 'store') });
  const opened = await withSession(context, [], async () => err({ code: 'build/failed', what: '', fix: [] }));
  assert.match(opened.ok ? '' : opened.error.code, /^store\//);
});

test('every step that a plan lists is a stage of the pipeline', async () => {
  // `fetch` is part of the stages of the trees, `env` is pure, and `report` follows the last stage.
  const known: readonly string[] = [...STAGES, 'fetch', 'env', 'report'];
  const recipes = await listRecipes(REPOSITORY);
  assert.ok(recipes.ok);
  for (const { name } of recipes.value) {
    // What a run lists depends on no Rust of this machine, which a recipe may ask for.
    const resolved = await resolveRecipe({ home: REPOSITORY, cwd: REPOSITORY }, name);
    assert.ok(resolved.ok, JSON.stringify(resolved));
    const stages = makePlan(resolved.value, hostMachine()).stages.map(({ stage }) => stage);
    assert.deepEqual(
      stages.filter((stage) => !known.includes(stage)),
      [],
      name,
    );
  }
});
