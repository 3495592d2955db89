import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { LockedPackage } from '../../src/domain/packages.ts';
import { err, ok, type Result } from '../../src/domain/result.ts';
import { type Delivered, Deliveries } from '../../src/fetch/deliveries.ts';

function one(name: string): LockedPackage {
  return { name, version: '1', architecture: 'all', path: `pool/${name}`, digest: `sha256:${name}`, size: 1 };
}

async function names(items: AsyncIterable<Result<Delivered>>): Promise<string[]> {
  const seen: string[] = [];
  for await (const item of items) seen.push(item.ok ? item.value.package.name : item.error.code);
  return seen;
}

test('each tree gets its packages, shared ones too, and a package is downloaded once', async () => {
  const asked: string[] = [];
  const deliveries = new Deliveries(
    [
      { key: 'a', packages: [one('x'), one('shared')] },
      { key: 'b', packages: [one('shared'), one('y')] },
    ],
    async function* (packages) {
      asked.push(...packages.map(({ name }) => name));
      for (const item of packages) yield ok({ package: item, file: item.name });
    },
  );
  assert.deepEqual(asked, []);
  assert.deepEqual(await names(deliveries.of('a')), ['x', 'shared']);
  assert.deepEqual(await names(deliveries.of('b')), ['shared', 'y']);
  assert.deepEqual(asked, ['x', 'shared', 'y']);
});

test('a failed download ends every tree that still waits', async () => {
  const deliveries = new Deliveries(
    [
      { key: 'a', packages: [one('x')] },
      { key: 'b', packages: [one('y'), one('z')] },
    ],
    async function* (packages) {
      yield ok({ package: packages[0] as LockedPackage, file: 'x' });
      yield ok({ package: packages[1] as LockedPackage, file: 'y' });
      yield err({ code: 'fetch/no-network', what: 'No network.', fix: [] } as const);
    },
  );
  assert.deepEqual(await names(deliveries.of('a')), ['x']);
  assert.deepEqual(await names(deliveries.of('b')), ['y', 'fetch/no-network']);
});

test('an exception in the download is thrown to the tree', async () => {
  const deliveries = new Deliveries([{ key: 'a', packages: [one('x')] }], async function* () {
    yield* [];
    throw new Error('bug');
  });
  await assert.rejects(names(deliveries.of('a')), /bug/);
});
