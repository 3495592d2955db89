import assert from 'node:assert/strict';
import { test } from 'node:test';
import { distribution } from '../../src/distro/distribution.ts';

test('versions are ordered as Debian orders them', () => {
  const ordered = [
    '0.0~git1-1',
    '0.0~git20-1',
    '0.0',
    '0.0-1',
    '0.0-1+b1',
    '0.0a',
    '0.0+1',
    '0.9',
    '0.10',
    '1:0.1',
  ];
  for (let i = 0; i + 1 < ordered.length; i++) {
    const [a, b] = [ordered[i] as string, ordered[i + 1] as string];
    assert.ok(distribution.compareVersions(a, b) < 0, `${a} < ${b}`);
    assert.ok(distribution.compareVersions(b, a) > 0, `${b} > ${a}`);
  }
  assert.equal(distribution.compareVersions('1.0-1', '1.0-1'), 0);
});
