import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Mount } from '../../src/engine/engine.ts';
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
  value,
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

test('the root is read-only, and nothing of the machine is seen', async (t) => {
  const box = await openBox(t, bench);
  for (const place of ['/new', '/usr/new', '/etc/new', '/var/lib/new', '/dev/new', '/opt/new']) {
    const { stderr, status } = await run(box, ['touch', place]);
    assert.equal(status, 1, place);
    assert.match(stderr, /Read-only file system/, place);
  }
  const write = await shell(box, 'echo x >>/usr/bin/true');
  assert.match(write.stderr, /Read-only file system/);
  const mounts = await run(box, ['cat', '/proc/self/mountinfo']);
  const places = parseMountinfo(mounts.stdout).map(({ at }) => at);
  assert.ok(!places.some((at) => at.includes('old-root') || at.includes(bench.folder)), places.join('\n'));
  assert.equal((await run(box, ['ls', bench.folder])).status, 2);
  assert.doesNotMatch((await run(box, ['ls', '-A', '/run', '/tmp'])).stdout, /old-root/);
});

test('the root has what programs expect beside the tree', async (t) => {
  const box = await openBox(t, bench);
  const script = `
    readlink /bin /dev/fd /dev/stdin
    head -c 3 /dev/zero | wc -c
    echo gone >/dev/null && cat /dev/null && head -c 1 /dev/urandom | wc -c
    stat -c %a /tmp /run /var/tmp /dev/shm
    echo $$ >/dev/shm/x && cat /proc/$$/comm
    (exec 3<>/dev/ptmx) && echo terminals
  `;
  const { stdout, stderr } = await shell(box, script);
  assert.equal(stderr, '');
  const expected = [
    'usr/bin',
    '/proc/self/fd',
    '/proc/self/fd/0',
    '3',
    '1',
    '1777',
    '1777',
    '1777',
    '1777',
    'sh',
    'terminals',
  ];
  assert.deepEqual(stdout.trim().split('\n'), expected);
});

test('trees and sources are read-only; volumes and scratch folders are writable and last as they should', async (t) => {
  const mounts: Mount[] = [
    {
      kind: 'tree',
      source: folderWith('a tree, "quoted"\nand broken', { 'in/file': 'tree\n' }),
      at: '/sysroot',
    },
    { kind: 'source', source: folderWith("söurce 'x' \\040:", { file: 'source\n' }), at: '/job/project' },
    {
      kind: 'source',
      source: join(folderWith('single', { file: 'one\n' }), 'file'),
      at: '/etc/ssl/one file.pem',
    },
    { kind: 'volume', name: 'kept', at: '/job/target' },
    { kind: 'scratch', at: '/job/out' },
  ];
  const script = `
    cat /sysroot/in/file /job/project/file '/etc/ssl/one file.pem'
    touch /sysroot/x /job/project/x 2>&1
    (echo x >'/etc/ssl/one file.pem') 2>&1
    echo volume >/job/target/v && echo scratch >/job/out/s && cat /job/target/v /job/out/s
  `;
  const first = await openBox(t, bench, { mounts });
  const { stdout } = await shell(first, script);
  assert.match(stdout, /^tree\nsource\none\n/);
  assert.equal(stdout.match(/Read-only file system/g)?.length, 3);
  assert.match(stdout, /volume\nscratch\n$/);
  assert.equal(
    (await run(first, ['cat', '/job/out/s'])).stdout,
    'scratch\n',
    'scratch lasts from command to command',
  );
  assert.equal(
    statSync(join(bench.folder, 'volumes/kept/v')).uid,
    process.getuid?.(),
    'files belong to the person',
  );
  const second = await openBox(t, bench, { mounts });
  const later = await run(second, ['ls', '/job/target', '/job/out']);
  assert.equal(later.stdout, '/job/out:\n\n/job/target:\nv\n');
});

test('mounts may lie in mounts, in any order given', async (t) => {
  const tree = folderWith('outer', { 'inner/placeholder': '' });
  const box = await openBox(t, bench, {
    mounts: [
      { kind: 'source', source: folderWith('deep', { file: 'deep\n' }), at: '/a/scratch/made/deep' },
      { kind: 'source', source: folderWith('inner', { file: 'inner\n' }), at: '/a/tree/inner' },
      { kind: 'tree', source: tree, at: '/a/tree' },
      { kind: 'scratch', at: '/a/scratch' },
      { kind: 'source', source: folderWith('for tmp', { file: 'tmp\n' }), at: '/tmp/given' },
      { kind: 'source', source: join(tree, 'inner/placeholder'), at: '/tmp/sub/one' },
      { kind: 'source', source: folderWith('linked', { file: 'linked\n' }), at: '/var/run/linked' },
    ],
  });
  const files = ['/a/scratch/made/deep/file', '/a/tree/inner/file', '/tmp/given/file', '/run/linked/file'];
  for (const pass of [1, 2]) {
    const { stdout, stderr } = await run(box, ['cat', ...files]);
    assert.deepEqual([stdout, stderr], ['deep\ninner\ntmp\nlinked\n', ''], `pass ${pass}`);
  }
  assert.equal(
    (await run(box, ['ls', '/a/tree/inner', '/tmp/sub'])).stdout,
    '/a/tree/inner:\nfile\n\n/tmp/sub:\none\n',
  );
  assert.deepEqual(readdirSync(join(tree, 'inner')), ['placeholder']);
});

