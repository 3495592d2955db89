// What a registry, somebody in it, and the way to it can do to those who share a store in it.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash, generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import { ENTRY_TYPE, type Key, seal } from '../../src/provenance/envelope.ts';
import { SCHEMA, type SharedRecord, tagOf } from '../../src/remote-store/record.ts';
import { fingerprint } from '../../src/store/fingerprint.ts';
import type { Json } from '../../src/store/store.ts';
import { temporaryFolder } from '../support/cli.ts';
import { faultyProxy, NO_REGISTRY, startRegistry, type TestRegistry } from '../support/registry.ts';
import { fill, keyOf, type MachineOptions, machine, obtained } from '../support/shared-machines.ts';
import { leftovers } from '../support/stores.ts';

const skip = NO_REGISTRY;
const TYPE = 'application/vnd.oci.image.manifest.v1+json';

/** A registry with the entry `one`, and a second one with `two`. */
async function shared(t: TestContext): Promise<TestRegistry> {
  const registry = await startRegistry(t);
  const first = await machine(t, `oci://${registry.host}/cache`, { push: keyOf() });
  await obtained(first, 'one');
  await obtained(first, 'two');
  await first.finish();
  assert.match(first.said().join(), /2 entries/);
  return registry;
}

function tag(label: string): string {
  return tagOf({ kind: 'builds', fingerprint: fingerprint({ label }) });
}

/** A machine makes the entry itself, says why, and nothing is left. */
async function notUsed(
  t: TestContext,
  address: string,
  words: RegExp,
  options: MachineOptions = {},
): Promise<void> {
  const one = await machine(t, address, options);
  const { made, entry } = await obtained(one, 'one');
  assert.equal(made, true, one.said().join('\n'));
  assert.deepEqual(readdirSync(entry.folder).sort(), ['bin', 'dätä', 'empty folder', 'usr']);
  assert.equal(readFileSync(join(entry.folder, 'usr/bin/program'), 'utf8'), '#!/bin/sh\none\n');
  assert.equal(one.said().length, 1);
  assert.match(one.said().join('\n'), words);
  await one.finish();
  assert.deepEqual(leftovers(one.store.folder), []);
}

interface Answer {
  readonly status: number;
  readonly body: Buffer;
  readonly location: string;
}

function ask(method: string, url: string, body?: Buffer, type = 'application/octet-stream'): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, headers: { 'Content-Type': type, Accept: TYPE } }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () =>
        resolve({
          status: answer.statusCode ?? 0,
          body: Buffer.concat(chunks),
          location: answer.headers.location ?? '',
        }),
      );
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

/** What somebody who may write in the registry can do: any manifest under any tag. */
class Attacker {
  readonly #base: string;

  constructor({ host }: TestRegistry) {
    this.#base = `http://${host}/v2/cache`;
  }

  async manifest(label: string): Promise<Buffer> {
    return (await ask('GET', `${this.#base}/manifests/${tag(label)}`)).body;
  }

  async tag(label: string, manifest: Buffer): Promise<void> {
    const put = await ask('PUT', `${this.#base}/manifests/${tag(label)}`, manifest, TYPE);
    assert.equal(put.status, 201, put.body.toString());
  }

  async blob(bytes: Buffer): Promise<{ readonly digest: `sha256:${string}`; readonly size: number }> {
    const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}` as const;
    const { location } = await ask('POST', `${this.#base}/blobs/uploads/`);
    const put = await ask('PUT', `${location}&digest=${encodeURIComponent(digest)}`, bytes);
    assert.equal(put.status, 201);
    return { digest, size: bytes.length };
  }

  /** Puts an envelope, and perhaps another layer, under a tag. */
  async publish(label: string, envelope: string, layer?: { digest: string; size: number }): Promise<void> {
    const config = { mediaType: ENTRY_TYPE, ...(await this.blob(Buffer.from(envelope))) };
    const old = JSON.parse((await this.manifest('two')).toString());
    const layers = layer === undefined ? old.layers : [{ ...old.layers[0], ...layer }];
    const manifest = { schemaVersion: 2, mediaType: TYPE, config, layers };
    await this.tag(label, Buffer.from(JSON.stringify(manifest)));
  }

