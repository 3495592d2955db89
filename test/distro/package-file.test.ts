import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ar, compress, debAround, file, tar } from '../support/deb.ts';
import { unpackBytes, unpackingRoot } from '../support/unpacking.ts';

const TAR = tar([file('./a', Buffer.alloc(200_000, 'some text '))]);
const PACKED = compress(TAR, 'xz');

const damaged: readonly [title: string, code: string, bytes: Uint8Array][] = [
  ['an empty file', 'archive/corrupt', Buffer.alloc(0)],
  ['a web page', 'archive/corrupt', Buffer.from('<html>not found</html>')],
  [
    'a wrong mark of ar',
    'archive/corrupt',
    Buffer.concat([Buffer.from('!<arcx>\n'), debAround(PACKED).subarray(8)]),
  ],
  [
    'a damaged header of ar',
    'archive/corrupt',
    ar([['debian-binary', Buffer.from('2.0\n')]]).fill('x', 8, 70),
  ],
  ['no debian-binary', 'archive/corrupt', ar([['data.tar.xz', PACKED]])],
  ['an unknown format', 'archive/unsupported', ar([['debian-binary', Buffer.from('3.0\n')]])],
  [
    'an unknown packing',
    'archive/unsupported',
    ar([
      ['debian-binary', Buffer.from('2.0\n')],
      ['control.tar.gz', PACKED],
      ['data.tar.lzma', PACKED],
    ]),
  ],
  [
    'no control before the data',
    'archive/corrupt',
    ar([
      ['debian-binary', Buffer.from('2.0\n')],
      ['data.tar.xz', PACKED],
    ]),
  ],
  [
    'an unknown member before the data',
    'archive/corrupt',
    ar([
      ['debian-binary', Buffer.from('2.0\n')],
      ['control.tar.gz', PACKED],
      ['other', PACKED],
      ['data.tar.xz', PACKED],
    ]),
  ],
  ['two streams of xz', 'archive/corrupt', debAround(Buffer.concat([PACKED, PACKED]))],
  [
    'something after the stream of xz',
    'archive/corrupt',
    debAround(Buffer.concat([PACKED, Buffer.from('more')])),
  ],
  ['zeros after the stream of xz', 'archive/corrupt', debAround(Buffer.concat([PACKED, Buffer.alloc(4)]))],
  [
    'something after the frame of zst',
    'archive/corrupt',
    debAround(Buffer.concat([compress(TAR, 'zst'), Buffer.from('more')]), 'zst'),
  ],
  [
    'zeros after the data of gz',
    'archive/corrupt',
    debAround(Buffer.concat([compress(TAR, 'gz'), Buffer.alloc(4)]), 'gz'),
  ],
  ['no data', 'archive/truncated', ar([['debian-binary', Buffer.from('2.0\n')]])],
  ['a file cut off', 'archive/truncated', debAround(PACKED).subarray(0, -100)],
  ['a file cut off in a header', 'archive/truncated', debAround(PACKED).subarray(0, 90)],
];

for (const [title, code, bytes] of damaged) {
  test(`a package file that is refused: ${title}: ${code}`, async (t) => {
    const done = await unpackBytes(unpackingRoot(t), bytes);
    assert.ok(!done.ok, 'it was unpacked');
    assert.equal(done.error.code, code, JSON.stringify(done.error));
  });
}

test('members before the data whose names begin with _ are passed over, and names may end with a slash', async (t) => {
  const at = unpackingRoot(t);
  const data = compress(tar([file('./here', 'x')]), 'gz');
  const bytes = ar([
    ['debian-binary/', Buffer.from('2.1\n')],
    ['control.tar.gz/', Buffer.from('odd')],
    ['_extra', Buffer.from('12345')],
    ['data.tar.gz/', data],
    ['after', Buffer.from('more')],
  ]);
  const done = await unpackBytes(at, bytes);
  assert.deepEqual(done, { ok: true, value: { files: 1, bytes: 1 } });
});
