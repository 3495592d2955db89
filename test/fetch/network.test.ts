import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, request as httpRequest } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, connect, type Server } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { temporaryFolder } from '../support/cli.ts';
import { testContext } from '../support/context.ts';
import { lockedPackage } from '../support/locked.ts';
import { files, startMirror } from '../support/mirror.ts';
import { assertStored, fetchAll, freshStore, mirrorsOf } from './fetch-all.ts';

const CERTIFICATE = fileURLToPath(new URL('../fixtures/tls/certificate.pem', import.meta.url));
const KEY = fileURLToPath(new URL('../fixtures/tls/key.pem', import.meta.url));

test('http goes through the proxy that is set, with absolute addresses', async (t) => {
  const store = await freshStore(t);
  const { locked, bytes } = lockedPackage('one');
  const mirror = await startMirror(t, files({ [locked.path]: bytes }));
  const proxy = await startProxy(t);
  const mirrors = { ...mirrorsOf(mirror.url), proxies: { http_proxy: proxy.url } };
  assert.equal((await fetchAll(store, [locked], mirrors)).failure, undefined);
  assert.equal(proxy.asked.length, 1);
  assert.ok(proxy.asked[0]?.startsWith(`GET ${mirror.url}/pool/`));
  assertStored(store, locked, bytes);
});

test('a proxy is not used for hosts that no_proxy names, nor one of this process’s environment', async (t) => {
  const store = await freshStore(t);
  const { locked, bytes } = lockedPackage('one');
  const mirror = await startMirror(t, files({ [locked.path]: bytes }));
  const proxy = await startProxy(t);
  const before = process.env.http_proxy;
  process.env.http_proxy = proxy.url;
  t.after(() => {
    if (before === undefined) delete process.env.http_proxy;
    else process.env.http_proxy = before;
  });
  assert.equal((await fetchAll(store, [locked], mirrorsOf(mirror.url))).failure, undefined);
  const two = lockedPackage('two');
  const proxies = { http_proxy: proxy.url, no_proxy: 'example.org,127.0.0.1' };
  const other = await startMirror(t, files({ [two.locked.path]: two.bytes }));
  assert.equal(
    (await fetchAll(store, [two.locked], { ...mirrorsOf(other.url), proxies })).failure,
    undefined,
  );
  assert.deepEqual(proxy.asked, []);
});

test('https goes through the proxy as a tunnel', async (t) => {
  const store = await freshStore(t);
  const { locked, bytes } = lockedPackage('one');
  const address = await startTlsMirror(t, locked.path, bytes);
  const proxy = await startProxy(t);
  const mirrors = { ...mirrorsOf(address), proxies: { https_proxy: proxy.url } };
  const context = testContext({ caBundle: CERTIFICATE });
  assert.equal((await fetchAll(store, [locked], mirrors, {}, context)).failure, undefined);
  assert.equal(proxy.asked.length, 1);
  assert.match(proxy.asked[0] ?? '', /^CONNECT 127\.0\.0\.1:\d+$/);
  assertStored(store, locked, bytes);
});

test('a proxy that wants a login is reported as refused or unreachable, with its answer', async (t) => {
  const store = await freshStore(t);
  const proxy = await startMirror(t, (_request, response) => void response.writeHead(407).end());
  const proxies = { http_proxy: proxy.url.replace('/debian', '') };
  const mirrors = { ...mirrorsOf('http://127.0.0.1:1/debian'), proxies };
  const { failure } = await fetchAll(store, [lockedPackage('one').locked], mirrors, { attempts: 1 });
  assert.match(JSON.stringify(failure?.evidence), /407/);
  assert.match(failure?.fix.join(' ') ?? '', /proxy/);
});

test('proxy settings that are not an address fail with a code of their own', async (t) => {
  const store = await freshStore(t);
  const mirrors = { ...mirrorsOf('http://127.0.0.1:1/debian'), proxies: { http_proxy: 'ftp://what' } };
  const { failure } = await fetchAll(store, [lockedPackage('one').locked], mirrors);
  assert.equal(failure?.code, 'fetch/bad-proxy');
});

