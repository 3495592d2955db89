import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import floors from '../docs/glibc-floors.json' with { type: 'json' };
import { provision, SHARED_STORE, temporaryFolder } from '../support/cli.ts';

test('the glibc that the README states for aarch64 is the one that its bundle needs', async (t) => {
  const folder = temporaryFolder(t);
  writeFileSync(join(folder, 'one.py'), 'print(1)\n');
  const run = await provision(['run', 'aarch64', '--samples', 'one.py'], {
    cwd: folder,
    store: SHARED_STORE,
  });
  assert.equal(run.status, 0, run.stdout + run.stderr);
  const artifacts = join(folder, 'artifacts', 'aarch64');
  const bundle = readdirSync(artifacts).find((name) => name.endsWith('.tar.gz')) as string;
  const { stdout } = await provision(['inspect', join(artifacts, bundle), '--json']);
  const { libc } = JSON.parse(stdout) as { readonly libc: { readonly floor: string } };
  assert.equal(libc.floor, floors.aarch64);
});
