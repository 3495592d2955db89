// Each test that the security document names is there.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { REPOSITORY } from '../support/cli.ts';

const read = (path: string): string => readFileSync(join(REPOSITORY, path), 'utf8');

test('tests that docs/security.md names by their titles are in the files that it names', () => {
  const rows = read('docs/security.md')
    .split('\n')
    .flatMap((line) => {
      const match = /`(test\/[^`]+\.test\.ts)`: (".*") \|$/.exec(line);
      return match === null ? [] : [[match[1] as string, match[2] as string] as const];
    });
  assert.ok(rows.length > 10, String(rows.length));
  const missing = rows.flatMap(([file, titles]) => {
    const text = read(file);
    const named = titles.slice(1, -1).split('", "');
    return named.filter((title) => !text.includes(title)).map((title) => `${file}: ${title}`);
  });
  assert.deepEqual(missing, []);
});
