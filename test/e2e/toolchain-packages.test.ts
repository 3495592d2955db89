// What a recipe adds to its toolchain, resolved by the distribution's own resolver: for a target of another C library, again,
// stale, unknown and in conflict.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { provision, SHARED_STORE, temporaryFolder } from '../support/cli.ts';
import { put } from '../support/crate.ts';

function crate(t: TestContext): string {
  const folder = temporaryFolder(t, 'provision tools ü ');
  put(folder, {
    'Cargo.toml': '[package]\nname = "small"\nversion = "0.1.0"\nedition = "2021"\n',
    'Cargo.lock': 'version = 4\n\n[[package]]\nname = "small"\nversion = "0.1.0"\n',
    'src/main.rs': 'fn main() {}\n',
  });
  return folder;
}

function ask(folder: string, packages: string): void {
  const recipe = `schema: 1\nextends: musl\ntoolchain: {packages: [${packages}]}\n`;
  writeFileSync(join(folder, 'provision.yaml'), recipe);
}

/** Locks beside the recipe → their text. */
function locks(folder: string): Readonly<Record<string, string>> {
  const names = readdirSync(folder).filter((name) => name.startsWith('provision.') && name.endsWith('.lock'));
  return Object.fromEntries(names.sort().map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

const lock = (cwd: string) => provision(['lock'], { cwd, store: SHARED_STORE });

test('the toolchain of a musl target is added to, locked again without a change, and stale after one', async (t) => {
  const cwd = crate(t);
  ask(cwd, 'nasm');
  const locked = await lock(cwd);
  assert.equal(locked.status, 0, locked.stderr);
  assert.match(locked.stdout, /\+ nasm:amd64 \d/);
  const first = locks(cwd);
  assert.deepEqual(Object.keys(first), [
    'provision.llvm-cpython-amd64.lock',
    'provision.llvm-cpython-arm64.lock',
  ]);
  const again = await lock(cwd);
  assert.equal(again.status, 0, again.stderr);
  assert.match(again.stdout, /unchanged[\s\S]*unchanged/);
  assert.deepEqual(locks(cwd), first);

  ask(cwd, 'nasm, bison');
  const stale = await provision(['run', '--frozen'], { cwd, store: SHARED_STORE });
  assert.equal(stale.status, 3, stale.stderr);
  assert.match(stale.stderr, /error\[lock\/stale\][\s\S]*`provision lock`[\s\S]*provision\.yaml/);
  assert.deepEqual(locks(cwd), first);
});

for (const [title, packages, says] of [
  [
    'a package that there is none of',
    'nasm, no-such-tool',
    /error\[lock\/unknown-package\].*"no-such-tool"[\s\S]*provision\.yaml:3:30[\s\S]*`toolchain\.packages` of the recipe/,
  ],
  [
    'packages that exclude each other',
    'systemd, systemd-standalone-sysusers',
    /error\[lock\/unsatisfiable\][\s\S]*provision\.yaml:3:13[\s\S]*systemd-standalone-sysusers : Conflicts: systemd-sysusers/,
  ],
] as const) {
  test(`${title} in a toolchain: named, and nothing is written`, {
    skip: process.env.PROVISION_TEST_ALL === '1' ? false : 'PROVISION_TEST_ALL=1 resolves them',
  }, async (t) => {
    const cwd = crate(t);
    ask(cwd, packages);
    const failed = await lock(cwd);
    assert.equal(failed.status, 3, failed.stderr);
    assert.match(failed.stderr, says);
    assert.deepEqual(locks(cwd), {});
  });
}
