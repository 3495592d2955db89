import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hostNameOf } from '../../src/engine/paths.ts';

test('a recipe\u2019s name becomes a host name that hostname(7) allows', () => {
  const names = ['x86_64', 'aarch64', '-odd.name_', '___', `${'a'.repeat(62)}-b`];
  assert.deepEqual(names.map(hostNameOf), ['x86-64', 'aarch64', 'odd-name', 'sandbox', 'a'.repeat(62)]);
});
