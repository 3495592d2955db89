import assert from 'node:assert/strict';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { hostMachine } from '../../src/pipeline/host.ts';
import { planRun } from '../../src/pipeline/prepare.ts';
import { locksToUpgrade, SavedFiles } from '../../src/pipeline/upgrade.ts';
import { PACKAGED_X86_64, provision, REPOSITORY, temporaryFolder } from '../support/cli.ts';
import { testContext } from '../support/context.ts';
import { value } from '../support/sandboxes.ts';

test('files are put back as they were, those that were not there go, and nothing else is left', async (t) => {
  const folder = temporaryFolder(t, 'löcks of tests ');
  const files = ['changed', 'same', 'new', 'gone'].map((name) => join(folder, name));
  const [changed = '', same = '', fresh = '', gone = ''] = files;
  for (const file of [changed, same, gone]) writeFileSync(file, 'before\n');
  const saved = await SavedFiles.of(files);
  writeFileSync(changed, 'after\n');
  writeFileSync(fresh, 'after\n');
  rmSync(gone);
  await saved.restore();
  assert.deepEqual(readdirSync(folder).sort(), ['changed', 'gone', 'same']);
  for (const file of [changed, same, gone]) assert.equal(readFileSync(file, 'utf8'), 'before\n');
});

test('exactly the named locks are resolved again, and only those that are the recipe owner’s to write', async (t) => {
  const context = testContext({ home: REPOSITORY, cwd: REPOSITORY });
  const image = 'docker/llvm/amd64';
  const ids = new Set([image, 'pythons/cpython-3.13/reference/amd64']);
  const named = value(await planRun(context, PACKAGED_X86_64, hostMachine()));
  const found = locksToUpgrade(context.settings, named, ids);
  assert.deepEqual(found.map(({ file }) => file.id).sort(), [...ids].sort());
  assert.deepEqual(locksToUpgrade(context.settings, named, new Set()), []);
  // A crate elsewhere: the shipped locks are not its own.
  const recipe = join(temporaryFolder(t), 'own.yaml');
  const runner = JSON.stringify(join(REPOSITORY, 'runner'));
  writeFileSync(recipe, `schema: 1\nextends: x86_64\npython: {from: packages}\nproject: {path: ${runner}}\n`);
  const own = value(await planRun(context, recipe, hostMachine()));
  assert.deepEqual(locksToUpgrade(context.settings, own, ids), []);
});

test('upgrade refuses what forbids it', async (t) => {
  const cwd = temporaryFolder(t);
  for (const [option, code, status] of [
    ['--frozen', 'usage/frozen-upgrade', 2],
    ['--offline', 'fetch/lists-offline', 4],
  ] as const) {
    const run = await provision(['upgrade', PACKAGED_X86_64, option], { cwd, store: join(cwd, 'store') });
    assert.equal(run.status, status, run.stderr);
    assert.match(run.stderr, new RegExp(`error\\[${code}\\]`));
  }
});
