import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/** Fails where a checked-in file differs from what is made now; `UPDATE_GOLDEN=1` writes it instead. */
export function assertGolden(file: string, actual: string): void {
  if (process.env.UPDATE_GOLDEN === '1') {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, actual);
    return;
  }
  let expected = '';
  try {
    expected = readFileSync(file, 'utf8');
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOENT');
  }
  assert.equal(actual, expected, `${file} is out of date: UPDATE_GOLDEN=1 npm test -- <this test> writes it`);
}
