import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { definitionFiles, loadDefinition } from '../../src/recipe/definitions.ts';
import { listRecipes, resolveRecipe } from '../../src/recipe/recipe.ts';
import { definitionsHome, IMAGE, RECIPE } from '../support/definitions-home.ts';

test('a recipe is resolved with everything it names, defaults filled in and paths absolute', async (t) => {
  const home = definitionsHome(t);
  const result = await resolveRecipe({ home, cwd: '/' }, 'far');
  assert.ok(result.ok, JSON.stringify(result));
  const { recipe, target, hostTarget, toolchain, sysroot, reference } = result.value;
  assert.deepEqual(recipe, {
    name: 'far',
    file: join(home, 'recipes/far.yaml'),
    description: 'A program for the far machine.',
    target: 'far-unknown-linux-gnu',
    toolchain: 'tools',
    sysroot: 'far-python',
    reference: 'interpreter',
    project: {
      folder: join(home, 'crate'),
      root: join(home, 'crate'),
      bin: 'program',
      profile: 'release',
      features: [],
      defaultFeatures: true,
      env: {},
    },
    samples: { paths: [join(home, 'crate/samples')], timeoutSeconds: 60 },
  });
  assert.deepEqual(target, {
    name: 'far-unknown-linux-gnu',
    rustTriple: 'far-unknown-linux-gnu',
    clangTriple: 'far-linux-gnu',
    multiarch: 'far-linux-gnu',
    debianArch: 'far',
    ociPlatform: 'linux/far',
    machine: 'far64',
    libc: 'gnu',
    pointerWidth: 64,
    endianness: 'little',
    runtime: 'qemu-user',
    elf: { machine: 'Far Machine', number: 4660, interpreter: '/lib/ld-linux-far.so.1' },
    emulator: { program: 'qemu-far' },
  });
  assert.equal(hostTarget.name, 'near-unknown-linux-gnu');
  assert.deepEqual(toolchain, {
    kind: 'image',
    name: 'tools',
    description: 'Host tools.',
    suite: 'trixie',
    rootfs: {
      architecture: 'near',
      packages: ['clang-19', 'lld-19'],
      without: ['gcc'],
      exclude: ['usr/share/games/**'],
      links: { 'bin/sh': 'dash' },
      files: { 'etc/hostname': 'provision\n' },
    },
    tools: { cc: 'clang-19', python: 'python3.13' },
  });
  assert.equal(reference.name, 'interpreter');
  assert.deepEqual(sysroot, {
    kind: 'packages',
    name: 'far-python',
    description: 'CPython for the far machine.',
    suite: 'trixie',
    target: 'far-unknown-linux-gnu',
    python: { implementation: 'CPython', version: '3.13' },
    sysroot: {
      architecture: 'far',
      packages: ['libpython3.13-dev', 'libc6-dev'],
      without: [],
      exclude: [],
      links: {},
      files: {},
    },
    rootfs: { architecture: 'far', packages: ['libc6'], without: [], exclude: [], links: {}, files: {} },
  });
});

test('every optional key of a recipe reaches the result', async (t) => {
  const text = RECIPE.replace(
    '  bin: program\n',
    '  bin: program\n  profile: dev\n  features: [a, b/c]\n  default-features: false\n  env: {A: "1"}\n',
  ).replace('path: ../crate/samples', 'path: [../crate/samples/hello.py, ../crate]\n  timeout: 2.5');
  const home = definitionsHome(t, { 'recipes/far.yaml': `\ufeff${text.replaceAll('\n', '\r\n')}` });
  const result = await resolveRecipe({ home, cwd: '/' }, 'far');
  assert.ok(result.ok, JSON.stringify(result));
  const { project, samples } = result.value.recipe;
  assert.deepEqual(project, {
    folder: join(home, 'crate'),
    root: join(home, 'crate'),
    bin: 'program',
    profile: 'dev',
    features: ['a', 'b/c'],
    defaultFeatures: false,
    env: { A: '1' },
  });
  assert.deepEqual(samples, {
    paths: [join(home, 'crate/samples/hello.py'), join(home, 'crate')],
    timeoutSeconds: 2.5,
  });
});