test('a mount point is made among the entries of the tree, which stay as they are', async (t) => {
  const source = folderWith('added', { file: 'added\n' });
  const box = await openBox(t, bench, {
    mounts: [
      { kind: 'source', source, at: '/opt/added' },
      { kind: 'source', source, at: '/usr/share/added' },
    ],
  });
  const { stdout } = await shell(
    box,
    'cat /opt/here /opt/added/file /usr/share/added/file; ls /opt; touch /opt/here /usr/x 2>&1',
  );
  assert.match(stdout, /^in the tree\nadded\nadded\nadded\nhere\n/);
  assert.equal(stdout.match(/Read-only file system/g)?.length, 2);
  assert.deepEqual(readdirSync(join(bench.rootfs, 'opt')), ['here'], 'the tree itself is not touched');
});

test('all private folders may be covered', async (t) => {
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

test('a place where nothing can be mounted is told', async () => {
  const source = folderWith('plain', { file: 'x' });
  const crowd = folderWith(
    'crowd',
    Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`usr/lib/${index}`, ''])),
  );
  const cases: readonly {
    readonly mounts: readonly Mount[];
    readonly rootfs?: string;
    readonly at: string;
  }[] = [
    {
      at: '/sysroot/missing',
      mounts: [
        { kind: 'tree', source, at: '/sysroot' },
        { kind: 'scratch', at: '/sysroot/missing' },
      ],
    },
    { at: '/opt/here', mounts: [{ kind: 'scratch', at: '/opt/here' }] },
    { at: '/opt/here/below', mounts: [{ kind: 'scratch', at: '/opt/here/below' }] },
    { at: '/usr/bin', mounts: [{ kind: 'source', source: join(source, 'file'), at: '/usr/bin' }] },
    { at: '/', mounts: [{ kind: 'scratch', at: '/' }] },
    { at: '/proc/here', mounts: [{ kind: 'scratch', at: '/proc/here' }] },
    { at: '/dev/shm/x', mounts: [{ kind: 'scratch', at: '/dev/shm/x' }] },
    { at: '/usr/lib/new', mounts: [{ kind: 'scratch', at: '/usr/lib/new' }], rootfs: crowd },
  ];
  for (const { mounts, at, rootfs } of cases) {
    const opened = await bench.engine.open({ rootfs: rootfs ?? bench.rootfs, mounts, network: 'none' });
    assert.ok(!opened.ok, at);
    assert.equal(opened.error.code, 'engine/no-mount-point');
    assert.ok(opened.error.what.includes(`${at} `), opened.error.what);
  }
  assert.deepEqual(readdirSync(bench.scratch), [], 'nothing is left of them');
});

test('a source or a root tree that is missing is told', async () => {
  const mounts: Mount[] = [{ kind: 'source', source: join(bench.folder, 'missing'), at: '/x' }];
  const opened = await bench.engine.open({ rootfs: bench.rootfs, mounts, network: 'none' });
  assert.equal(opened.ok ? '' : opened.error.code, 'engine/mount-source-missing');
  const rootless = await bench.engine.open({
    rootfs: join(bench.folder, 'missing'),
    mounts: [],
    network: 'none',
  });
  assert.equal(rootless.ok ? '' : rootless.error.code, 'engine/rootfs-missing');
});

test('a link in the tree leads into the sandbox, never to the machine', async (t) => {
  const rootfs = bench.make('linking');
  execFileSync('cp', ['-a', `${bench.rootfs}/.`, rootfs]);
  const outside = folderWith('outside', {});
  symlinkSync(outside, join(rootfs, 'escape'));
  const box = await openBox(t, bench, {
    rootfs,
    mounts: [{ kind: 'source', source: folderWith('inside', { file: 'inside\n' }), at: '/escape/in' }],
  });
  assert.equal((await run(box, ['cat', '/escape/in/file'])).stdout, 'inside\n');
  assert.deepEqual(readdirSync(outside), []);
});

test('mounts of the machine below a source come along, read-only too', () => {
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

test('a sandbox leaves nothing behind, also where a program made folders that nobody may write', async () => {
  const box = value(
    await bench.engine.open({
      rootfs: bench.rootfs,
      mounts: [{ kind: 'scratch', at: '/s' }],
      network: 'none',
    }),
  );
  const exit = await shell(
    box,
    'mkdir -p /s/a/b /tmp/c/d && touch /s/a/b/file /tmp/c/d/file && chmod 0 /s/a/b /s/a /tmp/c/d /tmp/c',
  );
  assert.equal(exit.stderr, '');
  await box[Symbol.asyncDispose]();
  assert.deepEqual(readdirSync(bench.scratch), []);
});
