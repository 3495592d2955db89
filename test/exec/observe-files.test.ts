// Which files a piece of work depended on, and whether they are as it found them.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { compareObserved, FileObserver, type ObservedFiles } from '../../src/exec/observe-files.ts';
import { temporaryFolder } from '../support/cli.ts';

type Context = Parameters<typeof temporaryFolder>[0];

/** A folder with files that are old enough for their times to say something. */
async function files(t: Context): Promise<string> {
  const folder = temporaryFolder(t, 'observed ü ');
  mkdirSync(join(folder, 'listed', 'below'), { recursive: true });
  mkdirSync(join(folder, 'out'));
  for (const name of ['read', 'used', 'listed/one', 'listed/below/two'])
    writeFileSync(join(folder, name), name);
  symlinkSync('read', join(folder, 'link'));
  await sleep(150);
  return folder;
}

async function observe(folder: string, work: () => unknown): Promise<ObservedFiles | undefined> {
  const observer = new FileObserver({ outputs: [join(folder, 'out')], ignored: [join(folder, 'ignored')] });
  observer.start();
  try {
    await work();
  } finally {
    observer.pause();
  }
  return observer.finish();
}

/** What a run does: reads, looks, lists, marks as used, writes. */
async function usual(folder: string): Promise<void> {
  await readFile(join(folder, 'read'), 'utf8');
  existsSync(join(folder, 'absent'));
  readlinkSync(join(folder, 'link'));
  readdirSync(join(folder, 'listed'), { withFileTypes: true });
  await readFile(join(folder, 'used'));
  await utimes(join(folder, 'used'), new Date(), new Date());
  await writeFile(join(folder, 'out', 'report'), 'done');
}

const CHANGES: Readonly<Record<string, (folder: string) => void>> = {
  'a byte more': (folder) => appendFileSync(join(folder, 'read'), 'x'),
  'other bytes of the same length and time': (folder) => {
    const { atime, mtime } = statSync(join(folder, 'read'));
    writeFileSync(join(folder, 'read'), 'daer');
    utimesSync(join(folder, 'read'), atime, mtime);
  },
  'another file of the same content in its place': (folder) => {
    writeFileSync(join(folder, 'new'), 'read');
    renameSync(join(folder, 'new'), join(folder, 'read'));
  },
  'a file that is gone': (folder) => rmSync(join(folder, 'read')),
  'a file that was not there': (folder) => writeFileSync(join(folder, 'absent'), ''),
  'a link that leads elsewhere': (folder) => {
    rmSync(join(folder, 'link'));
    symlinkSync('used', join(folder, 'link'));
  },
  'a new name in a folder': (folder) => writeFileSync(join(folder, 'listed', 'more'), ''),
  'a folder in place of a file': (folder) => {
    rmSync(join(folder, 'listed', 'one'));
    mkdirSync(join(folder, 'listed', 'one'));
  },
  'other content of a file that is used': (folder) => writeFileSync(join(folder, 'used'), 'desu'),
  'an output that was edited': (folder) => writeFileSync(join(folder, 'out', 'report'), 'edit'),
  'an output that is gone': (folder) => rmSync(join(folder, 'out', 'report')),
};

for (const [what, change] of Object.entries(CHANGES)) {
  test(`noticed: ${what}`, async (t) => {
    const folder = await files(t);
    const observed = await observe(folder, () => usual(folder));
    assert.ok(observed !== undefined && compareObserved(observed) === observed);
    await sleep(20);
    change(folder);
    assert.equal(compareObserved(observed), undefined);
  });
}

test('a time of last use that another sets is no change, and is known afterwards', async (t) => {
  const folder = await files(t);
  const observed = await observe(folder, () => usual(folder));
  assert.ok(observed !== undefined);
  utimesSync(join(folder, 'used'), 1e9, 1e9);
  const again = compareObserved(observed);
  assert.ok(again !== undefined && again !== observed);
  assert.equal(compareObserved(again), again);
});

test('a name that came and went is no change', async (t) => {
  const folder = await files(t);
  const observed = await observe(folder, () => usual(folder));
  assert.ok(observed !== undefined);
  writeFileSync(join(folder, 'listed', 'short'), '');
  rmSync(join(folder, 'listed', 'short'));
  assert.ok(compareObserved(observed) !== undefined);
});

test('what is listed with everything below it is noticed at any depth', async (t) => {
  const folder = await files(t);
  const observed = await observe(folder, () => readdir(join(folder, 'listed'), { recursive: true }));
  assert.ok(observed !== undefined && compareObserved(observed) === observed);
  writeFileSync(join(folder, 'listed', 'below', 'more'), '');
  assert.equal(compareObserved(observed), undefined);
});

const OPAQUE: Readonly<Record<string, (folder: string) => unknown>> = {
  'a process was started': () => spawnSync('true'),
  'something else was written': (folder) => writeFileSync(join(folder, 'elsewhere'), ''),
  'a folder was made elsewhere': (folder) => mkdirSync(join(folder, 'made')),
  'a file was changed after it was read': async (folder) => {
    await readFile(join(folder, 'read'));
    spawnInShell(`echo more >> '${join(folder, 'read')}'`);
  },
  'a file was written just before': async (folder) => {
    spawnInShell(`echo now > '${join(folder, 'read')}'`);
    await stat(join(folder, 'read'));
  },
};

/** Taken before it is observed. */
const unobserved = spawnSync;
function spawnInShell(script: string): void {
  unobserved('sh', ['-c', script]);
}

for (const [what, work] of Object.entries(OPAQUE)) {
  test(`nothing is known where ${what}`, async (t) => {
    const folder = await files(t);
    assert.equal(await observe(folder, () => work(folder)), undefined);
  });
}

test('afterwards Node is as it was', async (t) => {
  const before = [readFileSync, lstatSync, readFile, spawnSync];
  const folder = await files(t);
  await observe(folder, () => usual(folder));
  assert.deepEqual([readFileSync, lstatSync, readFile, spawnSync], before);
});
