import assert from 'node:assert/strict';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Context } from '../../src/domain/context.ts';
import { err, ok } from '../../src/domain/result.ts';
import type { SampleResult } from '../../src/domain/sample.ts';
import type { Engine } from '../../src/engine/engine.ts';
import type { Event } from '../../src/events.ts';
import { interrupted } from '../../src/failure.ts';
import { collectSamples } from '../../src/run/collect.ts';
import { type RunOutcome, runSamples } from '../../src/run/run.ts';
import { samplesFailure } from '../../src/run/samples-failure.ts';
import { type RuntimeInstance, SCRATCH_AT, SUITE_AT } from '../../src/runtime/instance.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { type HostEngine, hostEngine } from '../support/host-engine.ts';

// The samples here are shell scripts: a header is the same comment block, and a shell is on every machine. The variable
// RUNTIME distinguishes the two runtimes, so that a script can differ on purpose.

test('a sample with equal output, error output and status passes; both runtimes see the same arguments, input and paths', async (t) => {
  const { run, engine, folder } = await suite(t, {
    'a.py':
      header(`argv: one "two words"`, 'stdin: |', '  hello') +
      'echo "$0 $1 $2"; cat; [ "$(pwd)" = "$HOME" ] && echo home; ls -A; echo problem >&2; exit 3\n',
  });
  const [result] = results(await run());
  assert.deepEqual([result?.status, result?.reason, result?.diff], ['passed', undefined, undefined]);
  assert.deepEqual(result?.target?.exit, { status: 3 });
  assert.equal(result?.target?.stderr, 'problem\n');
  assert.match(result?.target?.stdout as string, /a\.py one two words\nhello\nhome\n$/);
  const [target, reference] = ['target', 'reference'].map((name) =>
    engine.commands.find(({ env }) => env.RUNTIME === name),
  );
  assert.deepEqual(target?.argv, ['/bin/sh', `${SUITE_AT}/a.py`, 'one', 'two words']);
  assert.deepEqual(reference?.argv, target?.argv);
  assert.deepEqual([target?.cwd, target?.timeoutMs], [SCRATCH_AT, 5000]);
  assert.deepEqual(target?.env, {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    HOME: SCRATCH_AT,
    TMPDIR: SCRATCH_AT,
    LANG: 'C.UTF-8',
    TZ: 'UTC',
    PYTHONHASHSEED: '0',
    RUNTIME: 'target',
  });
  const spec = engine.opened[0];
  assert.deepEqual(spec?.mounts, [
    { kind: 'source', source: join(folder, 'suite'), at: SUITE_AT },
    { kind: 'scratch', at: SCRATCH_AT, temporary: true },
  ]);
  assert.deepEqual([spec?.network, spec?.hostname], ['none', 'sample']);
  assert.deepEqual(engine.opened[1], spec);
});

test('a difference is named, shown, and written to the logs', async (t) => {
  const { run, artifacts } = await suite(t, {
    'out.py': 'echo same; echo $RUNTIME; printf "\\377"\n',
    'deep/err.py': 'echo $RUNTIME >&2; [ $RUNTIME = reference ]\n',
    'signal.py': '[ $RUNTIME = reference ] || kill -TERM $$\n',
  });
  const outcome = await run();
  const [err_, out, signal] = results(outcome);
  assert.deepEqual(
    [out?.status, out?.kind, out?.reason],
    ['failed', 'output-differs', 'stdout differs from line 2 on'],
  );
  assert.match(out?.diff as string, /-reference\n\+target\n \\xff/);
  assert.deepEqual([out?.target?.encoding, out?.target?.stderr], ['base64', '']);
  assert.deepEqual([err_?.name, err_?.kind], ['deep/err', 'exit-differs']);
  assert.equal(
    err_?.reason,
    "exit status 1, the reference's was exit status 0; stderr differs from line 1 on",
  );
  assert.deepEqual([signal?.kind, signal?.target?.exit], ['exit-differs', { signal: 'SIGTERM' }]);
  assert.equal(signal?.reason, "signal SIGTERM, the reference's was exit status 0");
  assert.deepEqual(outcome.logs, [
    'logs/deep/err.target.stderr',
    'logs/deep/err.reference.stderr',
    'logs/deep/err.diff',
    'logs/out.target.stdout',
    'logs/out.reference.stdout',
    'logs/out.diff',
  ]);
  assert.deepEqual(
    readFileSync(join(artifacts, 'logs/out.target.stdout')),
    Buffer.from('same\ntarget\n\xff', 'latin1'),
  );
  assert.deepEqual([outcome.passed, outcome.failed, outcome.skipped], [0, 3, 0]);
});

