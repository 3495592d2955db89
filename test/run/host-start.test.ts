// The program of a bundle, started on this machine: shell scripts stand for programs.
import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type FirstStart, type HostSystem, startOnHost } from '../../src/run/host-start.ts';
import { openStore } from '../../src/store/open.ts';
import { temporaryFolder } from '../support/cli.ts';
import { testContext } from '../support/context.ts';

const HOST: HostSystem = { name: 'This System 1', kernel: '6.1', glibc: '2.36' };
const START: FirstStart = {
  ...{ name: 'any/one', args: ['a b'], env: { OWN: '1' }, stdin: 'in', timeoutSeconds: 5 },
  ...{ exit: { status: 0 }, files: {} },
};

test('it runs in a copy of the bundle with arguments, input and a folder of its own, and none of our environment', async (t) => {
  const { start, said, folder } = await bundle(
    t,
    'OUT="$(dirname "$1")/said"; (echo "$2"; cat; echo; pwd; ls -A; env | cut -d= -f1 | sort) >"$1"; touch "$0.touched"',
  );
  process.env.PROVISION_TEST_SECRET = 'secret';
  t.after(() => delete process.env.PROVISION_TEST_SECRET);
  const one = await start({ start: { ...START, args: [said, 'a b'] } });
  assert.deepEqual(
    { ...one, ms: 0 },
    {
      started: true,
      with: 'any/one',
      system: 'This System 1',
      glibc: '2.36',
      exit: { status: 0 },
      ms: 0,
      cached: false,
    },
  );
  const [argument, input, cwd = '', ...names] = readFileSync(said, 'utf8').trimEnd().split('\n');
  assert.deepEqual([argument, input], ['a b', 'in']);
  assert.ok(cwd.startsWith(join(folder, 'store', 'tmp')), cwd);
  assert.ok(!existsSync(cwd), 'it is gone');
  assert.deepEqual(
    names.filter((name) => !['_', 'PWD', 'SHLVL', 'OLDPWD'].includes(name)),
    ['HOME', 'LANG', 'OWN', 'PATH', 'PYTHONDONTWRITEBYTECODE', 'PYTHONHASHSEED', 'TMPDIR', 'TZ'],
  );
  assert.deepEqual(readdirSync(join(folder, 'bundle', 'bin')), ['program'], 'the bundle stays as it is');
});

test('its folder begins with the files that a command names', async (t) => {
  const { start, said, folder } = await bundle(t, 'cat data/words.txt >"$1"');
  const source = join(folder, 'words.txt');
  writeFileSync(source, 'words\n');
  const entries = [
    { kind: 'folder', path: 'data' },
    { kind: 'file', path: 'data/words.txt', source, executable: false },
  ] as const;
  const one = await start({
    start: { ...START, args: [said], working: { entries, size: 6, digest: 'words' } },
  });
  assert.equal(one.started, true, one.reason);
  assert.equal(readFileSync(said, 'utf8'), 'words\n');
});

test('it has no terminal, and what it leaves running is ended', async (t) => {
  const { start, said } = await bundle(
    t,
    '(exec 3</dev/tty) 2>/dev/null && echo terminal; sleep 60 & echo $! >"$1"',
  );
  const one = await start({ start: { ...START, args: [said] } });
  assert.equal(one.started, true);
  const pid = readFileSync(said, 'utf8').trim();
  const state = existsSync(`/proc/${pid}/stat`)
    ? readFileSync(`/proc/${pid}/stat`, 'utf8').split(' ')[2]
    : 'gone';
  assert.ok(['gone', 'Z', 'X'].includes(state ?? ''), state);
});

test("a loader's error about glibc is recognised, with the cure; paths are those of the bundle", async (t) => {
  const { start } = await bundle(
    t,
    `for v in 2.4 2.38 2.9; do echo "$0: /lib/libc.so.6: version \\\`GLIBC_$v' not found (required by $0)" >&2; done; exit 1`,
  );
  const one = await start({ older: 'python: {from: source}' });
  assert.equal(one.started, false);
  assert.equal(one.reason, 'it needs glibc 2.38, and this machine has 2.36');
  assert.deepEqual(one.cures, [
    'Write `python: {from: source}` into the recipe: that Python is built on an older glibc.',
  ]);
  assert.equal(
    one.lines?.[1],
    "bin/program: /lib/libc.so.6: version `GLIBC_2.38' not found (required by bin/program)",
  );
  assert.match((await start({})).cures?.[0] ?? '', /musl/);
});

test('another exit than in the sandbox, a signal, a time limit and a loader that is not there count as not started', async (t) => {
  const cases = [
    ['echo oh >&2; exit 3', 'it ended with exit status 3', 'oh'],
    ['kill -TERM $$', 'SIGTERM ended it', ''],
    ['sleep 20', 'it did not end in time', ''],
  ] as const;
  for (const [script, reason, line] of cases) {
    const { start } = await bundle(t, script);
    const one = await start({ start: { ...START, timeoutSeconds: 0.5 } });
    assert.deepEqual([one.started, one.reason, one.lines?.at(-1)], [false, reason, line]);
  }
  const { start } = await bundle(t, '', '#!/no/such/loader');
  const one = await start({});
  assert.equal(one.started, false);
  assert.ok((one.lines ?? []).join('\n').length > 0);
  const { start: three } = await bundle(t, 'exit 3');
  assert.equal(
    (await three({ start: { ...START, exit: { status: 3 } } })).started,
    true,
    'as it ended there',
  );
});

test('it is started once for a bundle, a system and what it is started with', async (t) => {
  const { start, said } = await bundle(t, 'echo x >>"$1"');
  const again = { ...START, args: [said] };
  await start({ start: again });
  assert.equal((await start({ start: again })).cached, true);
  assert.equal(readFileSync(said, 'utf8'), 'x\n');
  await start({ start: again, host: { ...HOST, glibc: '2.37' } });
  await start({ start: again, digest: 'sha256:other' });
  await start({ start: { ...again, files: { 'one.py': 'changed' } } });
  assert.equal(readFileSync(said, 'utf8'), 'x\nx\nx\nx\n');
});

async function bundle(t: TestContext, script: string, loader = '#!/bin/sh') {
  const folder = temporaryFolder(t, 'provision host ü ');
  const bin = join(folder, 'bundle', 'bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, 'program'), `${loader}\n${script}\n`);
  chmodSync(join(bin, 'program'), 0o755);
  const opened = await openStore(join(folder, 'store'));
  assert.ok(opened.ok);
  const store = opened.value;
  t.after(() => store.settled());
  const context = testContext({ store: join(folder, 'store') });
  const start = async (more: Partial<Parameters<typeof startOnHost>[2]>) => {
    const result = await startOnHost(context, store, {
      ...{
        bundle: join(folder, 'bundle'),
        digest: 'sha256:1',
        program: 'bin/program',
        host: HOST,
        start: START,
      },
      ...more,
    });
    assert.ok(result.ok, JSON.stringify(result));
    return result.value;
  };
  return { start, folder, said: join(folder, 'said') };
}
