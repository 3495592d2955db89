import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lockedPackage } from '../support/locked.ts';
import { files, rangeStart, send, sendPart, startMirror } from '../support/mirror.ts';
import { assertNotStored, assertStored, fetchAll, freshStore, mirrorsOf, partials } from './fetch-all.ts';

test('404: the next mirror is asked', async (t) => {
  const store = await freshStore(t);
  const { locked, bytes } = lockedPackage('one');
  const empty = await startMirror(t, files({}));
  const full = await startMirror(t, files({ [locked.path]: bytes }));
  const { fetched, failure } = await fetchAll(store, [locked], mirrorsOf(empty.url, full.url));
  assert.equal(failure, undefined);
  assert.equal(fetched[0]?.mirror, full.url);
  assert.equal(empty.requests.length, 1);
  assertStored(store, locked, bytes);
});

test('404 everywhere: the others are fetched, then one failure names every missing package', async (t) => {
  const store = await freshStore(t);
  const there = lockedPackage('there', 50);
  const gone = ['one', 'two'].map((name) => lockedPackage(name, 5000).locked);
  const mirror = await startMirror(t, files({ [there.locked.path]: there.bytes }));
  const { fetched, failure } = await fetchAll(store, [...gone, there.locked], mirrorsOf(mirror.url));
  assert.deepEqual(
    fetched.map((each) => each.package.name),
    ['there'],
  );
  assert.equal(failure?.code, 'fetch/not-found');
  assert.match(failure.what, /2 of the locked packages/);
  assert.deepEqual(failure.also?.map(({ what }) => /has (\w+)/.exec(what)?.[1]).sort(), ['one', 'two']);
  assert.equal(mirror.requests.length, 3);
});

test('404 counts as not found also where the last resort cannot be reached', async (t) => {
  const store = await freshStore(t);
  const mirror = await startMirror(t, files({}));
  const closed = await startMirror(t, files({}));
  await closed.close();
  const { failure } = await fetchAll(store, [lockedPackage('one').locked], mirrorsOf(mirror.url, closed.url));
  assert.equal(failure?.code, 'fetch/not-found');
  assert.match(failure.evidence?.[0] ?? '', /HTTP 404/);
  assert.match(failure.evidence?.[1] ?? '', /ECONNREFUSED/);
});

test('500 twice, then the file: it is tried again', async (t) => {
  const store = await freshStore(t);
  const { locked, bytes } = lockedPackage('one');
  const mirror = await startMirror(t, (request, response) => {
    if (mirror.requests.length <= 2) return void response.writeHead(500).end('oops');
    send(request, response, bytes);
  });
  assert.equal((await fetchAll(store, [locked], mirrorsOf(mirror.url))).failure, undefined);
  assert.equal(mirror.requests.length, 3);
  assertStored(store, locked, bytes);
});

test('500 for ever: given up after the tries allowed', async (t) => {
  const store = await freshStore(t);
  const mirror = await startMirror(t, (_request, response) => void response.writeHead(503).end());
  const { failure } = await fetchAll(store, [lockedPackage('one').locked], mirrorsOf(mirror.url), {
    attempts: 3,
  });
  assert.equal(failure?.code, 'fetch/server-error');
  assert.match(failure.evidence?.[0] ?? '', /HTTP 503/);
  assert.equal(mirror.requests.length, 3);
});

test('403 is not tried again', async (t) => {
  const store = await freshStore(t);
  const mirror = await startMirror(t, (_request, response) => void response.writeHead(403).end());
  const { failure } = await fetchAll(store, [lockedPackage('one').locked], mirrorsOf(mirror.url));
  assert.equal(failure?.code, 'fetch/refused');
  assert.equal(mirror.requests.length, 1);
});

test('429: Retry-After is waited for', async (t) => {
  const store = await freshStore(t);
  const { locked, bytes } = lockedPackage('one');
  const times: number[] = [];
  const mirror = await startMirror(t, (request, response) => {
    times.push(performance.now());
    if (times.length === 1) return void response.writeHead(429, { 'retry-after': '1' }).end();
    send(request, response, bytes);
  });
  assert.equal((await fetchAll(store, [locked], mirrorsOf(mirror.url))).failure, undefined);
  const [first = 0, second = 0] = times;
  assert.ok(second - first >= 990, `tried again after ${second - first} ms`);
});

test('429 for an hour: the next mirror is asked at once', async (t) => {
  const store = await freshStore(t);
  const { locked, bytes } = lockedPackage('one');
  const date = new Date(Date.now() + 3_600_000).toUTCString();
  const busy = await startMirror(
    t,
    (_request, response) => void response.writeHead(429, { 'retry-after': date }).end(),
  );
  const free = await startMirror(t, files({ [locked.path]: bytes }));
  assert.equal((await fetchAll(store, [locked], mirrorsOf(busy.url, free.url))).failure, undefined);
  assert.equal(busy.requests.length, 1);
});