test('a warm run starts nothing, not even an engine', async (t) => {
  const { run, engine, events, folder } = await suite(t, { 'a.py': 'echo a\n', 'b.py': 'echo b\n' });
  const cold = await run();
  assert.deepEqual([engine.commands.length, cold.cached], [4, 0]);
  const warm = await run({ engine: async () => err(interrupted()) });
  assert.equal(warm.cached, 2);
  assert.deepEqual(warm.results, cold.results);
  assert.deepEqual(
    events.filter((event) => event.type === 'sample-finished').map(({ cached }) => cached),
    [false, false, true, true],
  );
  appendFileSync(join(folder, 'suite/a.py'), '# changed\n');
  assert.equal((await run()).cached, 1);
  assert.equal(engine.commands.length, 6, 'only the changed sample runs, on both sides');
  writeFileSync(join(folder, 'suite/c.py'), 'echo c\n');
  assert.equal((await run()).cached, 2);
  assert.equal(engine.commands.length, 8, 'only the new sample runs');
});

test('what failed by a result of the store is started anew, on either side, and a limit asks nothing of the other', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'provision-test-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const flag = (name: string): string => join(folder, name);
  for (const name of ['target', 'reference']) writeFileSync(flag(name), '');
  const { run, engine } = await suite(t, {
    'always.py': 'echo $RUNTIME\n',
    'once.py': `[ -e ${flag('target')} ] && [ $RUNTIME = target ] && echo raced; echo same\n`,
    'there.py': `[ -e ${flag('reference')} ] && [ $RUNTIME = reference ] && echo raced; echo same\n`,
    'slow.py': '# /// sample\n# title: Slow\n# timeout: 1\n# ///\n[ $RUNTIME = reference ] || exec sleep 9\n',
  });
  const statuses = async (): Promise<readonly string[]> => {
    const from = engine.commands.length;
    const started = (name: string): string =>
      engine.commands
        .slice(from)
        .flatMap(({ argv, env }) => (argv[1] === `${SUITE_AT}/${name}.py` ? [env.RUNTIME as string] : []))
        .sort()
        .join(' and ');
    const outcome = await run();
    return results(outcome).map(
      ({ name, status }) => `${name} ${status}, started on ${started(name) || 'none'}`,
    );
  };
  const both = 'started on reference and target';
  assert.deepEqual(await statuses(), [
    `always failed, ${both}`,
    `once failed, ${both}`,
    'slow failed, started on reference and target',
    `there failed, ${both}`,
  ]);
  for (const name of ['target', 'reference']) rmSync(flag(name));
  assert.deepEqual(await statuses(), [
    `always failed, ${both}`,
    `once passed, ${both}`,
    'slow failed, started on target',
    `there passed, ${both}`,
  ]);
  assert.deepEqual(await statuses(), [
    `always failed, ${both}`,
    'once passed, started on none',
    'slow failed, started on target',
    'there passed, started on none',
  ]);
});

test('results are kept for each runtime separately', async (t) => {
  const { run, engine } = await suite(t, { 'a.py': 'echo a\n' });
  await run();
  await run({ target: instance('target', { key: { bundle: 'another' } }) });
  assert.deepEqual(
    engine.commands.slice(2).map(({ env }) => env.RUNTIME),
    ['target'],
  );
});

test('a changed helper module or data file has the samples that use it run again, and no others', async (t) => {
  const { run, engine, folder } = await suite(t, {
    'plain.py': 'echo plain\n',
    'user.py': ': import _helper\necho user\n',
    'package_user.py': ': from pack.inner import x\necho package\n',
    'reader.py': ': open(Path(__file__).parent / name)\necho reader\n',
    'other.py': ': import plain\necho other\n',
    '_helper.py': ': import _deeper\n',
    '_deeper.py': '1',
    'pack/_inner.py': '1',
    'data/table.json': '1',
  });
  await run();
  const rerun = async (change: string): Promise<readonly string[]> => {
    const before = engine.commands.length;
    appendFileSync(join(folder, 'suite', change), '\n');
    await run();
    const scripts = engine.commands
      .slice(before)
      .map(({ argv }) => (argv[1] as string).slice(SUITE_AT.length + 1));
    return [...new Set(scripts)].sort();
  };
  assert.deepEqual(await rerun('_helper.py'), ['reader.py', 'user.py']);
  assert.deepEqual(await rerun('_deeper.py'), ['reader.py', 'user.py']);
  assert.deepEqual(await rerun('pack/_inner.py'), ['package_user.py', 'reader.py']);
  assert.deepEqual(await rerun('data/table.json'), ['reader.py']);
  assert.deepEqual(await rerun('plain.py'), ['other.py', 'plain.py']);
});

