import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fetchPackages } from '../../src/fetch/fetch.ts';
import { testContext } from '../support/context.ts';
import { lockedPackage } from '../support/locked.ts';
import { files, send, startMirror } from '../support/mirror.ts';
import { assertStored, fetchAll, freshStore, mirrorsOf, partials } from './fetch-all.ts';

test('packages come into the store with the bytes that were locked', async (t) => {
  const store = await freshStore(t);
  const all = ['one', 'two', 'three'].map((name) => lockedPackage(name, 200_000));
  const mirror = await startMirror(t, files(new Map(all.map(({ locked, bytes }) => [locked.path, bytes]))));
  const { fetched, failure } = await fetchAll(
    store,
    all.map(({ locked }) => locked),
    mirrorsOf(mirror.url),
  );
  assert.equal(failure, undefined);
  assert.deepEqual(fetched.map((each) => each.package.name).sort(), ['one', 'three', 'two']);
  for (const { locked, bytes } of all) assertStored(store, locked, bytes);
  for (const each of fetched) {
    assert.equal(each.file, store.blobPath(each.package.digest));
    assert.deepEqual([each.hit, each.mirror], [false, mirror.url]);
  }
});

test('what is in the store is not fetched again', async (t) => {
  const store = await freshStore(t);
  const { locked, bytes } = lockedPackage('one');
  const mirror = await startMirror(t, files({ [locked.path]: bytes }));
  await fetchAll(store, [locked], mirrorsOf(mirror.url));
  await mirror.close();
  const { fetched, failure } = await fetchAll(store, [locked], mirrorsOf(mirror.url));
  assert.equal(failure, undefined);
  assert.deepEqual(
    fetched.map(({ hit }) => hit),
    [true],
  );
  assert.equal(mirror.requests.length, 1);
});

test('without any mirror what is missing is a failure that says how to name one; what is there needs none', async (t) => {
  const store = await freshStore(t);
  const { locked, bytes } = lockedPackage('one');
  const none = await fetchAll(store, [locked], mirrorsOf());
  assert.equal(none.failure?.code, 'lock/no-mirror');
  assert.match(none.failure.fix.join(' '), /PROVISION_DEBIAN_MIRROR=<address/);
  const mirror = await startMirror(t, files({ [locked.path]: bytes }));
  await fetchAll(store, [locked], mirrorsOf(mirror.url));
  assert.equal((await fetchAll(store, [locked], mirrorsOf())).failure, undefined);
});

test('a package is yielded as soon as it is there, while others are still downloading', async (t) => {
  const store = await freshStore(t);
  const slow = lockedPackage('slow', 5000);
  const quick = lockedPackage('quick', 1000);
  let release = (): void => {};
  const mirror = await startMirror(t, (request, response, path) => {
    if (path === quick.locked.path) return send(request, response, quick.bytes);
    release = () => send(request, response, slow.bytes);
  });
  const order: string[] = [];
  const options = { stage: 'toolchain', idleMs: 2000 } as const;
  for await (const result of fetchPackages(
    testContext(),
    store,
    [slow.locked, quick.locked],
    mirrorsOf(mirror.url),
    options,
  )) {
    assert.ok(result.ok);
    order.push(result.value.package.name);
    if (order.length === 1) release();
  }
  assert.deepEqual(order, ['quick', 'slow']);
});

test('progress reports bytes, total and rate, at most about ten times a second, and ends at the total', async (t) => {
  const store = await freshStore(t);
  const { locked, bytes } = lockedPackage('one', 600_000);
  const mirror = await startMirror(t, (_request, response) => {
    response.writeHead(200, { 'content-length': bytes.length });
    let sent = 0;
    const timer = setInterval(() => {
      response.write(bytes.subarray(sent, sent + 20_000));
      sent += 20_000;
      if (sent >= bytes.length) {
        clearInterval(timer);
        response.end();
      }
    }, 10);
  });
  const context = testContext();
  const started = performance.now();
  // Twice: a package in two sets counts once.
  await fetchAll(store, [locked, locked], mirrorsOf(mirror.url), {}, context);
  const seconds = (performance.now() - started) / 1000;
  const reported = context.events.flatMap((event) => (event.type === 'stage-progress' ? [event] : []));
  assert.ok(
    reported.length >= 3 && reported.length <= seconds * 10 + 2,
    `${reported.length} events in ${seconds} s`,
  );
  assert.ok(
    reported.every(
      ({ total, unit, stage }) => total === 600_000 && unit === 'bytes' && stage === 'toolchain',
    ),
  );
  assert.equal(reported.at(-1)?.done, 600_000);
  assert.ok(reported.some(({ rate = 0 }) => rate > 100_000));
  assert.equal(mirror.requests.length, 1);
});

