import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ENV, openBox, run, shell, sleepers, text, until, value } from '../support/sandboxes.ts';
import type { Allowances, ContractBench } from './contract.ts';

/** How a command is started, fed, read and ended. */
export function commandContract(bench: () => ContractBench, allowances: Allowances): void {
  test('a command gets its arguments, its working folder and its environment', async (t) => {
    const box = await openBox(t, bench());
    const env = {
      PATH: '/usr/bin',
      GREETING: 'hello\nthere',
      'CC_some-target.name': 'cc',
      LD_LIBRARY_PATH: '/opt/lib',
    };
    const { stdout, status } = await run(box, ['env', '-0'], { env });
    assert.equal(status, 0);
    const pairs = stdout.split('\0').filter(Boolean);
    const names = pairs.map((pair) => pair.slice(0, pair.indexOf('=')));
    assert.deepEqual(names.sort(), [...Object.keys(env), ...allowances.variables].sort());
    for (const [name, expected] of Object.entries(env)) assert.ok(pairs.includes(`${name}=${expected}`));
    const shown = await run(box, ['sh', '-c', 'pwd; printf "%s|" "$@"', 'sh', 'a b', '', "c'd", '--'], {
      cwd: '/opt/',
    });
    assert.equal(shown.stdout, "/opt\na b||c'd|--|");
  });

  test('stdout and stderr are kept apart, complete, and reported as they are written', async (t) => {
    const box = await openBox(t, bench());
    const seen: string[] = [];
    const exit = await shell(box, 'echo out; echo err >&2; sleep 0.3; echo more; exit 3', {
      onOutput: (stream, chunk) => seen.push(`${stream}:${text(chunk)}`),
    });
    assert.deepEqual([exit.status, exit.stdout, exit.stderr], [3, 'out\nmore\n', 'err\n']);
    assert.deepEqual(seen.sort(), ['stderr:err\n', 'stdout:more\n', 'stdout:out\n']);
  });

  test('standard input arrives byte for byte, need not be read, and is empty by default', async (t) => {
    const box = await openBox(t, bench());
    const bytes = Buffer.from([0xff, 0, 0x0a, ...Buffer.alloc(300_000, 'y')]);
    const echoed = value(await box.run({ argv: ['cat'], env: ENV, cwd: '/', stdin: bytes }));
    assert.ok(bytes.equals(Buffer.from(echoed.stdout)));
    assert.equal((await run(box, ['cat'])).stdout, '');
    assert.equal((await run(box, ['true'], { stdin: bytes })).status, 0);
  });

  test('a signal is distinguished from an exit status', async (t) => {
    const box = await openBox(t, bench());
    for (const signal of ['SIGSEGV', 'SIGABRT', 'SIGTERM', 'SIGINT', 'SIGPIPE', 'SIGKILL']) {
      const exit = await shell(box, `kill -${signal.slice(3)} $$; sleep 5`);
      assert.deepEqual([exit.signal, exit.status, exit.limit], [signal, undefined, undefined]);
    }
    const statuses = [1, 126, 127, 130, 139, 141, 255];
    for (const status of statuses.filter((one) => !allowances.ambiguousStatuses.includes(one))) {
      const exit = await shell(box, `echo said; exit ${status}`);
      assert.deepEqual([exit.status, exit.signal, exit.stdout], [status, undefined, 'said\n']);
    }
  });

  test('a program that cannot be run is a failure of the engine, not an exit', async (t) => {
    const tree = await bench().tree('programs', (root) => {
      writeFileSync(join(root, 'plain'), 'text');
      writeFileSync(join(root, 'script'), '#!/no/such/interpreter\n', { mode: 0o755 });
    });
    const box = await openBox(t, bench(), { mounts: [{ kind: 'tree', source: tree, at: '/programs' }] });
    for (const name of ['no-such-program', '/no/such', '/programs/plain', '/programs', '/programs/script']) {
      const exit = await box.run({ argv: [name], env: ENV, cwd: '/' });
      assert.ok(!exit.ok, name);
      assert.equal(exit.error.code, 'engine/command-not-found');
      assert.match(exit.error.what, new RegExp(name));
    }
    const lost = await box.run({ argv: ['true'], env: ENV, cwd: '/no/folder' });
    assert.equal(lost.ok ? '' : lost.error.code, 'engine/no-working-folder');
    const long = await box.run({ argv: ['true', 'x'.repeat(3_000_000)], env: ENV, cwd: '/' });
    assert.equal(long.ok ? '' : long.error.code, 'engine/cannot-start');
  });

  test('a program is ended at its time limit, with all that it started', async (t) => {
    const { seconds } = bench();
    const box = await openBox(t, bench());
    const began = performance.now();
    const exit = await shell(box, `echo begun; sleep ${seconds}1 & sleep ${seconds}2`, { timeoutMs: 700 });
    assert.deepEqual([exit.limit, exit.stdout, exit.status], ['time', 'begun\n', undefined]);
    assert.ok(performance.now() - began < 60_000);
    assert.deepEqual(sleepers(bench()), []);
  });

  test('a program is ended at its output limit, for each stream', async (t) => {
    const box = await openBox(t, bench());
    const flood = await shell(box, 'yes', { maxOutput: 100_000 });
    assert.deepEqual([flood.limit, flood.stdout.length], ['output', 100_000]);
    const errors = await shell(box, 'yes >&2', { maxOutput: 10 });
    assert.deepEqual([errors.limit, errors.stderr.length], ['output', 10]);
    const exact = await shell(box, 'printf 0123456789', { maxOutput: 10 });
    assert.deepEqual([exact.limit, exact.stdout], [undefined, '0123456789']);
  });

  test('a program is ended when it fills the disk, also with files in many places', async (t) => {
    const box = await openBox(t, bench());
    const many = 'i=0; while :; do head -c 1000000 /dev/zero >/tmp/$i; i=$((i + 1)); done';
    const exit = await shell(box, many, { maxDisk: 20_000_000, timeoutMs: 30_000 });
    assert.equal(exit.limit, allowances.diskLimit ? 'disk' : 'time');
    // The folder that it works in counts, too, and all of them together.
    const there = await openBox(t, bench(), { mounts: [{ kind: 'scratch', at: '/s', temporary: true }] });
    const two =
      'cd /s; head -c 15000000 /dev/zero >one && head -c 15000000 /dev/zero >/tmp/two && sleep 5; echo there';
    const both = await shell(there, two, { maxDisk: 20_000_000, timeoutMs: 30_000 });
    const expected = allowances.diskLimit ? ['disk', ''] : [undefined, 'there\n'];
    assert.deepEqual([both.limit, both.stdout], expected);
    // Whether or not it is seen in time, no more than that finds room in one of them.
    for (const at of ['/s', '/tmp']) {
      const much = await shell(there, `head -c 40000000 /dev/zero >${at}/much`, { maxDisk: 20_000_000 });
      assert.ok(much.limit === 'disk' || much.status === 1, JSON.stringify(much));
    }
    // Nothing of it is left for the next command.
    const next = await shell(
      there,
      'ls -A /tmp; rm -f /s/*; head -c 15000000 /dev/zero >/s/two; echo there',
      {
        maxDisk: 20_000_000,
      },
    );
    assert.deepEqual([next.stdout, next.limit], ['there\n', undefined]);
    const little = await shell(box, 'head -c 1000000 /dev/zero >/tmp/one', { maxDisk: 20_000_000 });
    assert.deepEqual([little.status, little.limit], [0, undefined]);
  });

  test('what a program leaves running ends with it', async (t) => {
    const box = await openBox(t, bench());
    const began = performance.now();
    const exit = await shell(box, `(sleep ${bench().seconds}3 &) ; echo done`);
    assert.deepEqual([exit.status, exit.stdout], [0, 'done\n']);
    assert.ok(performance.now() - began < 60_000, 'the pipe held by the sleeper is not waited for');
    assert.deepEqual(sleepers(bench()), []);
  });

  test('orphans are reaped', async (t) => {
    const box = await openBox(t, bench());
    const { stdout } = await shell(box, '(sh -c "exit 0" &) ; sleep 0.3; cat /proc/[0-9]*/stat');
    assert.match(stdout, /\(sh\)/);
    assert.doesNotMatch(stdout, /\) Z /);
  });

  test('closing a sandbox ends what runs in it, and nothing more is run', async () => {
    const { engine, rootfs, seconds } = bench();
    const box = value(
      await engine.open({ rootfs, mounts: [{ kind: 'scratch', at: '/s' }], network: 'none' }),
    );
    const running = box.run({ argv: ['sleep', `${seconds}4`], env: ENV, cwd: '/' });
    await until('it is running', () => sleepers(bench(), '4').length > 0);
    await box[Symbol.asyncDispose]();
    const ended = await running;
    assert.equal(ended.ok ? '' : ended.error.code, 'interrupted/signal');
    const later = await box.run({ argv: ['true'], env: ENV, cwd: '/' });
    assert.equal(later.ok ? '' : later.error.code, 'interrupted/signal');
    assert.deepEqual([sleepers(bench()), await bench().leftovers()], [[], []]);
  });

  test('an abort ends every command of the run, and nothing of it is left', async () => {
    const { engine, abort } = await bench().anotherRun();
    const { rootfs, seconds } = bench();
    const mounts = [{ kind: 'scratch' as const, at: '/s' }];
    const box = value(await engine.open({ rootfs, mounts, network: 'none' }));
    const script = `sleep ${seconds}5 & sleep ${seconds}6`;
    const runs = [0, 1, 2].map(() => box.run({ argv: ['sh', '-c', script], env: ENV, cwd: '/' }));
    await until('all are running', () => sleepers(bench(), '6').length === 3);
    abort();
    for (const exit of await Promise.all(runs)) {
      assert.equal(exit.ok ? '' : exit.error.code, 'interrupted/signal');
    }
    assert.deepEqual(sleepers(bench()), []);
    await box[Symbol.asyncDispose]();
    await engine.close?.();
    assert.deepEqual(await bench().leftovers(), []);
  });
}
