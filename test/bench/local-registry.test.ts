// The registry that `bench cache` starts where none is named.
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { LocalRegistry } from '../../src/bench/local-registry.ts';
import { temporaryFolder } from '../support/cli.ts';
import { NO_REGISTRY } from '../support/registry.ts';
import { value } from '../support/sandboxes.ts';
import { keyOf, machine, obtained } from '../support/shared-machines.ts';

test('it holds what one machine pushes for another, and is gone with the bench', {
  skip: NO_REGISTRY,
}, async (t) => {
  const folder = join(temporaryFolder(t, 'registry ü '), 'new');
  const address = await (async () => {
    await using registry = value(await LocalRegistry.start(folder));
    const at = `oci://${registry.host}/bench/cache`;
    const first = await machine(t, at, { push: keyOf() });
    await obtained(first, 'one');
    await first.finish();
    assert.equal((await obtained(await machine(t, at), 'one')).made, false);
    return at;
  })();
  const late = await machine(t, address);
  assert.equal((await obtained(late, 'one')).made, true);
  assert.match(late.said().join(), /cache\/unreachable/);
});

test('a machine without it is told what to install', async (t) => {
  const { PATH } = process.env;
  t.after(() => {
    process.env.PATH = PATH;
  });
  process.env.PATH = '/nowhere';
  const started = await LocalRegistry.start(temporaryFolder(t));
  assert.equal(started.ok, false);
  assert.equal(started.ok ? '' : started.error.code, 'engine/bench-registry');
});
