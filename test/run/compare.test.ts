import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compare } from '../../src/run/compare.ts';
import type { Run } from '../../src/run/observe.ts';

function ended(end: Run['end']): Run {
  const nothing = new Uint8Array();
  const exit = { status: 0 };
  return { stdout: nothing, stderr: nothing, exit, ms: 1, end, emulator: [], cached: false };
}

test('a run that a limit stopped does not pass, and the reason names the limit and whose run it was', () => {
  const told = (reference: Run['end'], target: Run['end']): unknown => {
    const { kind, reason } = compare(ended(reference), ended(target), 60) ?? {};
    return [kind, reason];
  };
  assert.deepEqual(told('itself', 'disk'), ['disk-limit', 'wrote more than 512 MiB to the disk']);
  assert.deepEqual(told('disk', 'disk'), [
    'disk-limit',
    'wrote more than 512 MiB to the disk, and so did the reference',
  ]);
  assert.deepEqual(told('disk', 'itself'), [
    'reference-failed',
    'the reference wrote more than 512 MiB to the disk',
  ]);
  assert.deepEqual(told('time', 'itself'), [
    'reference-failed',
    'the reference ran into the time limit of 60 s',
  ]);
  assert.deepEqual(told('itself', 'itself'), [undefined, undefined]);
});

test('words of a failing emulator are its fault where the reference does not have them', () => {
  const words = (text: string, started?: string): Run => ({
    ...ended('itself'),
    stderr: Buffer.from(text),
    ...(started === undefined ? {} : { started }),
  });
  const fault = 'qemu failed itself in a program that was started by this one: x';
  assert.deepEqual(compare(words('died\n'), words('x\ndied\n', fault), 60)?.kind, 'emulator-crash');
  assert.deepEqual(compare(words('died\n'), words('x\ndied\n', fault), 60)?.reason, fault);
  assert.equal(compare(words('x\n'), words('x\n', fault), 60), undefined);
});
