import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import { openBox, run, shell } from '../support/sandboxes.ts';
import type { Allowances, ContractBench } from './contract.ts';

/** What a command sees and may do: of the machine, of the network, of other commands and sandboxes. */
export function isolationContract(bench: () => ContractBench, allowances: Allowances): void {
  test('the root is read-only, and the folders of the machine are not there', async (t) => {
    const box = await openBox(t, bench());
    for (const path of ['/new', '/usr/new', '/etc/new', '/var/lib/new', '/opt/new']) {
      const { stderr, status } = await run(box, ['touch', path]);
      assert.equal(status, 1, path);
      assert.match(stderr, /Read-only file system/, path);
    }
    const write = await shell(box, 'echo x >>/usr/bin/true');
    assert.match(write.stderr, /Read-only file system/);
    assert.equal((await run(box, ['ls', bench().folder])).status, 2);
  });

  test('the root has what programs expect beside the tree', async (t) => {
    const box = await openBox(t, bench());
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
      ...['usr/bin', '/proc/self/fd', '/proc/self/fd/0', '3', '1'],
      ...['1777', '1777', '1777', '1777', 'sh', 'terminals'],
    ];
    assert.deepEqual(stdout.trim().split('\n'), expected);
  });

  test('a program has the ids of the user, an account, and no power over the sandbox', async (t) => {
    const box = await openBox(t, bench());
    const { stdout } = await shell(
      box,
      'id -u; id -g; id -un; mount -o remount,rw /usr 2>&1; mount -t tmpfs none /mnt 2>&1; cat /proc/self/status',
    );
    const [uid, gid, name, ...rest] = stdout.split('\n');
    assert.deepEqual([uid, gid], [String(process.getuid?.()), String(process.getgid?.())]);
    assert.match(name ?? '', /^\w+$/);
    assert.match(rest.join('\n'), /\/usr: .*(denied|superuser)[\s\S]*\/mnt: .*(denied|superuser)/);
    assert.match(stdout, /^NoNewPrivs:\s+1$/m);
  });

  test('network `none` is a loopback and nothing else', async (t) => {
    const box = await openBox(t, bench());
    const devices = await run(box, ['cat', '/proc/net/dev']);
    assert.deepEqual(
      devices.stdout.match(/^\s*\w+(?=:)/gm)?.map((name) => name.trim()),
      ['lo'],
    );
  });

  test('network `host` reaches what the machine reaches, network `none` does not', async (t) => {
    // Not the loopback: a sandbox may have a network of its own.
    const address = Object.values(networkInterfaces())
      .flat()
      .find((one) => one !== undefined && !one.internal && one.family === 'IPv4')?.address;
    if (address === undefined) return t.skip('this machine has no network');
    const server = createServer((socket) => socket.end('reached'));
    await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
    t.after(() => server.close());
    const { port } = server.address() as { port: number };
    const script = `exec 3<>/dev/tcp/${address}/${port} && cat <&3`;
    const connected = await openBox(t, bench(), { network: 'host' });
    const exit = await run(connected, ['bash', '-c', script]);
    assert.equal(exit.stdout, 'reached', exit.stderr);
    const alone = await run(await openBox(t, bench()), ['bash', '-c', script]);
    assert.equal(alone.stdout, '');
    assert.match(alone.stderr, /unreachable/);
  });

  test('a sandbox has the host name it was given', async (t) => {
    if (!existsSync('/bin/hostname') && !existsSync('/usr/bin/hostname')) return t.skip('no `hostname` here');
    const box = await openBox(t, bench(), { hostname: 'somewhere' });
    assert.equal((await run(box, ['cat', '/proc/sys/kernel/hostname'])).stdout, 'somewhere\n');
  });

  test('commands of one sandbox run side by side, each with private folders of its own', async (t) => {
    const box = await openBox(t, bench());
    const script = 'ls -A /tmp /run /var/tmp; touch /tmp/mine /run/mine /var/tmp/mine; sleep 0.3; ls /tmp';
    const exits = await Promise.all([0, 1, 2].map(() => shell(box, script)));
    for (const { stdout, stderr } of exits) {
      const lines = stdout.split('\n').filter((line) => !allowances.inRun.includes(line));
      assert.equal(lines.join('\n'), '/run:\n\n/tmp:\n\n/var/tmp:\nmine\n');
      assert.equal(stderr, '');
    }
  });

  test('two sandboxes at once share their volumes and nothing else', async (t) => {
    const mounts = [
      { kind: 'volume', name: 'shared', at: '/job/target' },
      { kind: 'scratch', at: '/job/out' },
    ] as const;
    const [one, other] = await Promise.all([
      openBox(t, bench(), { mounts }),
      openBox(t, bench(), { mounts: [...mounts, { kind: 'scratch', at: '/job/more' }] }),
    ]);
    // Each waits for a file of the other: they do run at the same time.
    const meet = (mine: string, theirs: string): string => `
      echo x >/job/target/${mine} && echo x >/job/out/${mine}
      tries=0
      until [ -e /job/target/${theirs} ] || [ $tries -gt 200 ]; do sleep 0.1; tries=$((tries + 1)); done
      ls /job /job/out /job/target`;
    const [first, second] = await Promise.all([
      shell(one, meet('one', 'other')),
      shell(other, meet('other', 'one')),
    ]);
    assert.deepEqual([first.stderr, second.stderr], ['', '']);
    assert.equal(first.stdout, '/job:\nout\ntarget\n\n/job/out:\none\n\n/job/target:\none\nother\n');
    assert.equal(second.stdout, '/job:\nmore\nout\ntarget\n\n/job/out:\nother\n\n/job/target:\none\nother\n');
  });

  test('a volume that is only read has what others wrote, and cannot be written', async (t) => {
    const writing = await openBox(t, bench(), {
      mounts: [{ kind: 'volume', name: 'read', at: '/job/home/registry' }],
    });
    assert.equal((await shell(writing, 'echo kept >/job/home/registry/file')).stderr, '');
    const mounts = [{ kind: 'volume', name: 'read', at: '/job/home/registry', readOnly: true }] as const;
    const reading = await openBox(t, bench(), { mounts });
    const { stdout, stderr } = await shell(
      reading,
      'cat /job/home/registry/file; echo x >/job/home/registry/file; rm -f /job/home/registry/file; echo x >/job/home/config.toml; cat /job/home/registry/file',
    );
    assert.equal(stdout, 'kept\nkept\n');
    assert.equal(stderr.match(/Read-only file system/g)?.length, 3, stderr);
  });
}
