import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closest } from '../../src/domain/closest.ts';

const NAMES = ['aarch64', 'armv7', 'riscv64', 'default-features', 'bin', 'path'];

test('a near word is found, a far one is not', () => {
  const cases: Readonly<Record<string, string | undefined>> = {
    aarch46: 'aarch64',
    arch64: 'aarch64',
    AARCH64: 'aarch64',
    aarch: 'aarch64',
    armv8: 'armv7',
    defaultFeatures: 'default-features',
    default_feature: 'default-features',
    bni: 'bin',
    bins: 'bin',
    windows: undefined,
    x: undefined,
    '': undefined,
    '---': undefined,
  };
  for (const [word, meant] of Object.entries(cases)) assert.equal(closest(word, NAMES), meant, word);
  assert.equal(closest('anything', []), undefined);
  // The nearest number of equally near words.
  const systems = ['debian-11', 'debian-12', 'debian-13', 'empty'];
  assert.equal(closest('debian-14', systems), 'debian-13');
  assert.equal(closest('debian-10', systems), 'debian-11');
  assert.equal(closest('debain-12', systems), 'debian-12');
});

test('a beginning that two words share names neither', () => {
  assert.equal(closest('provis', ['provision-alpha', 'provision-bravo']), undefined);
});