  async record(label: string): Promise<SharedRecord> {
    const { config } = JSON.parse((await this.manifest(label)).toString());
    const { payload } = JSON.parse(Buffer.from(config.data, 'base64').toString());
    return JSON.parse(Buffer.from(payload, 'base64').toString());
  }
}

function sealed(record: object, key: Key = keyOf()): string {
  return seal(JSON.stringify(record), key, ENTRY_TYPE);
}

test('an entry that is not signed is not used', { skip }, async (t) => {
  const registry = await shared(t);
  const attacker = new Attacker(registry);
  const record = await attacker.record('one');
  const address = `oci://${registry.host}/cache`;
  await attacker.publish('one', JSON.stringify(record));
  await notUsed(
    t,
    address,
    /^cache\/not-used: builds-[0-9a-f]{64} of oci:.*: it is not signed\. It is made here\.$/,
  );
  const empty = { ...JSON.parse(sealed(record)), signatures: [] };
  await attacker.publish('one', JSON.stringify(empty));
  await notUsed(t, address, /it is not signed/);
  await attacker.publish('one', 'not even JSON');
  await notUsed(t, address, /it is no entry of a store/);
});

test('a wrong signature, an unknown key, and a statement of provenance by the right key are not used', {
  skip,
}, async (t) => {
  const registry = await shared(t);
  const attacker = new Attacker(registry);
  const address = `oci://${registry.host}/cache`;
  const record = await attacker.record('one');
  const own = keyOf(generateKeyPairSync('ed25519').privateKey);
  await attacker.publish('one', sealed({ ...record, value: 'changed' }, own));
  await notUsed(t, address, new RegExp(`signed by a key that is not trusted here \\(${own.id}\\)`));
  const envelope = JSON.parse(sealed(record));
  const payload = Buffer.from(JSON.stringify({ ...record, value: 'changed' })).toString('base64');
  await attacker.publish('one', JSON.stringify({ ...envelope, payload }));
  await notUsed(t, address, new RegExp(`its signature is wrong: it names the key ${keyOf().id}`));
  // The key has signed this text, as something else.
  await attacker.publish('one', seal(JSON.stringify(record), keyOf()));
  await notUsed(t, address, /it is no entry of a store/);
});

test('an expired key counts no more, and neither does a date in its file that cannot be read', {
  skip,
}, async (t) => {
  const registry = await shared(t);
  const address = `oci://${registry.host}/cache`;
  for (const [expires, until] of [
    ['2020-01-01', 'until 2020-01-01T00:00:00.000Z'],
    ['soon', 'no more, since the date behind `Expires:` in its file cannot be read'],
  ]) {
    const expired = keyOf(undefined, expires);
    await notUsed(t, address, new RegExp(`signed by the key ${expired.id}, which counts ${until}`), {
      trusted: [expired],
    });
  }
  const good = await machine(t, address, { trusted: [keyOf(undefined, '2999-12-31')] });
  assert.equal((await obtained(good, 'one')).made, false);
});

test('an entry of the future: a clock in the past would take an expired key for a good one', {
  skip,
}, async (t) => {
  const registry = await shared(t);
  const attacker = new Attacker(registry);
  const record = await attacker.record('one');
  await attacker.publish('one', sealed({ ...record, pushed: '2999-01-01T00:00:00Z' }));
  const address = `oci://${registry.host}/cache`;
  await notUsed(t, address, /it is of 2999-01-01T00:00:00Z, and here it is 20.*: one of the clocks is wrong/);
  await attacker.publish('one', sealed({ ...record, pushed: 'yesterday' }));
  await notUsed(t, address, /it is of yesterday/);
});

