import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { sitePath } from '../../src/bundle/packages.ts';
import type { LockedPackage } from '../../src/domain/packages.ts';
import type { Target } from '../../src/domain/target.ts';
import { wheelPlatforms } from '../../src/requirements/environment.ts';
import { temporaryFolder } from '../support/cli.ts';

const GNU = {
  rustTriple: 'aarch64-unknown-linux-gnu',
  libc: 'gnu',
  machine: 'aarch64',
  elf: { machine: 'AArch64', number: 183, interpreter: '/lib/ld-linux-aarch64.so.1' },
} as Target;
const LIBC = [
  { name: 'tzdata', version: '2026a' },
  { name: 'libc6', version: '2.17-3' },
] as LockedPackage[];

test('platform tags go up to the glibc of the target, newest first, with the aliases that precede PEP 600', () => {
  const { platforms } = wheelPlatforms(GNU, LIBC);
  assert.deepEqual(platforms.slice(0, 3), [
    'manylinux_2_17_aarch64',
    'manylinux2014_aarch64',
    'manylinux_2_16_aarch64',
  ]);
  assert.equal(platforms.at(-1), 'manylinux1_aarch64');
  assert.ok(!platforms.includes('manylinux_2_18_aarch64'));
});

test('platform tags of a program that is linked for an older glibc go up to that', () => {
  const newer = [{ name: 'libc6', version: '2.31-13' }] as LockedPackage[];
  assert.equal(wheelPlatforms(GNU, newer).platforms[0], 'manylinux_2_31_aarch64');
  assert.deepEqual(wheelPlatforms(GNU, newer, '2.17'), wheelPlatforms(GNU, LIBC));
});

test('a static program has no platform tags, with the reason', () => {
  const musl = { ...GNU, libc: 'musl', elf: { machine: 'AArch64', number: 183 } } as Target;
  const { platforms, why } = wheelPlatforms(musl, LIBC);
  assert.deepEqual(platforms, []);
  assert.match(why ?? '', /static and load no extension modules/);
});

test('the package folder is the one that the interpreter of the tree imports from', async (t) => {
  const root = temporaryFolder(t);
  const python = { stdlib: 'usr/lib/python3.13', minor: '3.13' };
  assert.equal(await sitePath(root, python), 'lib/python3.13/site-packages');
  mkdirSync(join(root, python.stdlib), { recursive: true });
  writeFileSync(join(root, python.stdlib, 'site.py'), 'path = os.path.join(prefix, "dist-packages")\n');
  assert.equal(await sitePath(root, python), 'lib/python3/dist-packages');
});
