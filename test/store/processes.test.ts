import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fingerprint } from '../../src/store/fingerprint.ts';
import { ownTag } from '../../src/store/process-tag.ts';
import { REPOSITORY, temporaryFolder } from '../support/cli.ts';
import { freshStore, leftovers, never, processesUsing, reopen, StoreProcess } from '../support/stores.ts';

interface Outcome {
  readonly ok: true;
  readonly value: { readonly hit: boolean; readonly folder: string; readonly meta: { readonly pid: number } };
}

test('of two processes that obtain the same entry one makes it and the other waits for it', async (t) => {
  const store = await freshStore(t);
  const children = [1, 2, 3].map(() => new StoreProcess(t, store.folder, 'obtain', 'same:go'));
  await Promise.all(children.map((child) => child.until(/making|waiting/)));
  writeFileSync(join(store.folder, 'go'), '');
  const outcomes = await Promise.all(children.map((child) => child.outcome<Outcome>()));
  assert.deepEqual(outcomes.map((one) => one.value.hit).sort(), [false, true, true]);
  assert.equal(new Set(outcomes.map((one) => one.value.meta.pid)).size, 1);
  for (const [index, child] of children.entries()) {
    const made = !outcomes[index]?.value.hit;
    assert.deepEqual(child.lines.slice(0, -1), made ? ['making'] : ['waiting']);
  }
  assert.deepEqual(readdirSync(outcomes[0]?.value.folder ?? '').sort(), ['half', 'whole']);
  await Promise.all(children.map((child) => child.end()));
});

/** The folder of programs that a shell with this PATH has: without flock(1), but with perl(1) where `perl`. */
function withoutFlock(t: TestContext, perl: boolean): NodeJS.ProcessEnv {
  const folder = temporaryFolder(t);
  for (const program of ['sh', 'cat', 'sync', ...(perl ? ['perl'] : [])])
    symlinkSync(
      execFileSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).trim(),
      join(folder, program),
    );
  return { ...process.env, PATH: folder };
}

test('without flock(1) the same locks are held by perl(1), and both wait for each other', async (t) => {
  const store = await freshStore(t);
  const env = withoutFlock(t, true);
  const first = new StoreProcess(t, store.folder, 'lock', 'same', env);
  await first.until(/locked/);
  const others = [process.env, env].map((one) => new StoreProcess(t, store.folder, 'lock', 'same', one));
  await Promise.all(others.map((other) => other.until(/waiting/)));
  await sleep(2500);
  for (const other of others) assert.deepEqual(other.lines, ['waiting']);
  await first.kill('SIGKILL');
  const [second, third] = await Promise.race(
    others.map(async (other, index) => {
      await other.until(/locked/);
      return index === 0 ? others : others.toReversed();
    }),
  );
  await second?.end();
  await third?.until(/locked/);
  await third?.end();
});

test('without flock(1) and perl(1) a lock is refused', async (t) => {
  const store = await freshStore(t);
  const none = new StoreProcess(t, store.folder, 'lock', 'same', withoutFlock(t, false));
  await none.until(/^store\/no-flock$/);
});

test('when the maker is killed, the one that waits makes the entry, and nothing half-made stays', async (t) => {
  const store = await freshStore(t);
  const first = new StoreProcess(t, store.folder, 'obtain', 'same:go');
  await first.until(/making/);
  const second = new StoreProcess(t, store.folder, 'obtain', 'same');
  await second.until(/waiting/);
  assert.equal(await store.find('trees', fingerprint({ label: 'same' })), undefined);
  assert.equal(leftovers(store.folder).length, 1);
  await first.kill('SIGKILL');
  const outcome = await second.outcome<Outcome>();
  assert.deepEqual([outcome.value.hit, outcome.value.meta.pid], [false, second.child.pid]);
  await second.end();
  const again = await reopen(store.folder);
  await again.settled();
  assert.deepEqual(leftovers(store.folder), []);
  assert.deepEqual(readdirSync(join(store.folder, 'trees')).length, 1);
});

test('a lock is exclusive across processes and within one, and waiting for it is reported once', async (t) => {
  const store = await freshStore(t);
  const other = new StoreProcess(t, store.folder, 'lock', 'key ü/../, odd');
  await other.until(/locked/);
  let waits = 0;
  let got = false;
  const wanted = store.lock('key ü/../, odd', { ...never(), onWait: () => (waits += 1) }).then((lock) => {
    got = true;
    return lock;
  });
  // Longer than a waiter takes to look whether its owner still lives.
  await sleep(2600);
  assert.deepEqual([waits, got], [1, false]);
  await other.end();
  const lock = await wanted;
  assert.ok(lock.ok);
  const twice = store.lock('key ü/../, odd', never());
  assert.equal(await Promise.race([twice, sleep(150, 'waits')]), 'waits');
  await lock.value[Symbol.asyncDispose]();
  const second = await twice;
  assert.ok(second.ok);
  await second.value[Symbol.asyncDispose]();
  assert.deepEqual(processesUsing(store.folder), []);
});

