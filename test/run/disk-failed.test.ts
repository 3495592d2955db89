import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { diskFailed } from '../../src/run/disk-failed.ts';

const PYTHON = "import os; raise OSError(5, os.strerror(5), 'stdlib/json.pyc')";

test('a run that met a failing disk is known by what its program says, or by its end', () => {
  const empty = Buffer.alloc(0);
  const { stderr } = spawnSync('python3', ['-c', PYTHON]);
  assert.ok(diskFailed({ stdout: empty, stderr, exit: { status: 1 } }));
  assert.ok(diskFailed({ stdout: stderr, stderr: empty, exit: { status: 0 } }));
  for (const text of ['cat: x: I/O error', 'Error: Os { code: 5 }: Input/output error (os error 5)'])
    assert.ok(diskFailed({ stdout: empty, stderr: Buffer.from(text), exit: { status: 1 } }), text);
  assert.ok(diskFailed({ stdout: empty, stderr: empty, exit: { signal: 'SIGBUS' } }));
  const other = spawnSync('python3', ['-c', PYTHON.replaceAll('5', '2')]).stderr;
  assert.ok(!diskFailed({ stdout: Buffer.from('input and output'), stderr: other, exit: { status: 1 } }));
  assert.ok(!diskFailed({ stdout: empty, stderr: empty, exit: { signal: 'SIGSEGV' } }));
});
