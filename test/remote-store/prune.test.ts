import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';
import { parseCacheAddress } from '../../src/domain/cache-address.ts';
import { seal } from '../../src/provenance/envelope.ts';
import { pruneCache } from '../../src/remote-store/prune.ts';
import { provision, temporaryFolder } from '../support/cli.ts';
import { testContext } from '../support/context.ts';
import { faultyProxy, NO_REGISTRY, startRegistry } from '../support/registry.ts';
import { value } from '../support/sandboxes.ts';
import { keyOf, machine, obtained } from '../support/shared-machines.ts';

const skip = NO_REGISTRY;
const TYPE = 'application/vnd.oci.image.manifest.v1+json';

/** Gives what a tag names another tag. */
function copyTag(host: string, from: string, to: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const get = request(
      `http://${host}/v2/cache/manifests/${from}`,
      { headers: { Accept: TYPE } },
      (answer) => {
        const url = `http://${host}/v2/cache/manifests/${to}`;
        const put = request(url, { method: 'PUT', headers: { 'Content-Type': TYPE } }, (done) => {
          done.resume();
          resolve(done.statusCode ?? 0);
        });
        answer.pipe(put);
      },
    );
    get.once('error', reject);
    get.end();
  });
}

test('what was pushed long ago is removed, the rest is not; only with leave of the registry', {
  skip,
}, async (t) => {
  const { host } = await startRegistry(t, { deletes: true });
  const store = temporaryFolder(t);
  const address = `oci://${host}/cache`;
  const prune = (...args: readonly string[]) =>
    provision(['cache', 'prune', ...args], { store, env: { PROVISION_CACHE: address } });
  const empty = await prune();
  assert.deepEqual([empty.stdout, empty.status], [`${address}: 0 of 0 entries removed, 0 B.\n`, 0]);
  const first = await machine(t, address, { push: keyOf() });
  await obtained(first, 'one');
  const result = 'a'.repeat(64);
  value(await first.store.writeResult(result, 'passed', { anywhere: true }));
  await first.finish();
  // Somebody else's, in the same repository.
  assert.equal(await copyTag(host, `results-${result}`, 'latest'), 201);
  const young = await prune('--json');
  assert.deepEqual(JSON.parse(young.stdout), { address, dryRun: false, count: 2, removed: 0, bytes: 0 });
  const dry = await prune('--older-than', '0', '--dry-run');
  assert.match(dry.stdout, /: 2 of 2 entries would be removed, [\d.]+ k?B\.\n$/);
  const done = await prune('--older-than', '0');
  assert.match(done.stdout, /: 2 of 2 entries removed, .*The registry frees the space/);
  const second = await machine(t, address);
  assert.equal((await obtained(second, 'one')).made, true);
  assert.match((await prune('--older-than', '0')).stdout, /: 0 of 0 entries removed/);
});

test('a registry that allows no deletes: said, with what to set', { skip }, async (t) => {
  const { host } = await startRegistry(t);
  const address = `oci://${host}/cache`;
  const first = await machine(t, address, { push: keyOf() });
  await obtained(first, 'one');
  await first.finish();
  const run = await provision(['cache', 'prune', address, '--older-than', '0'], {
    store: temporaryFolder(t),
  });
  assert.equal(run.status, 4);
  assert.match(run.stderr, /error\[fetch\/cache-no-deletes\]/);
  assert.match(
    run.stderr.replaceAll(/\s+/g, ' '),
    /allows no deletes: nothing was removed.*REGISTRY_STORAGE_DELETE_ENABLED=true/,
  );
  assert.equal((await obtained(await machine(t, address), 'one')).made, false);
});

test('all pages of tags are read; what is no entry under the name of one goes', async (t) => {
  const proxy = await faultyProxy(t, '127.0.0.1:9');
  const [old, bad] = ['1', '2'].map((digit) => `builds-${digit.repeat(64)}`);
  const record = JSON.stringify({ pushed: '2020-01-01T00:00:00Z', content: { layer: { size: 7 } } });
  const data = Buffer.from(seal(record, keyOf(), 'application/vnd.provision.entry+json')).toString('base64');
  const config = { mediaType: 'application/vnd.provision.entry+json', data };
  proxy.fault = (method, path) => {
    if (method === 'DELETE') return { status: 202 };
    if (path.includes('last=')) return { status: 200, body: JSON.stringify({ tags: [bad] }) };
    if (path.includes('tags/list')) {
      const headers = { link: '</v2/cache/tags/list?n=1000&last=x>; rel="next"' };
      return { status: 200, headers, body: JSON.stringify({ tags: [old, 'latest'] }) };
    }
    return { status: 200, body: path.endsWith(old ?? '') ? JSON.stringify({ config }) : 'no manifest' };
  };
  const address = value(parseCacheAddress(`oci://${proxy.host}/cache`, 'test'));
  const options = { address, context: testContext(), trusted: [] };
  const pruned = value(await pruneCache(options, { olderThanMs: 1000, dryRun: false }));
  assert.deepEqual(pruned, { count: 2, removed: 2, bytes: 7 });
  assert.equal(proxy.asked.filter((line) => line.startsWith('DELETE /v2/cache/manifests/sha256:')).length, 2);
  proxy.fault = () => ({ status: 403, body: 'no' });
  const denied = await pruneCache(options, { olderThanMs: 0, dryRun: false });
  assert.equal(denied.ok ? '' : denied.error.code, 'fetch/registry-login');
});