test('an entry in the form of another version is not used, and it is said of which', { skip }, async (t) => {
  const registry = await shared(t);
  const attacker = new Attacker(registry);
  const record = await attacker.record('one');
  await attacker.publish('one', sealed({ ...record, schema: SCHEMA + 1, provision: '9.0.0' }));
  await notUsed(
    t,
    `oci://${registry.host}/cache`,
    /written by provision 9\.0\.0 in the form 2, and read here is the form 1/,
  );
  // Another version that writes the same form is good: what an entry is made of is in its fingerprint.
  await attacker.publish('one', sealed({ ...record, provision: '0.0.1' }), record.content?.layer);
  assert.equal((await obtained(await machine(t, `oci://${registry.host}/cache`), 'one')).made, false);
});

test("another entry under this one's name is not used, though it is rightly signed", { skip }, async (t) => {
  const registry = await shared(t);
  const attacker = new Attacker(registry);
  await attacker.tag('one', await attacker.manifest('two'));
  const other = fingerprint({ label: 'two' });
  await notUsed(t, `oci://${registry.host}/cache`, new RegExp(`it is another one: builds/${other}`));
});

test("the right record with another entry's layer: the digest that is signed decides", {
  skip,
}, async (t) => {
  const registry = await shared(t);
  const attacker = new Attacker(registry);
  const { config } = JSON.parse((await attacker.manifest('one')).toString());
  const two = JSON.parse((await attacker.manifest('two')).toString());
  // What the manifest says about layers is not read.
  await attacker.tag('one', Buffer.from(JSON.stringify({ ...two, config })));
  const one = await machine(t, `oci://${registry.host}/cache`);
  assert.equal((await obtained(one, 'one')).made, false);
  // A registry that answers with the other's bytes.
  const proxy = await faultyProxy(t, registry.host);
  const { layer } = (await attacker.record('one')).content ?? assert.fail();
  const body = readFileSync(blob(registry, two.layers[0].digest));
  proxy.fault = (_, path) => (path.endsWith(layer.digest) ? { status: 200, body } : undefined);
  await notUsed(t, `oci://${proxy.host}/cache`, /its layer has the digest sha256:[0-9a-f]{64}, not sha256/);
});

test('what is signed but is not what it says (a friend whose disk failed) is found by the manifest', {
  skip,
}, async (t) => {
  const registry = await shared(t);
  const attacker = new Attacker(registry);
  const [one, two] = [await attacker.record('one'), await attacker.record('two')];
  const content = { ...one.content, layer: two.content?.layer };
  await attacker.publish('one', sealed({ ...one, content }));
  await notUsed(
    t,
    `oci://${registry.host}/cache`,
    /its files have the digest sha256:[0-9a-f]{64}, not sha256/,
  );
});

test('a layer that is cut off, changed, or no archive at all', { skip }, async (t) => {
  const registry = await shared(t);
  const attacker = new Attacker(registry);
  const { layer } = (await attacker.record('one')).content ?? assert.fail();
  const file = blob(registry, layer.digest);
  const good = readFileSync(file);
  const address = `oci://${registry.host}/cache`;
  const changed = Buffer.from(good);
  changed[good.length >> 1] = (changed[good.length >> 1] ?? 0) ^ 0xff;
  for (const bytes of [good.subarray(0, good.length - 20), changed, Buffer.alloc(100), Buffer.alloc(0)]) {
    writeFileSync(file, bytes);
    await notUsed(t, address, /^cache\/not-used/);
  }
  writeFileSync(file, good);
  // The connection ends in the middle.
  const proxy = await faultyProxy(t, registry.host);
  proxy.fault = (_, path) => (path.endsWith(layer.digest) ? { cut: 100 } : undefined);
  await notUsed(t, `oci://${proxy.host}/cache`, /^cache\/not-used/);
});