test('a script that never ends is stopped at its time limit, keeps its output, and is run again next time', async (t) => {
  const { run, engine, artifacts } = await suite(t, {
    'loop.py': `${header('timeout: 0.3')}echo before; [ $RUNTIME = reference ] || sleep 60\n`,
    'both.py': `${header('timeout: 0.3')}sleep 60\n`,
    'slow-reference.py': `${header('timeout: 0.3')}[ $RUNTIME = target ] || sleep 60\n`,
  });
  const outcome = await run();
  const [both, loop, slow] = results(outcome);
  assert.deepEqual([loop?.kind, loop?.reason], ['time-limit', 'ran into the time limit of 0.3 s']);
  assert.equal(loop?.target?.stdout, 'before\n');
  assert.equal(readFileSync(join(artifacts, 'logs/loop.target.stdout'), 'utf8'), 'before\n');
  assert.deepEqual(
    [both?.kind, both?.reason],
    ['time-limit', 'ran into the time limit of 0.3 s, and so did the reference'],
  );
  assert.deepEqual(
    [slow?.kind, slow?.reason],
    ['reference-failed', 'the reference ran into the time limit of 0.3 s'],
  );
  const before = engine.commands.length;
  await run();
  assert.equal(
    engine.commands.length - before,
    4,
    'runs that were stopped are not kept; those that ended are',
  );
});

test('a stored run that took longer than a new, stricter limit is run again', async (t) => {
  const { run, engine, folder } = await suite(t, { 'a.py': 'sleep 0.2\n' });
  await run();
  await run();
  assert.equal(engine.commands.length, 2);
  const strict = await collectSamples([join(folder, 'suite')], { timeoutSeconds: 0.05 });
  assert.ok(strict.ok);
  const outcome = await run({ samples: strict.value });
  assert.equal(results(outcome)[0]?.kind, 'time-limit');
});

test('a script that floods its output is stopped', async (t) => {
  const { run } = await suite(t, {
    'flood.py':
      header('timeout: 30') +
      '[ $RUNTIME = reference ] || while :; do echo yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy; done\n',
  });
  const [result] = results(await run());
  assert.deepEqual([result?.kind, result?.reason], ['output-limit', 'printed more than 8 MiB']);
  assert.equal(result?.target?.stdout.length, 16 * 1024);
  assert.equal(result?.target?.cut?.stdout, 8 * 1024 * 1024);
});

test('a sample that requires what the target lacks is skipped with the reason, and never run', async (t) => {
  const { run, engine } = await suite(t, {
    'a.py': `${header('requires: threads, sockets')}echo a\n`,
    'b.py': `${header('requires: module:sqlite3')}echo b\n`,
  });
  const outcome = await run({ capabilities: ['threads', 'module:*'] });
  assert.deepEqual(
    results(outcome).map(({ status, reason }) => [status, reason]),
    [
      ['skipped', 'far lacks sockets'],
      ['passed', undefined],
    ],
  );
  assert.equal(engine.commands.length, 2);
  assert.equal(
    results(await run({ capabilities: ['threads', 'sockets', 'module:zlib'] }))[1]?.reason,
    'far lacks module:sqlite3',
  );
});

test('a sample for other versions of Python is skipped with the reason, and never run', async (t) => {
  const { run, engine } = await suite(t, {
    'a.py': `${header('python: ">=3.14"')}echo a\n`,
    'b.py': `${header('python: >=3.12, <3.14')}echo b\n`,
  });
  const outcome = await run({ python: '3.13' });
  assert.deepEqual(
    results(outcome).map(({ status, reason }) => [status, reason]),
    [
      ['skipped', 'the sample is for Python >=3.14, and this one is 3.13'],
      ['passed', undefined],
    ],
  );
  assert.equal(engine.commands.length, 2);
  assert.deepEqual(
    results(await run({ python: '3.14' })).map(({ status }) => status),
    ['passed', 'skipped'],
  );
});

