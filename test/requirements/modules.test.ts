// The folders of `python.paths`: what is taken, and what cannot be.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Result } from '../../src/domain/result.ts';
import { type Modules, readModules } from '../../src/requirements/modules.ts';
import { temporaryFolder } from '../support/cli.ts';

function project(t: TestContext, files: readonly string[]): string {
  const folder = temporaryFolder(t);
  for (const name of files) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), `# ${name}\n`);
  }
  return folder;
}

function modules(folder: string, ...paths: readonly string[]): Promise<Result<Modules | undefined>> {
  const at = { file: join(folder, 'crate/provision.yaml'), line: 4, column: 10 };
  return readModules({
    paths: paths.map((text) => ({ text, path: join(folder, text), at })),
    recipe: join(folder, 'crate/provision.yaml'),
    project: join(folder, 'crate'),
    samples: [join(folder, 'crate/code/samples')],
  });
}

async function taken(folder: string, ...paths: readonly string[]): Promise<readonly string[]> {
  const found = await modules(folder, ...paths);
  assert.ok(found.ok, JSON.stringify(found));
  return found.value?.files.map(({ path }) => path) ?? [];
}

async function refusal(folder: string, ...paths: readonly string[]): Promise<readonly [string, string]> {
  const found = await modules(folder, ...paths);
  assert.ok(!found.ok, 'it was taken');
  assert.equal(found.error.at?.line, 4);
  return [found.error.code, found.error.what];
}

test('everything but caches, version control and samples is taken, in the order of names', async (t) => {
  const folder = project(t, [
    'crate/code/tool/__init__.py',
    'crate/code/tool/data/table.csv',
    'crate/code/tool/tests/test_tool.py',
    'crate/code/tool/__pycache__/x.pyc',
    'crate/code/.git/HEAD',
    'crate/code/cache/CACHEDIR.TAG',
    'crate/code/env/pyvenv.cfg',
    'crate/code/samples/a.py',
    'crate/code/side.pth',
  ]);
  assert.deepEqual(await taken(folder, 'crate/code'), [
    'side.pth',
    'tool/__init__.py',
    'tool/data/table.csv',
    'tool/tests/test_tool.py',
  ]);
});

test('symbolic links are followed, out of the project, too; those that lead nowhere or in a circle are not', async (t) => {
  const folder = project(t, [
    'outside/shared/a.py',
    'crate/code/own.py',
    'crate/round/x.py',
    'crate/lost/x.py',
  ]);
  symlinkSync(join(folder, 'outside/shared'), join(folder, 'crate/code/shared'));
  symlinkSync('own.py', join(folder, 'crate/code/alias.py'));
  assert.deepEqual(await taken(folder, 'crate/code'), ['alias.py', 'own.py', 'shared/a.py']);
  assert.deepEqual(await taken(folder, 'outside/shared', 'crate/code/own.py'), ['a.py', 'own.py']);
  symlinkSync('..', join(folder, 'crate/round/up'));
  assert.match((await refusal(folder, 'crate/round'))[1], /contains it/);
  symlinkSync('nowhere.py', join(folder, 'crate/lost/gone.py'));
  assert.match((await refusal(folder, 'crate/lost'))[1], /`gone\.py` .* leads nowhere/);
});

test('a change of content, of a name and of a mode is another digest', async (t) => {
  const folder = project(t, ['crate/code/a.py']);
  const digest = async (): Promise<string> => {
    const found = await modules(folder, 'crate/code');
    return found.ok ? (found.value?.digest ?? '') : '';
  };
  const seen = [await digest()];
  writeFileSync(join(folder, 'crate/code/a.py'), 'other');
  seen.push(await digest());
  execFileSync('chmod', ['+x', join(folder, 'crate/code/a.py')]);
  seen.push(await digest());
  execFileSync('mv', [join(folder, 'crate/code/a.py'), join(folder, 'crate/code/b.py')]);
  seen.push(await digest());
  assert.equal(new Set(seen).size, 4);
});

test('what cannot be taken is refused at its place in the recipe', async (t) => {
  const folder = project(t, [
    'crate/Cargo.toml',
    'crate/provision.yaml',
    'crate/tool.rs',
    'x-1.0-py3-none-any.whl',
    'crate/fifo/a.py',
  ]);
  mkdirSync(join(folder, 'crate/empty/__pycache__'), { recursive: true });
  assert.match((await refusal(folder, 'crate/lost'))[1], /There is no/);
  assert.match((await refusal(folder, 'crate/empty'))[1], /is empty/);
  assert.match((await refusal(folder, 'crate/tool.rs'))[1], /is no module/);
  assert.match((await refusal(folder, 'x-1.0-py3-none-any.whl'))[1], /is a wheel/);
  assert.match((await refusal(folder, 'crate'))[1], /contains the recipe/);
  assert.match((await refusal(folder, '.'))[1], /contains the recipe/);
  execFileSync('mkfifo', [join(folder, 'crate/fifo/pipe')]);
  assert.match((await refusal(folder, 'crate/fifo'))[1], /neither a file nor a folder/);
  mkdirSync(join(folder, 'crate/bytes'));
  writeFileSync(
    Buffer.concat([Buffer.from(join(folder, 'crate/bytes/')), Buffer.from([0xe4, 0x2e, 0x70, 0x79])]),
    '',
  );
  assert.match((await refusal(folder, 'crate/bytes'))[1], /not UTF-8/);
});

test('two paths may share a namespace package, and no file', async (t) => {
  const folder = project(t, ['one/ns/a.py', 'two/ns/b.py', 'three/ns/a.py']);
  assert.deepEqual(await taken(folder, 'one', 'two'), ['ns/a.py', 'ns/b.py']);
  const [code, what] = await refusal(folder, 'one', 'three');
  assert.equal(code, 'recipe/python-collision');
  assert.match(what, /Both `one` and `three` have `ns\/a\.py`/);
});

test('an archive of modules is importable by a line of its own', async (t) => {
  const folder = project(t, ['lib.zip']);
  const found = await modules(folder, 'lib.zip');
  assert.deepEqual(found.ok && found.value?.archives, ['lib.zip']);
});