test('a layer that leads out of its folder, or holds more than is signed, writes nothing outside', {
  skip,
}, async (t) => {
  const registry = await shared(t);
  const attacker = new Attacker(registry);
  const address = `oci://${registry.host}/cache`;
  const record = await attacker.record('one');
  assert.ok(record.content);
  // Somebody with the key, at their worst: a link that leads out, and a file behind it.
  const folder = temporaryFolder(t);
  const outside = join(folder, 'outside');
  for (const name of ['outside', 'link', 'file/a']) mkdirSync(join(folder, name), { recursive: true });
  symlinkSync(outside, join(folder, 'link/a'));
  writeFileSync(join(folder, 'file/a/b'), 'x');
  const tar = join(folder, 'evil.tar');
  execFileSync('tar', ['-cf', tar, '-C', join(folder, 'link'), 'a']);
  execFileSync('tar', ['-rf', tar, '-C', join(folder, 'file'), 'a/b']);
  const layer = await attacker.blob(zstdCompressSync(readFileSync(tar)));
  await attacker.publish('one', sealed({ ...record, content: { ...record.content, layer } }));
  await notUsed(t, address, /^cache\/not-used: .*a\/b/);
  assert.deepEqual(readdirSync(outside), []);
  for (const less of [{ bytes: 1000 }, { items: 1 }]) {
    await attacker.publish('one', sealed({ ...record, content: { ...record.content, ...less } }));
    await notUsed(t, address, /^cache\/not-used: .*(0 MiB|1 files)/);
  }
});

test('401, 403, 429 and 500: said once, everything is made here, and the registry is left alone', {
  skip,
}, async (t) => {
  const registry = await shared(t);
  for (const [status, words, requests] of [
    [401, /^cache\/login: .*401 no.*docker login/, 1],
    [403, /^cache\/login: .*403 no.*docker login/, 1],
    [429, /^cache\/refused: .*429 no/, 1],
    [500, /^cache\/refused: .*500 no/, 2],
    [503, /^cache\/refused: .*503 no/, 2],
  ] as const) {
    const proxy = await faultyProxy(t, registry.host);
    proxy.fault = () => ({
      status,
      body: 'no',
      ...(status === 429 ? { headers: { 'retry-after': '3600' } } : {}),
    });
    const one = await machine(t, `oci://${proxy.host}/cache`);
    assert.equal((await obtained(one, 'one')).made, true);
    assert.equal((await obtained(one, 'two')).made, true);
    await one.finish();
    assert.equal(one.said().length, 1);
    assert.match(one.said().join(), words);
    assert.equal(proxy.asked.length, requests);
  }
});

test('a registry that is busy for a moment is asked once more', { skip }, async (t) => {
  const registry = await shared(t);
  for (const fault of [{ status: 429, headers: { 'retry-after': '0' } }, { status: 502 }, 'reset'] as const) {
    const proxy = await faultyProxy(t, registry.host);
    let first = true;
    proxy.fault = () => {
      const now = first;
      first = false;
      return now ? fault : undefined;
    };
    const one = await machine(t, `oci://${proxy.host}/cache`);
    assert.equal((await obtained(one, 'one')).made, false, one.said().join());
  }
});

test('a registry that is not there, or says nothing, costs no build', { skip }, async (t) => {
  const nobody = await machine(t, 'oci://127.0.0.1:9/cache');
  assert.equal((await obtained(nobody, 'one')).made, true);
  assert.match(nobody.said().join(), /^cache\/unreachable: .*ECONNREFUSED.* is made here\.$/);
  const proxy = await faultyProxy(t, '127.0.0.1:9');
  proxy.fault = () => 'silence';
  const silent = await machine(t, `oci://${proxy.host}/cache`, { silenceMs: 300 });
  assert.equal((await obtained(silent, 'one')).made, true);
  assert.match(silent.said().join(), /^cache\/unreachable: .*no byte from 127\.0\.0\.1:\d+ for 0\.3 s/);
});

test('a registry that goes in the middle: what came is kept, the rest is made', { skip }, async (t) => {
  const registry = await shared(t);
  const one = await machine(t, `oci://${registry.host}/cache`, { push: keyOf() });
  assert.equal((await obtained(one, 'one')).made, false);
  await registry.stop();
  assert.equal((await obtained(one, 'two')).made, true);
  assert.equal((await obtained(one, 'three')).made, true);
  await one.finish();
  const [unreachable = '', pulled = '', left = ''] = one.said();
  assert.match(unreachable, /^cache\/unreachable/);
  assert.match(pulled, /^cache\/pulled: .*1 entry/);
  assert.match(
    left,
    /^cache\/not-pushed: Not pushed to .*: builds-.*, builds-.*, builds-[^.]*\. connect ECONNREFUSED/,
  );
});

