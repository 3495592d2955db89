import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { storedZip } from '../../src/archive/zip.ts';
import { temporaryFolder } from '../support/cli.ts';

test('another program reads the archive: names, contents, checksums', (t) => {
  const python = spawnSync('python3', ['--version']);
  if (python.status !== 0) return t.skip('there is no python3 on this machine');
  const file = join(temporaryFolder(t), 'a.zip');
  const entries = [
    { name: 'encodings/utf_8.pyc', bytes: Buffer.from([0, 255, 1]) },
    { name: 'ü.txt', bytes: Buffer.from('text') },
    { name: 'empty', bytes: Buffer.alloc(0) },
  ];
  writeFileSync(file, storedZip(entries));
  const script = `import sys, zipfile
z = zipfile.ZipFile(sys.argv[1])
print(z.testzip(), [(n, list(z.read(n)), z.getinfo(n).compress_type) for n in z.namelist()])`;
  const read = spawnSync('python3', ['-c', script, file], {
    encoding: 'utf8',
    env: { PYTHONUTF8: '1', PATH: process.env.PATH },
  });
  assert.equal(
    read.stdout,
    "None [('encodings/utf_8.pyc', [0, 255, 1], 0), ('ü.txt', [116, 101, 120, 116], 0), ('empty', [], 0)]\n",
    read.stderr,
  );
});
