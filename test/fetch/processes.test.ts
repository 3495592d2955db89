import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { LockedPackage } from '../../src/domain/packages.ts';
import { ownTag } from '../../src/store/process-tag.ts';
import type { Store } from '../../src/store/store.ts';
import { finish, temporaryFolder } from '../support/cli.ts';
import { lockedPackage } from '../support/locked.ts';
import { files, send, startMirror } from '../support/mirror.ts';
import { assertStored, fetchAll, freshStore, mirrorsOf, type Outcome, partials } from './fetch-all.ts';

const CHILD = fileURLToPath(new URL('./fetch-child.ts', import.meta.url));

function startChild(
  store: string,
  mirror: string,
  locked: LockedPackage,
  through: readonly string[] = [],
): ChildProcess {
  const [program = '', ...args] = [
    ...through,
    process.execPath,
    CHILD,
    store,
    mirror,
    JSON.stringify(locked),
  ];
  return spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
}

async function outcomeOf(child: ChildProcess): Promise<Outcome> {
  const { status, stdout, stderr } = await finish(child, 30_000);
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as Outcome;
}

test('two processes that fetch one package at once both get it whole', async (t) => {
  const store = await freshStore(t);
  const { locked, bytes } = lockedPackage('one', 300_000);
  // Nobody gets the second half before both have the first one.
  const waiting: (() => void)[] = [];
  const mirror = await startMirror(t, (_request, response) => {
    response.writeHead(200, { 'content-length': bytes.length });
    response.write(bytes.subarray(0, 150_000));
    waiting.push(() => response.end(bytes.subarray(150_000)));
    if (waiting.length === 2) for (const goOn of waiting) setTimeout(goOn, 50);
  });
  const outcomes = await Promise.all(
    [1, 2].map(() => outcomeOf(startChild(store.folder, mirror.url, locked))),
  );
  assert.deepEqual(
    outcomes.map(({ failure }) => failure),
    [undefined, undefined],
  );
  assert.equal(mirror.requests.length, 2);
  assertStored(store, locked, bytes);
});

test('what a killed process has fetched is not fetched again', async (t) => {
  const store = await freshStore(t);
  const { locked, bytes } = lockedPackage('one', 300_000);
  const mirror = await startMirror(t, (request, response) => {
    if (mirror.requests.length > 1) return send(request, response, bytes);
    response.writeHead(200, { 'content-length': bytes.length });
    response.write(bytes.subarray(0, 100_000));
  });
  const child = startChild(store.folder, mirror.url, locked);
  await untilPartialHas(store, 100_000);
  child.kill('SIGKILL');
  await finish(child, 5000);
  assert.equal((await fetchAll(store, [locked], mirrorsOf(mirror.url))).failure, undefined);
  assert.equal(mirror.requests[1]?.headers.range, 'bytes=100000-');
  assertStored(store, locked, bytes);
});

test('a dead process that had all bytes leaves nothing to fetch', async (t) => {
  const store = await freshStore(t);
  const { locked, bytes } = lockedPackage('one');
  writeFileSync(`${store.partialPath(locked.digest)}.${deadTag()}`, bytes);
  const mirror = await startMirror(t, files({}));
  assert.equal((await fetchAll(store, [locked], mirrorsOf(mirror.url))).failure, undefined);
  assert.equal(mirror.requests.length, 0);
  assertStored(store, locked, bytes);
});

test('left-over bytes that are wrong cost one more try of the same mirror, not the package', async (t) => {
  for (const left of [Buffer.alloc(400, 'x'), Buffer.alloc(1000, 'x'), Buffer.alloc(3000, 'x')]) {
    const store = await freshStore(t);
    const { locked, bytes } = lockedPackage('one');
    writeFileSync(`${store.partialPath(locked.digest)}.${deadTag()}`, left);
    const mirror = await startMirror(t, files({ [locked.path]: bytes }));
    assert.equal((await fetchAll(store, [locked], mirrorsOf(mirror.url))).failure, undefined);
    assertStored(store, locked, bytes);
  }
});

test('bytes of a process that may live are left alone until they are old', async (t) => {
  const store = await freshStore(t);
  const { locked, bytes } = lockedPackage('one');
  const foreign = `${store.partialPath(locked.digest)}.1-2-3-00000000`;
  writeFileSync(foreign, bytes.subarray(0, 500));
  const mirror = await startMirror(t, (_request, response) => void response.writeHead(403).end());
  await fetchAll(store, [locked], mirrorsOf(mirror.url));
  assert.equal(mirror.requests[0]?.headers.range, undefined);
  const old = Date.now() / 1000 - 2 * 3600;
  utimesSync(foreign, old, old);
  await fetchAll(store, [locked], mirrorsOf(mirror.url));
  assert.equal(mirror.requests[1]?.headers.range, 'bytes=500-');
});

test('a full disk is a failure of the store', async (t) => {
  const { locked, bytes } = lockedPackage('one', 4_000_000);
  const mirror = await startMirror(t, files({ [locked.path]: bytes }));
  const disk = join(temporaryFolder(t), 'small disk');
  mkdirSync(disk);
  const mounted = ['sh', '-c', 'mount -t tmpfs -o size=1m small "$0" && exec "$@"', disk];
  const through = ['unshare', '--user', '--map-root-user', '--mount', ...mounted];
  const { failure } = await outcomeOf(startChild(disk, mirror.url, locked, through));
  assert.equal(failure?.code, 'store/no-space');
});

function deadTag(): string {
  // This process's own id with another start time: an id that was given anew.
  const [pid, , ...rest] = ownTag().split('-');
  return [pid, '1', ...rest].join('-');
}

async function untilPartialHas(store: Store, bytes: number): Promise<void> {
  for (let i = 0; i < 500; i++) {
    const sizes = partials(store).map((name) => statSync(join(store.folder, 'partial', name)).size);
    if (sizes.some((size) => size === bytes)) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.fail('the bytes did not come');
}
