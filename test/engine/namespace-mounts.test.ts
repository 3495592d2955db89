import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { parseMountinfo } from '../../src/engine/namespace/mountinfo.ts';
import {
  type Bench,
  confined,
  makeBench,
  openBox,
  programBehind,
  quoted,
  removeBench,
  run,
  shell,
} from '../support/sandboxes.ts';

let bench: Bench;
before(async () => {
  bench = await makeBench();
});
after(() => removeBench(bench));

function folderWith(name: string, files: Readonly<Record<string, string>>): string {
  const folder = bench.make(name);
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(join(folder, file, '..'), { recursive: true });
    writeFileSync(join(folder, file), content);
  }
  return folder;
}

test('`/dev` is read-only, and no mount of the machine is seen', async (t) => {
  const box = await openBox(t, bench);
  const { stderr, status } = await run(box, ['touch', '/dev/new']);
  assert.equal(status, 1);
  assert.match(stderr, /Read-only file system/);
  const mounts = await run(box, ['cat', '/proc/self/mountinfo']);
  const places = parseMountinfo(mounts.stdout).map(({ at }) => at);
  assert.ok(!places.some((at) => at.includes('old-root') || at.includes(bench.folder)), places.join('\n'));
  assert.doesNotMatch((await run(box, ['ls', '-A', '/run', '/tmp'])).stdout, /old-root/);
});

test('files in a volume belong to the user', async (t) => {
  const box = await openBox(t, bench, { mounts: [{ kind: 'volume', name: 'owned', at: '/job/target' }] });
  await shell(box, 'echo volume >/job/target/v');
  assert.equal(statSync(join(bench.folder, 'volumes/owned/v')).uid, process.getuid?.());
});

test('a single file may be mounted in a private folder', async (t) => {
  const source = join(folderWith('for one', { one: 'one\n' }), 'one');
  const box = await openBox(t, bench, { mounts: [{ kind: 'source', source, at: '/tmp/sub/one' }] });
  for (const pass of [1, 2]) {
    const { stdout } = await shell(box, 'ls /tmp/sub; cat /tmp/sub/one');
    assert.equal(stdout, 'one\none\n', `pass ${pass}`);
  }
});

test('all private folders may be covered by mounts', async (t) => {
  const box = await openBox(t, bench, {
    mounts: ['/tmp', '/run', '/var'].map((at) => ({ kind: 'scratch' as const, at })),
  });
  const { stdout, stderr } = await shell(box, 'touch /tmp/a /run/b /var/c && ls -A /tmp /run /var');
  assert.deepEqual([stdout, stderr], ['/run:\nb\n\n/tmp:\na\n\n/var:\nc\n', '']);
  const places = parseMountinfo((await run(box, ['cat', '/proc/self/mountinfo'])).stdout).map(({ at }) => at);
  assert.deepEqual(
    places.filter((at) => at.startsWith('/.old-root/')),
    [],
    'the old root is gone here too',
  );
});

test('a mount in `/dev`, or in a folder of too many entries, is refused', async () => {
  const crowd = folderWith(
    'crowd',
    Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`usr/lib/${index}`, ''])),
  );
  for (const [at, rootfs] of [
    ['/dev/shm/x', bench.rootfs],
    ['/usr/lib/new', crowd],
  ] as const) {
    const opened = await bench.engine.open({ rootfs, mounts: [{ kind: 'scratch', at }], network: 'none' });
    assert.ok(!opened.ok, at);
    assert.equal(opened.error.code, 'engine/no-mount-point');
    assert.ok(opened.error.what.includes(`${at} `), opened.error.what);
  }
  assert.deepEqual(readdirSync(bench.scratch), [], 'nothing is left of them');
});

test('mounts of the machine below a source are seen, read-only too', () => {
  const source = folderWith('with mounts', { 'below/hidden': '', 'below two/x': '' });
  const prepare = `
    mount -t tmpfs -o nosuid,nodev,noexec,noatime none ${quoted(join(source, 'below'))}
    mkdir ${quoted(join(source, 'below/deeper'))}
    mount -t tmpfs none ${quoted(join(source, 'below/deeper'))}
    echo seen >${quoted(join(source, 'below/deeper/file'))}`;
  const answer = programBehind(bench, confined(prepare), {
    spec: { mounts: [{ kind: 'source', source, at: '/s' }] },
    command: {
      argv: ['sh', '-c', 'ls /s/below; cat /s/below/deeper/file; touch /s/x /s/below/x /s/below/deeper/x'],
    },
  });
  assert.equal(answer.exit?.stdout, 'deeper\nseen\n', JSON.stringify(answer));
  assert.equal(answer.exit?.stderr.match(/Read-only file system/g)?.length, 3);
});

test('what comes from a restricted file system keeps its restrictions', () => {
  const folder = bench.make('restricted, folder');
  const prepare = `
    mount -t tmpfs -o nosuid,nodev,noexec,noatime none ${quoted(folder)}
    cp -a ${quoted(bench.rootfs)} ${quoted(join(folder, 'tree'))}`;
  const tree = join(folder, 'tree');
  const answer = programBehind(bench, confined(prepare), {
    spec: { mounts: [{ kind: 'tree', source: tree, at: '/t' }] },
    command: { argv: ['sh', '-c', 'cat /proc/self/mountinfo; touch /t/x; /t/usr/bin/true'] },
  });
  const mount = parseMountinfo(answer.exit?.stdout ?? '').find(({ at }) => at === '/t');
  assert.deepEqual(mount?.options, ['ro', 'nosuid', 'nodev', 'noexec', 'noatime'], JSON.stringify(answer));
  assert.match(answer.exit?.stderr ?? '', /Read-only[\s\S]*Permission denied/);
});

test('the network files of the machine are in a sandbox with network only', async (t) => {
  const alone = await openBox(t, bench);
  assert.equal((await run(alone, ['cat', '/etc/hosts'])).stdout, '127.0.0.1 localhost\n::1 localhost\n');
  assert.equal((await run(alone, ['cat', '/etc/resolv.conf'])).status, 1);
  const connected = await openBox(t, bench, { network: 'host' });
  const { stdout } = await run(connected, ['cat', '/etc/hosts']);
  assert.ok(stdout.startsWith(readFileSync('/etc/hosts', 'utf8').trimEnd()));
});
