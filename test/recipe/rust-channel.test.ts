import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { rustTooOld } from '../../src/build/rust-version.ts';
import { compareReleases } from '../../src/domain/glibc.ts';
import type { Lock } from '../../src/domain/packages.ts';
import { resolveRecipe } from '../../src/recipe/recipe.ts';
import { REPOSITORY, temporaryFolder } from '../support/cli.ts';
import { put } from '../support/crate.ts';
import { definitionsHome, RECIPE } from '../support/definitions-home.ts';

interface Asked {
  /** Further lines of the recipe. */
  readonly recipe?: string;
  /** `rust-version` in Cargo.toml. */
  readonly needs?: string;
  /** Channel in rust-toolchain.toml. */
  readonly pin?: string;
  readonly machine?: string;
}

async function resolve(t: TestContext, { recipe = '', needs, pin, machine = 'x86_64' }: Asked) {
  const cwd = temporaryFolder(t);
  const rustVersion = needs === undefined ? '' : `rust-version = "${needs}"\n`;
  put(cwd, {
    'Cargo.toml': `[package]\nname = "own"\nversion = "0.1.0"\nedition = "2021"\n${rustVersion}`,
    'Cargo.lock': 'version = 4\n',
    'src/main.rs': 'fn main() {}\n',
    ...(pin === undefined ? {} : { 'rust-toolchain.toml': `[toolchain]\nchannel = "${pin}"\n` }),
    'provision.yaml': `schema: 1\nextends: aarch64\n${recipe}\n`,
  });
  return resolveRecipe({ home: REPOSITORY, cwd, machine }, undefined);
}

async function taken(t: TestContext, asked: Asked) {
  const found = await resolve(t, asked);
  assert.ok(found.ok, JSON.stringify(found));
  return found.value;
}

test('the oldest packaged Rust that the crate takes builds it, and it is said why it is the newer one', async (t) => {
  const cases: readonly (readonly [Asked, string, RegExp | undefined])[] = [
    [{}, 'llvm-cpython', undefined],
    [{ needs: '1.70' }, 'llvm-cpython', undefined],
    [{ needs: '1.85' }, 'llvm-cpython', undefined],
    [{ needs: '1.86' }, 'llvm-cpython-next', /^Cargo\.toml asks for Rust 1\.86 or newer\.$/],
    [{ needs: '1.86', recipe: 'python: {from: packages}' }, 'llvm-next', /1\.86/],
    [{ needs: '1.86', recipe: 'toolchain: {packages: [cmake]}' }, 'llvm-cpython-next', /1\.86/],
    [{ needs: '1.97.0', machine: 'aarch64' }, 'llvm-cpython-next', /1\.97\.0/],
    [{ recipe: 'rust: next' }, 'llvm-cpython-next', undefined],
    [{ recipe: 'rust: stable', needs: '1.90' }, 'llvm-cpython', undefined],
    [{ recipe: 'rust: host', needs: '1.90' }, 'llvm-cpython', undefined],
    // Neither has it: the older one, whose failure names the ways out.
    [{ needs: '1.150' }, 'llvm-cpython', undefined],
    [{ pin: '1.90' }, 'llvm-cpython-next', /rust-toolchain\.toml asks for Rust 1\.90\.$/],
    [{ pin: '1.97.1-x86_64-unknown-linux-gnu' }, 'llvm-cpython-next', /1\.97\.1/],
    [{ pin: '1.85.1' }, 'llvm-cpython', undefined],
    [{ pin: '1.80' }, 'llvm-cpython', undefined],
    [{ pin: 'stable' }, 'llvm-cpython', undefined],
    [{ pin: 'nightly-2026-01-01' }, 'llvm-cpython', undefined],
  ];
  for (const [asked, image, because] of cases) {
    const { toolchain, files, rustBecause, recipe } = await taken(t, asked);
    const told = JSON.stringify(asked);
    assert.equal(toolchain.name, image, told);
    assert.equal(recipe.toolchain, image, told);
    const machine = asked.machine === 'aarch64' ? 'arm64' : 'amd64';
    assert.equal(files.toolchain.id, `docker/${image}/${machine}`, told);
    if (because === undefined) assert.equal(rustBecause, undefined, told);
    else assert.match(rustBecause ?? '', because, told);
  }
});

test('what an image calls the release of its Rust is that of its lock, for both machines', async (t) => {
  for (const image of ['llvm', 'llvm-cpython', 'llvm-next', 'llvm-cpython-next']) {
    const packaged = image.includes('cpython') ? '' : 'python: {from: packages}\n';
    const { toolchain } = await taken(t, {
      recipe: `${packaged}rust: ${image.endsWith('next') ? 'next' : 'stable'}`,
    });
    assert.equal(toolchain.name, image);
    for (const machine of ['amd64', 'arm64']) {
      const lock = JSON.parse(
        readFileSync(join(REPOSITORY, 'docker', image, `image.${machine}.lock`), 'utf8'),
      ) as Lock;
      const rustc = lock.sets.rootfs?.find(({ name }) => name === 'rustc')?.version;
      assert.equal(rustc?.startsWith(`${toolchain.rust}.`), true, `${image} ${machine}: ${rustc}`);
      // Its programs have their release in their names, which no package's name has.
      const automake = lock.sets.rootfs?.find(({ name }) => name === 'automake')?.version;
      if (automake !== undefined) {
        const called = toolchain.rootfs.links['usr/bin/automake'];
        assert.match(automake, new RegExp(`^1:${called?.replace('automake-', '').replace('.', '\\.')}[.-]`));
      }
      const stds = Object.entries(lock.sets).filter(([set]) => set.startsWith('rust-std:'));
      assert.ok(stds.length >= 6, image);
      for (const [set, packages] of stds) {
        const std = packages.find(({ name }) => name.startsWith('libstd-rust-dev'));
        assert.equal(std?.version, rustc, `${image} ${machine} ${set}`);
      }
    }
  }
});

test('a crate that is too new for `rust: stable` alone is told to leave that out', async (t) => {
  const stable = await taken(t, { recipe: 'rust: stable', needs: '1.90' });
  const lock = [{ name: 'rustc', version: '1.85.0+dfsg3-1' }] as unknown as Lock['sets'][string];
  const failure = rustTooOld(stable, lock);
  assert.equal(failure?.code, 'build/rust-too-old');
  assert.match(failure?.fix[0] ?? '', /^Remove `rust: stable`/);
  const neither = rustTooOld(await taken(t, { needs: '1.150' }), lock);
  assert.deepEqual(
    neither?.fix.map((line) => /`rust: host`|lower `rust-version`/.exec(line)?.[0]),
    ['`rust: host`', 'lower `rust-version`'],
  );
});

test('`rust: next` of an image that has no successor is refused at its place', async (t) => {
  const home = definitionsHome(t, { 'recipes/far.yaml': `${RECIPE}rust: next\n` });
  const found = await resolveRecipe({ home, cwd: home }, 'far');
  assert.ok(!found.ok);
  assert.equal(found.error.code, 'recipe/no-next-rust');
  assert.equal(found.error.at?.column, 7);
});

test('releases are compared by their numbers', () => {
  const older: readonly (readonly [string, string])[] = [
    ['1.85', '1.90'],
    ['1.9', '1.10'],
    ['1.85', '1.85.1'],
    ['1.85.1', '1.97'],
  ];
  for (const [one, other] of older) {
    assert.ok(compareReleases(one, other) < 0, `${one} ${other}`);
    assert.ok(compareReleases(other, one) > 0, `${other} ${one}`);
  }
  assert.equal(compareReleases('1.85', '1.85.0'), 0);
});
