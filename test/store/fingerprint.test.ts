import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { fingerprint } from '../../src/store/fingerprint.ts';

test('a fingerprint is the sha256 of sorted JSON without white space', () => {
  const expected = createHash('sha256').update('{"a":[1,true,null],"b":{"x":"ü","y":"2"}}').digest('hex');
  assert.equal(fingerprint({ b: { y: '2', x: 'ü' }, a: [1, true, null] }), expected);
});

test('the order of keys does not matter, everything else does', () => {
  const base = fingerprint({ one: 'a', two: ['b', 'c'] });
  assert.equal(fingerprint({ two: ['b', 'c'], one: 'a' }), base);
  const others = [
    { one: 'a', two: ['c', 'b'] },
    { one: 'a', two: ['bc'] },
    { one: 'a', two: 'b,c' },
    { one: 'a', two: ['b', 'c'], three: null },
    { one: 'b', two: ['b', 'c'] },
    { '1': 'a', two: ['b', 'c'] },
  ];
  assert.equal(new Set([base, ...others.map((inputs) => fingerprint(inputs))]).size, 1 + others.length);
});

test('a value that JSON cannot hold throws', () => {
  for (const bad of [undefined, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(() => fingerprint({ bad: bad as number }), TypeError);
  }
});
