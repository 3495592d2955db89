import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { collectSamples } from '../../src/run/collect.ts';

const DEFAULTS = { timeoutSeconds: 7 };

test('a folder is searched at any depth for *.py, without names that begin with _ or .', async (t) => {
  const folder = tree(t, {
    'z.py': '',
    'any/b.py': '# /// sample\n# title: The b\n# tier: any\n# timeout: 3\n# ///\n',
    'any/é.py': '',
    'any/deep/a.py': '',
    'any/_helper.py': '',
    '_lib/x.py': '',
    '.hidden/x.py': '',
    'any/.x.py': '',
    'notes.txt': '',
    'a.pyc': '',
  });
  const samples = await collected([folder]);
  assert.deepEqual(
    samples.map(({ name }) => name),
    ['any/b', 'any/deep/a', 'any/é', 'z'],
  );
  assert.deepEqual(samples[0], {
    name: 'any/b',
    file: join(folder, 'any/b.py'),
    suite: folder,
    given: 'folder',
    title: 'The b',
    tier: 'any',
    requires: [],
    argv: [],
    stdin: '',
    timeoutSeconds: 3,
    knownDifferences: [],
  });
  assert.deepEqual([samples[3]?.title, samples[3]?.tier, samples[3]?.timeoutSeconds], ['z', 'user', 7]);
});

test('a file given by its path is a sample whatever its name', async (t) => {
  const folder = tree(t, { '_x.py': '', script: 'print(1)\n', 'with space.py': '' });
  const samples = await collected([
    join(folder, 'script'),
    join(folder, '_x.py'),
    join(folder, 'with space.py'),
  ]);
  assert.deepEqual(
    samples.map(({ name, suite, given }) => [name, suite, given]),
    [
      ['_x', folder, 'file'],
      ['script', folder, 'file'],
      ['with space', folder, 'file'],
    ],
  );
});

test('a link is followed, so that the modules beside the real script are found', async (t) => {
  const folder = tree(t, { 'real/tool.py': '', 'suite/own.py': '' });
  symlinkSync('../real/tool.py', join(folder, 'suite/linked.py'));
  const samples = await collected([join(folder, 'suite')]);
  assert.deepEqual(
    samples.map(({ name, suite }) => [name, suite]),
    [
      ['linked', join(folder, 'real')],
      ['own', join(folder, 'suite')],
    ],
  );
});

test('one script given twice is one sample', async (t) => {
  const folder = tree(t, { 'a.py': '' });
  assert.equal((await collected([folder, join(folder, 'a.py'), folder])).length, 1);
});

test('two samples of one name are an error that names both', async (t) => {
  const folder = tree(t, { 'one/a.py': '', 'two/a.py': '' });
  const failure = await failed([join(folder, 'one'), join(folder, 'two')]);
  assert.equal(failure.code, 'usage/sample-name');
  assert.deepEqual(failure.evidence, [join(folder, 'one/a.py'), join(folder, 'two/a.py')]);
});

test('a path that is missing, empty or no script is rejected', async (t) => {
  const folder = tree(t, { 'empty/readme.txt': '', 'dead/x.txt': '' });
  symlinkSync('/nowhere/at/all', join(folder, 'dead/gone.py'));
  assert.equal((await failed([join(folder, 'nothing.py')])).code, 'usage/no-such-sample');
  assert.match((await failed([join(folder, 'nothing.py')])).what, /nothing\.py/);
  assert.equal((await failed([join(folder, 'empty')])).code, 'usage/no-samples');
  assert.equal((await failed([])).code, 'usage/no-samples');
  assert.equal((await failed([join(folder, 'dead')])).code, 'usage/no-such-sample');
  assert.equal((await failed(['/dev/null'])).code, 'usage/no-such-sample');
});

test('a folder that may not be read is rejected', {
  skip: process.getuid?.() === 0 && 'root reads everything',
}, async (t) => {
  const folder = tree(t, { 'shut/a.py': '' });
  chmodSync(join(folder, 'shut'), 0o000);
  try {
    assert.equal((await failed([folder])).code, 'usage/no-such-sample');
  } finally {
    chmodSync(join(folder, 'shut'), 0o700);
  }
});

test('mistakes in the headers of several scripts are reported together', async (t) => {
  const folder = tree(t, {
    'a.py': '# /// sample\n# titel: A\n# ///\n',
    'b.py': '# /// sample\n# title: B\n# timeout: x\n# ///\n',
    'c.py': '# /// sample\n# title: C\n# ///\n',
  });
  const failure = await failed([folder]);
  assert.deepEqual(
    [failure, ...(failure.also ?? [])].map(({ at }) => `${at?.file.slice(folder.length + 1)}:${at?.line}`),
    ['a.py:1', 'a.py:2', 'b.py:3'],
  );
});

function tree(t: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'collect-')));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

async function collected(paths: readonly string[]) {
  const result = await collectSamples(paths, DEFAULTS);
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}

async function failed(paths: readonly string[]) {
  const result = await collectSamples(paths, DEFAULTS);
  if (result.ok) throw new Error(`collected ${result.value.map(({ name }) => name).join()}`);
  return result.error;
}
