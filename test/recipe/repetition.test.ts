import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { REPOSITORY } from '../support/cli.ts';

const FOLDERS = ['docker', 'libraries', 'pythons', 'recipes', 'sysroots', 'systems', 'targets'];

/** As many lines that say the same in two files are a statement that belongs into one. */
const RUN = 5;

test(`no ${RUN} lines in a row stand in two definitions`, () => {
  const files = FOLDERS.flatMap((folder) => globSync(`${folder}/**/*.yaml`, { cwd: REPOSITORY })).sort();
  assert.ok(files.length > 20);
  const seen = new Map<string, string>();
  const twice: string[] = [];
  for (const file of files) {
    const lines = readFileSync(join(REPOSITORY, file), 'utf8')
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '' && !line.startsWith('#'));
    for (let at = 0; at + RUN <= lines.length; at++) {
      const run = lines.slice(at, at + RUN).join('\n');
      const other = seen.get(run) ?? file;
      if (other !== file) twice.push(`${other} and ${file}:\n${run}`);
      seen.set(run, other);
    }
  }
  assert.deepEqual(twice, []);
});
