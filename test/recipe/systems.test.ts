import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Resolved } from '../../src/domain/definitions.ts';
import type { Lock } from '../../src/domain/packages.ts';
import type { Failure } from '../../src/failure.ts';
import { readLocks } from '../../src/pipeline/trees.ts';
import { formatPlan, makePlan } from '../../src/plan/plan.ts';
import { definitionFiles } from '../../src/recipe/definitions.ts';
import { resolveRecipe } from '../../src/recipe/recipe.ts';
import { REPOSITORY } from '../support/cli.ts';
import { definitionsHome, RECIPE, SYSTEM } from '../support/definitions-home.ts';

const OLD = SYSTEM.replace('"2.41"', '"2.9"').replace('trixie', 'lenny');
const NEW = SYSTEM.replace('"2.41"', '"2.100"').replace('trixie', 'zurg');

/** Systems of the made-up machine: `own` is the one whose C library its programs are linked with. */
const SYSTEMS: Readonly<Record<string, string>> = {
  'systems/own.yaml': SYSTEM,
  'systems/old.yaml': OLD,
  'systems/new.yaml': NEW,
  'systems/elsewhere.yaml': NEW.replace('[far]', '[near]'),
  'systems/bare.yaml': 'schema: 1\ndescription: Nothing.\nlibc: musl\nroot: {}\n',
};

function recipe(more: string): Readonly<Record<string, string>> {
  return { ...SYSTEMS, 'recipes/far.yaml': `${RECIPE}${more}` };
}

async function resolved(t: TestContext, more = ''): Promise<Resolved> {
  const home = definitionsHome(t, recipe(more));
  const result = await resolveRecipe({ home, cwd: home }, 'far');
  assert.ok(result.ok, JSON.stringify(result));
  return result.value;
}

async function failures(t: TestContext, more: string): Promise<readonly Failure[]> {
  const home = definitionsHome(t, recipe(more));
  const result = await resolveRecipe({ home, cwd: home }, 'far');
  assert.ok(!result.ok);
  return [result.error, ...(result.error.also ?? [])];
}

const names = ({ systems }: Resolved): readonly string[] => systems.map(({ definition }) => definition.name);

test('without `systems` they are those that have the architecture and a glibc that is not older', async (t) => {
  const all = await resolved(t);
  assert.deepEqual(all.system, { name: 'own', description: 'The far system.', glibc: '2.41' });
  // 2.100 is newer than 2.41, 2.9 older; `elsewhere` is of another architecture, `bare` of another C library.
  assert.deepEqual(names(all), ['new']);
  assert.equal(all.systems[0]?.at, undefined);
  assert.deepEqual(all.systems[0]?.definition.rootfs.packages, ['libc6']);
  assert.equal(all.systems[0]?.definition.suite, 'zurg');
  assert.equal(all.systems[0]?.file?.lockPath, 'systems/new.far.lock');
});

test('`systems` names them, in its order; the one that the samples run on in any case is not run twice', async (t) => {
  const named = await resolved(t, 'systems: [own, old, new]\n');
  assert.deepEqual(names(named), ['old', 'new']);
  const line = RECIPE.split('\n').length;
  assert.deepEqual([named.systems[0]?.at?.line, named.systems[0]?.at?.column], [line, 16]);
  assert.deepEqual(names(await resolved(t, 'systems: []\n')), []);
});

test('a system that is unknown, of another architecture or of another C library is named with its place', async (t) => {
  const found = await failures(t, 'systems: [nwe, elsewhere, bare]\n');
  assert.deepEqual(
    found.map(({ code, at }) => [code, at?.line, at?.column]),
    [
      ['recipe/unknown-system', RECIPE.split('\n').length, 11],
      ['recipe/system-without-architecture', RECIPE.split('\n').length, 16],
      ['recipe/system-misfit', RECIPE.split('\n').length, 27],
    ],
  );
  const [unknown, without, misfit] = found;
  assert.deepEqual(unknown?.fix, [
    'Did you mean `new`?',
    'There are: `bare`, `elsewhere`, `new`, `old` and `own`.',
  ]);
  assert.match(without?.what ?? '', /`elsewhere` has no architecture `far`.*it has `near`/);
  assert.match(without?.fix[0] ?? '', /For `far` there are: `new`, `old` and `own`/);
  assert.match(misfit?.what ?? '', /programs of the C library `musl`, the target `far` has `gnu`/);
});

test('the same name twice, and what is no list, are mistakes of the recipe', async (t) => {
  const wrong = [
    ['[new, new]', 'recipe/invalid-value'],
    ['new', 'recipe/wrong-type'],
    ['[1]', 'recipe/wrong-type'],
  ] as const;
  for (const [value, code] of wrong) {
    const [failure] = await failures(t, `systems: ${value}\n`);
    assert.equal(failure?.code, code, value);
    assert.ok(failure?.at !== undefined);
  }
});

