import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fingerprint } from '../../src/store/fingerprint.ts';
import { verifyStore } from '../../src/store/verify.ts';
import { temporaryFolder } from '../support/cli.ts';
import { dockerLogin, faultyProxy, NO_REGISTRY, startRegistry } from '../support/registry.ts';
import { value } from '../support/sandboxes.ts';
import { keyOf, machine, obtained } from '../support/shared-machines.ts';

const skip = NO_REGISTRY;

test('what one machine pushes, another takes instead of making it: the same bytes, modes, links and meta', {
  skip,
}, async (t) => {
  const { host } = await startRegistry(t);
  const first = await machine(t, `oci://${host}/team/cache`, { push: keyOf() });
  const made = await obtained(first, 'one');
  assert.equal(made.made, true);
  await first.finish();
  assert.match(
    first.said().join(),
    /cache\/pushed: Pushed to oci:.*: 1 entry, [\d.]+ k?B; 0 were there already\./,
  );

  const second = await machine(t, `oci://${host}/team/cache`);
  assert.equal(await second.store.offers('builds', made.entry.fingerprint), true);
  const taken = await obtained(second, 'one');
  assert.equal(taken.made, false);
  assert.deepEqual(taken.entry.meta, { text: 'one', files: 2 });
  const { folder } = taken.entry;
  assert.notEqual(folder, made.entry.folder);
  execFileSync('diff', ['-r', '--no-dereference', made.entry.folder, folder]);
  assert.equal(statSync(join(folder, 'usr/bin/program')).mode & 0o777, 0o755);
  assert.equal(statSync(join(folder, 'dätä')).mode & 0o777, 0o640);
  await second.finish();
  assert.match(second.said().join(), /cache\/pulled: Taken from oci:.*: 1 entry/);
  const verified = value(await verifyStore(second.store, { repair: false, signal: second.context.signal }));
  assert.deepEqual([verified.count, verified.unfinished, verified.damaged], [1, 0, []]);
  // It is an entry like any other: found without the registry.
  const again = await machine(t, 'oci://127.0.0.1:9/team/cache', { store: second.store.folder });
  assert.equal((await obtained(again, 'one')).made, false);
  assert.deepEqual(again.said(), []);
});

test('results are shared where they hold on every machine, others are not', { skip }, async (t) => {
  const { host } = await startRegistry(t);
  const [shared, own] = [fingerprint({ shared: true }), fingerprint({ own: true })];
  const first = await machine(t, `oci://${host}/results`, { push: keyOf() });
  value(await first.store.writeResult(shared, { status: 'passed' }, { anywhere: true }));
  value(await first.store.writeResult(own, { status: 'passed' }));
  await first.finish();
  const second = await machine(t, `oci://${host}/results`);
  assert.deepEqual(await second.store.readResult(shared, { anywhere: true }), { status: 'passed' });
  assert.equal(await second.store.readResult(own, { anywhere: true }), undefined);
  // Kept: the next time nobody is asked.
  const alone = await machine(t, 'oci://127.0.0.1:9/results', { store: second.store.folder });
  assert.deepEqual(await alone.store.readResult(shared), { status: 'passed' });
});

test('an entry for one machine only is neither looked for nor pushed', { skip }, async (t) => {
  const { host } = await startRegistry(t);
  const proxy = await faultyProxy(t, host);
  const first = await machine(t, `oci://${proxy.host}/cache`, { push: keyOf() });
  const made = await first.store.obtain('builds', { boot: 1 }, async () => ({ ok: true, value: null }), {
    signal: first.context.signal,
    local: true,
  });
  value(made);
  await first.finish();
  assert.deepEqual(proxy.asked, []);
});

test('whoever is first has pushed it: others leave it, and send nothing large', { skip }, async (t) => {
  const { host } = await startRegistry(t);
  const proxy = await faultyProxy(t, host);
  const machines = await Promise.all(
    [1, 2, 3].map(() => machine(t, `oci://${proxy.host}/race`, { push: keyOf() })),
  );
  // All make it, as none has it yet; the times of their files differ, the entry does not.
  const outcomes = await Promise.all(machines.map((one) => obtained(one, 'same')));
  assert.deepEqual(
    outcomes.map(({ made }) => made),
    [true, true, true],
  );
  for (const one of machines) await one.finish();
  const pushes = machines.map((one) =>
    /(\d+) entr\w+, .*; (\d+) were there/.exec(one.said().join())?.slice(1),
  );
  assert.deepEqual(pushes, [
    ['1', '0'],
    ['0', '1'],
    ['0', '1'],
  ]);
  assert.equal(proxy.asked.filter((line) => line.startsWith('PATCH')).length, 1);
  assert.equal((await obtained(await machine(t, `oci://${host}/race`), 'same')).made, false);
});