test('a certificate of an unknown authority is rejected at once, and accepted with the CA bundle', async (t) => {
  const store = await freshStore(t);
  const { locked, bytes } = lockedPackage('one');
  const address = await startTlsMirror(t, locked.path, bytes);
  const started = performance.now();
  const { failure } = await fetchAll(store, [locked], mirrorsOf(address), { backoffMs: 100_000 });
  assert.equal(failure?.code, 'fetch/untrusted-connection');
  assert.match(failure.fix.join(' '), /SSL_CERT_FILE/);
  assert.ok(performance.now() - started < 60_000, 'it was tried again');
  const context = testContext({ caBundle: CERTIFICATE });
  assert.equal((await fetchAll(store, [locked], mirrorsOf(address), {}, context)).failure, undefined);
  assertStored(store, locked, bytes);
});

test('a certificate for another name, and one of another time, are told from an untrusted one', async (t) => {
  const fixes = { 'other-name': /name that is in the certificate/, expired: /clock/, 'not-yet': /clock/ };
  for (const [name, fix] of Object.entries(fixes)) {
    const store = await freshStore(t);
    const { locked, bytes } = lockedPackage('one');
    const certificate = CERTIFICATE.replace('certificate.pem', `${name}.pem`);
    const address = await startTlsMirror(t, locked.path, bytes, certificate);
    // Its authority is known: that is not what is wrong with it.
    const context = testContext({ caBundle: certificate });
    const { failure } = await fetchAll(store, [locked], mirrorsOf(address), { backoffMs: 100_000 }, context);
    assert.equal(failure?.code, 'fetch/untrusted-connection', name);
    assert.match(failure.fix.join(' '), fix);
    assert.doesNotMatch(failure.fix.join(' '), /SSL_CERT_FILE/);
  }
});

test('a CA bundle that cannot be read fails with a code of its own', async (t) => {
  const store = await freshStore(t);
  const folder = temporaryFolder(t);
  const broken = join(folder, 'broken.pem');
  writeFileSync(broken, 'nonsense\n');
  for (const caBundle of [join(folder, 'missing.pem'), broken]) {
    const context = testContext({ caBundle });
    const { failure } = await fetchAll(
      store,
      [lockedPackage('one').locked],
      mirrorsOf('http://127.0.0.1:1/debian'),
      {},
      context,
    );
    assert.equal(failure?.code, 'fetch/ca-bundle');
  }
});

/** A real forward proxy: absolute addresses and CONNECT. */
async function startProxy(t: TestContext): Promise<{ readonly url: string; readonly asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const onward = httpRequest(
      request.url ?? '',
      { method: request.method, headers: request.headers },
      (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      },
    );
    request.pipe(onward);
  });
  server.on('connect', (request, socket) => {
    asked.push(`CONNECT ${request.url}`);
    const [host = '', port = ''] = (request.url ?? '').split(':');
    const onward = connect(Number(port), host, () => socket.write('HTTP/1.1 200 OK\r\n\r\n'));
    // Either end may go first; the other follows.
    onward.on('error', () => socket.destroy()).pipe(socket);
    socket.on('error', () => onward.destroy()).pipe(onward);
  });
  return { url: `http://127.0.0.1:${await listen(t, server)}`, asked };
}

async function startTlsMirror(
  t: TestContext,
  path: string,
  bytes: Buffer,
  certificate = CERTIFICATE,
): Promise<string> {
  const server = createTlsServer(
    { key: readFileSync(KEY), cert: readFileSync(certificate) },
    (request, response) => {
      files({ [path]: bytes })(
        request,
        response,
        decodeURIComponent((request.url ?? '').replace('/debian/', '')),
      );
    },
  );
  return `https://127.0.0.1:${await listen(t, server)}/debian`;
}

async function listen(t: TestContext, server: Server & { closeAllConnections(): void }): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}
