import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { definitionFiles } from '../../src/recipe/definitions.ts';
import { listRecipes } from '../../src/recipe/list.ts';
import { resolveRecipe } from '../../src/recipe/recipe.ts';
import { definitionsHome, IMAGE, PYTHON, RECIPE, REFERENCE } from '../support/definitions-home.ts';

test('a resolved recipe has everything it names, with defaults and absolute paths', async (t) => {
  const home = definitionsHome(t);
  const result = await resolveRecipe({ home, cwd: '/' }, 'far');
  assert.ok(result.ok, JSON.stringify(result));
  const { recipe, target, hostTarget, toolchain, sysroot, rustStd, reference, files } = result.value;
  assert.deepEqual(recipe, {
    name: 'far',
    file: join(home, 'recipes/far.yaml'),
    description: 'A program for the far machine.',
    target: 'far',
    toolchain: 'tools',
    sysroot: 'packaged',
    pythonVersion: '3.13',
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
    name: 'far',
    rustTriple: 'far-unknown-linux-gnu',
    description: 'The far machine.',
    recipe: 'far',
    tier: 3,
    clangTriple: 'far-linux-gnu',
    multiarch: 'far-linux-gnu',
    debianArch: 'far',
    ociPlatform: 'linux/far',
    machine: 'far64',
    maybeOn: [],
    libc: 'gnu',
    cLibrary: 'far-gnu-1',
    pointerWidth: 64,
    endianness: 'little',
    runtime: 'qemu-user',
    elf: { machine: 'Far Machine', number: 4660, interpreter: '/lib/ld-linux-far.so.1' },
    emulator: { program: 'qemu-far' },
  });
  assert.equal(hostTarget.name, 'near');
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
    rustStd: {
      far: { from: 'packages', set: 'rust-std:far', tree: rustTree('far') },
      near: { from: 'packages', set: 'rust-std:near', tree: rustTree('near') },
    },
  });
  assert.deepEqual(rustStd, toolchain.rustStd.far);
  assert.deepEqual(
    [reference.name, reference.rootfs.packages, reference.tools],
    ['cpython-3.13 reference', ['python3.13'], { python: 'python3.13' }],
  );
  assert.deepEqual(
    Object.values(files).map(({ id, lockPath }) => [id, lockPath]),
    [
      ['docker/tools/near', 'docker/tools/image.near.lock'],
      ['sysroots/packaged/cpython-3.13/far', 'sysroots/packaged/cpython-3.13/far.lock'],
      ['pythons/cpython-3.13/reference/near', 'pythons/cpython-3.13/reference.near.lock'],
      ['pythons/cpython-3.13/reference/near', 'pythons/cpython-3.13/reference.near.lock'],
    ],
  );
  const tree = { architecture: 'far', without: [], exclude: [], links: {}, files: {}, others: ['near'] };
  assert.deepEqual(sysroot, {
    kind: 'sysroot',
    name: 'packaged/cpython-3.13/far',
    description: 'CPython 3.13 for far.',
    suite: 'trixie',
    target: 'far',
    python: { name: 'cpython-3.13', implementation: 'CPython', version: '3.13', abiflags: '' },
    sysroot: { ...tree, packages: ['libc6-dev', 'libpython3.13-dev'], relativeLinks: true },
    rootfs: { ...tree, packages: ['libc6'] },
    compiler: { flags: [] },
    link: { static: [], dynamic: [], wholePython: false, pie: true, arguments: [] },
    without: {},
  });
});

function rustTree(architecture: string) {
  return {
    architecture,
    packages: ['libstd-rust-dev'],
    without: ['libstd-rust'],
    exclude: [],
    links: {},
    files: {},
  };
}

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

