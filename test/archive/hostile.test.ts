import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { compress, debAround, file, folder, hardLink, symlink, type TarPart, tar } from '../support/deb.ts';
import { names, unpackBytes, unpackingRoot, unpackParts } from '../support/unpacking.ts';

/** A package of these entries is refused with this code, and nothing is written beside the root. */
function refused(title: string, code: string, parts: readonly TarPart[]): void {
  test(`${title}: ${code}`, async (t) => {
    const at = unpackingRoot(t);
    const done = await unpackParts(at, [parts]);
    assert.ok(!done.ok, 'it was unpacked');
    assert.equal(done.error.code, code, JSON.stringify(done.error));
    assert.ok(done.error.what.includes('package-0.deb'), done.error.what);
    assert.ok(done.error.fix.length > 0);
    assert.deepEqual(readdirSync(at.outside).sort(), ['a', 'package-0.deb']);
    assert.deepEqual(readdirSync(join(at.outside, 'a', 'b')), ['root']);
  });
}

refused('an absolute name', 'archive/escapes-root', [file('/etc/passwd', 'evil')]);
refused('a name that climbs out', 'archive/escapes-root', [file('../evil', 'evil')]);
refused('a name that climbs out in its middle', 'archive/escapes-root', [file('./usr/../../evil', 'evil')]);
refused('a folder that climbs out', 'archive/escapes-root', [folder('./../../evil/')]);
refused('a link whose name climbs out', 'archive/escapes-root', [symlink('../evil', '/etc')]);
refused('a hard link whose name climbs out', 'archive/escapes-root', [
  file('./a'),
  hardLink('../evil', './a'),
]);
refused('a hard link to a file outside', 'archive/escapes-root', [
  hardLink('./evil', '../../../package-0.deb'),
]);
refused('a hard link to an absolute path', 'archive/missing-link-target', [
  hardLink('./evil', '/etc/passwd'),
]);
refused('a hard link to nothing', 'archive/missing-link-target', [hardLink('./evil', './nothing')]);
refused('a hard link to a folder', 'archive/missing-link-target', [
  folder('./a/'),
  hardLink('./evil', './a'),
]);
refused('a character device', 'archive/device-node', [{ name: './null', type: '3' }]);
refused('a block device', 'archive/device-node', [{ name: './sda', type: '4' }]);
refused('a named pipe', 'archive/device-node', [{ name: './pipe', type: '6' }]);
refused('a sparse file', 'archive/unsupported', [{ name: './sparse', type: 'S' }]);
refused('a loop of links', 'archive/conflict', [symlink('./a', 'b'), symlink('./b', 'a'), file('./a/evil')]);
refused('a file where a folder is', 'archive/conflict', [folder('./a/'), file('./a', 'x')]);
refused('a link where a folder is', 'archive/conflict', [file('./a/b', 'x'), symlink('./a', '/etc')]);
refused('a file used as a folder', 'archive/conflict', [file('./a', 'x'), file('./a/b', 'x')]);
refused('a file named as the root', 'archive/conflict', [file('./.', 'x')]);
refused('a name with a zero byte', 'archive/bad-name', [file('a\0b\n\0c', 'x', { long: 'gnu' })]);
refused('a name that is not UTF-8', 'archive/bad-name', [file(Buffer.from('./caf\xe9', 'latin1'), 'x')]);
refused('a long name that is not UTF-8', 'archive/bad-name', [
  file(Buffer.from(`./${'caf\xe9/'.repeat(40)}x`, 'latin1'), 'x', { long: 'pax' }),
]);
refused('a link text that is not UTF-8', 'archive/bad-name', [
  symlink('./a', Buffer.from('caf\xe9', 'latin1')),
]);
refused('a file larger than the limit', 'archive/too-large', [
  file('./b'),
  file('./huge', 'x', { size: 8 * 1024 ** 3 - 1 }),
]);

test('a header that announces more than may be unpacked is refused before anything is written', async (t) => {
  const at = unpackingRoot(t);
  const done = await unpackParts(at, [[file('./huge', 'x', { size: 5_000_000 })]], {
    limits: { bytes: 4_000_000, files: 10 },
  });
  assert.ok(!done.ok);
  assert.equal(done.error.code, 'archive/too-large');
  assert.ok(!names(at.root).includes('huge'));
});

test('the limits apply to all packages of a set, in bytes and in files', async (t) => {
  const content = Buffer.alloc(600);
  for (const limits of [
    { bytes: 1000, files: 100 },
    { bytes: 100_000, files: 3 },
  ]) {
    const at = unpackingRoot(t);
    const parts = [
      [file('./a', content), symlink('./b', 'a')],
      [file('./c', content), symlink('./d', 'c')],
    ];
    const done = await unpackParts(at, parts, { limits, jobs: 2 });
    assert.ok(!done.ok);
    assert.equal(done.error.code, 'archive/too-large');
  }
});

for (const [title, parts] of [
  ['a file', [file('./way/evil', 'evil')]],
  ['a link', [symlink('./way/evil', 'a')]],
  ['a hard link', [file('./a'), hardLink('./way/evil', './a')]],
  ['a hard link to a file', [hardLink('./evil', './way/evil')]],
  ['a folder', [folder('./way/evil/')]],
  ['a folder in place', [folder('./way/')]],
] as const) {
  for (const target of ['/', '../../..', 'beside', '.']) {
    refused(`${title} through a link to ${target} of the same archive`, 'archive/conflict', [
      folder('./beside/'),
      symlink('./way', target),
      ...parts,
    ]);
  }
}
refused('a name that climbs and stays inside', 'archive/escapes-root', [
  folder('./a/'),
  file('./a/../b', 'x'),
]);
refused('a folder twice with different modes', 'archive/conflict', [
  folder('./a/', { mode: 0o700 }),
  folder('./a/', { mode: 0o755 }),
]);