test('a declared difference passes with its reason; an unseen one is reported; one of another target excuses nothing', async (t) => {
  const { run, events } = await suite(t, {
    'libc.py': `${header('differs-on: gnu: other libc')}echo $RUNTIME\n`,
    'target.py': `${header('differs-on: near, far: other machine')}exit $([ $RUNTIME = target ]; echo $?)\n`,
    'elsewhere.py': `${header('differs-on: musl: other libc')}echo $RUNTIME\n`,
    'unseen.py': `${header('differs-on: far: nothing')}echo same\n`,
    'late.py': `${header('differs-on: far: slow', 'timeout: 0.2')}[ $RUNTIME = reference ] || sleep 60\n`,
  });
  const shown = results(await run()).map(({ name, status, declared, kind }) => [
    name,
    status,
    declared,
    kind,
  ]);
  assert.deepEqual(shown, [
    ['elsewhere', 'failed', undefined, 'output-differs'],
    ['late', 'failed', undefined, 'time-limit'],
    ['libc', 'passed', ['other libc'], undefined],
    ['target', 'passed', ['other machine'], undefined],
    ['unseen', 'passed', undefined, undefined],
  ]);
  const notices = events.filter((event) => event.type === 'notice');
  assert.deepEqual(
    notices.map(({ code, message }) => [code, message.split(' ', 1)[0]]),
    [['samples/declared-not-seen', 'unseen']],
  );
});

test("an emulator's crash is distinguished from the program's, and run again next time", async (t) => {
  const { run, engine } = await suite(t, {
    'crash.py': '[ $RUNTIME = reference ] || kill -SEGV $$\n',
    'abort.py': `if [ $RUNTIME = target ]; then echo 'qemu: uncaught target signal 6 (Aborted) - core dumped' >&2; fi; kill -ABRT $$\n`,
  });
  const target = instance('target', { kind: 'qemu-user', emulator: 'qemu-far' });
  const [abort, crash] = results(await run({ target }));
  assert.deepEqual([abort?.status, abort?.target?.stderr], ['passed', '']);
  assert.deepEqual(abort?.target?.emulator, ['qemu: uncaught target signal 6 (Aborted) - core dumped']);
  assert.equal(crash?.kind, 'emulator-crash');
  assert.match(crash?.reason as string, /qemu-far ended with SIGSEGV/);
  const before = engine.commands.length;
  await run({ target });
  assert.deepEqual(
    engine.commands.slice(before).map(({ argv, env }) => [argv[1], env.RUNTIME]),
    [[`${SUITE_AT}/crash.py`, 'target']],
  );
});

test('no more runs are started at once than there are jobs', async (t) => {
  const files = Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`s${i}.py`, 'sleep 0.05\n']));
  const { run, engine } = await suite(t, files);
  await run({}, { jobs: 3 });
  assert.equal(engine.peak(), 3);
});

test("an engine's failure ends the run and is the one that is reported", async (t) => {
  const { run, engine } = await suite(
    t,
    Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`s${i}.py`, 'echo x\n'])),
  );
  const failing: Engine = {
    ...engine,
    open: async (spec) =>
      engine.opened.length < 3 ? engine.open(spec) : err({ code: 'engine/broken', what: 'No.', fix: [] }),
  };
  const result = await run.raw({ engine: async () => ok(failing) }, { jobs: 1 });
  assert.deepEqual(result.ok ? undefined : result.error.code, 'engine/broken');
  assert.ok(engine.commands.length <= 3);
});

test('nothing more is started after an interrupt', async (t) => {
  const { run, engine } = await suite(t, { 'a.py': 'echo a\n' });
  const result = await run.raw({}, { signal: AbortSignal.abort() });
  assert.equal(result.ok ? undefined : result.error.code, 'interrupted/signal');
  assert.equal(engine.commands.length, 0);
});

test('a script in a crowded folder is mounted alone, with a warning', async (t) => {
  const files = Object.fromEntries(Array.from({ length: 2100 }, (_, i) => [`files/${i}.txt`, '']));
  const { run, engine, events, folder } = await suite(t, { 'a.py': 'cat $0\n', ...files });
  const samples = await collectSamples([join(folder, 'suite/a.py')], { timeoutSeconds: 5 });
  assert.ok(samples.ok);
  assert.equal((await run({ samples: samples.value })).passed, 1);
  assert.deepEqual(engine.opened[0]?.mounts[0], {
    kind: 'source',
    source: join(folder, 'suite/a.py'),
    at: `${SUITE_AT}/a.py`,
  });
  assert.deepEqual(
    events.filter((event) => event.type === 'notice').map(({ code }) => code),
    ['samples/folder-not-shown'],
  );
});

