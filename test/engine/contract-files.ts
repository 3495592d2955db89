import assert from 'node:assert/strict';
import {
  chmodSync,
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Mount } from '../../src/engine/engine.ts';
import { openBox, quoted, run, shell, value } from '../support/sandboxes.ts';
import type { Allowances, ContractBench } from './contract.ts';

type Files = Readonly<Record<string, string>>;

function write(folder: string, files: Files): void {
  for (const [file, content] of Object.entries(files)) {
    mkdirSync(join(folder, file, '..'), { recursive: true });
    writeFileSync(join(folder, file), content);
  }
}

/** What lies where in a sandbox. */
export function mountContract(bench: () => ContractBench): void {
  const folderWith = (name: string, files: Files): string => {
    const folder = bench().make(name);
    write(folder, files);
    return folder;
  };

  test('trees and sources are read-only; a volume outlives its sandbox, a scratch folder its command', async (t) => {
    const mounts: Mount[] = [
      {
        kind: 'tree',
        source: await bench().tree('a tree, "quoted"\nand broken', (root) =>
          write(root, { 'in/file': 'tree\n' }),
        ),
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
      echo volume >/job/target/v && echo scratch >/job/out/s && cat /job/target/v /job/out/s`;
    const first = await openBox(t, bench(), { mounts });
    const { stdout } = await shell(first, script);
    assert.match(stdout, /^tree\nsource\none\n/);
    assert.equal(stdout.match(/Read-only file system/g)?.length, 3, stdout);
    assert.match(stdout, /volume\nscratch\n$/);
    assert.equal((await run(first, ['cat', '/job/out/s'])).stdout, 'scratch\n');
    const second = await openBox(t, bench(), { mounts });
    const later = await run(second, ['ls', '/job/target', '/job/out']);
    assert.equal(later.stdout, '/job/out:\n\n/job/target:\nv\n');
  });

  test('a source is seen as it is when the sandbox is opened, with the times of its files', async (t) => {
    const source = folderWith('changing', { file: 'before\n' });
    utimesSync(join(source, 'file'), 1_600_000_000, 1_600_000_000);
    const mounts: Mount[] = [{ kind: 'source', source, at: '/job/project' }];
    const script = 'cat file; stat -c %Y file';
    const first = await shell(await openBox(t, bench(), { mounts }), script, { cwd: '/job/project' });
    assert.equal(first.stdout, 'before\n1600000000\n');
    writeFileSync(join(source, 'file'), 'after\n');
    const second = await openBox(t, bench(), { mounts });
    assert.match((await shell(second, script, { cwd: '/job/project' })).stdout, /^after\n/);
  });

  test('a scratch folder begins with what is named, which may be changed; modes and times are always the same', async (t) => {
    const given = folderWith('given', { 'words.txt': 'words\n', tool: '#!/bin/sh\necho ran\n' });
    chmodSync(join(given, 'words.txt'), 0o600);
    const file = (path: string, executable = false) =>
      ({ kind: 'file', path, source: join(given, path.split('/').at(-1) as string), executable }) as const;
    const entries = [
      { kind: 'folder', path: 'data' },
      { kind: 'folder', path: 'data/empty' },
      { kind: 'link', path: 'data/linked', target: 'words.txt' },
      file('data/words.txt'),
      file('tool', true),
    ] as const;
    const script = `cat data/words.txt data/linked && ./tool && echo after >data/words.txt && touch data/empty/new &&
      cat data/linked && ls data && stat -c '%a %Y' tool && stat -c %a data/words.txt data/empty`;
    for (const temporary of [{}, { temporary: true } as const]) {
      const scratch = { kind: 'scratch', at: '/job/scratch', entries, ...temporary } as const;
      const box = await openBox(t, bench(), { mounts: [scratch] });
      const { stdout, stderr } = await shell(box, script, { cwd: '/job/scratch' });
      assert.deepEqual(
        [stdout, stderr],
        ['words\nwords\nran\nafter\nempty\nlinked\nwords.txt\n755 315532800\n644\n755\n', ''],
      );
    }
    assert.equal(readFileSync(join(given, 'words.txt'), 'utf8'), 'words\n');
  });

  test('mounts may lie in mounts, in any order given', async (t) => {
    const tree = await bench().tree('outer', (root) => write(root, { 'inner/placeholder': '' }));
    const box = await openBox(t, bench(), {
      mounts: [
        { kind: 'source', source: folderWith('deep', { file: 'deep\n' }), at: '/a/scratch/made/deep' },
        { kind: 'source', source: folderWith('inner', { file: 'inner\n' }), at: '/a/tree/inner' },
        { kind: 'tree', source: tree, at: '/a/tree' },
        { kind: 'scratch', at: '/a/scratch' },
        { kind: 'source', source: folderWith('for tmp', { file: 'tmp\n' }), at: '/tmp/given' },
        { kind: 'source', source: folderWith('linked', { file: 'linked\n' }), at: '/var/run/linked' },
      ],
    });
    const files = ['/a/scratch/made/deep/file', '/a/tree/inner/file', '/tmp/given/file', '/run/linked/file'];
    for (const pass of [1, 2]) {
      const { stdout, stderr } = await run(box, ['cat', ...files]);
      assert.deepEqual([stdout, stderr], ['deep\ninner\ntmp\nlinked\n', ''], `pass ${pass}`);
    }
    assert.equal((await run(box, ['ls', '/a/tree/inner'])).stdout, 'file\n');
    assert.deepEqual(readdirSync(join(tree, 'inner')), ['placeholder'], 'the tree itself is not touched');
  });

  test('a mount point is made among the entries of the tree, which stay as they are', async (t) => {
    const source = folderWith('added', { file: 'added\n' });
    const box = await openBox(t, bench(), {
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
    assert.deepEqual(readdirSync(join(bench().rootfs, 'opt')), ['here'], 'the tree itself is not touched');
  });

  test('a link in the root tree leads into the sandbox, never to the machine', async (t) => {
    // Podman takes no `:` in a mount point.
    const outside = mkdtempSync(join(tmpdir(), 'provision-outside-'));
    t.after(() => rmdirSync(outside));
    const rootfs = await bench().tree('linking', (root) => {
      cpSync(bench().rootfs, root, { recursive: true, verbatimSymlinks: true });
      symlinkSync(outside, join(root, 'escape'));
    });
    const box = await openBox(t, bench(), {
      rootfs,
      mounts: [{ kind: 'source', source: folderWith('inside', { file: 'inside\n' }), at: '/escape/in' }],
    });
    assert.equal((await run(box, ['cat', '/escape/in/file'])).stdout, 'inside\n');
    assert.deepEqual(readdirSync(outside), []);
  });

  test('a place where nothing can be mounted is refused', async () => {
    const source = folderWith('plain', { file: 'x' });
    const inTree: readonly Mount[] = [
      { kind: 'tree', source, at: '/sysroot' },
      { kind: 'scratch', at: '/sysroot/missing' },
    ];
    const cases: readonly (readonly Mount[])[] = [
      inTree,
      [{ kind: 'scratch', at: '/opt/here' }],
      [{ kind: 'scratch', at: '/opt/here/below' }],
      [{ kind: 'source', source, at: '/opt/here/below' }],
      [{ kind: 'source', source: join(source, 'file'), at: '/usr/bin' }],
      [{ kind: 'scratch', at: '/' }],
      [{ kind: 'scratch', at: '/proc/here' }],
    ];
    const { engine, rootfs } = bench();
    for (const mounts of cases) {
      const at = mounts.at(-1)?.at;
      const opened = await engine.open({ rootfs, mounts, network: 'none' });
      assert.ok(!opened.ok, at);
      assert.equal(opened.error.code, 'engine/no-mount-point');
      assert.ok(opened.error.what.includes(`${at} `), opened.error.what);
    }
    assert.deepEqual(await bench().leftovers(), []);
  });

  test('a sandbox leaves nothing behind, also where a program made folders that nobody may write', async () => {
    const { engine, rootfs } = bench();
    const mounts: Mount[] = [{ kind: 'scratch', at: '/s' }];
    const box = value(await engine.open({ rootfs, mounts, network: 'none' }));
    const exit = await shell(
      box,
      'mkdir -p /s/a/b /tmp/c/d && touch /s/a/b/file /tmp/c/d/file && chmod 0 /s/a/b /s/a /tmp/c/d /tmp/c',
    );
    assert.equal(exit.stderr, '');
    await box[Symbol.asyncDispose]();
    assert.deepEqual(await bench().leftovers(), []);
  });

  test('a source or a root tree that is missing is refused', async () => {
    const { engine, rootfs, folder } = bench();
    const mounts: Mount[] = [{ kind: 'source', source: join(folder, 'missing'), at: '/x' }];
    const opened = await engine.open({ rootfs, mounts, network: 'none' });
    assert.equal(opened.ok ? '' : opened.error.code, 'engine/mount-source-missing');
    const rootless = await engine.open({ rootfs: join(folder, 'missing'), mounts: [], network: 'none' });
    assert.equal(rootless.ok ? '' : rootless.error.code, 'engine/rootfs-missing');
    assert.deepEqual(await bench().leftovers(), []);
  });
}

/** What can be taken out of a sandbox. */
export function copyContract(bench: () => ContractBench, allowances: Allowances): void {
  test('files and folders are copied out with their modes, links as links, owned by the user', async (t) => {
    const box = await openBox(t, bench(), {
      mounts: [
        { kind: 'scratch', at: '/job/out' },
        { kind: 'volume', name: 'target', at: '/job/target' },
      ],
    });
    const made = await shell(
      box,
      `mkdir -p /job/out/tree/sub /job/target/release
       echo data >/job/out/tree/sub/file && chmod 640 /job/out/tree/sub/file && chmod 750 /job/out/tree/sub
       ln /job/out/tree/sub/file /job/out/tree/hard
       ln -s sub/file /job/out/tree/link && ln -s /etc/passwd /job/out/tree/dangling
       printf binary >/job/target/release/program && chmod 755 /job/target/release/program
       ln -s release/program /job/target/latest`,
    );
    assert.equal(made.stderr, '');
    const to = bench().make('copies');
    value(await box.copyOut('/job/out/tree', join(to, 'tree')));
    assert.equal(readFileSync(join(to, 'tree/sub/file'), 'utf8'), 'data\n');
    assert.equal(readFileSync(join(to, 'tree/hard'), 'utf8'), 'data\n');
    assert.equal(statSync(join(to, 'tree/sub/file')).mode & 0o777, 0o640);
    assert.equal(statSync(join(to, 'tree/sub')).mode & 0o777, 0o750);
    assert.equal(statSync(join(to, 'tree/sub/file')).uid, process.getuid?.());
    assert.equal(readlinkSync(join(to, 'tree/link')), 'sub/file');
    assert.equal(readlinkSync(join(to, 'tree/dangling')), '/etc/passwd');
    value(await box.copyOut('/job/out', join(to, 'whole')));
    assert.equal(readFileSync(join(to, 'whole/tree/sub/file'), 'utf8'), 'data\n');
    value(await box.copyOut('/job/target/latest', join(to, 'program')));
    assert.ok(lstatSync(join(to, 'program')).isFile());
    assert.equal(statSync(join(to, 'program')).mode & 0o777, 0o755);
    const again = await box.copyOut('/job/target/release/program', join(to, 'program'));
    assert.equal(again.ok ? '' : again.error.code, 'engine/cannot-copy', 'what is there is not written over');
  });

  test('links on the way are followed as the sandbox sees them', async (t) => {
    const box = await openBox(t, bench(), {
      mounts: [
        { kind: 'scratch', at: '/job/out' },
        { kind: 'volume', name: 'linked', at: '/job/target' },
      ],
    });
    const made = await shell(
      box,
      `mkdir -p /job/out/tree/sub /job/target/release && echo data >/job/out/tree/sub/file
       printf binary >/job/target/release/program
       ln -s /job/target/release /job/out/shortcut && ln -s tree /job/out/same`,
    );
    assert.equal(made.stderr, '');
    const to = bench().make('followed');
    const between = await box.copyOut('/job/out/shortcut/program', join(to, 'again'));
    assert.equal(between.ok, allowances.linksBetweenMounts);
    if (between.ok) assert.equal(readFileSync(join(to, 'again'), 'utf8'), 'binary');
    value(await box.copyOut('/job/out/same/sub/file', join(to, 'file')));
    assert.ok(lstatSync(join(to, 'file')).isFile());
    value(await box.copyOut('/job/out/tree/../tree/sub/file', join(to, 'dots')));
    assert.equal(readFileSync(join(to, 'dots'), 'utf8'), 'data\n');
  });

  test('nothing is copied from outside the scratch folders and volumes', async (t) => {
    const secret = join(bench().make('secret'), 'file');
    writeFileSync(secret, 'of the machine');
    const box = await openBox(t, bench(), {
      mounts: [
        { kind: 'scratch', at: '/out' },
        { kind: 'source', source: join(bench().folder, 'secret'), at: '/given' },
      ],
    });
    const made = await shell(
      box,
      `ln -s ${quoted(join(bench().folder, 'secret'))} /out/absolute; ln -s ../../../../../../etc /out/relative
       ln -s /given /out/given; ln -s loop /out/loop; mkdir /out/real; echo x >/out/real/file`,
    );
    assert.equal(made.stderr, '');
    const to = join(bench().make('refused'), 'copy');
    const cases = [
      ...['/etc/passwd', '/given/file', '/out/absolute/file', '/out/absolute', '/out/relative/passwd'],
      ...[
        '/out/given/file',
        '/out/../etc/passwd',
        '/out/loop',
        '/out/missing',
        '/out/real/file/below',
        '/tmp',
      ],
    ];
    for (const from of cases) {
      const copied = await box.copyOut(from, to);
      assert.ok(!copied.ok, from);
      assert.ok(allowances.copyRefusals.includes(copied.error.code), `${from}: ${copied.error.code}`);
      assert.throws(() => lstatSync(to), `${from} left something`);
    }
  });
}