test('two calls in one process share a download', async (t) => {
  const store = await freshStore(t);
  const { locked, bytes } = lockedPackage('one');
  const mirror = await startMirror(t, (request, response) => {
    setTimeout(() => send(request, response, bytes), 100);
  });
  const [a, b] = await Promise.all([1, 2].map(() => fetchAll(store, [locked], mirrorsOf(mirror.url))));
  assert.equal(a?.failure ?? b?.failure, undefined);
  assert.equal(mirror.requests.length, 1);
  assertStored(store, locked, bytes);
});

test('a call downloads by itself when the one it shared a download with is aborted', async (t) => {
  const store = await freshStore(t);
  const { locked, bytes } = lockedPackage('one');
  const first = testContext();
  const mirror = await startMirror(t, (request, response) => {
    if (mirror.requests.length > 1) send(request, response, bytes);
    else first.abort();
  });
  const calledOff = fetchAll(store, [locked], mirrorsOf(mirror.url), {}, first);
  const other = fetchAll(store, [locked], mirrorsOf(mirror.url));
  assert.equal((await calledOff).failure?.code, 'interrupted/signal');
  assert.equal((await other).failure, undefined);
  assertStored(store, locked, bytes);
});

test('leaving the loop early aborts downloads and keeps their bytes', async (t) => {
  const store = await freshStore(t);
  const small = lockedPackage('small', 100);
  const large = lockedPackage('large', 100_000);
  let close = (): void => {};
  const closed = new Promise<void>((resolve) => {
    close = resolve;
  });
  const mirror = await startMirror(t, (request, response, path) => {
    if (path === small.locked.path) {
      // Not before a part of the large one is on the disk.
      const timer = setInterval(() => {
        if (partials(store).length === 0) return;
        clearInterval(timer);
        send(request, response, small.bytes);
      }, 10);
      return;
    }
    response.writeHead(200, { 'content-length': large.bytes.length });
    response.write(large.bytes.subarray(0, 50_000));
    response.on('close', close);
  });
  const options = { stage: 'toolchain', idleMs: 10_000 } as const;
  for await (const result of fetchPackages(
    testContext(),
    store,
    [small.locked, large.locked],
    mirrorsOf(mirror.url),
    options,
  )) {
    assert.ok(result.ok);
    break;
  }
  await closed;
  assert.equal(partials(store).length, 1);
});

test('an interrupt ends the fetch', async (t) => {
  const store = await freshStore(t);
  const mirror = await startMirror(t, () => {});
  const context = testContext();
  setTimeout(() => context.abort(), 50);
  const packages = ['one', 'two'].map((name) => lockedPackage(name).locked);
  const { failure } = await fetchAll(store, packages, mirrorsOf(mirror.url), { connections: 1 }, context);
  assert.equal(failure?.code, 'interrupted/signal');
});

test('with --offline the failure states how many packages are missing, and which', async (t) => {
  const store = await freshStore(t);
  const there = lockedPackage('there');
  const mirror = await startMirror(t, files({ [there.locked.path]: there.bytes }));
  await fetchAll(store, [there.locked], mirrorsOf(mirror.url));
  const missing = ['one', 'two'].map((name) => lockedPackage(name).locked);
  const offline = testContext({ offline: true });
  const { fetched, failure } = await fetchAll(
    store,
    [there.locked, ...missing],
    mirrorsOf(mirror.url),
    {},
    offline,
  );
  assert.deepEqual(
    fetched.map((each) => each.package.name),
    ['there'],
  );
  assert.equal(failure?.code, 'fetch/offline');
  assert.match(failure.what, /^2 locked packages are not in the store/);
  assert.deepEqual(failure.evidence, ['one 1.0+b1~2 all', 'two 1.0+b1~2 all']);
  assert.equal(mirror.requests.length, 1);
});
