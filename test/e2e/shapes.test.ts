// `provision init --yes`, then `provision run`, on programs of the shapes that people write: the first run passes.
// Some of them here; all with PROVISION_TEST_ALL=1. They are members of one workspace, so that PyO3 is compiled once.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { provision, SHARED_STORE } from '../support/cli.ts';
import { crateOf } from '../support/crate.ts';
import { SHAPES, shapesWorkspace } from '../support/shapes.ts';

const GATE = [
  'fixed-program',
  'script-command',
  'names-files',
  'opens-files',
  'example-only',
  'tests-only',
  'tests-and-server',
];
const names = process.env.PROVISION_TEST_ALL === '1' ? Object.keys(SHAPES) : GATE;

test('the first run after init --yes passes', async (t) => {
  const workspace = crateOf(t, shapesWorkspace(names));
  for (const name of names) {
    const init = await provision(['init', 'musl', '--yes', '--no-workflow'], {
      cwd: join(workspace, name),
    });
    assert.equal(init.status, 0, init.stderr);
  }
  for (const name of names) {
    await t.test(name, async () => {
      const artifacts = join(workspace, 'artifacts', name);
      const run = await provision(['run', '--artifacts', artifacts], {
        cwd: join(workspace, name),
        store: SHARED_STORE,
      });
      assert.equal(run.status, 0, run.stdout + run.stderr);
      const { totals } = JSON.parse(readFileSync(join(artifacts, 'report.json'), 'utf8'));
      assert.ok(totals.passed > 0, run.stdout);
    });
  }
});
