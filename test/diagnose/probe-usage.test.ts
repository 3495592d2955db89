import assert from 'node:assert/strict';
import { test } from 'node:test';
import { provision, temporaryFolder } from '../support/cli.ts';

test('impossible combinations of options are rejected before anything is done', async (t) => {
  const cwd = temporaryFolder(t);
  const store = temporaryFolder(t);
  const other = await provision(['probe', 'aarch64', '--rust', 'mine'], { cwd, store });
  assert.equal(other.status, 2);
  assert.match(other.stderr, /usage\/rust/);
  const both = await provision(['probe', 'aarch64', '--ladder', '--rust', 'path'], { cwd, store });
  assert.equal(both.status, 2);
  assert.match(both.stderr, /Leave out `--rust path`, or `--ladder`/);
  const none = await provision(['probe', 'aarch64', '--rust', 'path'], {
    cwd,
    store,
    env: { PATH: '/nonexistent' },
  });
  assert.equal(none.status, 2, none.stderr);
  assert.match(none.stderr, /usage\/no-rust/);
});
