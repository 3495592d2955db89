// Several machines that need the same entry at once: one makes it, the others wait, but for nobody who is gone.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { err, type Result } from '../../src/domain/result.ts';
import type { Failure } from '../../src/failure.ts';
import type { ClaimTimes } from '../../src/remote-store/claims.ts';
import type { Json } from '../../src/store/store.ts';
import { faultyProxy, NO_REGISTRY, startRegistry } from '../support/registry.ts';
import { value } from '../support/sandboxes.ts';
import { fill, keyOf, type Machine, type MachineOptions, machine } from '../support/shared-machines.ts';
import { leftovers } from '../support/stores.ts';

const skip = NO_REGISTRY;

const TIMES: ClaimTimes = { leaseMs: 1500, lookMs: 50, mostMs: 20_000 };

interface Outcome {
  readonly made: boolean;
  readonly ms: number;
  readonly failure?: Failure;
}

/** Obtains an entry that takes its time. */
async function costly(
  { store, context }: Machine,
  make: (root: string) => Promise<Result<Json>> = fill('costly'),
): Promise<Outcome> {
  const began = performance.now();
  let made = false;
  const entry = await store.obtain(
    'builds',
    { what: 'costly' },
    (root) => {
      made = true;
      return make(root);
    },
    { signal: context.signal, costly: true },
  );
  return { made, ms: performance.now() - began, ...(entry.ok ? {} : { failure: entry.error }) };
}

function machines(t: TestContext, host: string, options: MachineOptions = {}): Promise<Machine> {
  return machine(t, `oci://${host}/cache`, { push: keyOf(), claimTimes: TIMES, ...options });
}

/** A machine that has begun with the entry; `end` lets it come to its end. */
async function begun(one: Machine, end: (root: string) => Promise<Result<Json>> = fill('costly')) {
  let started = (): void => {};
  let finish = (): void => {};
  const [began, ended] = [
    new Promise<void>((resolve) => {
      started = resolve;
    }),
    new Promise<void>((resolve) => {
      finish = resolve;
    }),
  ];
  const outcome = costly(one, async (root) => {
    started();
    await ended;
    return end(root);
  });
  await began;
  return { outcome, end: finish };
}

test('the second machine waits for the first, and takes what it has made before its run has ended', {
  skip,
}, async (t) => {
  const { host } = await startRegistry(t);
  // On a busy machine a claim is renewed late.
  const claimTimes = { ...TIMES, leaseMs: 4000 };
  const [first, second, reader] = await Promise.all([
    machines(t, host, { claimTimes }),
    machines(t, host, { claimTimes }),
    machine(t, `oci://${host}/cache`, { claimTimes }),
  ]);
  const making = await begun(first);
  const waiting = [costly(second), costly(reader)];
  // Longer than a claim holds that is not renewed.
  await sleep(1.5 * claimTimes.leaseMs);
  making.end();
  assert.equal((await making.outcome).made, true);
  assert.deepEqual(
    (await Promise.all(waiting)).map(({ made }) => made),
    [false, false],
  );
  assert.match(
    second.said()[0] ?? '',
    /^cache\/waiting: Another machine is making builds-[0-9a-f]{64} of oci:.* 1 min at most/,
  );
  for (const one of [first, second, reader]) await one.finish();
  assert.match(first.said().join(), /cache\/pushed: .*; 1 were there already/);
  for (const one of [second, reader]) assert.deepEqual(leftovers(one.store.folder), []);
});

test('a machine that dies holds others up for as long as its claim holds, and no longer', {
  skip,
}, async (t) => {
  const { host } = await startRegistry(t);
  const proxy = await faultyProxy(t, host);
  const [first, second] = [await machines(t, proxy.host), await machines(t, host)];
  const making = await begun(first);
  // Nothing that it says from now on arrives.
  proxy.fault = () => 'reset';
  // It never comes back.
  const { made } = await costly(second);
  assert.equal(made, true);
  assert.match(second.said()[0] ?? '', /^cache\/waiting/);
  making.end();
  assert.equal((await making.outcome).made, true);
});

test('where making fails, the others begin at once', { skip }, async (t) => {
  const { host } = await startRegistry(t);
  // Without being told, nobody would begin before the end of the test.
  const slow = { ...TIMES, leaseMs: 3_600_000, mostMs: 3_600_000 };
  const [first, second] = await Promise.all([1, 2].map(() => machines(t, host, { claimTimes: slow })));
  assert.ok(first && second);
  const failure: Failure = { code: 'build/failed', what: 'No.', fix: ['None.'] };
  const making = await begun(first, async () => err(failure));
  const waiting = costly(second);
  await sleep(300);
  making.end();
  assert.equal((await making.outcome).failure?.code, 'build/failed');
  assert.equal((await waiting).made, true);
});

test('nobody is waited for longer than anybody waits, however often the claim is renewed', {
  skip,
}, async (t) => {
  const { host } = await startRegistry(t);
  const first = await machines(t, host);
  const second = await machines(t, host, { claimTimes: { ...TIMES, mostMs: 2000 } });
  const making = await begun(first);
  const { made, ms } = await costly(second);
  assert.equal(made, true);
  assert.ok(ms >= 2000, `${ms} ms`);
  making.end();
  await making.outcome;
  // Both have made it: the first that pushes it is kept, the other leaves it.
  for (const one of [first, second]) await one.finish();
  assert.doesNotMatch([...first.said(), ...second.said()].join('\n'), /not-pushed|not-used/);
});

test('a claim of a key that is not trusted holds up nobody; neither does one of another time', {
  skip,
}, async (t) => {
  const { host } = await startRegistry(t);
  const other = keyOf(generateKeyPairSync('ed25519').privateKey);
  const stranger = await machines(t, host, { push: other, trusted: [other] });
  const making = await begun(stranger);
  const second = await machines(t, host);
  assert.equal((await costly(second)).made, true);
  assert.deepEqual(second.said(), []);
  making.end();
  await making.outcome;
  // Of a machine that was switched off long ago, or whose clock is in the past.
  const { host: another } = await startRegistry(t);
  const proxy = await faultyProxy(t, another);
  const late = await machines(t, proxy.host, { claimTimes: { ...TIMES, leaseMs: 300 } });
  const old = await begun(late);
  proxy.fault = () => 'reset';
  await sleep(600);
  const third = await machines(t, another);
  const { made } = await costly(third);
  assert.equal(made, true);
  assert.deepEqual(third.said(), []);
  old.end();
  await old.outcome;
});

test('a registry that takes no claims: every machine makes it, and nothing is said', { skip }, async (t) => {
  const { host } = await startRegistry(t);
  const proxy = await faultyProxy(t, host);
  proxy.fault = (method) => (method === 'GET' || method === 'HEAD' ? undefined : { status: 405 });
  const [first, second] = [await machines(t, proxy.host), await machines(t, proxy.host)];
  const making = await begun(first);
  assert.equal((await costly(second)).made, true);
  making.end();
  assert.equal((await making.outcome).made, true);
  assert.deepEqual([...first.said(), ...second.said()], []);
});

test('what is cheap is neither claimed nor waited for', { skip }, async (t) => {
  const { host } = await startRegistry(t);
  const proxy = await faultyProxy(t, host);
  const first = await machines(t, proxy.host);
  value(
    await first.store.obtain('builds', { what: 'cheap' }, fill('cheap'), { signal: first.context.signal }),
  );
  assert.deepEqual(
    proxy.asked.filter((line) => line.includes('making-') || !line.startsWith('GET')),
    [],
  );
});
