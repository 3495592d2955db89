// What a build sees is what its fingerprint counts: a program follows every change of it, and nothing else.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  finish,
  provision,
  SHARED_STORE,
  startProvision,
  temporaryFolder,
  untilPrinted,
} from '../support/cli.ts';
import { crateOf, put } from '../support/crate.ts';
import { programFollowsEdits } from '../support/edited-project.ts';

test('a program follows its sources, wherever they are, and an edit compiles what was edited', async (t) => {
  await programFollowsEdits(t, { args: ['--engine', 'namespace'], store: SHARED_STORE });
});

const FILES = {
  'Cargo.toml': '[package]\nname = "open"\nversion = "0.1.0"\nedition = "2021"\n',
  'Cargo.lock': 'version = 4\n\n[[package]]\nname = "open"\nversion = "0.1.0"\n',
  'src/main.rs': 'fn main() { print!("{}", include_str!("../node_modules/word.txt")) }\n',
  'src/word.txt': 'earlier\n',
  'node_modules/word.txt': 'hidden',
  'provision.yaml':
    'schema: 1\nextends: aarch64\nproject: {profile: dev}\ntests: {commands: [{name: shows}]}\n',
};

test('a shell follows what is edited while it is open', async (t) => {
  const crate = crateOf(t, FILES);
  const script = 'cat src/word.txt; until grep later src/word.txt; do sleep 0.1; done; ls node_modules';
  const child = startProvision(['shell', '--', 'sh', '-c', script], { cwd: crate, store: SHARED_STORE });
  const ended = finish(child, 120_000);
  await untilPrinted(child, 'earlier');
  put(crate, { 'src/word.txt': 'later\n' });
  const { status, stdout, stderr } = await ended;
  assert.deepEqual([status, stdout], [2, 'earlier\nlater\n'], stderr);
  assert.match(stderr, /node_modules.*No such file/);
});

test('a build that reads what no build sees fails, and says why it is not there', async (t) => {
  const crate = crateOf(t, FILES);
  const failed = await provision(['run'], { cwd: crate, store: SHARED_STORE });
  assert.equal(failed.status, 6, failed.stdout + failed.stderr);
  const said = failed.stderr.replaceAll(/\s+/g, ' ');
  assert.match(said, /`node_modules` is not visible to a build: it is the package folder of another tool/);
});

test('a path dependency that is not there is a mistake in the manifest', async (t) => {
  const place = temporaryFolder(t);
  put(place, {
    'crate/Cargo.toml': `${FILES['Cargo.toml']}[dependencies]\nlost = { path = "../lost" }\n`,
    'crate/src/main.rs': '',
  });
  const run = await provision(['run', 'aarch64', '--project', join(place, 'crate')], {
    cwd: place,
    store: SHARED_STORE,
  });
  assert.equal(run.status, 2, run.stdout + run.stderr);
  assert.match(run.stderr, /recipe\/no-dependency[\s\S]*Cargo\.toml:6:17/);
});
