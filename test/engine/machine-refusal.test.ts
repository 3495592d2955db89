// Lines as the tools print them when a disk fails.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { machineRefusal } from '../../src/engine/machine-refusal.ts';

const LINES: readonly (readonly [string, string | undefined])[] = [
  ['error: failed to write /job/target/x.rmeta: No space left on device (os error 28)', 'store/no-space'],
  ['LLVM ERROR: IO failure on output stream: No space left on device', 'store/no-space'],
  ["error: couldn't create a temp dir: Disk quota exceeded (os error 122)", 'store/no-space'],
  ['error: failed to read `/job/cargo/registry/x`: Input/output error (os error 5)', 'store/disk-error'],
  ['failed to create `/job/cargo/registry/src/x`: File name too long (os error 36)', 'store/name-too-long'],
  ['error: Too many open files (os error 24)', 'store/too-many-open-files'],
  ['error: Read-only file system (os error 30)', undefined],
  ['error[E0308]: mismatched types', undefined],
  ['(os error 55)', undefined],
];

test('what the machine refused is told from what the tool found wrong', () => {
  for (const [line, code] of LINES)
    assert.equal(machineRefusal(`before\n${line}\nafter\n`)?.code, code, line);
});
