import assert from 'node:assert/strict';
import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
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
  text,
  until,
  value,
} from '../support/sandboxes.ts';

let bench: Bench;
before(async () => {
  bench = await makeBench();
});
after(() => removeBench(bench));

test('a command gets its arguments, its folder and exactly its environment', async (t) => {
  const box = await openBox(t, bench);
  const env = { PATH: '/usr/bin', GREETING: 'hello\nthere', 'CC_some-target.name': 'cc' };
  const { stdout, status } = await run(box, ['env', '-0'], { env });
  assert.equal(status, 0);
  assert.deepEqual(
    stdout.split('\0').filter(Boolean).sort(),
    Object.entries(env)
      .map((pair) => pair.join('='))
      .sort(),
  );
  const shown = await run(box, ['sh', '-c', 'pwd; printf "%s|" "$@"', 'sh', 'a b', '', "c'd", '--'], {
    cwd: '/opt/',
  });
  assert.equal(shown.stdout, "/opt\na b||c'd|--|");
});

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

test('output comes in two streams, complete, and as it is written', async (t) => {
  const box = await openBox(t, bench);
  const seen: string[] = [];
  const exit = await shell(box, 'echo out; echo err >&2; sleep 0.2; echo more; exit 3', {
    onOutput: (stream, chunk) => seen.push(`${stream}:${text(chunk)}`),
  });
  assert.deepEqual([exit.status, exit.stdout, exit.stderr], [3, 'out\nmore\n', 'err\n']);
  assert.deepEqual(seen.sort(), ['stderr:err\n', 'stdout:more\n', 'stdout:out\n']);
});

test('standard streams are files and pipes: they can be opened again by name', async (t) => {
  const box = await openBox(t, bench);
  const script = 'cat /dev/stdin; echo out >/dev/stdout; echo err >/dev/stderr';
  const exit = await shell(box, script, { stdin: Uint8Array.from([0xff, 0x00, 0x0a]) });
  assert.deepEqual([exit.stderr, exit.status], ['err\n', 0]);
  const bytes = value(
    await box.run({ argv: ['cat'], env: ENV, cwd: '/', stdin: Uint8Array.from([0xff, 0]) }),
  ).stdout;
  assert.deepEqual([...bytes], [0xff, 0]);
  assert.equal((await run(box, ['cat'])).stdout, '', 'without stdin there is an empty one');
});