test('machines that push the same at the same moment leave one that is whole', { skip }, async (t) => {
  const { host } = await startRegistry(t);
  const machines = await Promise.all(
    [1, 2, 3].map(() => machine(t, `oci://${host}/race`, { push: keyOf() })),
  );
  await Promise.all(machines.map((one) => obtained(one, 'same')));
  await Promise.all(machines.map((one) => one.finish()));
  assert.doesNotMatch(machines.flatMap((one) => one.said()).join('\n'), /not-pushed/);
  assert.equal((await obtained(await machine(t, `oci://${host}/race`), 'same')).made, false);
});

test('the layer depends on names, modes and contents alone', { skip }, async (t) => {
  const { host } = await startRegistry(t);
  const layers: string[] = [];
  for (const path of ['one', 'two']) {
    const proxy = await faultyProxy(t, host);
    const one = await machine(t, `oci://${proxy.host}/${path}`, { push: keyOf() });
    await obtained(one, 'same');
    await one.finish();
    const put = proxy.asked.find((line) => line.startsWith('PUT') && line.includes('blobs/uploads'));
    layers.push(/digest=(\S+)/.exec(put ?? '')?.[1] ?? 'none');
  }
  assert.match(layers[0] ?? '', /^sha256/);
  assert.equal(layers[0], layers[1]);
});

test('a registry with TLS and a login, from the certificate and the configuration of Docker', {
  skip,
}, async (t) => {
  const { host, ca } = await startRegistry(t, { tls: true, login: true });
  const config = dockerLogin(join(temporaryFolder(t), 'docker'), host);
  const docker = { tlsVerify: false, certPath: config, config, home: config };
  const address = `oci+https://${host}/team/cache`;
  const first = await machine(t, address, { push: keyOf(), settings: { caBundle: ca, docker } });
  await obtained(first, 'one');
  await first.finish();
  assert.match(first.said().join(), /Pushed to oci\+https:.* 1 entry/);
  const second = await machine(t, address, { settings: { caBundle: ca, docker } });
  assert.equal((await obtained(second, 'one')).made, false);
  const untrusting = await machine(t, address, { settings: { docker } });
  assert.equal((await obtained(untrusting, 'one')).made, true);
  assert.match(untrusting.said().join(), /cache\/unreachable: .*(self.signed|certificate)/);
  const nobody = await machine(t, address, { settings: { caBundle: ca } });
  assert.equal((await obtained(nobody, 'one')).made, true);
  assert.match(nobody.said().join(), /cache\/login: .*`docker login 127\.0\.0\.1:\d+`/);
  const wrong = dockerLogin(join(temporaryFolder(t), 'docker'), host, 'me:guessed');
  const guessing = await machine(t, address, {
    settings: { caBundle: ca, docker: { ...docker, config: wrong } },
    push: keyOf(),
  });
  assert.equal((await obtained(guessing, 'two')).made, true);
  await guessing.finish();
  assert.match(
    guessing.said().join('\n'),
    /cache\/login: [\s\S]*cache\/not-pushed: Not pushed to .*: builds-[0-9a-f]{64}\. .*401/,
  );
});

test('a blob that the registry keeps on another host is fetched from there, without the login', {
  skip,
}, async (t) => {
  const { host } = await startRegistry(t);
  const elsewhere = await faultyProxy(t, host);
  const proxy = await faultyProxy(t, host);
  const first = await machine(t, `oci://${host}/moved`, { push: keyOf() });
  await obtained(first, 'one');
  await first.finish();
  proxy.fault = (method, path) =>
    method === 'GET' && path.includes('/blobs/')
      ? { status: 307, headers: { location: `http://${elsewhere.host}${path}` } }
      : undefined;
  const second = await machine(t, `oci://${proxy.host}/moved`);
  assert.equal((await obtained(second, 'one')).made, false);
  assert.equal(elsewhere.asked.length, 1);
});

test('without a key that is trusted nothing is asked for; another key of the same team is enough', {
  skip,
}, async (t) => {
  const { host } = await startRegistry(t);
  const other = keyOf(generateKeyPairSync('ed25519').privateKey);
  const first = await machine(t, `oci://${host}/keys`, { push: other, trusted: [other] });
  await obtained(first, 'one');
  await first.finish();
  const none = await machine(t, `oci://${host}/keys`, { trusted: [] });
  assert.equal((await obtained(none, 'one')).made, true);
  const both = await machine(t, `oci://${host}/keys`, { trusted: [keyOf(), other] });
  assert.equal((await obtained(both, 'one')).made, false);
});

test('what is damaged here is not pushed', { skip }, async (t) => {
  const { host } = await startRegistry(t);
  const first = await machine(t, `oci://${host}/damaged`, { push: keyOf() });
  const { entry } = await obtained(first, 'one');
  execFileSync('sh', [
    '-c',
    'printf X | dd of="$1" bs=1 seek=5 conv=notrunc 2>/dev/null',
    'sh',
    join(entry.folder, 'dätä'),
  ]);
  assert.equal(readFileSync(join(entry.folder, 'dätä'), 'utf8').includes('X'), true);
  await first.finish();
  assert.match(first.said().join(), /cache\/not-pushed: .* It is no longer whole in this store\./);
});
