import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { readWorkingFiles } from '../../src/run/working-files.ts';

function recipeWith(t: TestContext, files: readonly string[]): string {
  const folder = mkdtempSync(join(tmpdir(), 'provision files ü '));
  t.after(() => rmSync(folder, { recursive: true }));
  const recipe = join(folder, 'recipe');
  writeFileSync(join(folder, 'outside.txt'), 'outside\n');
  for (const path of files) {
    mkdirSync(join(recipe, path, '..'), { recursive: true });
    writeFileSync(join(recipe, path), `${path}\n`);
  }
  return recipe;
}

function read(recipe: string, names: readonly string[]) {
  const at = (column: number) => ({ file: join(recipe, 'provision.yaml'), line: 9, column });
  const files = names.map((text, index) => ({ text, path: join(recipe, text), at: at(index) }));
  return readWorkingFiles(files, recipe);
}

test('files and folders are taken as they are: empty folders, caches, links among them', async (t) => {
  const recipe = recipeWith(t, [
    'config.toml',
    'data/.hidden',
    'data/__pycache__/x.pyc',
    'data/CACHEDIR.TAG',
    'deep/er/tool',
    'data/artifacts/musl/.provision',
    'data/artifacts/musl/report.json',
    'data/artifacts/report.html',
  ]);
  mkdirSync(join(recipe, 'data/empty'));
  chmodSync(join(recipe, 'deep/er/tool'), 0o700);
  for (const [name, target] of [
    ['inside', '.hidden'],
    ['back', '.'],
    ['broken', 'nowhere'],
    ['config', '../config.toml'],
    ['outer', '../../outside.txt'],
    ['absolute', join(recipe, 'data/.hidden')],
  ] as const)
    symlinkSync(target, join(recipe, 'data', name));
  const found = await read(recipe, ['./config.toml', 'data/', 'data/.hidden', 'deep/er/tool']);
  assert.ok(found.ok);
  assert.deepEqual(
    found.value.entries.map((entry) => [
      entry.path,
      entry.kind === 'link'
        ? `→ ${entry.target}`
        : entry.kind === 'file' && entry.executable
          ? 'x'
          : entry.kind,
    ]),
    [
      ['config.toml', 'file'],
      ['data', 'folder'],
      ['data/.hidden', 'file'],
      ['data/CACHEDIR.TAG', 'file'],
      ['data/__pycache__', 'folder'],
      ['data/__pycache__/x.pyc', 'file'],
      ['data/absolute', 'file'],
      ['data/back', '→ .'],
      ['data/broken', '→ nowhere'],
      ['data/config', 'file'],
      ['data/empty', 'folder'],
      ['data/inside', '→ .hidden'],
      ['data/outer', '→ ../../outside.txt'],
      ['deep', 'folder'],
      ['deep/er', 'folder'],
      ['deep/er/tool', 'x'],
    ],
  );
});

test('what a program can see of them is counted: contents, names, whether they are executable', async (t) => {
  const recipe = recipeWith(t, ['a', 'b']);
  const digest = async (...names: string[]) => {
    const found = await read(recipe, names);
    assert.ok(found.ok);
    return found.value.digest;
  };
  const first = await digest('a', 'b');
  chmodSync(join(recipe, 'a'), 0o600);
  assert.equal(await digest('a', 'b'), first, 'its copy has mode 644 in any case');
  const others = [await digest('a'), await digest('b')];
  chmodSync(join(recipe, 'a'), 0o700);
  others.push(await digest('a', 'b'));
  chmodSync(join(recipe, 'a'), 0o644);
  writeFileSync(join(recipe, 'a'), 'changed\n');
  others.push(await digest('a', 'b'));
  assert.equal(new Set([first, ...others]).size, 5);
});

test('what cannot be taken is named with its place and the reason', async (t) => {
  const recipe = recipeWith(t, ['data/x']);
  symlinkSync('nowhere', join(recipe, 'broken'));
  symlinkSync('loop', join(recipe, 'loop'));
  symlinkSync('../outside.txt', join(recipe, 'outer'));
  execFileSync('mkfifo', [join(recipe, 'pipe'), join(recipe, 'data/pipe')]);
  const wrong = await read(recipe, ['missing', 'broken', 'loop', 'outer', 'pipe', 'data', 'data/x/y']);
  assert.ok(!wrong.ok);
  const all = [wrong.error, ...(wrong.error.also ?? [])];
  assert.ok(all.every(({ code }, index) => code === 'recipe/test-file' && all[index]?.at?.column === index));
  assert.deepEqual(
    all.map(({ what }) => what.replace(/, to .*/, '')),
    [
      'There is no `missing`.',
      '`broken` is a symbolic link that leads nowhere.',
      '`loop` is a symbolic link that leads nowhere.',
      '`outer` leads out of the folder of the recipe',
      '`pipe` is a socket, a pipe or a device.',
      '`data/pipe` in `data` is a socket, a pipe or a device.',
      'There is no `data/x/y`.',
    ],
  );
});