test('a recipe for another target takes of its systems those that the other one has', async (t) => {
  const home = definitionsHome(t, recipe(''));
  const file = join(home, 'crate', 'provision.yaml');
  writeFileSync(file, 'schema: 1\nextends: near\nsystems: [elsewhere]\n');
  const own = await resolveRecipe({ home, cwd: join(home, 'crate') }, undefined);
  assert.ok(own.ok, JSON.stringify(own));
  assert.deepEqual(names(own.value), ['elsewhere']);
  const other = await resolveRecipe({ home, cwd: join(home, 'crate') }, 'far');
  assert.ok(other.ok, JSON.stringify(other));
  assert.deepEqual(names(other.value), []);
});

test('a system of packages states its suite, its architectures and its glibc', async (t) => {
  const broken = SYSTEM.replace(/suite.*\n/, '')
    .replace(/architectures.*\n/, '')
    .replace(/glibc.*\n/, '');
  const home = definitionsHome(t, { 'systems/own.yaml': broken });
  const result = await resolveRecipe({ home, cwd: home }, 'far');
  assert.ok(!result.ok);
  const found = [result.error, ...(result.error.also ?? [])];
  assert.deepEqual(
    ['suite', 'architectures', 'glibc'].filter(
      (key) => !found.some(({ what }) => what.includes(`\`${key}\``)),
    ),
    [],
    JSON.stringify(found),
  );
  assert.ok(found.every(({ at }) => at?.file === join(home, 'systems/own.yaml')));
});

test('a root of packages of a C library that there is not is located', async (t) => {
  const home = definitionsHome(t, { 'systems/own.yaml': SYSTEM.replace('far-gnu-1', 'far-gnu-2') });
  const result = await resolveRecipe({ home, cwd: home }, 'far');
  assert.ok(result.ok, 'the system that all else runs on has the root of the sysroot');
  const files = await definitionFiles(home);
  assert.ok(files.ok);
  const one = files.value.find(({ file }) => file.id === 'systems/own/far');
  const loaded = await one?.load();
  assert.ok(loaded?.ok === false);
  assert.deepEqual([loaded.error.code, loaded.error.at?.line], ['recipe/unknown-libc', 7]);
});

test('the plan shows the roots, their locks and where the samples run', async (t) => {
  const plan = makePlan(await resolved(t, 'systems: [old, new]\nhost: false\n'), {
    machine: 'far64',
    platform: 'linux',
  });
  const text = formatPlan(plan);
  assert.match(text, /Unpack the root of the system `old`\.\n +architecture +far\n +packages +libc6/);
  assert.match(text, /systems\/old\.far\.lock/);
  assert.match(text, /suites +trixie lenny zurg/);
  assert.match(text, /systems +own old new\n/);
  assert.ok(!plan.stages.some(({ stage }) => stage === 'host'));
});

test('a system without a lock is a failure that says how to make it', async (t) => {
  const lacking = await readLocks({
    ...(await shipped('x86_64')),
    systems: (await resolved(t)).systems,
  });
  assert.ok(!lacking.ok);
  assert.equal(lacking.error.code, 'lock/missing');
  assert.deepEqual(lacking.error.fix, ['Run `provision lock systems/new/far`.']);
});

async function shipped(name: string): Promise<Resolved> {
  const result = await resolveRecipe({ home: REPOSITORY, cwd: '/' }, name);
  assert.ok(result.ok, JSON.stringify(result));
  return result.value;
}

test('every GNU target runs on every release of Debian that has its architecture, musl also in an empty root', async () => {
  const files = await definitionFiles(REPOSITORY);
  assert.ok(files.ok);
  const locks = files.value.map(({ file }) => file).filter(({ id }) => id.startsWith('systems/'));
  assert.deepEqual(
    locks.map(({ id }) => id.slice('systems/'.length)),
    [
      ...['amd64', 'arm64', 'armhf'].map((one) => `debian-11/${one}`),
      ...['amd64', 'arm64', 'armhf', 'ppc64el', 's390x'].map((one) => `debian-12/${one}`),
      ...['amd64', 'arm64', 'armhf', 'ppc64el', 'riscv64', 's390x'].map((one) => `debian-13/${one}`),
    ],
  );
  for (const { lockFile } of locks) assert.ok(existsSync(lockFile), lockFile);
  assert.deepEqual(names(await shipped('musl')), ['empty']);
  assert.deepEqual(names(await shipped('wasm32-wasip1')), []);
});

test('the glibc that a system states is the one that it is locked with', async () => {
  const files = await definitionFiles(REPOSITORY);
  assert.ok(files.ok);
  for (const { file, load } of files.value.filter((one) => one.file.id.startsWith('systems/'))) {
    const definition = await load();
    assert.ok(definition.ok && definition.value.kind === 'system');
    const lock = JSON.parse(readFileSync(file.lockFile, 'utf8')) as Lock;
    const version = lock.sets.rootfs?.find(({ name }) => name === 'libc6')?.version;
    assert.equal(version?.split('-')[0], definition.value.glibc, file.id);
  }
});