test('a push that ends in the middle leaves nothing that looks whole; the next one mends it', {
  skip,
}, async (t) => {
  const registry = await startRegistry(t);
  const proxy = await faultyProxy(t, registry.host);
  const steps = ['POST', 'PATCH', 'PUT /v2/cache/blobs', 'PUT /v2/cache/manifests'];
  for (const step of steps) {
    for (const fault of ['reset', { status: 500, body: 'disk full' }] as const) {
      proxy.fault = (method, path) => (`${method} ${path}`.startsWith(step) ? fault : undefined);
      const first = await machine(t, `oci://${proxy.host}/cache`, { push: keyOf() });
      await obtained(first, 'one');
      await first.finish();
      assert.match(first.said().join('\n'), /^cache\/not-pushed: .*builds-[0-9a-f]{64}\. /);
      const second = await machine(t, `oci://${registry.host}/cache`);
      assert.equal((await obtained(second, 'one')).made, true, step);
      assert.deepEqual(second.said(), []);
    }
  }
  proxy.fault = () => undefined;
  const again = await machine(t, `oci://${proxy.host}/cache`, { push: keyOf() });
  await obtained(again, 'one');
  await again.finish();
  assert.equal((await obtained(await machine(t, `oci://${registry.host}/cache`), 'one')).made, false);
});

test('who may not push is told what was not pushed', { skip }, async (t) => {
  const registry = await shared(t);
  const proxy = await faultyProxy(t, registry.host);
  proxy.fault = (method) => (method === 'GET' ? undefined : { status: 403, body: 'read only' });
  const one = await machine(t, `oci://${proxy.host}/cache`, { push: keyOf() });
  await obtained(one, 'one');
  await obtained(one, 'mine');
  await one.finish();
  assert.match(
    one.said().join('\n'),
    new RegExp(`not-pushed: Not pushed to .*: ${tag('mine')}\\. .*403 read only`),
  );
  assert.match(one.said().join('\n'), /cache\/pulled: .*1 entry/);
});

test('a push replaces what others may not use', { skip }, async (t) => {
  const registry = await shared(t);
  const attacker = new Attacker(registry);
  await attacker.tag('one', await attacker.manifest('two'));
  const first = await machine(t, `oci://${registry.host}/cache`, { push: keyOf() });
  assert.equal((await obtained(first, 'one')).made, true);
  await first.finish();
  const second = await machine(t, `oci://${registry.host}/cache`);
  assert.equal((await obtained(second, 'one')).made, false);
});

test('an interrupt while something is taken is an interrupt, not a build', { skip }, async (t) => {
  const registry = await shared(t);
  const proxy = await faultyProxy(t, registry.host);
  const one = await machine(t, `oci://${proxy.host}/cache`);
  proxy.fault = (_, path) => {
    if (!path.includes('/blobs/')) return undefined;
    one.context.abort();
    return 'silence';
  };
  let made = false;
  const entry = await one.store.obtain(
    'builds',
    { label: 'one' },
    (root) => {
      made = true;
      return fill('one')(root) as Promise<{ ok: true; value: Json }>;
    },
    { signal: one.context.signal },
  );
  assert.deepEqual([made, entry.ok ? '' : entry.error.code], [false, 'interrupted/signal']);
  await one.finish();
  assert.deepEqual(one.said(), []);
  assert.deepEqual(leftovers(one.store.folder), []);
});

/** Where a registry keeps a blob. */
function blob({ blobs }: TestRegistry, digest: string): string {
  const hex = digest.slice('sha256:'.length);
  const file = join(blobs, hex.slice(0, 2), hex, 'data');
  assert.ok(existsSync(dirname(file)), file);
  return file;
}