test('results that cannot be stored give one warning and change nothing else', async (t) => {
  const { run, events, store } = await suite(t, { 'a.py': 'echo a\n', 'b.py': 'echo b\n' });
  const full: Store = new Proxy(store, {
    get: (real, name) =>
      name === 'writeResult'
        ? async () => err({ code: 'store/no-space', what: 'No space left.', fix: [] })
        : Reflect.get(real, name).bind?.(real),
  });
  const outcome = await run({}, { store: full });
  assert.equal(outcome.passed, 2);
  const notices = events.filter((event) => event.type === 'notice');
  assert.deepEqual(
    notices.map(({ code }) => code),
    ['samples/not-kept'],
  );
});

test('an artifacts folder that cannot be written fails the run and is named', async (t) => {
  const { run, artifacts } = await suite(t, { 'a.py': 'echo $RUNTIME\n' });
  mkdirSync(dirname(artifacts), { recursive: true });
  writeFileSync(artifacts, 'a file is in the way');
  const result = await run.raw();
  assert.equal(result.ok ? undefined : result.error.code, 'usage/artifacts');
  assert.ok(!result.ok && result.error.what.includes(artifacts));
});

test('progress and results are emitted as samples finish', async (t) => {
  const { run, events } = await suite(t, { 'a.py': 'echo a\n', 'b.py': 'echo b\n' });
  await run();
  const progress = events.filter((event) => event.type === 'stage-progress');
  assert.deepEqual(
    progress.map(({ stage, done, total, unit }) => [stage, done, total, unit]),
    [
      ['run', 0, 2, 'samples'],
      ['run', 1, 2, 'samples'],
      ['run', 2, 2, 'samples'],
    ],
  );
  assert.equal(events.filter((event) => event.type === 'sample-finished').length, 2);
});

test('the failure for samples that differ names them, the reason, the logs, and the command that repeats one', async (t) => {
  const { run, folder } = await suite(t, {
    'a b.py': 'echo $RUNTIME\n',
    'c.py': 'echo $RUNTIME\n',
    'd.py': 'echo $RUNTIME\n',
    'e.py': 'echo $RUNTIME\n',
    'f.py': 'echo same\n',
  });
  const outcome = await run({}, { cwd: folder });
  const failure = samplesFailure(outcome, 'far', 'artifacts/far');
  assert.equal(failure?.code, 'samples/differ');
  assert.equal(failure?.what, '4 of 5 samples fail: a b, c, d and 1 more.');
  assert.equal(failure?.why, 'a b: stdout differs from line 1 on.');
  assert.deepEqual(failure?.fix, ["Run one alone: `provision far --samples 'suite/a b.py'`"]);
  assert.ok(failure?.evidence?.includes('+target'));
  assert.equal(failure?.see?.[0], 'artifacts/far/report.json');
  assert.ok(failure?.see?.includes('artifacts/far/logs/a b.diff'));
  assert.equal(samplesFailure({ ...outcome, results: [] }, 'far', 'x'), undefined);
  assert.ok(existsSync(join(folder, 'artifacts/logs/a b.diff')));
});

type Settings = {
  readonly jobs?: number;
  readonly signal?: AbortSignal;
  readonly store?: Store;
  readonly cwd?: string;
};
test('a reference that is emulated may take longer, and its emulator’s failure is no difference of the sample', async (t) => {
  const { run } = await suite(t, {
    'slow.py': `${header('timeout: 0.5')}[ $RUNTIME = target ] || sleep 1; echo same\n`,
    'broken.py': `${header()}[ $RUNTIME = target ] || { echo 'Error while loading /x: no' >&2; exit 255; }\n`,
  });
  const emulated = { kind: 'reference', emulator: 'qemu-far', patience: 10 } as const;
  const runtimes = { target: instance('target'), reference: instance('reference', emulated) };
  const [broken, slow] = results(await run({ runtimes }));
  assert.equal(slow?.status, 'passed', slow?.reason);
  assert.deepEqual([broken?.status, broken?.kind], ['failed', 'reference-failed']);
  assert.match(broken?.reason ?? '', /^the reference qemu-far did not start the program: /);
  const impatient = { ...runtimes, reference: instance('impatient', { ...emulated, patience: 1 }) };
  const late = results(await run({ runtimes: impatient })).find(({ name }) => name === 'slow');
  assert.match(late?.reason ?? '', /^the reference ran into the time limit of 0\.5 s$/);
});

