// When a lock of Python packages is stale.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PythonSelection } from '../../src/domain/python-packages.ts';
import { pythonChecksum } from '../../src/lock/python-lock.ts';

test('packages of another reference interpreter are other packages; this machine’s own changes nothing', async () => {
  const selection: PythonSelection = {
    index: [],
    wheels: [],
    projects: [],
    constraints: [],
    options: [],
    files: [],
  };
  const lock = { file: '/x/provision.far.python.lock', arguments: '' };
  const of = (reference?: string) => pythonChecksum(lock, [selection, selection], '3.13', reference);
  assert.equal(await of(), await of());
  assert.notEqual(await of(), await of('armv7-unknown-linux-gnueabihf'));
  assert.notEqual(await of('small-unknown-linux-gnu'), await of('armv7-unknown-linux-gnueabihf'));
});
