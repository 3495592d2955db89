import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Sandbox } from '../../src/engine/engine.ts';
import {
  type Bench,
  ENV,
  makeBench,
  mounters,
  openBox,
  probeEngine,
  removeBench,
  run,
  shell,
  sleepers,
  until,
  value,
} from '../support/sandboxes.ts';

let bench: Bench;
before(async () => {
  bench = await makeBench();
});
after(() => removeBench(bench));

test('variables for the dynamic loader reach the program and not the tools that start it', async (t) => {
  const box = await openBox(t, bench);
  const env = { PATH: '/usr/bin', LD_LIBRARY_PATH: '/opt/lib', LD_PRELOAD: '' };
  const { stdout, stderr } = await run(box, ['env'], { env });
  assert.deepEqual(stdout.trim().split('\n').sort(), [
    'LD_LIBRARY_PATH=/opt/lib',
    'LD_PRELOAD=',
    'PATH=/usr/bin',
  ]);
  assert.equal(stderr, '');
});

test('standard streams are files and pipes: they can be opened again by name', async (t) => {
  const box = await openBox(t, bench);
  const script = 'cat /dev/stdin; echo out >/dev/stdout; echo err >/dev/stderr';
  const exit = await shell(box, script, { stdin: Uint8Array.from([0xff, 0x00, 0x0a]) });
  assert.deepEqual([exit.stderr, exit.status], ['err\n', 0]);
});

test('a program is an ordinary process: not process 1, a session of its own, signals at their defaults', async (t) => {
  const box = await openBox(t, bench);
  const { stdout } = await run(box, ['cat', '/proc/self/stat', '/proc/self/status']);
  const [pid, , , , group, session, terminal] = stdout.split(' ');
  assert.notEqual(pid, '1');
  assert.deepEqual([group, session, terminal], [pid, pid, '0']);
  assert.match(stdout, /^SigBlk:\s+0+$/m);
  assert.match(stdout, /^SigIgn:\s+0+$/m);
  assert.match(stdout, /^NoNewPrivs:\s+1$/m);
  // To its whole group, which must not reach what waits for it outside.
  const grouped = await shell(box, 'trap "echo caught" USR1; kill -USR1 0; echo on');
  assert.deepEqual([grouped.stdout, grouped.status], ['caught\non\n', 0]);
});

test('a relative path of a program starts at the working folder', async (t) => {
  const box = await openBox(t, bench);
  const missing = await box.run({ argv: ['usr/bin/nothing'], env: ENV, cwd: '/' });
  assert.ok(!missing.ok);
  assert.equal(missing.error.code, 'engine/command-not-found');
  assert.match(missing.error.what, /usr\/bin\/nothing/);
  assert.equal((await run(box, ['bin/true'])).status, 0);
});

test('a program that stops itself is waited for, whoever continues it', async (t) => {
  const box = await openBox(t, bench);
  const helped = await shell(box, '(sleep 0.1; kill -CONT $$) & kill -STOP $$; echo on; exit 4');
  assert.deepEqual([helped.stdout, helped.status], ['on\n', 4]);
  const alone = await shell(box, 'kill -STOP $$; exit 5', { timeoutMs: 10_000 });
  assert.ok(alone.status === 5 || alone.limit === 'time');
});

test('an abort leaves no process and no mount even before the sandbox is closed, and no file after', async () => {
  const controller = new AbortController();
  const box = await openAbortable(controller.signal);
  const script = `sleep ${bench.seconds}5 & sleep ${bench.seconds}6`;
  const runs = [0, 1, 2].map(() => box.run({ argv: ['sh', '-c', script], env: ENV, cwd: '/' }));
  await until('all are running', () => sleepers(bench, '6').length === 3);
  controller.abort();
  for (const exit of await Promise.all(runs)) {
    assert.equal(exit.ok ? '' : exit.error.code, 'interrupted/signal');
  }
  assert.deepEqual([sleepers(bench), mounters(bench)], [[], []]);
  await box[Symbol.asyncDispose]();
  assert.deepEqual(readdirSync(bench.scratch), []);
});