test('different keys do not wait for each other', async (t) => {
  const store = await freshStore(t);
  const locks = await Promise.all(['a', 'b', 'a b', 'a/b'].map((key) => store.lock(key, never())));
  for (const lock of locks) {
    assert.ok(lock.ok);
    await lock.value[Symbol.asyncDispose]();
  }
  assert.equal(readdirSync(join(store.folder, 'locks')).length, 4);
});

test('an interrupt ends the waiting for a lock and leaves no process', async (t) => {
  const store = await freshStore(t);
  const held = await store.lock('key', never());
  assert.ok(held.ok);
  const controller = new AbortController();
  const wanted = await store.lock('key', { signal: controller.signal, onWait: () => controller.abort() });
  assert.ok(!wanted.ok);
  assert.equal(wanted.error.code, 'interrupted/signal');
  await held.value[Symbol.asyncDispose]();
  assert.deepEqual(processesUsing(store.folder), []);
});

test('an interrupt does not take away a lock that is held', async (t) => {
  const store = await freshStore(t);
  const controller = new AbortController();
  const held = await store.lock('key', { signal: controller.signal });
  assert.ok(held.ok);
  controller.abort();
  const other = new StoreProcess(t, store.folder, 'lock', 'key');
  await other.until(/waiting/);
  await held.value[Symbol.asyncDispose]();
  await other.until(/locked/);
});

test('a process that waits for a lock and is killed leaves no process behind for long', async (t) => {
  const store = await freshStore(t);
  const held = await store.lock('key', never());
  assert.ok(held.ok);
  const other = new StoreProcess(t, store.folder, 'lock', 'key');
  await other.until(/waiting/);
  await other.kill('SIGKILL');
  assert.ok(processesUsing(store.folder).length > 1, 'the one that held it and the one that waited');
  for (let i = 0; i < 60 && processesUsing(store.folder).length > 1; i += 1) await sleep(100);
  assert.equal(processesUsing(store.folder).length, 1);
  await held.value[Symbol.asyncDispose]();
});

test('a lock that was never released does not keep a program from ending, and is free then', async (t) => {
  const store = await freshStore(t);
  const { execFileSync } = await import('node:child_process');
  const open = JSON.stringify(new URL('../../src/store/open.ts', import.meta.url).href);
  const program = `const { openStore } = await import(${open});
    const { value } = await openStore(${JSON.stringify(store.folder)});
    await value.lock('key', { signal: new AbortController().signal });`;
  execFileSync(process.execPath, ['--input-type=module', '-e', program], { timeout: 20_000 });
  const lock = await store.lock('key', never());
  assert.ok(lock.ok);
  await lock.value[Symbol.asyncDispose]();
});

test('opening sweeps what dead processes left, whatever process has their number now', async (t) => {
  const store = await freshStore(t);
  const [pid, start, namespace, boot] = ownTag().split('-') as [string, string, string, string];
  const tags = {
    alive: ownTag(),
    'another process had our number': [pid, String(Number(start) - 1), namespace, boot].join('-'),
    'nobody has the number': ['4194304', start, namespace, boot].join('-'),
    'another container, lately': [pid, start, '1', boot].join('-'),
    'another container, long ago': ['7', start, '1', boot].join('-'),
    'another boot, lately': [pid, start, namespace, '00000000'].join('-'),
    'another boot, long ago': ['7', start, namespace, '00000000'].join('-'),
    'no tag at all, long ago': 'garbage',
  };
  for (const [title, tag] of Object.entries(tags)) {
    const folder = join(store.folder, 'tmp', `${tag}.0123`);
    mkdirSync(join(folder, 'root'), { recursive: true });
    writeFileSync(join(folder, 'root', 'file'), title);
    if (title.endsWith('long ago')) utimesSync(folder, 1000, 1000);
  }
  const again = await reopen(store.folder);
  assert.ok((await again.settled()).ok);
  const kept = Object.entries(tags).filter(([, tag]) => existsSync(join(store.folder, 'tmp', `${tag}.0123`)));
  assert.deepEqual(
    kept.map(([title]) => title),
    ['alive', 'another container, lately', 'another boot, lately'],
  );
});

test('a program that only waits for the store lives until a new entry is on the disk', (t) => {
  const folder = join(temporaryFolder(t, 'störe, waited for '), 'störe');
  const program = `
    import { truncateSync, writeFileSync } from 'node:fs';
    import { join } from 'node:path';
    import { openStore } from ${JSON.stringify(join(REPOSITORY, 'src/store/open.ts'))};
    const { value: store } = await openStore(${JSON.stringify(folder)});
    const made = await store.obtain('trees', { what: 'test' }, async (to) => {
      // Large enough to be described in the background.
      writeFileSync(join(to, 'file'), 'text');
      truncateSync(join(to, 'file'), 80e6);
      return { ok: true, value: {} };
    }, { signal: new AbortController().signal });
    const settled = await store.settled();
    console.log(made.ok, settled.ok);
  `;
  const ran = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  assert.equal(ran.stdout, 'true true\n', ran.stderr);
  assert.equal(ran.status, 0);
});