test('a file through a link of another package that leads outside lands inside the root', async (t) => {
  const at = unpackingRoot(t);
  const outside = join(at.outside, 'target');
  writeFileSync(outside, 'untouched');
  const links = await unpackParts(at, [
    [
      symlink('./absolute', at.outside),
      symlink('./climbs', '../../../../../../../../..'),
      symlink('./deep/er', '../../..'),
      symlink('./chain', 'deep/er'),
    ],
  ]);
  assert.ok(links.ok, JSON.stringify(links));
  const done = await unpackParts(at, [
    [file('./absolute/target', 'evil'), file('./climbs/top', 'evil'), file('./chain/chained', 'evil')],
  ]);
  assert.ok(done.ok, JSON.stringify(done));
  assert.equal(readFileSync(outside, 'utf8'), 'untouched');
  assert.equal(readFileSync(join(at.root, at.outside, 'target'), 'utf8'), 'evil');
  for (const name of ['top', 'chained']) assert.equal(readFileSync(join(at.root, name), 'utf8'), 'evil');
  assert.deepEqual(readdirSync(at.outside).sort(), ['a', 'package-0.deb', 'target']);
});

test('a file in place of a link that leads outside is refused, and nothing is written there', async (t) => {
  const at = unpackingRoot(t);
  const outside = join(at.outside, 'target');
  writeFileSync(outside, 'untouched');
  for (const target of [outside, '../../../../../../../../../x']) {
    const done = await unpackParts(at, [[symlink('./target', target), file('./target', 'evil')]]);
    assert.ok(!done.ok && done.error.code === 'archive/conflict', JSON.stringify(done));
  }
  assert.equal(readFileSync(outside, 'utf8'), 'untouched');
});

test('a link made by one package does not lead the files of the next one outside', async (t) => {
  const at = unpackingRoot(t);
  const done = await unpackParts(at, [
    [file('./pad', Buffer.alloc(10_000, 'unlike')), symlink('./way', at.outside)],
    [file('./way/evil', 'evil')],
  ]);
  assert.ok(done.ok, JSON.stringify(done));
  assert.deepEqual(readdirSync(at.outside).sort(), ['a', 'package-0.deb', 'package-1.deb']);
});

test('a link never takes the place of a folder that another entry was put through before', async (t) => {
  const at = unpackingRoot(t);
  const done = await unpackParts(at, [
    [file('./usr/a', 'x'), symlink('./usr', at.outside), file('./usr/evil', 'x')],
  ]);
  assert.ok(!done.ok);
  assert.equal(done.error.code, 'archive/conflict');
  assert.deepEqual(readdirSync(at.outside).sort(), ['a', 'package-0.deb']);
});

const GOOD = tar([folder('./'), file('./a', Buffer.alloc(200_000, 'some text ')), file('./b', 'b')]);
const PACKED = compress(GOOD, 'xz');

const damaged: readonly [title: string, code: string, bytes: Uint8Array][] = [
  ['xz data cut off', 'archive/truncated', debAround(PACKED.subarray(0, -40))],
  ['xz data damaged', 'archive/corrupt', debAround(Buffer.from(PACKED).fill(0x55, 100, 140))],
  ['no xz data', 'archive/corrupt', debAround(Buffer.from('this is no xz at all'))],
  ['gz data cut off', 'archive/truncated', debAround(compress(GOOD, 'gz').subarray(0, -40), 'gz')],
  [
    'gz data damaged',
    'archive/corrupt',
    debAround(Buffer.from(compress(GOOD, 'gz')).fill(0x55, 60, 90), 'gz'),
  ],
  [
    'zst data damaged',
    'archive/corrupt',
    debAround(Buffer.from(compress(GOOD, 'zst')).fill(0x55, 20, 40), 'zst'),
  ],
  ['zst data cut off', 'archive/truncated', debAround(compress(GOOD, 'zst').subarray(0, -9), 'zst')],
  ['a tar archive cut off in a file', 'archive/truncated', debAround(compress(GOOD.subarray(0, 5000), 'xz'))],
  [
    'a tar archive cut off between files',
    'archive/truncated',
    debAround(compress(GOOD.subarray(0, -2048), 'xz')),
  ],
  [
    'a tar archive cut off in a header',
    'archive/truncated',
    debAround(compress(GOOD.subarray(0, -1800), 'xz')),
  ],
  [
    'a damaged header of tar',
    'archive/corrupt',
    debAround(compress(Buffer.from(GOOD).fill('y', 0, 5), 'xz')),
  ],
  ['no tar archive', 'archive/corrupt', debAround(compress(Buffer.alloc(4096, 'text '), 'xz'))],
  ['a tar archive packed twice', 'archive/corrupt', debAround(compress(compress(GOOD, 'gz'), 'xz'))],
];

for (const [title, code, bytes] of damaged) {
  test(`${title}: ${code}`, async (t) => {
    const at = unpackingRoot(t);
    const done = await unpackBytes(at, bytes);
    assert.ok(!done.ok, 'it was unpacked');
    assert.equal(done.error.code, code, JSON.stringify(done.error));
  });
}

test('a name with control characters is escaped in the failure', async (t) => {
  const done = await unpackParts(unpackingRoot(t), [[file('../\u001b[2J\u202eevil', 'x')]]);
  assert.ok(!done.ok);
  assert.doesNotMatch(done.error.what, /[\p{Cc}\u202e]/u);
});