test('a body that is cut off is resumed where it ended', async (t) => {
  const store = await freshStore(t);
  const { locked, bytes } = lockedPackage('one', 100_000);
  const mirror = await startMirror(t, (request, response) => {
    if (mirror.requests.length === 1) sendPart(response, bytes, 40_000);
    else send(request, response, bytes);
  });
  assert.equal((await fetchAll(store, [locked], mirrorsOf(mirror.url))).failure, undefined);
  assert.deepEqual(
    mirror.requests.map(({ headers }) => headers.range),
    [undefined, 'bytes=40000-'],
  );
  assertStored(store, locked, bytes);
});

test('a mirror that sends some bytes each time is retried beyond the number of tries', async (t) => {
  const store = await freshStore(t);
  const { locked, bytes } = lockedPackage('one', 100_000);
  const mirror = await startMirror(t, (request, response) => {
    const start = rangeStart(request) ?? 0;
    const range = { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` };
    response.writeHead(start === 0 ? 200 : 206, { 'content-length': bytes.length - start, ...range });
    response.write(bytes.subarray(start, start + 20_000), () => setTimeout(() => response.destroy(), 10));
  });
  assert.equal((await fetchAll(store, [locked], mirrorsOf(mirror.url), { attempts: 2 })).failure, undefined);
  assert.equal(mirror.requests.length, 5);
  assertStored(store, locked, bytes);
});

test('a server that ignores Range is read from the start', async (t) => {
  const store = await freshStore(t);
  const { locked, bytes } = lockedPackage('one', 100_000);
  const mirror = await startMirror(t, (_request, response) => {
    if (mirror.requests.length === 1) return sendPart(response, bytes, 40_000);
    response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
  });
  assert.equal((await fetchAll(store, [locked], mirrorsOf(mirror.url))).failure, undefined);
  assert.equal(mirror.requests.length, 2);
  assertStored(store, locked, bytes);
});

test('a range of another file, or a wrong one, is not appended', async (t) => {
  for (const range of ['bytes 39999-99999/100000', 'bytes 40000-199999/200000', 'nonsense']) {
    const store = await freshStore(t);
    const { locked, bytes } = lockedPackage('one', 100_000);
    const mirror = await startMirror(t, (request, response) => {
      if (mirror.requests.length === 1) return sendPart(response, bytes, 40_000);
      if (mirror.requests.length === 2)
        return void response.writeHead(206, { 'content-range': range }).end('x');
      send(request, response, bytes);
    });
    assert.equal((await fetchAll(store, [locked], mirrorsOf(mirror.url))).failure, undefined);
    assert.deepEqual(
      mirror.requests.map(({ headers }) => headers.range),
      [undefined, 'bytes=40000-', undefined],
    );
    assertStored(store, locked, bytes);
  }
});

test('cut off for ever: given up, and what came is kept', async (t) => {
  const store = await freshStore(t);
  const { locked, bytes } = lockedPackage('one', 100_000);
  const mirror = await startMirror(t, (_request, response) => sendPart(response, bytes, 40_000));
  const { failure } = await fetchAll(store, [locked], mirrorsOf(mirror.url), { attempts: 2 });
  assert.equal(failure?.code, 'fetch/cut-off');
  assert.match(failure.evidence?.[0] ?? '', /ended after 40000 of 100000 bytes/);
  assertNotStored(store, locked);
  assert.equal(partials(store).length, 1);
});

test('a mirror that hangs is given up, and the download resumed from the next', async (t) => {
  const store = await freshStore(t);
  const { locked, bytes } = lockedPackage('one', 100_000);
  const hanging = await startMirror(t, (request, response) => {
    if (rangeStart(request) !== undefined) return;
    response.writeHead(200, { 'content-length': bytes.length });
    response.write(bytes.subarray(0, 60_000));
  });
  const good = await startMirror(t, files({ [locked.path]: bytes }));
  const options = { idleMs: 150, attempts: 2 };
  const { failure } = await fetchAll(store, [locked], mirrorsOf(hanging.url, good.url), options);
  assert.equal(failure, undefined);
  assert.equal(good.requests[0]?.headers.range, 'bytes=60000-');
  assertStored(store, locked, bytes);
});

test('a mirror that hangs for ever: the failure states for how long no byte came', async (t) => {
  const store = await freshStore(t);
  const mirror = await startMirror(t, () => {});
  const options = { idleMs: 100, attempts: 2 };
  const { failure } = await fetchAll(store, [lockedPackage('one').locked], mirrorsOf(mirror.url), options);
  assert.equal(failure?.code, 'fetch/cut-off');
  assert.match(failure.evidence?.[0] ?? '', /no byte for 0\.1 seconds/);
  assert.equal(mirror.requests.length, 2);
});

test('wrong bytes: the next mirror is asked, and nothing of them is kept', async (t) => {
  const store = await freshStore(t);
  const { locked, bytes } = lockedPackage('one');
  const wrong = await startMirror(t, files({ [locked.path]: Buffer.alloc(locked.size, 'x') }));
  const right = await startMirror(t, files({ [locked.path]: bytes }));
  assert.equal((await fetchAll(store, [locked], mirrorsOf(wrong.url, right.url))).failure, undefined);
  assert.equal(wrong.requests.length, 1);
  assert.equal(right.requests[0]?.headers.range, undefined);
  assertStored(store, locked, bytes);
});

test('wrong bytes everywhere: the failure names what was expected, what came, and from where', async (t) => {
  const store = await freshStore(t);
  const { locked } = lockedPackage('one');
  const other = lockedPackage('one');
  const mirror = await startMirror(t, files({ [locked.path]: other.bytes }));
  const { failure } = await fetchAll(store, [locked], mirrorsOf(mirror.url));
  assert.equal(failure?.code, 'fetch/digest-mismatch');
  assert.ok(failure.why?.includes(locked.digest));
  assert.ok(failure.evidence?.[0]?.includes(other.locked.digest));
  assert.ok(failure.evidence?.[0]?.startsWith(mirror.url));
  assertNotStored(store, locked);
  assert.deepEqual(partials(store), []);
});

test('a page instead of the file is recognised by its length, with and without one announced', async (t) => {
  for (const [page, announced] of [
    ['<html>', true],
    ['<html>'.repeat(1000), true],
    ['<html>'.repeat(1000), false],
  ] as const) {
    const store = await freshStore(t);
    const { locked } = lockedPackage('one');
    const mirror = await startMirror(t, (_request, response) => {
      response.writeHead(200, announced ? { 'content-length': page.length } : {}).end(page);
    });
    const { failure } = await fetchAll(store, [locked], mirrorsOf(mirror.url));
    assert.equal(failure?.code, 'fetch/digest-mismatch');
    assert.match(
      failure.evidence?.[0] ?? '',
      announced ? /bytes where 1000 were expected/ : /more than the 1000 bytes/,
    );
    assertNotStored(store, locked);
  }
});

test('redirects are followed, within bounds', async (t) => {
  const store = await freshStore(t);
  const { locked, bytes } = lockedPackage('one');
  const target = await startMirror(t, files({ [locked.path]: bytes }));
  const mirror = await startMirror(t, (request, response) => {
    response
      .writeHead(302, { location: `${target.url}${(request.url ?? '').replace('/debian', '')}` })
      .end('moved');
  });
  assert.equal((await fetchAll(store, [locked], mirrorsOf(mirror.url))).failure, undefined);
  assertStored(store, locked, bytes);

  const circle = await startMirror(
    t,
    (request, response) => void response.writeHead(301, { location: request.url }).end(),
  );
  const { failure } = await fetchAll(store, [lockedPackage('two').locked], mirrorsOf(circle.url));
  assert.equal(failure?.code, 'fetch/refused');
  assert.match(failure.evidence?.[0] ?? '', /more than 5 redirects/);
});

test('a login in the address is sent to its host only, and stands in no message', async (t) => {
  const store = await freshStore(t);
  const { locked, bytes } = lockedPackage('one');
  const target = await startMirror(t, files({ [locked.path]: bytes }));
  const mirror = await startMirror(t, (request, response) => {
    response.writeHead(302, { location: `${target.url}${(request.url ?? '').replace('/debian', '')}` }).end();
  });
  const address = mirror.url.replace('http://', 'http://someone:s%40cret@');
  assert.equal((await fetchAll(store, [locked], mirrorsOf(address))).failure, undefined);
  assert.equal(
    mirror.requests[0]?.headers.authorization,
    `Basic ${Buffer.from('someone:s@cret').toString('base64')}`,
  );
  assert.equal(target.requests[0]?.headers.authorization, undefined);

  await mirror.close();
  const { failure } = await fetchAll(store, [lockedPackage('two').locked], mirrorsOf(address));
  assert.equal(failure?.code, 'fetch/no-network');
  assert.doesNotMatch(JSON.stringify(failure), /cret/);
});

test('no network: reported once the tries are over, for many packages as quickly as for one', async (t) => {
  const store = await freshStore(t);
  const closed = await startMirror(t, files({}));
  await closed.close();
  const packages = Array.from({ length: 60 }, (_, i) => lockedPackage(`p${i}`).locked);
  const started = performance.now();
  const { failure } = await fetchAll(store, packages, mirrorsOf(closed.url), { backoffMs: 1000 });
  assert.equal(failure?.code, 'fetch/no-network');
  assert.match(failure.evidence?.[0] ?? '', /ECONNREFUSED/);
  assert.ok(performance.now() - started < 30_000);
});

test('a mirror that cannot be reached is passed over for all packages once that is known', async (t) => {
  const store = await freshStore(t);
  const closed = await startMirror(t, files({}));
  await closed.close();
  const all = Array.from({ length: 30 }, (_, i) => lockedPackage(`p${i}`));
  const good = await startMirror(t, files(new Map(all.map(({ locked, bytes }) => [locked.path, bytes]))));
  const started = performance.now();
  const options = { backoffMs: 500, connections: 2 };
  const { failure } = await fetchAll(
    store,
    all.map(({ locked }) => locked),
    mirrorsOf(closed.url, good.url),
    options,
  );
  assert.equal(failure, undefined);
  // 15 rounds of about 3.5 s each, were each package to find out for itself.
  assert.ok(performance.now() - started < 30_000);
});
