// What of a failed sample is searched for failures of tools.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failedStep } from '../../src/run/failed-step.ts';
import type { Run } from '../../src/run/observe.ts';

const COMMAND = { argv: ['isolate', 'a.py'] as const, env: {}, cwd: '/' };

function run(stdout: string, stderr: string, status: number): Run {
  const bytes = (text: string): Uint8Array => Buffer.from(text);
  return {
    ...{ stdout: bytes(stdout), stderr: bytes(stderr), exit: { status }, ms: 1 },
    ...{ end: 'itself', emulator: [], cached: false },
  };
}

function outputOf(target: Run, reference: Run): string {
  return failedStep(COMMAND, { name: 'a' }, { target, reference }).output;
}

test('standard output of a program that ended as the reference did is its answer, not the report of a failure', () => {
  const reference = run('errno 111\n', '', 0);
  assert.equal(outputOf(run('errno ECONNREFUSED\n', '', 0), reference), '');
  assert.equal(
    outputOf(run('errno ECONNREFUSED\n', 'warning: ECONNREFUSED\n', 0), reference),
    'warning: ECONNREFUSED',
  );
});

test('of one that ended otherwise all that the reference did not print counts', () => {
  const reference = run('begin\nend\n', '', 0);
  assert.equal(
    outputOf(run('begin\nConnection refused\n', 'gone\n', 1), reference),
    'Connection refused\ngone',
  );
});

test('what the emulator says of a signal counts where the program ended otherwise, not where a child crashed on purpose', () => {
  const emulator = ['qemu: uncaught target signal 4 (Illegal instruction) - core dumped'];
  const reference = run('begin\nend\n', '', 0);
  assert.equal(outputOf({ ...run('begin\n', '', 1), emulator }, reference), emulator[0]);
  assert.equal(outputOf({ ...run('other\n', '', 0), emulator }, reference), '');
  assert.equal(outputOf({ ...run('begin\n', '', 0), end: 'time', emulator }, reference), '');
});
