import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { CommandTest } from '../../src/domain/definitions.ts';
import { withTestFiles } from '../../src/pipeline/test-files.ts';

function command(folder: string, files: readonly string[]): CommandTest {
  return {
    ...{ name: 'one', args: [], stdin: '', status: 0, timeoutSeconds: 1 },
    files: files.map((text, index) => ({
      text,
      path: join(folder, text),
      at: { file: 'provision.yaml', line: 9, column: 10 + index },
    })),
  };
}

test('folders are taken whole, links followed, caches left out; what cannot be copied is named with its place', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'provision files ü '));
  t.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'data/__pycache__'), { recursive: true });
  for (const path of ['config.toml', 'data/words.txt', 'data/__pycache__/x.pyc'])
    writeFileSync(join(folder, path), `${path}\n`);
  symlinkSync('../config.toml', join(folder, 'data/linked'));
  const read = await withTestFiles([command(folder, ['./config.toml', 'data/']), command(folder, [])]);
  assert.ok(read.ok);
  const [first, second] = read.value;
  assert.deepEqual(
    first?.working?.files.map(({ path }) => path),
    ['config.toml', 'data/linked', 'data/words.txt'],
  );
  assert.equal(second?.working, undefined);
  writeFileSync(join(folder, 'data/words.txt'), 'others\n');
  const changed = await withTestFiles([command(folder, ['config.toml', 'data'])]);
  assert.ok(changed.ok);
  assert.notEqual(changed.value[0]?.working?.digest, first?.working?.digest);

  symlinkSync('nowhere', join(folder, 'data/broken'));
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  const wrong = await withTestFiles([command(folder, ['missing', 'data', 'pipe'])]);
  assert.ok(!wrong.ok);
  const all = [wrong.error, ...(wrong.error.also ?? [])];
  assert.deepEqual(
    all.map(({ code, what, at }) => [code, what, at?.column]),
    [
      ['recipe/test-file', 'There is no `missing`.', 10],
      [
        'recipe/test-file',
        '`broken` in `data` cannot be copied: a symbolic link leads nowhere, or it cannot be read.',
        11,
      ],
      ['recipe/test-file', '`pipe` is neither a file nor a folder.', 12],
    ],
  );
});
