import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Failure } from '../../src/failure.ts';
import { diskFailure } from '../../src/store/disk.ts';
import { openStore } from '../../src/store/open.ts';
import { temporaryFolder } from '../support/cli.ts';
import { file, writeDeb } from '../support/deb.ts';
import { asOrdinaryUser } from '../support/ordinary-user.ts';
import { PROGRAM } from '../support/stores.ts';

type Lines = readonly string[];

/** Runs a shell script as root of a mount namespace of its own, where `$1` is an empty folder and `$2` Node. */
function inOwnMounts(t: { after(done: () => void): void }, script: string, ...more: string[]): Lines {
  const folder = temporaryFolder(t, 'störe, of: tests ');
  const run = spawnSync(
    'unshare',
    ['-rm', 'sh', '-ec', script, 'sh', folder, process.execPath, PROGRAM, ...more],
    {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  assert.equal(run.status, 0, run.stderr);
  return run.stdout.trimEnd().split('\n');
}

function failureIn(lines: Lines): Failure {
  const outcome = JSON.parse(lines.at(-1) ?? '') as { ok: boolean; error: Failure };
  assert.equal(outcome.ok, false, lines.join('\n'));
  assert.ok(outcome.error.fix.some((line) => line.includes('--store')));
  return outcome.error;
}

test('a store on a file system that is mounted read-only is a failure', (t) => {
  const script = `mount -t tmpfs none "$1"; "$2" "$3" "$1" open; mount -o remount,bind,ro "$1"; "$2" "$3" "$1" open`;
  const lines = inOwnMounts(t, script);
  assert.equal(lines[0], 'null');
  assert.equal(failureIn(lines).code, 'store/read-only');
});

test('a store that cannot be made on a read-only file system is a failure', (t) => {
  const lines = inOwnMounts(t, `mount -t tmpfs -o ro none "$1"; "$2" "$3" "$1/store" open`);
  assert.equal(failureIn(lines).code, 'store/read-only');
});

test('no space for the layout of a store is a failure', (t) => {
  const lines = inOwnMounts(t, `mount -t tmpfs -o nr_inodes=4 none "$1"; "$2" "$3" "$1/store" open`);
  assert.equal(failureIn(lines).code, 'store/no-space');
});

test('no space for a result is a failure, and nothing half-written is left', (t) => {
  const lines = inOwnMounts(t, `mount -t tmpfs -o size=1m none "$1"; "$2" "$3" "$1" fill`);
  assert.equal(lines[0], 'ENOSPC');
  const { outcome, results } = JSON.parse(lines.at(-1) ?? '') as {
    outcome: { error: Failure };
    results: string[];
  };
  assert.equal(outcome.error.code, 'store/no-space');
  assert.deepEqual(results, []);
});

test('no space while packages are unpacked is the same failure, and nothing is left', (t) => {
  const folder = temporaryFolder(t);
  const deb = join(folder, 'large.deb');
  writeDeb(deb, [file('./large', Buffer.alloc(4_000_000, 1))]);
  const script = `mount -t tmpfs -o size=2m none "$1"; "$2" "$3" "$1" unpack "$4"; ls "$1/trees" "$1/tmp" | grep -v session; df --output=pcent "$1" | tail -1`;
  const lines = inOwnMounts(t, script, deb);
  const failure = failureIn(lines.slice(0, 1));
  assert.equal(failure.code, 'store/no-space');
  assert.match(failure.what, /large/);
  const listed = lines.slice(1, -1).filter((line) => line !== '' && !line.endsWith(':'));
  assert.deepEqual(listed, []);
  assert.ok(Number.parseInt(lines.at(-1) ?? '', 10) < 10, lines.at(-1));
});

test('a store that belongs to another user is a failure', (t) => {
  const user = asOrdinaryUser(t);
  if (!user) return t.skip('no other user to be had here');
  const folder = join(temporaryFolder(t), 'störe');
  mkdirSync(folder);
  chmodSync(join(folder, '..'), 0o755);
  chmodSync(folder, 0o555);
  const failure = failureIn([user.run([PROGRAM, folder, 'open']).trimEnd()]);
  assert.equal(failure.code, 'store/not-writable');
  assert.match(failure.what, /störe/);
});

test('a file or a dangling link where the store should be is a failure', async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'file'), '');
  symlinkSync('nowhere', join(folder, 'link'));
  for (const path of ['file', 'file/store', 'link', 'link/store']) {
    const opened = await openStore(join(folder, path));
    assert.ok(!opened.ok);
    assert.equal(opened.error.code, 'store/not-a-folder');
  }
});

test('a file system in which no folder can be created is a failure, without endless retries', async () => {
  for (const path of ['/proc/none', '/proc/none/below']) {
    const opened = await openStore(path);
    assert.ok(!opened.ok);
    assert.equal(opened.error.code, 'store/not-writable');
    assert.match(opened.error.what, /\/proc\/none/);
  }
});

test('every disk error has a failure of its own with a fix; other errors have none', async () => {
  const codes = [
    'ENOSPC',
    'EDQUOT',
    'EROFS',
    'EACCES',
    'EPERM',
    'ENOTDIR',
    'ELOOP',
    'ENAMETOOLONG',
    'EIO',
    'EMFILE',
  ];
  for (const code of codes) {
    const failure = diskFailure(Object.assign(new Error(`${code}: test`), { code }), '/a/path');
    assert.match(failure?.code ?? '', /^store\/[a-z-]+$/, code);
    assert.match(failure?.what ?? '', /\/a\/path/);
    assert.ok((failure?.fix.length ?? 0) > 0);
    assert.deepEqual(failure?.evidence, [`${code}: test`]);
  }
  // As Node reports one that libuv has no name for.
  for (const code of ['Unknown system error -122', 'UNKNOWN']) {
    const quota = Object.assign(new Error('test'), { code, errno: -122 });
    assert.equal(diskFailure(quota, '/a/path')?.code, 'store/no-space', code);
  }
  assert.equal(diskFailure(Object.assign(new Error(), { code: 'UNKNOWN' }), '/a/path'), undefined);
  assert.equal(diskFailure(new TypeError('a bug'), '/a/path'), undefined);
  assert.equal(diskFailure(Object.assign(new Error(), { code: 'ENOENT' }), '/a/path'), undefined);
  // Node, of a folder below one that could not be made.
  const missing = await mkdir('/proc/self/none/below').catch((cause: unknown) => cause);
  assert.equal(diskFailure(missing, '/a/path')?.code, 'store/disk-error');
});
