// Work on many items at once: how much, and what is left at work when one fails.
import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eachAtOnce } from '../../src/domain/each-at-once.ts';
import { temporaryFolder } from '../support/cli.ts';

test('each item is worked on once, for no more at once than asked for', async () => {
  const done: number[] = [];
  let running = 0;
  let most = 0;
  await eachAtOnce(3, [5, 1, 4, 2, 3, 0], async (item) => {
    running += 1;
    most = Math.max(most, running);
    await sleep(item);
    running -= 1;
    done.push(item);
  });
  assert.deepEqual(done.sort(), [0, 1, 2, 3, 4, 5]);
  assert.equal(most, 3);
});

test('the first failure is thrown when nothing is at work any more, and nothing is begun after it', async () => {
  const begun: number[] = [];
  let running = 0;
  const failing = eachAtOnce(4, [0, 1, 2, 3, 4, 5, 6, 7], async (item) => {
    begun.push(item);
    running += 1;
    await sleep(item === 1 ? 5 : 40);
    running -= 1;
    if (item === 1) throw new Error('first');
    if (item === 2) throw new Error('second');
  });
  await assert.rejects(failing, /first/);
  assert.equal(running, 0);
  assert.deepEqual(begun, [0, 1, 2, 3]);
  await assert.rejects(
    eachAtOnce(2, [1], () => Promise.reject(undefined)),
    (cause) => cause === undefined,
  );
});

test('a folder can be removed as soon as work in it has failed', async (t) => {
  const folder = join(temporaryFolder(t), 'made');
  for (let tries = 0; tries < 20; tries += 1) {
    mkdirSync(folder);
    const items = Array.from({ length: 300 }, (_, index) => index);
    const failing = eachAtOnce(16, items, async (item) => {
      if (item === 20) throw new Error('refused');
      await writeFile(join(folder, String(item)), 'x'.repeat(5000));
    });
    await assert.rejects(failing, /refused/);
    rmSync(folder, { recursive: true });
    await sleep(1);
  }
});
