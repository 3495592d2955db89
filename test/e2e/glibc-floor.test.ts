import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import floors from '../docs/glibc-floors.json' with { type: 'json' };
import { provision, REPOSITORY, SHARED_STORE, temporaryFolder } from '../support/cli.ts';

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

test('a bundle that asks for a newer glibc than the recipe allows is a failure with files and symbols', async (t) => {
  const folder = temporaryFolder(t);
  const recipe = (glibc: string): void =>
    writeFileSync(
      join(folder, 'floor.yaml'),
      `schema: 1\ndescription: A floor.\ntarget: aarch64\nglibc: "${glibc}"\nsamples: {path: .}\nproject: {path: ${JSON.stringify(join(REPOSITORY, 'runner'))}, bin: isolate}\n`,
    );
  writeFileSync(join(folder, 'one.py'), 'print(1)\n');
  recipe('2.31');
  const run = () =>
    provision(['run', './floor.yaml', '--artifacts', 'out'], { cwd: folder, store: SHARED_STORE });
  const refused = await run();
  assert.equal(refused.status, 6, refused.stdout + refused.stderr);
  const text = refused.stderr.replaceAll(/\s+/g, ' ');
  assert.match(text, /error\[build\/glibc-too-new\]/);
  assert.ok(text.includes(`glibc ${floors.aarch64}`), text);
  assert.match(text, /lib\/libpython3\.13\.so\.1\.0: GLIBC_2\.38 \([^)]*__isoc23_strto/);
  assert.match(text, /Write `sysroot: portable-gnu`/);
  // The other cure: what the bundle asks for.
  recipe(floors.aarch64);
  const allowed = await run();
  assert.equal(allowed.status, 0, allowed.stdout + allowed.stderr);
});
