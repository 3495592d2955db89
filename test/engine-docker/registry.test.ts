// Images through a real registry on the loopback (Debian package docker-registry).
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { pushTree, readImage, unpackLayer } from '../../src/engine/docker/oci.ts';
import { digestOf, TREE } from '../../src/engine/docker/pack.ts';
import { formatReference, parseReference } from '../../src/engine/docker/reference.ts';
import { Registry } from '../../src/engine/docker/registry.ts';
import { temporaryFolder } from '../support/cli.ts';
import { dockerContext } from '../support/fake-docker.ts';
import { dockerLogin, NO_REGISTRY, startRegistry, type TestRegistry } from '../support/registry.ts';
import { value } from '../support/sandboxes.ts';

const FINGERPRINT = 'f'.repeat(64);
const LOCK = `sha256:${'1'.repeat(64)}` as const;

test('references name their registry', () => {
  for (const text of [
    'localhost:5000/a',
    'registry.example/team/llvm:today',
    `127.0.0.1:1/a/b:c@${LOCK}`,
    '[::1]:5000/x:y',
  ]) {
    const parsed = value(parseReference(text));
    assert.ok(formatReference(parsed).startsWith(text.replace(/@.*/, '')));
  }
  for (const text of [
    'llvm',
    'team/llvm',
    'llvm:tag',
    '',
    'host.example/',
    'host.example/UPPER',
    'host.example/a@sha256:12',
    'https://host.example/a',
  ]) {
    const parsed = parseReference(text);
    assert.equal(parsed.ok ? text : parsed.error.code, 'usage/reference');
  }
});