test('an abort at any moment of the start leaves nothing', async () => {
  for (const delay of [0, 2, 4, 6, 8, 10, 12, 15, 20]) {
    const controller = new AbortController();
    const box = await openAbortable(controller.signal);
    setTimeout(() => controller.abort(), delay);
    const exit = await box.run({ argv: ['sleep', bench.seconds], env: ENV, cwd: '/' });
    assert.equal(exit.ok ? '' : exit.error.code, 'interrupted/signal');
    await box[Symbol.asyncDispose]();
    assert.deepEqual([sleepers(bench), mounters(bench)], [[], []]);
    assert.deepEqual(readdirSync(bench.scratch), []);
  }
});

async function openAbortable(signal: AbortSignal): Promise<Sandbox> {
  const engine = value(await probeEngine(bench.folder, signal));
  return value(await engine.open({ rootfs: bench.rootfs, mounts: [], network: 'none' }));
}

test('twelve commands of one sandbox at once have private folders of their own and cause no warning', async (t) => {
  const box = await openBox(t, bench);
  const script =
    'ls -A /tmp /run /var/tmp /dev/shm; touch /tmp/mine /run/mine /var/tmp/mine /dev/shm/mine; sleep 0.3; ls /tmp';
  const warnings: Error[] = [];
  const note = (warning: Error): void => void warnings.push(warning);
  process.on('warning', note);
  const exits = await Promise.all(Array.from({ length: 12 }, () => shell(box, script)));
  process.off('warning', note);
  assert.deepEqual(warnings, []);
  for (const { stdout, stderr } of exits) {
    assert.equal(stdout, '/dev/shm:\n\n/run:\n\n/tmp:\n\n/var/tmp:\nmine\n');
    assert.equal(stderr, '');
  }
});

test('without network the loopback is up and reaches nobody; with it, the loopback of the machine is reached', async (t) => {
  const server = createServer((socket) => socket.end('reached'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  const script = `exec 3<>/dev/tcp/127.0.0.1/${address.port} && cat <&3`;
  const alone = await openBox(t, bench);
  const refused = await run(alone, ['bash', '-c', script]);
  assert.equal(refused.stdout, '');
  // Up, the loopback answers that nobody listens; a machine that masks /sys leaves it down.
  const down = bench.engine.info.detail.includes('loopback down');
  assert.match(refused.stderr, down ? /unreachable/ : /refused/);
  const devices = await run(alone, ['cat', '/proc/net/dev']);
  assert.deepEqual(
    devices.stdout.match(/^\s*\w+(?=:)/gm)?.map((name) => name.trim()),
    ['lo'],
  );
  const connected = await openBox(t, bench, { network: 'host' });
  assert.equal((await run(connected, ['bash', '-c', script])).stdout, 'reached');
  assert.match((await run(connected, ['cat', '/etc/resolv.conf', '/etc/hosts'])).stdout, /\S/);
});

test('a host name of its own is in /etc/hosts', async (t) => {
  if (!existsSync('/bin/hostname') && !existsSync('/usr/bin/hostname')) return t.skip('no `hostname` here');
  const box = await openBox(t, bench, { hostname: 'somewhere' });
  assert.match((await run(box, ['cat', '/etc/hosts'])).stdout, /somewhere/);
});

test('a root tree of nothing but a program works: nothing inside is needed to start it', async (t) => {
  const loader = loaderOf(bench.rootfs);
  if (loader === undefined) return t.skip('no dynamic loader of a known name here');
  const tree = bench.make('bare');
  copyFileSync(loader, join(tree, 'program'));
  chmodSync(join(tree, 'program'), 0o755);
  const empty = bench.make('empty');
  const alone = await openBox(t, bench, { rootfs: tree });
  assert.match((await run(alone, ['/program', '--version'], { env: {} })).stdout, /ld\.so|libc/i);
  const mounted = await openBox(t, bench, {
    rootfs: empty,
    mounts: [{ kind: 'tree', source: join(tree, 'program'), at: '/opt/emulator/emulator' }],
  });
  const exit = await run(mounted, ['/opt/emulator/emulator', '--version'], {
    env: { LD_LIBRARY_PATH: '/none' },
    cwd: '/tmp',
  });
  assert.equal(exit.status, 0, exit.stderr);
});

/** The dynamic loader is a program without an interpreter and without libraries. */
function loaderOf(rootfs: string): string | undefined {
  for (const folder of ['usr/lib64', 'usr/lib']) {
    mkdirSync(join(rootfs, folder), { recursive: true });
    const name = readdirSync(join(rootfs, folder)).find((one) => /^ld-.*\.so/.test(one));
    if (name !== undefined) return join(rootfs, folder, name);
  }
  return undefined;
}
