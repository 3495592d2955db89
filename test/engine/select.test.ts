import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, test } from 'node:test';
import type { Context } from '../../src/domain/context.ts';
import { ok } from '../../src/domain/result.ts';
import { selectEngine } from '../../src/engine/select.ts';
import type { Store } from '../../src/store/store.ts';
import { type Bench, makeBench, removeBench, value } from '../support/sandboxes.ts';

let bench: Bench;
before(async () => {
  bench = await makeBench();
});
after(() => removeBench(bench));

function select(engine: string, signal = new AbortController().signal) {
  // No Docker of this person's: what the machine has for all is left.
  const docker = { tlsVerify: false, certPath: bench.folder, config: bench.folder, home: bench.folder };
  const context = { settings: { engine, docker }, emit: () => {}, signal } as unknown as Context;
  const store = { folder: bench.folder, volume: async () => ok(bench.make('volume')) };
  return selectEngine(context, store as unknown as Store);
}

test('the engine is chosen by name, or the first that works', async () => {
  assert.equal(value(await select('namespace')).info.name, 'namespace');
  const { info } = value(await select('auto'));
  const hasDocker = ['/var/run/docker.sock', '/run/podman/podman.sock'].some((socket) => existsSync(socket));
  if (!hasDocker) assert.equal(info.name, 'namespace');
  assert.match(info.version, /\d/);
});

test('an unknown engine is a failure that lists the known ones', async () => {
  for (const name of ['dokcer', 'constructor', '']) {
    const selected = await select(name);
    assert.ok(!selected.ok);
    assert.equal(selected.error.code, 'engine/unknown');
    assert.match(selected.error.fix.join(), /`auto`, `namespace`/);
  }
});

test('an interrupted probe is an interruption, not a failure of the machine', async () => {
  const selected = await select('auto', AbortSignal.abort());
  assert.equal(selected.ok ? '' : selected.error.code, 'interrupted/signal');
});