test('a file of one’s own is named by its path, relative to where the command is given', async (t) => {
  const home = definitionsHome(t);
  const cwd = join(home, 'elsewhere');
  mkdirSync(cwd);
  writeFileSync(join(cwd, 'mine.yml'), RECIPE);
  for (const path of ['mine.yml', './mine.yml', join(cwd, 'mine.yml')]) {
    const result = await resolveRecipe({ home, cwd }, path);
    assert.ok(result.ok, JSON.stringify(result));
    assert.equal(result.value.recipe.name, 'mine');
    assert.equal(result.value.recipe.project.folder, join(home, 'crate'));
  }
  const byName = await resolveRecipe({ home, cwd }, 'mine');
  assert.ok(!byName.ok);
  assert.equal(byName.error.code, 'recipe/not-found');
  assert.ok(
    byName.error.fix.some((line) => line.includes('`./mine.yml`')),
    JSON.stringify(byName.error.fix),
  );
});

test('names and paths that lead nowhere', async (t) => {
  const home = definitionsHome(t);
  const places = { home, cwd: home };
  const fails = async (name: string): Promise<string> => {
    const result = await resolveRecipe(places, name);
    assert.ok(!result.ok, name);
    return `${result.error.code} ${result.error.what} ${result.error.fix.join(' ')}`;
  };
  assert.match(await fails('fra'), /^recipe\/not-found .*`fra`.* Did you mean `far`\?/);
  assert.match(await fails('zebra'), /^recipe\/not-found .*The recipes: `far`\.$/);
  assert.match(await fails(''), /^recipe\/not-found /);
  assert.match(await fails('constructor'), /^recipe\/not-found /);
  assert.match(await fails('./no.yaml'), /^recipe\/not-found .*no\.yaml/);
  assert.match(await fails('./recipes/far.yaml/x.yaml'), /^recipe\/not-found /);
  assert.match(await fails('./recipes'), /^recipe\/not-a-file /);
  assert.match(await fails('/dev/zero'), /^recipe\/not-a-file /);
  execFileSync('mkfifo', [join(home, 'pipe.yaml')]);
  assert.match(await fails('./pipe.yaml'), /^recipe\/not-a-file /);
  writeFileSync(join(home, 'my recipe.yaml'), RECIPE);
  assert.match(await fails('./my recipe.yaml'), /^recipe\/invalid-name /);
});

test('a home without definitions names what is missing', async (t) => {
  const home = definitionsHome(t);
  for (const folder of ['targets', 'docker', 'sysroots']) rmSync(join(home, folder), { recursive: true });
  const result = await resolveRecipe({ home, cwd: home }, 'far');
  assert.ok(!result.ok);
  assert.deepEqual(
    [result.error, ...(result.error.also ?? [])].map(({ code }) => code),
    [
      'recipe/unknown-target',
      'recipe/unknown-toolchain',
      'recipe/unknown-sysroot',
      'recipe/unknown-reference',
    ],
  );
  rmSync(join(home, 'recipes'), { recursive: true });
  assert.deepEqual(await listRecipes(home), { ok: true, value: [] });
  assert.deepEqual(definitionFiles(home), []);
});

test('a target that cannot be read does not stand in the way of another one', async (t) => {
  const home = definitionsHome(t, { 'targets/broken.yaml': 'debian-arch: near\n  x' });
  assert.ok((await resolveRecipe({ home, cwd: home }, 'far')).ok);
});

test('recipes are listed by name; one that is wrong is told', async (t) => {
  const home = definitionsHome(t, { 'recipes/a.yaml': RECIPE.replace('A program', 'Another') });
  assert.deepEqual(await listRecipes(home), {
    ok: true,
    value: [
      { name: 'a', description: 'Another for the far machine.', target: 'far-unknown-linux-gnu' },
      { name: 'far', description: 'A program for the far machine.', target: 'far-unknown-linux-gnu' },
    ],
  });
  writeFileSync(join(home, 'recipes/b.yaml'), 'schema: 1\n');
  const result = await listRecipes(home);
  assert.ok(!result.ok);
  assert.equal(result.error.code, 'recipe/missing-key');
  assert.equal(result.error.at?.file, join(home, 'recipes/b.yaml'));
});

test('definitions are found with their locks, and loaded', async (t) => {
  const home = definitionsHome(t, { 'docker/readme.md': 'x', 'docker/empty/other.yaml': IMAGE });
  const files = definitionFiles(home);
  assert.deepEqual(files.at(-1), {
    id: 'sysroots/far-python',
    file: join(home, 'sysroots/far-python/sysroot.yaml'),
    lockFile: join(home, 'sysroots/far-python/sysroot.lock'),
  });
  assert.deepEqual(
    files.map(({ id }) => id),
    ['docker/interpreter', 'docker/tools', 'sysroots/far-python'],
  );
  const loaded = await Promise.all(files.map(loadDefinition));
  assert.deepEqual(
    loaded.map((result) => result.ok && `${result.value.kind} ${result.value.name}`),
    ['image interpreter', 'image tools', 'packages far-python'],
  );
});