test('a recipe file is named by its path, relative to the current folder', async (t) => {
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

test('unknown names and paths are rejected', async (t) => {
  const home = definitionsHome(t);
  const lookup = { home, cwd: home };
  const fails = async (name: string): Promise<string> => {
    const result = await resolveRecipe(lookup, name);
    assert.ok(!result.ok, name);
    return `${result.error.code} ${result.error.what} ${result.error.fix.join(' ')}`;
  };
  assert.match(await fails('fra'), /^recipe\/not-found .*`fra`.* Did you mean `far`\?/);
  assert.match(await fails('zebra'), /^recipe\/not-found .*The recipes: `far` and `near`\.$/);
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

test('without definitions the missing files are named', async (t) => {
  const home = definitionsHome(t);
  for (const folder of ['targets', 'docker', 'sysroots', 'pythons'])
    rmSync(join(home, folder), { recursive: true });
  const result = await resolveRecipe({ home, cwd: home }, 'far');
  assert.ok(!result.ok);
  assert.deepEqual(
    [result.error, ...(result.error.also ?? [])].map(({ code }) => code),
    ['recipe/unknown-target', 'recipe/unknown-toolchain', 'recipe/unknown-sysroot', 'recipe/unknown-python'],
  );
  rmSync(join(home, 'recipes'), { recursive: true });
  assert.deepEqual(await listRecipes(home), { ok: true, value: [] });
  assert.deepEqual(await definitionFiles(home), { ok: true, value: [] });
});

test('an unreadable target does not affect another one', async (t) => {
  const home = definitionsHome(t, { 'targets/broken.yaml': 'debian-arch: near\n  x' });
  assert.ok((await resolveRecipe({ home, cwd: home }, 'far')).ok);
  const named = await resolveRecipe({ home, cwd: home }, 'broken');
  assert.ok(!named.ok);
  assert.equal(named.error.at?.file, join(home, 'targets/broken.yaml'));
});

test('recipes are listed by name; an invalid one is reported', async (t) => {
  const home = definitionsHome(t, { 'recipes/a.yaml': RECIPE.replace('A program', 'Another') });
  const pythons = [{ version: '3.13', sysroot: 'packaged', from: 'packages', default: true }];
  assert.deepEqual(await listRecipes(home), {
    ok: true,
    value: [
      { name: 'a', description: 'Another for the far machine.', target: 'far-unknown-linux-gnu', pythons },
      {
        name: 'far',
        description: 'A program for the far machine.',
        target: 'far-unknown-linux-gnu',
        pythons,
      },
      {
        name: 'near',
        description: 'The usual program for The far machine.',
        target: 'near-unknown-linux-gnu',
        pythons,
      },
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
  const files = await definitionFiles(home);
  assert.ok(files.ok, JSON.stringify(files));
  assert.deepEqual(files.value.at(-1)?.file, {
    id: 'sysroots/packaged/cpython-3.13/near',
    file: join(home, 'sysroots/packaged/sysroot.yaml'),
    lockFile: join(home, 'sysroots/packaged/cpython-3.13/near.lock'),
    lockPath: 'sysroots/packaged/cpython-3.13/near.lock',
  });
  assert.deepEqual(
    files.value.map(({ file }) => file.id),
    [
      'docker/tools/near',
      'pythons/cpython-3.13/reference/near',
      'pythons/cpython-3.13/tests/near',
      'sysroots/packaged/cpython-3.13/far',
      'sysroots/packaged/cpython-3.13/near',
    ],
  );
  const loaded = await Promise.all(files.value.map(({ load }) => load()));
  assert.deepEqual(
    loaded.map((result) => result.ok && `${result.value.kind} ${result.value.name}`),
    [
      'image tools',
      'image cpython-3.13 reference',
      'image cpython-3.13 tests',
      'sysroot packaged/cpython-3.13/far',
      'sysroot packaged/cpython-3.13/near',
    ],
  );
});

test('a target has a recipe without a file, and a recipe file states only the differences', async (t) => {
  const home = definitionsHome(t, { 'recipes/other.yaml': 'schema: 1\ndescription: Other.\ntarget: near\n' });
  const lookup = { home, cwd: '/' };
  const own = await resolveRecipe(lookup, 'near');
  const other = await resolveRecipe(lookup, 'other');
  assert.ok(own.ok && other.ok, JSON.stringify([own, other]));
  assert.deepEqual(own.value.recipe, {
    ...other.value.recipe,
    name: 'near',
    file: join(home, 'recipes/defaults.yaml'),
    description: 'The usual program for The far machine.',
  });
  assert.equal(other.value.recipe.project.folder, join(home, 'crate'));
  assert.equal(other.value.sysroot.name, 'packaged/cpython-3.13/near');
});

test('the newest Python is the default; a recipe can name another one', async (t) => {
  const python = (version: string): string => PYTHON.replace('"3.13"', `"${version}"`);
  const home = definitionsHome(t, {
    'pythons/cpython-3.9/python.yaml': python('3.9'),
    'pythons/cpython-3.14t/python.yaml': python('3.14t'),
    'pythons/cpython-3.14/python.yaml': python('3.14'),
  });
  const lookup = { home, cwd: '/' };
  const newest = await resolveRecipe(lookup, 'near');
  assert.ok(newest.ok, JSON.stringify(newest));
  assert.deepEqual(
    [newest.value.sysroot.python.name, newest.value.sysroot.python.abiflags],
    ['cpython-3.14', ''],
  );
  assert.equal(newest.value.reference.tools.python, 'python3.14');
  const named = await resolveRecipe(lookup, 'far');
  assert.ok(named.ok && named.value.sysroot.python.version === '3.13');
  writeFileSync(join(home, 'recipes/far.yaml'), RECIPE.replace("'3.13'", "'3.14t'"));
  const threaded = await resolveRecipe(lookup, 'far');
  assert.ok(threaded.ok, JSON.stringify(threaded));
  const { version, abiflags } = threaded.value.sysroot.python;
  assert.deepEqual([version, abiflags], ['3.14', 't']);
  assert.deepEqual(threaded.value.sysroot.sysroot.packages, ['libc6-dev', 'libpython3.14t-dev']);
});

test('an image is read for this machine, else for the first of its architectures', async (t) => {
  const home = definitionsHome(t, {
    'docker/tools/image.yaml': IMAGE.replace('[near]', '[near, far]').replace(
      'clang-19, lld-19',
      '"cc-{multiarch}"',
    ),
    'pythons/reference.yaml': REFERENCE.replace('[near]', '[near, far]'),
  });
  const on = async (machine: string): Promise<readonly unknown[]> => {
    const result = await resolveRecipe({ home, cwd: '/', machine }, 'far');
    assert.ok(result.ok, JSON.stringify(result));
    const { toolchain, reference, hostTarget, files } = result.value;
    const { architecture, packages, others } = toolchain.rootfs;
    return [
      architecture,
      packages,
      others,
      reference.rootfs.architecture,
      hostTarget.name,
      files.toolchain.id,
    ];
  };
  assert.deepEqual(await on('far64'), [
    'far',
    ['cc-far-linux-gnu'],
    ['near'],
    'far',
    'far',
    'docker/tools/far',
  ]);
  const near = ['near', ['cc-near-linux-gnu'], ['far'], 'near', 'near', 'docker/tools/near'];
  assert.deepEqual(await on('near64'), near);
  assert.deepEqual(await on('other64'), near);
});

test('an extending image adds to its base, and unpacks only the emulators that targets name', async (t) => {
  const home = definitionsHome(t, {
    'docker/tools/image.yaml': `${IMAGE}emulators: usr/bin/emulate-*\n`,
    'docker/more/image.yaml': `schema: 1
extends: tools
description: More.
packages: [gcc-14]
exclude: [usr/share/more]
tools: {cc: gcc-14}
rust-std:
  gnu: source
`,
    'recipes/far.yaml': RECIPE.replace('toolchain: tools', 'toolchain: more'),
  });
  const result = await resolveRecipe({ home, cwd: '/' }, 'far');
  assert.ok(result.ok, JSON.stringify(result));
  const { rootfs, tools, description, rustStd } = result.value.toolchain;
  assert.equal(description, 'More.');
  assert.deepEqual(rootfs.packages, ['clang-19', 'lld-19', 'gcc-14']);
  assert.deepEqual(rootfs.exclude, [
    'usr/share/games/**',
    'usr/share/more',
    'usr/bin/emulate-*',
    '!usr/bin/qemu-far',
  ]);
  assert.deepEqual(tools, { cc: 'gcc-14', python: 'python3.13' });
  assert.deepEqual(rustStd, { far: { from: 'source' }, near: { from: 'source' } });
});

test('the older spellings of `optimization` are read as lists', async (t) => {
  const home = definitionsHome(t, SOURCE);
  const optimization = async (setting: string): Promise<unknown> => {
    writeFileSync(
      join(home, 'recipes/far.yaml'),
      `${RECIPE.replace('packaged', 'built')}optimization: ${setting}\n`,
    );
    const result = await resolveRecipe({ home, cwd: '/' }, 'far');
    assert.ok(result.ok, JSON.stringify(result));
    return result.value.sysroot.source?.cpython.optimization;
  };
  assert.deepEqual(await optimization('none'), []);
  assert.deepEqual(await optimization('pgo+lto'), ['pgo', 'lto']);
  assert.deepEqual(await optimization('[lto, pgo]'), ['lto', 'pgo']);
  assert.deepEqual(await optimization('[]'), []);
});

test('a Python without a locked profile is compiled without one, and asking for one is a mistake', async (t) => {
  const { 'pythons/cpython-3.13/profile.yaml': _, ...without } = SOURCE;
  const sysroot = `${without['sysroots/built/sysroot.yaml']}  optimization: [pgo, lto]\n`;
  const home = definitionsHome(t, { ...without, 'sysroots/built/sysroot.yaml': sysroot });
  const file = join(home, 'recipes/far.yaml');
  const recipe = RECIPE.replace('packaged', 'built');
  writeFileSync(file, recipe);
  const unasked = await resolveRecipe({ home, cwd: '/' }, 'far');
  assert.ok(unasked.ok, JSON.stringify(unasked));
  assert.deepEqual(unasked.value.sysroot.source?.cpython.optimization, ['lto']);
  writeFileSync(file, `${recipe}optimization: [pgo]\n`);
  const asked = await resolveRecipe({ home, cwd: '/' }, 'far');
  assert.ok(!asked.ok);
  assert.equal(asked.error.code, 'recipe/no-training');
  assert.deepEqual([asked.error.at?.line, asked.error.at?.column], [recipe.split('\n').length, 15]);
});

test('a locked profile comes with what it would be made of today', async (t) => {
  const home = definitionsHome(t, { ...SOURCE, 'recipes/far.yaml': RECIPE.replace('packaged', 'built') });
  const result = await resolveRecipe({ home, cwd: '/' }, 'far');
  assert.ok(result.ok, JSON.stringify(result));
  assert.deepEqual(result.value.sysroot.source?.cpython.profile, {
    file: join(home, 'pythons/cpython-3.13/counts.br'),
    digest: `sha256:${'b'.repeat(64)}`,
    inputs: 'a'.repeat(64),
    made: { patches: [], ownPatches: [{ name: 'own.patch', text: 'patch\n' }], training: 'pass\n' },
  });
});

test('a variant adds flags to the configuration of an interpreter', async (t) => {
  const home = definitionsHome(t, {
    ...SOURCE,
    'recipes/far.yaml': `${RECIPE.replace('packaged', 'built')}variant: debug\n`,
  });
  const result = await resolveRecipe({ home, cwd: '/' }, 'far');
  assert.ok(result.ok, JSON.stringify(result));
  const { python, source } = result.value.sysroot;
  assert.deepEqual([python.abiflags, python.variant], ['d', 'debug']);
  assert.deepEqual(source?.cpython.configure, ['--disable-shared', '--with-pydebug']);
  assert.deepEqual(source?.cpython.ownPatches, [{ name: 'own.patch', text: 'patch\n' }]);
});

/** A Python that is built from source in a home. */
const SOURCE = {
  'sysroots/built/sysroot.yaml': `schema: 1
kind: cpython-source
description: Built.
libc: gnu
toolchain: tools
cpython:
  configure: [--disable-shared]
`,
  'pythons/cpython-3.13/python.yaml': `${PYTHON}  built: {patches: [own.patch]}
source: {package: python3.13}
variants:
  debug: {configure: [--with-pydebug], abiflags: d}
`,
  'pythons/cpython-3.13/patches/own.patch': 'patch\n',
  'pythons/cpython-3.13/train.py': 'pass\n',
  'pythons/cpython-3.13/profile.yaml': `schema: 1
description: What runs how often.
sysroot: built
training: train.py
compiler: "19.1.7"
inputs: ${'a'.repeat(64)}
counts: {file: counts.br, sha256: ${'b'.repeat(64)}, functions: 3}
`,
};