describe('a registry', { skip: NO_REGISTRY }, () => {
  let folder: string;
  let registry: TestRegistry;
  let host: string;
  const done: (() => unknown)[] = [];
  const t = { after: (undo: () => unknown) => void done.push(undo) };

  before(async () => {
    folder = temporaryFolder(t);
    registry = await startRegistry(t);
    host = registry.host;
  });
  after(async () => {
    for (const undo of done.reverse()) await undo();
  });

  const tree = (): string => {
    const root = join(folder, 'tree');
    mkdirSync(join(root, 'usr/bin'), { recursive: true });
    writeFileSync(join(root, 'usr/bin/program'), Buffer.alloc(3_000_000, 'x'), { mode: 0o755 });
    writeFileSync(join(root, 'data'), 'data\n', { mode: 0o640 });
    spawnSync('ln', ['-sfn', '/usr/bin', join(root, 'bin')]);
    return root;
  };
  const image = () => ({
    root: tree(),
    fingerprint: FINGERPRINT,
    lock: LOCK,
    created: '2026-01-01T00:00:00Z',
    platform: 'linux/none/v1',
  });
  const context = () => dockerContext(folder, 'auto');

  test("a pushed image is pulled again: the same tree, the layer of the engine's own image", async () => {
    const reference = value(parseReference(`${host}/team/tree:one`));
    const pushed = value(await pushTree(context(), reference, image()));
    assert.equal(
      pushed.layer,
      await digestOf([{ kind: 'host', path: '', source: tree(), attributes: TREE }]),
    );
    const again = value(await pushTree(context(), { ...reference, tag: 'two' }, image()));
    assert.equal(again.digest, pushed.digest, 'the same tree is the same image');
    for (const exact of [reference, { ...reference, tag: 'gone', digest: pushed.digest }]) {
      const pulled = value(await readImage(context(), exact));
      assert.deepEqual(
        [pulled.digest, pulled.fingerprint, pulled.platform],
        [pushed.digest, FINGERPRINT, 'linux/none/v1'],
      );
      const to = join(folder, `pulled-${exact.tag}`);
      mkdirSync(to);
      assert.equal(value(await unpackLayer(context(), exact, pulled, to)).files, 3);
      assert.equal(spawnSync('diff', ['-r', '--no-dereference', tree(), to]).status, 0);
      assert.equal(statSync(join(to, 'data')).mode & 0o777, 0o640);
      assert.equal(statSync(join(to, 'usr/bin/program')).mode & 0o777, 0o755);
    }
  });

  test('every part is checked against its digest', async () => {
    const reference = value(parseReference(`${host}/checked:one`));
    value(await pushTree(context(), reference, image()));
    const pulled = value(await readImage(context(), reference));
    const blob = pulled.layer.digest.slice('sha256:'.length);
    const file = join(registry.blobs, blob.slice(0, 2), blob, 'data');
    const good = readFileSync(file);
    const wrong = { ...pulled, uncompressed: LOCK };
    const first = await unpackLayer(context(), reference, wrong, emptyFolder('wrong'));
    assert.equal(first.ok ? '' : first.error.code, 'fetch/registry-digest');
    writeFileSync(file, Buffer.concat([good.subarray(0, 10), Buffer.from([0xff]), good.subarray(11)]));
    const changed = await unpackLayer(context(), reference, pulled, emptyFolder('changed'));
    assert.ok(!changed.ok);
    writeFileSync(file, good.subarray(0, good.length - 100));
    const cut = await unpackLayer(context(), reference, pulled, emptyFolder('cut'));
    assert.ok(!cut.ok);
    writeFileSync(file, good);
    const other = await readImage(context(), { ...reference, digest: LOCK });
    assert.equal(other.ok ? '' : other.error.code, 'fetch/registry-absent');
  });

  const emptyFolder = (name: string): string => {
    mkdirSync(join(folder, name));
    return join(folder, name);
  };

  test('a missing image and an unreachable registry are distinguished', async () => {
    const absent = await readImage(context(), value(parseReference(`${host}/no/such:one`)));
    assert.equal(absent.ok ? '' : absent.error.code, 'fetch/registry-absent');
    const nobody = await readImage(context(), value(parseReference('127.0.0.1:9/x:y')));
    assert.equal(nobody.ok ? '' : nobody.error.code, 'fetch/registry-unreachable');
  });

  test('a registry with TLS that names a server of tokens without it gets no login', async (t) => {
    const own = await startRegistry(t, { tls: true });
    const key = own.ca.replace('ca.pem', 'key.pem');
    const asked: string[] = [];
    const tokens = createServer((incoming, outgoing) => {
      asked.push(incoming.headers.authorization ?? '');
      outgoing.end(JSON.stringify({ token: 'given' }));
    });
    const listening = (server: Server): Promise<string> =>
      new Promise((resolve) =>
        server.listen(0, '127.0.0.1', () => resolve(`127.0.0.1:${(server.address() as AddressInfo).port}`)),
      );
    const realm = await listening(tokens);
    const guard = createTlsServer({ cert: readFileSync(own.ca), key: readFileSync(key) }, (_, outgoing) =>
      outgoing.writeHead(401, { 'www-authenticate': `Bearer realm="http://${realm}/token"` }).end(),
    );
    const guarded = await listening(guard);
    t.after(() => {
      for (const server of [tokens, guard]) {
        server.closeAllConnections();
        server.close();
      }
    });
    const config = dockerLogin(temporaryFolder(t), guarded);
    const { settings, signal } = dockerContext(folder, 'auto', { config });
    using registry = new Registry({ host: guarded, plain: false }, { ...settings, caBundle: own.ca }, signal);
    await assert.rejects(
      registry.call({ method: 'GET', to: 'a/manifests/b' }, [200]),
      /gives tokens without TLS: it gets no login/,
    );
    assert.deepEqual(asked, []);
  });

  test('logins of docker login are used, for basic and for token challenges, and asked for when they lack', async (t) => {
    const seen: string[] = [];
    const proxy = createServer((incoming, outgoing) => {
      const { authorization = '' } = incoming.headers;
      if (incoming.url?.startsWith('/token')) {
        seen.push(`token ${authorization}`);
        return outgoing.writeHead(authorization === '' ? 401 : 200).end(JSON.stringify({ token: 'given' }));
      }
      const kind = incoming.url?.includes('/basic/') ? 'basic' : 'token';
      const wanted =
        kind === 'basic' ? `Basic ${Buffer.from('me:secret').toString('base64')}` : 'Bearer given';
      if (authorization !== wanted) {
        const challenge =
          kind === 'basic'
            ? 'Basic realm="here"'
            : `Bearer realm="http://${incoming.headers.host}/token",service="here",scope="all"`;
        return outgoing.writeHead(401, { 'www-authenticate': challenge }).end();
      }
      const passed = request(
        {
          host: '127.0.0.1',
          port: host.split(':')[1],
          path: incoming.url,
          method: incoming.method,
          headers: { ...incoming.headers, authorization: '' },
        },
        (answer) => {
          outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
          answer.pipe(outgoing);
        },
      );
      incoming.pipe(passed);
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    t.after(() => {
      proxy.closeAllConnections();
      proxy.close();
    });
    const guarded = `127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    for (const kind of ['basic', 'token']) {
      const reference = value(parseReference(`${guarded}/${kind}/image:one`));
      const config = temporaryFolder(t);
      const refused = await pushTree(dockerContext(folder, 'auto', { config }), reference, image());
      assert.equal(refused.ok ? '' : refused.error.code, 'fetch/registry-login');
      writeFileSync(
        join(config, 'config.json'),
        JSON.stringify({ auths: { [guarded]: { auth: Buffer.from('me:secret').toString('base64') } } }),
      );
      value(await pushTree(dockerContext(folder, 'auto', { config }), reference, image()));
      value(await readImage(dockerContext(folder, 'auto', { config }), reference));
    }
    assert.ok(seen.includes(`token Basic ${Buffer.from('me:secret').toString('base64')}`));
  });
});