test('where a sample differs, further interpreters tell whether it is the byte order', async (t) => {
  const { run, engine } = await suite(t, {
    'order.py': `${header()}case $RUNTIME in target|same) echo 0001;; *) echo 1000;; esac\n`,
    'equal.py': `${header()}echo same\n`,
  });
  const other = (name: string, order: string) => ({ name, order, runtime: async () => ok(instance(name)) });
  const ordered = {
    same: other('same', 'big-endian'),
    control: other('control', 'little-endian'),
    onAbsent: () => assert.fail('both are there'),
  };
  const outcome = await run({ ordered });
  const [equal, order] = results(outcome);
  assert.equal(equal?.status, 'passed');
  assert.equal(order?.status, 'failed', 'a difference stays one');
  assert.match(order?.reason ?? '', /^stdout differs from line 1 on\. It is the byte order alone: /);
  const failure = samplesFailure(outcome, 'far', 'artifacts');
  assert.match(failure?.why ?? '', /byte order alone/);
  assert.ok(failure?.fix.some((line) => line.includes('# differs-on: far: byte order')));
  const asked = engine.commands.filter(({ env }) => env.RUNTIME === 'same' || env.RUNTIME === 'control');
  assert.equal(asked.length, 2, 'for the one that differs');
});

type Input = Partial<Omit<Parameters<typeof runSamples>[2], 'target'>> & {
  readonly target?: RuntimeInstance;
};

interface Suite {
  readonly folder: string;
  readonly artifacts: string;
  readonly store: Store;
  readonly engine: HostEngine;
  readonly events: Event[];
  readonly run: ((input?: Input, settings?: Settings) => Promise<RunOutcome>) & {
    raw(input?: Input, settings?: Settings): ReturnType<typeof runSamples>;
  };
}

/** A folder of scripts, a store, an engine, and a way to run them all again. */
async function suite(t: TestContext, files: Readonly<Record<string, string>>): Promise<Suite> {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'run-')));
  for (const [path, text] of Object.entries(files)) {
    const file = join(folder, 'suite', path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  const opened = await openStore(join(folder, 'store'));
  assert.ok(opened.ok);
  const store = opened.value;
  t.after(async () => {
    await store.settled();
    rmSync(folder, { recursive: true, force: true });
  });
  const engine = hostEngine();
  const events: Event[] = [];
  const artifacts = join(folder, 'artifacts');
  const raw: Suite['run']['raw'] = async ({ target, ...input } = {}, settings = {}) => {
    const samples = await collectSamples([join(folder, 'suite')], { timeoutSeconds: 5 });
    assert.ok(samples.ok);
    const context = {
      settings: { jobs: settings.jobs ?? 2, cwd: settings.cwd ?? '/' },
      emit: (event: Event) => events.push(event),
      signal: settings.signal ?? new AbortController().signal,
    } as unknown as Context;
    return runSamples(context, settings.store ?? store, {
      engine: async () => ok(engine),
      samples: samples.value,
      target: { name: 'far', rustTriple: 'far-unknown-linux-gnu', libc: 'gnu' },
      capabilities: [],
      python: '3.13',
      runtimes: { target: target ?? instance('target'), reference: instance('reference') },
      artifacts,
      leavesPythonOpen: async () => false,
      ...input,
    });
  };
  const run = async (input?: Input, settings?: Settings): Promise<RunOutcome> => {
    const result = await raw(input, settings);
    if (!result.ok) throw new Error(JSON.stringify(result.error));
    return result.value;
  };
  return { folder, artifacts, store, engine, events, run: Object.assign(run, { raw }) };
}

function instance(name: string, more: Partial<RuntimeInstance> = {}): RuntimeInstance {
  return {
    kind: 'native',
    rootfs: '/',
    mounts: [],
    command: ['/bin/sh'],
    env: { RUNTIME: name },
    key: name,
    ...more,
  };
}

function header(...contents: readonly string[]): string {
  return ['# /// sample', '# title: A', ...contents.map((content) => `# ${content}`), '# ///', ''].join('\n');
}

function results(outcome: RunOutcome): readonly SampleResult[] {
  return outcome.results;
}
