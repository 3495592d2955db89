// The port's promises, kept by real engines: Docker's daemon and Podman's service.
import assert from 'node:assert/strict';
import {
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Mount } from '../../src/engine/engine.ts';
import {
  type DockerBench,
  makeDockerBench,
  probe,
  removeDockerBench,
  storedTree,
} from '../support/docker-bench.ts';
import { thingsIn } from '../support/docker-things.ts';
import { engineMissing, type Product, startEngine } from '../support/dockerd.ts';
import { ENV, openBox, run, shell, text, value } from '../support/sandboxes.ts';

for (const product of ['dockerd', 'podman'] satisfies Product[]) {
  const missing = engineMissing(product);
  describe(product, { skip: missing === undefined ? false : missing }, () => suite(product));
}

function suite(product: Product): void {
  let bench: DockerBench;
  before(async () => {
    bench = await makeDockerBench(await startEngine(product));
  });
  after(async () => {
    await removeDockerBench(bench);
    await bench.under.remove();
  });

  const folderWith = (name: string, files: Readonly<Record<string, string>>): string => {
    const folder = bench.make(name);
    for (const [file, content] of Object.entries(files)) {
      mkdirSync(join(folder, file, '..'), { recursive: true });
      writeFileSync(join(folder, file), content);
    }
    return folder;
  };

  test('a command gets its arguments, its folder and its environment', async (t) => {
    const box = await openBox(t, bench);
    const env = {
      PATH: '/usr/bin',
      GREETING: 'hello\nthere',
      'CC_some-target.name': 'cc',
      LD_LIBRARY_PATH: '/opt/lib',
    };
    const { stdout } = await run(box, ['env', '-0'], { env });
    const given = Object.fromEntries(
      stdout
        .split('\0')
        .filter(Boolean)
        .map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
    );
    for (const [name, expected] of Object.entries(env)) assert.equal(given[name], expected);
    // What engines add and cannot be kept from adding.
    const added = Object.keys(given).filter((name) => !(name in env));
    assert.deepEqual(
      added.sort(),
      product === 'dockerd' ? ['HOME'] : ['HOME', 'HOSTNAME', 'TERM', 'container'],
    );
    const shown = await run(box, ['sh', '-c', 'pwd; printf "%s|" "$@"', 'sh', 'a b', '', "c'd", '--'], {
      cwd: '/opt/',
    });
    assert.equal(shown.stdout, "/opt\na b||c'd|--|");
  });

  test('output comes in two streams, as it is written; input goes in whole', async (t) => {
    const box = await openBox(t, bench);
    const seen: string[] = [];
    const exit = await shell(box, 'echo out; echo err >&2; sleep 0.3; echo more; exit 3', {
      onOutput: (stream, chunk) => seen.push(`${stream}:${text(chunk)}`),
    });
    assert.deepEqual([exit.status, exit.stdout, exit.stderr], [3, 'out\nmore\n', 'err\n']);
    assert.deepEqual(seen.sort(), ['stderr:err\n', 'stdout:more\n', 'stdout:out\n']);
    const bytes = Buffer.from([0xff, 0, 0x0a, ...Buffer.alloc(300_000, 'y')]);
    const echoed = value(await box.run({ argv: ['cat'], env: ENV, cwd: '/', stdin: bytes }));
    assert.ok(bytes.equals(Buffer.from(echoed.stdout)));
    assert.equal((await run(box, ['cat'])).stdout, '', 'without stdin there is an empty one');
    assert.equal((await run(box, ['true'], { stdin: bytes })).status, 0, 'input need not be read');
  });

  test('a signal is told from an exit status', async (t) => {
    const box = await openBox(t, bench);
    for (const signal of ['SIGSEGV', 'SIGTERM', 'SIGKILL']) {
      const exit = await shell(box, `kill -${signal.slice(3)} $$; sleep 5`);
      assert.deepEqual([exit.signal, exit.status, exit.limit], [signal, undefined, undefined]);
    }
    // Podman's process 1 cannot tell 139 from a signal.
    for (const status of product === 'dockerd' ? [1, 126, 127, 130, 139, 255] : [1, 126, 127, 255]) {
      const exit = await shell(box, `echo said; exit ${status}`);
      assert.deepEqual([exit.status, exit.signal, exit.stdout], [status, undefined, 'said\n']);
    }
  });

  test('a program that cannot be run is a failure of the engine, not an exit', async (t) => {
    const tree = folderWith('programs', { plain: 'text' });
    writeFileSync(join(tree, 'script'), '#!/no/such/interpreter\n', { mode: 0o755 });
    const box = await openBox(t, bench, { mounts: [{ kind: 'tree', source: tree, at: '/programs' }] });
    for (const name of ['no-such-program', '/no/such', '/programs/plain', '/programs', '/programs/script']) {
      const exit = await box.run({ argv: [name], env: ENV, cwd: '/' });
      assert.equal(exit.ok ? name : exit.error.code, 'engine/command-not-found');
    }
    const lost = await box.run({ argv: ['true'], env: ENV, cwd: '/no/folder' });
    assert.equal(lost.ok ? '' : lost.error.code, 'engine/no-working-folder');
    const long = await box.run({ argv: ['true', 'x'.repeat(3_000_000)], env: ENV, cwd: '/' });
    assert.equal(long.ok ? '' : long.error.code, 'engine/cannot-start');
  });

  test('limits of time and output end a program with all that it started', async (t) => {
    const box = await openBox(t, bench);
    const began = performance.now();
    const late = await shell(box, 'echo begun; sleep 600 & sleep 600', { timeoutMs: 700 });
    assert.deepEqual([late.limit, late.stdout], ['time', 'begun\n']);
    assert.ok(performance.now() - began < 15_000);
    const flood = await shell(box, 'yes', { maxOutput: 100_000 });
    assert.deepEqual([flood.limit, flood.stdout.length], ['output', 100_000]);
    const left = await shell(box, '(sleep 600 &) ; echo done');
    assert.deepEqual([left.status, left.stdout], [0, 'done\n']);
    assert.deepEqual((await thingsIn(bench.under.socket)).containers, []);
  });

  test('the root is read-only; trees and sources too; volumes and scratch folders last as they should', async (t) => {
    const mounts: Mount[] = [
      {
        kind: 'tree',
        source: await storedTree(bench.store, 'sysroot', async (root) =>
          writeFileSync(join(root, 'file'), 'tree\n'),
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
      cat /sysroot/file /job/project/file '/etc/ssl/one file.pem'
      touch /new /usr/new /etc/new /sysroot/x /job/project/x 2>&1
      echo volume >/job/target/v && echo scratch >/job/out/s && cat /job/target/v /job/out/s`;
    const first = await openBox(t, bench, { mounts });
    const { stdout } = await shell(first, script);
    assert.match(stdout, /^tree\nsource\none\n/);
    assert.equal(stdout.match(/Read-only file system/g)?.length, 5, stdout);
    assert.match(stdout, /volume\nscratch\n$/);
    assert.equal(
      (await run(first, ['cat', '/job/out/s'])).stdout,
      'scratch\n',
      'scratch lasts from command to command',
    );
    const second = await openBox(t, bench, { mounts });
    assert.equal(
      (await run(second, ['ls', '/job/target', '/job/out'])).stdout,
      '/job/out:\n\n/job/target:\nv\n',
    );
  });

  test('sources are seen as they are now, with their own times; what need not be there is not', async (t) => {
    const source = folderWith('changing', { file: 'before\n', 'target/output': 'large' });
    utimesSync(join(source, 'file'), 1_600_000_000, 1_600_000_000);
    const mounts: Mount[] = [
      { kind: 'source', source, at: '/job/project', without: (_, name) => name === 'target' },
    ];
    const script = 'cat file; stat -c %Y file; ls';
    const first = await shell(await openBox(t, bench, { mounts }), script, { cwd: '/job/project' });
    assert.equal(first.stdout, 'before\n1600000000\nfile\n');
    writeFileSync(join(source, 'file'), 'after\n');
    const second = await openBox(t, bench, { mounts });
    assert.match((await shell(second, script, { cwd: '/job/project' })).stdout, /^after\n/);
  });

  test('mounts may lie in mounts, in any order given; what cannot be mounted is told', async (t) => {
    const tree = folderWith('outer', { 'inner/placeholder': '' });
    const box = await openBox(t, bench, {
      mounts: [
        { kind: 'source', source: folderWith('deep', { file: 'deep\n' }), at: '/a/scratch/made/deep' },
        { kind: 'source', source: folderWith('inner', { file: 'inner\n' }), at: '/a/tree/inner' },
        { kind: 'tree', source: tree, at: '/a/tree' },
        { kind: 'scratch', at: '/a/scratch' },
        { kind: 'source', source: folderWith('for tmp', { file: 'tmp\n' }), at: '/tmp/given' },
      ],
    });
    const { stdout, stderr } = await run(box, [
      'cat',
      '/a/scratch/made/deep/file',
      '/a/tree/inner/file',
      '/tmp/given/file',
    ]);
    assert.deepEqual([stdout, stderr], ['deep\ninner\ntmp\n', '']);
    const source = folderWith('plain', { file: 'x' });
    const cases: readonly (readonly Mount[])[] = [
      [
        { kind: 'tree', source, at: '/t' },
        { kind: 'scratch', at: '/t/missing' },
      ],
      [{ kind: 'scratch', at: '/opt/here' }],
      [{ kind: 'source', source: join(source, 'file'), at: '/usr/bin' }],
      [{ kind: 'scratch', at: '/' }],
      [{ kind: 'scratch', at: '/proc/here' }],
      [{ kind: 'source', source: join(source, 'file'), at: '/tmp/one' }],
    ];
    for (const mounts of cases) {
      const opened = await bench.engine.open({ rootfs: bench.rootfs, mounts, network: 'none' });
      assert.equal(opened.ok ? JSON.stringify(mounts) : opened.error.code, 'engine/no-mount-point');
    }
    const absent: Mount[] = [{ kind: 'source', source: join(bench.folder, 'missing'), at: '/x' }];
    const opened = await bench.engine.open({ rootfs: bench.rootfs, mounts: absent, network: 'none' });
    assert.equal(opened.ok ? '' : opened.error.code, 'engine/mount-source-missing');
  });

  test('files and folders are copied out with their modes, and belong to the person', async (t) => {
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
       ln /job/out/tree/sub/file /job/out/tree/hard
       ln -s sub/file /job/out/tree/link && ln -s /etc/passwd /job/out/tree/dangling
       printf binary >/job/target/release/program && chmod 755 /job/target/release/program
       ln -s release/program /job/target/latest`,
    );
    assert.equal(made.stderr, '');
    const to = bench.make('copies');
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
    for (const from of ['/etc/passwd', '/job/out/missing', '/job/out/../../etc/passwd', '/tmp']) {
      const copied = await box.copyOut(from, join(to, 'refused'));
      assert.equal(copied.ok ? from : copied.error.code, 'engine/cannot-copy');
      assert.throws(() => lstatSync(join(to, 'refused')));
    }
    const again = await box.copyOut('/job/target/release/program', join(to, 'program'));
    assert.equal(again.ok ? '' : again.error.code, 'engine/cannot-copy', 'what is there is not written over');
  });

  test('commands of one sandbox run side by side, each with private folders; without network there is a loopback only', async (t) => {
    const box = await openBox(t, bench, { hostname: 'somewhere' });
    const script = 'ls -A /tmp /run /var/tmp; touch /tmp/mine /run/mine /var/tmp/mine; sleep 0.2; ls /tmp';
    for (const { stdout, stderr } of await Promise.all([0, 1, 2].map(() => shell(box, script)))) {
      // Podman keeps files of its own in /run.
      assert.match(
        stdout,
        /^\/run:\n(\.containerenv\n|podman-init\n|secrets\n)*\n\/tmp:\n\n\/var\/tmp:\nmine\n$/,
      );
      assert.equal(stderr, '');
    }
    const devices = await run(box, ['cat', '/proc/net/dev']);
    assert.deepEqual(
      devices.stdout.match(/^\s*\w+(?=:)/gm)?.map((name) => name.trim()),
      ['lo'],
    );
    assert.equal((await run(box, ['cat', '/proc/sys/kernel/hostname'])).stdout, 'somewhere\n');
  });

  test("a program has the person's ids and no power", async (t) => {
    const box = await openBox(t, bench);
    const { stdout } = await shell(box, 'id -u; id -g; mount -t tmpfs none /mnt 2>&1; cat /proc/self/status');
    assert.match(stdout, new RegExp(`^${process.getuid?.()}\n${process.getgid?.()}\n`));
    assert.match(stdout, /\/mnt: .*(denied|superuser)/);
    assert.match(stdout, /^CapEff:\s+0+$/m);
    assert.match(stdout, /^CapBnd:\s+0+$/m);
    assert.match(stdout, /^NoNewPrivs:\s+1$/m);
  });

  test('with network a command reaches what the machine reaches', async (t) => {
    const server = createServer((socket) => socket.end('reached'));
    await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
    t.after(() => server.close());
    const { port } = server.address() as { port: number };
    // Not the loopback: a container may have a network of its own.
    const address = Object.values(networkInterfaces())
      .flat()
      .find((one) => one !== undefined && !one.internal && one.family === 'IPv4')?.address;
    if (address === undefined) return t.skip('this machine has no network');
    const box = await openBox(t, bench, { network: 'host' });
    const exit = await run(box, ['bash', '-c', `exec 3<>/dev/tcp/${address}/${port} && cat <&3`]);
    assert.equal(exit.stdout, 'reached', exit.stderr);
  });

  test('memory beyond the limit is told as such', async (t) => {
    const box = await openBox(t, bench, { limits: { memory: 64 * 1024 ** 2, processors: 1 } });
    const exit = await box.run({
      argv: ['sh', '-c', 'x=x; while :; do x=$x$x; done'],
      env: ENV,
      cwd: '/',
      timeoutMs: 60_000,
    });
    // Engines do not always tell what it was; that it was killed under a limit is known in any case.
    assert.equal(exit.ok ? exit.value.signal : exit.error.code, 'engine/docker-out-of-memory');
    if (!exit.ok) assert.match(exit.error.why ?? '', /^Its limit is 64 MiB\./);
  });

  test('an abort ends everything, and nothing of the process is left', async () => {
    const { engine, context } = value(await probe(bench.under, bench.folder, bench.store));
    const box = value(
      await engine.open({ rootfs: bench.rootfs, mounts: [{ kind: 'scratch', at: '/s' }], network: 'none' }),
    );
    const running = [0, 1].map(() => box.run({ argv: ['sleep', '600'], env: ENV, cwd: '/' }));
    await new Promise((resolve) => setTimeout(resolve, 1500));
    context.abort();
    for (const exit of await Promise.all(running))
      assert.equal(exit.ok ? '' : exit.error.code, 'interrupted/signal');
    await box[Symbol.asyncDispose]();
    await engine.close?.();
    const left = await thingsIn(bench.under.socket);
    assert.deepEqual(left.containers, []);
    assert.deepEqual(
      left.volumes.filter((name) => name.includes('scratch')),
      [],
    );
  });

  test('what has been sent is not sent again, by this run or a later one', async () => {
    const tree = await storedTree(bench.store, 'sysroot', async (root) => symlinkSync('x', join(root, 'y')));
    const spec = {
      rootfs: bench.rootfs,
      mounts: [{ kind: 'tree', source: tree, at: '/sysroot' }],
      network: 'none',
    } as const;
    const before = await thingsIn(bench.under.socket);
    const { engine } = value(await probe(bench.under, bench.folder, bench.store));
    const box = value(await engine.open(spec));
    assert.equal((await run(box, ['true'])).status, 0);
    await box[Symbol.asyncDispose]();
    await engine.close?.();
    const later = await thingsIn(bench.under.socket);
    assert.deepEqual(
      later.volumes.filter((name) => name.includes('tree')),
      before.volumes.filter((name) => name.includes('tree')),
    );
  });
}