test('a signal is told from an exit status that looks like one', async (t) => {
  const box = await openBox(t, bench);
  for (const signal of ['SIGSEGV', 'SIGABRT', 'SIGTERM', 'SIGINT', 'SIGPIPE', 'SIGKILL']) {
    const exit = await shell(box, `kill -${signal.slice(3)} $$; sleep 5`);
    assert.deepEqual([exit.signal, exit.status, exit.limit], [signal, undefined, undefined]);
  }
  for (const status of [1, 126, 127, 130, 139, 141, 255]) {
    const exit = await shell(box, `exit ${status}`);
    assert.deepEqual([exit.status, exit.signal], [status, undefined]);
  }
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

test('a program that stops itself is waited for, whoever continues it', async (t) => {
  const box = await openBox(t, bench);
  const helped = await shell(box, '(sleep 0.1; kill -CONT $$) & kill -STOP $$; echo on; exit 4');
  assert.deepEqual([helped.stdout, helped.status], ['on\n', 4]);
  const alone = await shell(box, 'kill -STOP $$; exit 5', { timeoutMs: 10_000 });
  assert.ok(alone.status === 5 || alone.limit === 'time');
});

test('orphans are reaped', async (t) => {
  const box = await openBox(t, bench);
  const { stdout } = await shell(box, '(sh -c "exit 0" &) ; sleep 0.3; cat /proc/[0-9]*/stat');
  assert.doesNotMatch(stdout, /\) Z /);
});

test('a program that cannot be run is a failure of the engine, not an exit', async (t) => {
  const tree = bench.make('programs');
  writeFileSync(join(tree, 'plain'), 'text');
  writeFileSync(join(tree, 'script'), '#!/no/such/interpreter\n', { mode: 0o755 });
  const box = await openBox(t, bench, { mounts: [{ kind: 'tree', source: tree, at: '/programs' }] });
  for (const name of [
    'no-such-program',
    '/no/such',
    'usr/bin/nothing',
    '/programs/plain',
    '/programs',
    '/programs/script',
  ]) {
    const exit = await box.run({ argv: [name], env: ENV, cwd: '/' });
    assert.ok(!exit.ok, name);
    assert.equal(exit.error.code, 'engine/command-not-found');
    assert.match(exit.error.what, new RegExp(name));
  }
  assert.equal((await run(box, ['bin/true'])).status, 0, 'a relative path starts at the folder');
  const lost = await box.run({ argv: ['true'], env: ENV, cwd: '/no/folder' });
  assert.equal(lost.ok ? '' : lost.error.code, 'engine/no-working-folder');
});

test('a program is ended at its time limit, with all that it started', async (t) => {
  const box = await openBox(t, bench);
  const began = performance.now();
  const exit = await shell(box, `echo begun; sleep ${bench.seconds}1 & sleep ${bench.seconds}2`, {
    timeoutMs: 400,
  });
  assert.deepEqual([exit.limit, exit.stdout, exit.status], ['time', 'begun\n', undefined]);
  assert.ok(performance.now() - began < 60_000);
  assert.deepEqual(sleepers(bench), []);
});

test('a flood of output is cut off and ended', async (t) => {
  const box = await openBox(t, bench);
  const exit = await shell(box, 'yes', { maxOutput: 100_000 });
  assert.deepEqual([exit.limit, exit.stdout.length], ['output', 100_000]);
  const errors = await shell(box, 'yes >&2', { maxOutput: 10 });
  assert.deepEqual([errors.limit, errors.stderr.length], ['output', 10]);
  const exact = await shell(box, 'printf 0123456789', { maxOutput: 10 });
  assert.deepEqual([exact.limit, exact.stdout], [undefined, '0123456789']);
});

test('what a program leaves running ends with it', async (t) => {
  const box = await openBox(t, bench);
  const began = performance.now();
  const exit = await shell(box, `(sleep ${bench.seconds}3 &) ; echo done`);
  assert.deepEqual([exit.status, exit.stdout], [0, 'done\n']);
  assert.ok(performance.now() - began < 60_000, 'the pipe held by the sleeper is not waited for');
  assert.deepEqual(sleepers(bench), []);
});

test('an abort ends everything, and nothing is left: no process, no mount, no file', async () => {
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

test('disposing a sandbox ends what runs in it', async () => {
  const box = value(await bench.engine.open({ rootfs: bench.rootfs, mounts: [], network: 'none' }));
  const running = box.run({ argv: ['sleep', `${bench.seconds}4`], env: ENV, cwd: '/' });
  await until('it is running', () => sleepers(bench, '4').length > 0);
  await box[Symbol.asyncDispose]();
  assert.equal((await running).ok, false);
  assert.deepEqual(sleepers(bench), []);
});

test('commands of one sandbox run side by side, each with private folders of its own', async (t) => {
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

test('without network there is a loopback and nothing else; with it, the machine is reached', async (t) => {
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

test('a sandbox may have a host name of its own', async (t) => {
  if (!existsSync('/bin/hostname') && !existsSync('/usr/bin/hostname')) return t.skip('no `hostname` here');
  const box = await openBox(t, bench, { hostname: 'somewhere' });
  assert.equal((await run(box, ['cat', '/proc/sys/kernel/hostname'])).stdout, 'somewhere\n');
  assert.match((await run(box, ['cat', '/etc/hosts'])).stdout, /somewhere/);
});

test('the person has an account and no power over the sandbox', async (t) => {
  const box = await openBox(t, bench);
  const { stdout } = await shell(
    box,
    'id -u; id -un; mount -o remount,rw /usr 2>&1; mount -t tmpfs none /mnt 2>&1; echo end',
  );
  const [uid, name, ...rest] = stdout.split('\n');
  assert.equal(uid, String(process.getuid?.()));
  assert.match(name ?? '', /^\w+$/);
  assert.match(rest.join('\n'), /\/usr: .*(denied|superuser)[\s\S]*\/mnt: .*(denied|superuser)[\s\S]*end/);
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

test('an argument list that is too long is a failure', async (t) => {
  const box = await openBox(t, bench);
  const exit = await box.run({ argv: ['true', 'x'.repeat(3_000_000)], env: ENV, cwd: '/' });
  assert.equal(exit.ok ? '' : exit.error.code, 'engine/cannot-start');
});
