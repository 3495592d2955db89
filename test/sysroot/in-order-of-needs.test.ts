import assert from 'node:assert/strict';
import { test } from 'node:test';
import { err, ok, type Result } from '../../src/domain/result.ts';
import { inOrderOfNeeds } from '../../src/sysroot/source/libraries.ts';

const thing = (name: string, ...needs: string[]) => ({ name, needs });

/** What has begun and not ended; `end` ends one of them. */
function workshop() {
  const open = new Map<string, (ok: boolean) => void>();
  const begun: string[] = [];
  const make = ({ name }: { readonly name: string }, needed: readonly string[]) => {
    begun.push(needed.length === 0 ? name : `${name} with ${needed.join(' and ')}`);
    return new Promise<Result<string>>((resolve) =>
      open.set(name, (well) => resolve(well ? ok(`made ${name}`) : failed(name))),
    );
  };
  const end = async (name: string, well = true) => {
    open.get(name)?.(well);
    await new Promise(setImmediate);
  };
  return { begun, make, end };
}

const failed = (name: string): Result<never> =>
  err({ code: 'build/failed', what: `${name} fails.`, fix: [] });

test('what waits for another keeps no place from what could be made meanwhile', async () => {
  const { begun, make, end } = workshop();
  const all = inOrderOfNeeds([thing('b', 'a'), thing('a', 'elsewhere'), thing('c'), thing('d')], 2, make);
  await new Promise(setImmediate);
  assert.deepEqual(begun, ['a', 'c'], 'the first is not ready');
  await end('c');
  assert.deepEqual(begun, ['a', 'c', 'd'], 'it still waits');
  await end('a');
  assert.deepEqual(begun, ['a', 'c', 'd', 'b with made a']);
  await end('d');
  await end('b');
  assert.deepEqual(await all, ok(['made b', 'made a', 'made c', 'made d']));
});

test('after a failure what runs is waited for, and nothing is begun', async () => {
  const { begun, make, end } = workshop();
  const all = inOrderOfNeeds([thing('a'), thing('b'), thing('c')], 2, make);
  await new Promise(setImmediate);
  await end('a', false);
  assert.deepEqual(begun, ['a', 'b']);
  await end('b');
  assert.deepEqual(await all, failed('a'));
});
