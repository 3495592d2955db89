import assert from 'node:assert/strict';
import { lstatSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { type Bench, makeBench, openBox, quoted, removeBench, shell, value } from '../support/sandboxes.ts';

let bench: Bench;
before(async () => {
  bench = await makeBench();
});
after(() => removeBench(bench));

test('files and folders are copied out with their modes, links as links', async (t) => {
  const box = await openBox(t, bench, {
    mounts: [
      { kind: 'scratch', at: '/job/out' },
      { kind: 'volume', name: 'target', at: '/job/target' },
    ],
  });
  const made = await shell(
    box,
    `mkdir -p /job/out/tree/sub /job/target/release
     echo data >/job/out/tree/sub/file && chmod 640 /job/out/tree/sub/file && chmod 750 /job/out/tree/sub
     ln -s sub/file /job/out/tree/link && ln -s /etc/passwd /job/out/tree/dangling
     printf binary >/job/target/release/program && chmod 755 /job/target/release/program
     ln -s /job/target/release /job/out/shortcut && ln -s tree /job/out/same`,
  );
  assert.equal(made.stderr, '');
  const to = bench.make('copies');
  value(await box.copyOut('/job/out/tree', join(to, 'tree')));
  assert.equal(readFileSync(join(to, 'tree/sub/file'), 'utf8'), 'data\n');
  assert.equal(statSync(join(to, 'tree/sub/file')).mode & 0o777, 0o640);
  assert.equal(statSync(join(to, 'tree/sub')).mode & 0o777, 0o750);
  assert.equal(statSync(join(to, 'tree/sub/file')).uid, process.getuid?.());
  assert.equal(readlinkSync(join(to, 'tree/link')), 'sub/file');
  assert.equal(readlinkSync(join(to, 'tree/dangling')), '/etc/passwd');
  value(await box.copyOut('/job/target/release/program', join(to, 'program')));
  assert.equal(statSync(join(to, 'program')).mode & 0o777, 0o755);
  // Links inside the sandbox, followed as the sandbox sees them.
  value(await box.copyOut('/job/out/shortcut/program', join(to, 'again')));
  assert.equal(readFileSync(join(to, 'again'), 'utf8'), 'binary');
  value(await box.copyOut('/job/out/same/sub/file', join(to, 'file')));
  assert.ok(lstatSync(join(to, 'file')).isFile());
});

test('nothing is copied from outside the scratch folders and volumes', async (t) => {
  const secret = join(bench.make('secret'), 'file');
  writeFileSync(secret, 'of the machine');
  const box = await openBox(t, bench, {
    mounts: [
      { kind: 'scratch', at: '/out' },
      { kind: 'source', source: join(bench.folder, 'secret'), at: '/given' },
    ],
  });
  const made = await shell(
    box,
    `ln -s ${quoted(join(bench.folder, 'secret'))} /out/absolute; ln -s ../../../../../../etc /out/relative
     ln -s /given /out/given; ln -s loop /out/loop; mkdir /out/real; echo x >/out/real/file`,
  );
  assert.equal(made.stderr, '');
  const to = join(bench.make('refused'), 'copy');
  const cases = [
    '/etc/passwd',
    '/given/file',
    '/out/absolute/file',
    '/out/absolute',
    '/out/relative/passwd',
    '/out/given/file',
    '/out/../etc/passwd',
    '/out/loop',
    '/out/missing',
    '/out/real/file/below',
    '/tmp',
  ];
  for (const from of cases) {
    const copied = await box.copyOut(from, to);
    assert.ok(!copied.ok, from);
    assert.equal(copied.error.code, 'engine/cannot-copy');
    assert.throws(() => lstatSync(to), `${from} left something`);
  }
  value(await box.copyOut('/out/real/../real/file', to));
  const again = await box.copyOut('/out/real/file', to);
  assert.equal(again.ok ? '' : again.error.code, 'engine/cannot-copy', 'what is there is not written over');
});
