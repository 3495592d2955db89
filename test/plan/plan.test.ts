import assert from 'node:assert/strict';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Resolved } from '../../src/domain/definitions.ts';
import type { Target } from '../../src/domain/target.ts';
import { formatPlan, type Host, makePlan } from '../../src/plan/plan.ts';
import { resolveRecipe } from '../../src/recipe/recipe.ts';
import { definitionsHome, IMAGE, RECIPE } from '../support/definitions-home.ts';
import { assertGolden } from '../support/golden.ts';

const GOLDEN = join(import.meta.dirname, 'golden');
const HOST: Host = { machine: 'near64', platform: 'linux' };

async function resolved(
  t: TestContext,
  files: Readonly<Record<string, string>> = {},
): Promise<[Resolved, string]> {
  const home = definitionsHome(t, files);
  const result = await resolveRecipe({ home, cwd: home }, 'far');
  assert.ok(result.ok, JSON.stringify(result));
  return [result.value, home];
}

test('a plan for another machine, as text and as JSON', async (t) => {
  const [recipe, home] = await resolved(t);
  const plan = makePlan(recipe, HOST);
  assertGolden(join(GOLDEN, 'emulated.txt'), formatPlan(plan, home));
  assertGolden(
    join(GOLDEN, 'emulated.json.txt'),
    `${JSON.stringify(plan, null, 2).replaceAll(home, '<home>')}\n`,
  );
});

test('the plan of a shipped recipe', async () => {
  const home = dirname(dirname(import.meta.dirname));
  const result = await resolveRecipe({ home, cwd: home }, 'aarch64');
  assert.ok(result.ok, JSON.stringify(result));
  const plan = makePlan(result.value, { machine: 'x86_64', platform: 'linux' });
  assertGolden(join(GOLDEN, 'aarch64.txt'), formatPlan(plan, home));
});

test('a plan for the same machine, with every key of a recipe', async (t) => {
  const packages = Array.from({ length: 30 }, (_, i) => `package-number-${i}`).join(', ');
  const [recipe, home] = await resolved(t, {
    'recipes/far.yaml': RECIPE.replace(
      '  bin: program\n',
      '  bin: program\n  profile: dev\n  features: [fast, small]\n  default-features: false\n  env: {LEVEL: "3", MODE: x}\n',
    ).replace(
      'path: ../crate/samples',
      'path: [../crate/samples, ../crate/samples/hello.py]\n  timeout: 2.5',
    ),
    'docker/tools/image.yaml': IMAGE.replace('[clang-19, lld-19]', `[${packages}]`),
  });
  const plan = makePlan(recipe, { machine: 'far64', platform: 'linux' });
  assert.equal(plan.runtime, 'native');
  const text = formatPlan(plan, home);
  assertGolden(join(GOLDEN, 'native.txt'), text);
  assert.deepEqual(
    text.split('\n').filter((line) => line.length > 80 || line !== line.trimEnd()),
    [],
  );
});

test('what is run is planned: commands and the tests of the crate, and samples where there are some', async (t) => {
  const [recipe] = await resolved(t, {
    'recipes/far.yaml': `${RECIPE}tests:\n  commands: [{name: greets}, {name: adds, args: ["1"]}]\n  cargo: {args: [--lib]}\n`,
  });
  const without = { ...recipe.recipe, samples: { ...recipe.recipe.samples, paths: [] } };
  const { stages } = makePlan({ ...recipe, recipe: without }, HOST);
  const of = (name: string) => stages.find(({ stage }) => stage === name);
  assert.equal(of('run')?.does, 'No samples: the recipe names none.');
  assert.deepEqual(of('commands')?.inputs.commands, ['greets', 'adds']);
  assert.deepEqual(of('cargo-test')?.inputs.args, ['--lib']);
  const [samples] = await resolved(t);
  const names = makePlan(samples, HOST).stages.map(({ stage }) => stage);
  assert.deepEqual(
    names.filter((name) => ['run', 'commands', 'cargo-test'].includes(name)),
    ['run'],
  );
});

test('the runtime is native where the kernel can start the program, else that of the target', async (t) => {
  const [recipe] = await resolved(t);
  const runtime = (target: Partial<Target>, host: Host): string =>
    makePlan({ ...recipe, target: { ...recipe.target, ...target } }, host).runtime;
  const far: Host = { machine: 'far64', platform: 'linux' };
  assert.equal(runtime({}, HOST), 'qemu-user');
  assert.equal(runtime({}, far), 'native');
  // There an engine has a kernel of its own.
  assert.equal(runtime({}, { ...far, platform: 'darwin' }), 'native');
  assert.equal(runtime({ libc: 'musl' }, far), 'native');
  assert.equal(runtime({ libc: 'wasi', runtime: 'wasmtime' }, far), 'wasmtime');
});

test('the same input gives the same plan, and the input is not changed', async (t) => {
  const [recipe] = await resolved(t);
  const before = structuredClone(recipe);
  assert.deepEqual(makePlan(recipe, HOST), makePlan(recipe, HOST));
  assert.deepEqual(recipe, before);
});

test('paths outside of the base stay absolute', async (t) => {
  const [recipe] = await resolved(t);
  assert.ok(formatPlan(makePlan(recipe, HOST), '/nowhere').includes(recipe.recipe.project.folder));
  assert.ok(formatPlan(makePlan(recipe, HOST)).includes(recipe.recipe.file));
});
