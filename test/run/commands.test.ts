// Command tests with a shell in place of the program: what is compared, and what a user is told.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Context } from '../../src/domain/context.ts';
import { ok } from '../../src/domain/result.ts';
import type { SampleResult } from '../../src/domain/sample.ts';
import type { Event } from '../../src/events.ts';
import { type RunnableCommand, runCommands } from '../../src/run/commands.ts';
import type { RunOutcome, SystemRuntime } from '../../src/run/run.ts';
import { samplesFailure } from '../../src/run/samples-failure.ts';
import { explainUnflushedTest, FLUSH_CURES } from '../../src/run/unflushed.ts';
import type { RuntimeInstance } from '../../src/runtime/instance.ts';
import { openStore } from '../../src/store/open.ts';
import { hostEngine } from '../support/host-engine.ts';

const TRACEBACK = `Traceback (most recent call last):
  File "<string>", line 1, in <module>
ValueError: not a number.
`;

interface Made {
  readonly outcome: RunOutcome;
  readonly result: SampleResult;
  readonly events: readonly Event[];
  readonly artifacts: string;
  readonly argv: readonly (readonly string[])[];
  readonly text: string;
}

async function run(
  t: TestContext,
  command: Partial<RunnableCommand>,
  {
    open = false,
    target = {},
    client = '',
    store,
    recipe = '/job',
    systems = [],
  }: {
    open?: boolean;
    target?: Partial<RuntimeInstance>;
    client?: string;
    store?: string;
    recipe?: string;
    systems?: readonly SystemRuntime[];
  } = {},
): Promise<Made> {
  const folder = mkdtempSync(join(tmpdir(), 'provision commands ü '));
  const opened = await openStore(store ?? join(folder, 'store'));
  assert.ok(opened.ok);
  t.after(async () => {
    await opened.value.settled();
    rmSync(folder, { recursive: true, force: true });
  });
  const engine = hostEngine();
  const events: Event[] = [];
  const artifacts = join(folder, 'artifacts');
  const context = {
    settings: { jobs: 2, cwd: '/' },
    emit: (event: Event) => events.push(event),
    signal: new AbortController().signal,
  } as unknown as Context;
  const instance: RuntimeInstance = {
    kind: 'native',
    rootfs: '/',
    mounts: [],
    command: ['/bin/sh'],
    env: {},
    key: {},
  };
  const ran = await runCommands(context, opened.value, {
    commands: [{ name: 'one', args: [], stdin: '', files: [], status: 0, timeoutSeconds: 5, ...command }],
    engine: async () => ok(engine),
    systems,
    target: { name: 'far', rustTriple: 'far-unknown-linux-gnu', libc: 'gnu' },
    runtimes: { target: { ...instance, ...target }, reference: instance },
    artifacts,
    file: join(recipe, 'provision.yaml'),
    leavesPythonOpen: async () => open,
    servers: async () => ({ mounts: [], command: ['/bin/sh', '-c', client], env: {}, key: client }),
  });
  if (!ran.ok) throw new Error(JSON.stringify(ran.error));
  const [result] = ran.value.results;
  const failure = samplesFailure(ran.value, 'far', artifacts);
  const text = [failure?.what, failure?.why, ...(failure?.evidence ?? []), ...(failure?.fix ?? [])].join(
    '\n',
  );
  return {
    outcome: ran.value,
    result: result as SampleResult,
    events,
    artifacts,
    argv: engine.commands.map(({ argv }) => argv),
    text,
  };
}

test('a command that ends with a traceback shows it, and names no reference where there is none', async (t) => {
  const args = ['-c', `echo begun; printf '%s' "$0" >&2; exit 1`, TRACEBACK];
  const { result, events, artifacts, text } = await run(t, { args, stdout: 'begun\ndone\n' });
  assert.equal(result.status, 'failed');
  assert.equal(result.kind, 'exit-differs');
  assert.equal(
    result.reason,
    'exit status 1, expected was exit status 0; stdout differs from line 2 on; ValueError: not a number',
  );
  assert.match(
    result.diff as string,
    /^stderr of the program:\nTraceback[\s\S]*ValueError[\s\S]*\n--- expected stdout\n/,
  );
  assert.doesNotMatch(JSON.stringify({ ...result, logs: [] }) + text, /reference/);
  assert.match(text, /^1 of 1 tests fails[\s\S]*Traceback \(most recent call last\)[\s\S]*ValueError/);
  assert.deepEqual(readdirSync(join(artifacts, 'logs/command')).sort(), [
    'one.diff',
    'one.expected.stdout',
    'one.target.stderr',
    'one.target.stdout',
  ]);
  const step = events.find((event) => event.type === 'step-failed');
  assert.match(step?.step.output ?? '', /ValueError/, 'the catalogue of blockers is asked about it');
});

test('a command finds the files that were named, and is run again when one of them changes', async (t) => {
  const from = mkdtempSync(join(tmpdir(), 'provision given '));
  t.after(() => rmSync(from, { recursive: true }));
  const placed = (text: string): NonNullable<RunnableCommand['working']> => {
    const source = join(from, 'config.toml');
    writeFileSync(source, text);
    const entries = [
      { kind: 'folder', path: 'data' },
      { kind: 'file', path: 'data/config.toml', source, executable: false },
    ] as const;
    return { entries, size: text.length, digest: text };
  };
  const command = { args: ['-c', 'cat data/config.toml; ls'], stdout: 'one\ndata\n' };
  const store = join(from, 'store');
  const first = await run(t, { ...command, working: placed('one\n') }, { store });
  assert.equal(first.result.status, 'passed', first.result.diff);
  const again = await run(t, { ...command, working: placed('one\n') }, { store });
  assert.deepEqual([again.result.status, again.argv], ['passed', []]);
  const changed = await run(t, { ...command, working: placed('two\n') }, { store });
  assert.match(changed.result.diff as string, /^-one\n\+two$/m);
});

test('a file that is beside the recipe and not in the working folder is named with the line that copies it', async (t) => {
  const recipe = mkdtempSync(join(tmpdir(), 'provision beside '));
  t.after(() => rmSync(recipe, { recursive: true }));
  writeFileSync(join(recipe, 'config.toml'), '');
  const said = async (message: string, more: Partial<RunnableCommand> = {}) => {
    const ran = await run(t, { args: ['-c', 'echo "$0" >&2; exit 1', message], ...more }, { recipe });
    return ran.result.cures ?? [];
  };
  const named = [
    'Write `files: [config.toml]` into the test: the working folder of the program then begins with copies.',
  ];
  assert.deepEqual(
    await said("FileNotFoundError: [Errno 2] No such file or directory: 'config.toml'"),
    named,
  );
  assert.deepEqual(await said('cannot read ./config.toml: No such file or directory (os error 2)'), named);
  const [general] = await said('called `Result::unwrap()` on an `Err` value: Os { code: 2, kind: NotFound }');
  assert.match(general as string, /`files` of the test: its working folder is empty/);
  assert.deepEqual(await said('config.toml is not valid'), []);
  const at = { file: '', line: 1, column: 1 };
  const files = [{ text: 'config.toml', path: join(recipe, 'config.toml'), at }];
  assert.match(
    (await said("No such file or directory: 'config.toml'", { files }))[0] ?? '',
    /and nothing else/,
  );
  writeFileSync(join(recipe, 'other.toml'), '');
  const [both] = await said("No such file or directory: 'other.toml'", { files });
  assert.match(both ?? '', /`files: \[config\.toml, other\.toml\]`/);
});

test('of a long standard error the end is shown, of a time limit what was said before it', async (t) => {
  const long = await run(t, { args: ['-c', 'for i in $(seq 1 99); do echo line $i >&2; done; exit 3'] });
  assert.match(long.result.diff as string, /its last 14 lines:\nline 86\n[\s\S]*line 99\n$/);
  const stopped = await run(t, { args: ['-c', 'echo waiting >&2; exec sleep 30'], timeoutSeconds: 1 });
  assert.equal(stopped.result.kind, 'time-limit');
  assert.match(stopped.result.diff as string, /waiting/);
});

test('with a reference, its arguments are run and its output is named', async (t) => {
  const { result } = await run(t, { args: ['-c', 'echo a'], reference: ['-c', 'echo b'] });
  assert.match(result.diff as string, /^--- reference stdout\n/);
  assert.equal(result.reference?.stdout, 'b\n');
});

test('a command or a server that failed by a result of the store is started anew, and what passed is not', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'provision raced '));
  t.after(() => rmSync(folder, { recursive: true }));
  const raced = join(folder, 'raced');
  const asked = (status: number): string =>
    JSON.stringify({ outcome: 'asked', answers: [{ status, body: '' }], exit: { status: 0 } });
  const server = { port: 80, start: 2, ask: [{ http: '/', method: 'GET', status: 200 }] };
  const says = `[ -e '${raced}' ] && echo raced; echo same`;
  const cases: readonly [Partial<RunnableCommand>, { client?: string }][] = [
    [{ args: ['-c', says], stdout: 'same\n' }, {}],
    [{ args: ['-c', says], reference: ['-c', 'echo same'] }, {}],
    [{ args: ['-c', 'echo same'], reference: ['-c', says] }, {}],
    [{ server }, { client: `[ -e '${raced}' ] && echo '${asked(500)}' || echo '${asked(200)}'` }],
  ];
  for (const [index, [command, options]] of cases.entries()) {
    const store = join(folder, `store ${index}`);
    const status = async (): Promise<readonly (string | boolean)[]> => {
      const { result, argv } = await run(t, command, { ...options, store });
      return [result.status, argv.length > 0];
    };
    writeFileSync(raced, '');
    assert.deepEqual(await status(), ['failed', true]);
    assert.deepEqual(await status(), ['failed', true]);
    rmSync(raced);
    assert.deepEqual(await status(), ['passed', true], JSON.stringify(command));
    assert.deepEqual(await status(), ['passed', false]);
  }
});

test('a runtime that opens its folders before the program is given none for samples', async (t) => {
  const target = { commandWithoutSuite: ['/bin/sh', '-e'] as const };
  const { result, argv } = await run(t, { args: ['-c', 'true'] }, { target });
  assert.equal(result.status, 'passed');
  assert.deepEqual(argv, [['/bin/sh', '-e', '-c', 'true']]);
});

test('output that is missing at the end is explained where nothing ends the interpreter, and nowhere else', async (t) => {
  const lost = (args: string, stdout: string, open: boolean) =>
    run(t, { args: ['-c', args], stdout }, { open });
  const explained = await lost('true', 'hello\n', true);
  assert.deepEqual(explained.result.cures, FLUSH_CURES);
  assert.match(explained.result.reason as string, /buffer of `sys\.stdout`/);
  for (const cure of FLUSH_CURES) assert.ok(explained.text.includes(cure));
  const between = await lost('echo from Rust; echo end', 'from Rust\nfrom Python\nend\n', true);
  assert.deepEqual(between.result.cures, FLUSH_CURES);
  const others = [
    await lost('true', 'hello\n', false),
    await lost('echo other', 'hello\n', true),
    await lost('echo hello; echo more', 'hello\n', true),
    await lost('exit 1', 'hello\n', true),
  ];
  for (const { result } of others) {
    assert.equal(result.status, 'failed');
    assert.equal(result.cures, undefined);
  }
});

test('data that the system lacks is named with the line that has the bundle bring it, unless the reference lacks it, too', async (t) => {
  const lacks = (key: string) =>
    `echo "zoneinfo._common.ZoneInfoNotFoundError: 'No time zone found with key ${key}'" >&2; exit 1`;
  const { result, text } = await run(t, { args: ['-c', lacks('Europe/Vienna')], reference: ['-c', 'true'] });
  assert.match(String(result.cures), /^Write `zoneinfo: bundled` into the recipe/);
  assert.match(text, /Write `zoneinfo: bundled`/);
  const args = ['-c', `${lacks('Mars/Olympus')} # one`];
  const both = await run(t, { args, reference: ['-c', `echo more; ${lacks('Mars/Olympus')}`] });
  assert.deepEqual([both.result.status, both.result.cures], ['failed', undefined]);
});

test('the same in a test of cargo: one side of the assertion begins the other', () => {
  const said = (left: string, right: string): string =>
    `thread 'prints' panicked at tests/cli.rs:4:5:\nassertion \`left == right\` failed\n  left: ${left}\n right: ${right}`;
  assert.ok(explainUnflushedTest(said('""', '"hello\\n"')));
  assert.ok(explainUnflushedTest(said('[104, 101]', '[]')));
  assert.equal(explainUnflushedTest(said('"a"', '"b"')), undefined);
  assert.equal(explainUnflushedTest(said('1', '2')), undefined);
});

test('of a server: that it listens, what it answers, how it ends', async (t) => {
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const server = {
    port: 80,
    start: 2,
    ask: [
      { http: '/', method: 'GET', status: 200, expect: 'hello\n' },
      { args: ['ping', '{port}'], status: 0 },
    ],
  };
  const asked = {
    outcome: 'asked',
    answers: [
      { status: 200, body: base64('hello\n') },
      { status: 0, body: '', stderr: '' },
    ],
    terminated: true,
    exit: { signal: 'SIGTERM' },
    stdout: base64('up\n'),
    stderr: base64('a warning\n'),
  };
  const [first, second] = asked.answers;
  const served = async (outcome: object, more: Partial<RunnableCommand> = {}) => {
    const client = `cat >/dev/null; printf %s '${JSON.stringify(outcome)}'`;
    return (await run(t, { server, ...more }, { client })).result;
  };
  const passed = await served(asked);
  assert.deepEqual([passed.status, passed.target?.stdout, passed.by], ['passed', 'up\n', 'command']);
  const byItself = { ...asked, terminated: false, exit: { status: 0 } };
  assert.equal((await served(byItself)).status, 'passed');
  const cases: readonly (readonly [object, Partial<RunnableCommand>, string, string, RegExp])[] = [
    [
      { ...asked, answers: [{ status: 500, body: base64('oh\n') }, second] },
      {},
      'output-differs',
      'GET /: status 500, expected was 200; the answer differs from line 1 on',
      /a warning[\s\S]*--- expected answer to GET \/\n[\s\S]*-hello\n\+oh/,
    ],
    [
      { ...asked, answers: [first, { status: 3, stderr: base64('refused\n') }] },
      {},
      'output-differs',
      'the client ping {port}: status 3, expected was 0',
      /stderr of the client ping \{port\}:\nrefused/,
    ],
    [
      { ...asked, answers: [{ error: 'no answer came within 5 s' }] },
      {},
      'output-differs',
      'GET /: no answer came within 5 s',
      /a warning/,
    ],
    [
      { outcome: 'ended', exit: { status: 101 }, stderr: base64('Address already in use\n') },
      {},
      'exit-differs',
      'the server ended before it listened on port 80: exit status 101',
      /Address already in use/,
    ],
    [
      { outcome: 'silent', exit: { signal: 'SIGTERM' }, terminated: true, stdout: base64('still\n') },
      {},
      'time-limit',
      'the server runs, and has not listened on port 80 within 2 s (`start`)',
      /stdout of the program:\nstill/,
    ],
    [
      { outcome: 'taken' },
      {},
      'test-failed',
      'something listens on port 80 already: the server was not started',
      /^/,
    ],
    [
      { ...asked, exit: { signal: 'SIGSEGV' } },
      {},
      'exit-differs',
      'signal SIGSEGV, expected was exit status 0',
      /a warning/,
    ],
    [asked, { stdout: 'down\n' }, 'output-differs', 'stdout differs from line 1 on', /-down\n\+up/],
  ];
  for (const [outcome, more, kind, reason, diff] of cases) {
    const result = await served(outcome, more);
    assert.deepEqual([result.status, result.kind, result.reason], ['failed', kind, reason]);
    assert.match(result.diff ?? '', diff);
  }
  const killed = (await run(t, { server }, { client: 'echo out of memory >&2; exit 9' })).result;
  assert.equal(killed.reason, 'what asks the server did not come to its end: exit status 9');
  assert.match(killed.diff as string, /out of memory/);
});

test('commands run on further systems, too, but for servers', async (t) => {
  const on = (name: string, word: string) => ({
    facts: { name, description: name },
    runtime: {
      ...{ kind: 'native', rootfs: '/', mounts: [], env: {}, key: { word } },
      command: ['/bin/sh', '-c', `echo ${word}`],
    } as RuntimeInstance,
  });
  const systems = [on('old', 'right'), on('new', 'wrong')];
  const { outcome, artifacts } = await run(t, { args: ['-c', 'echo right'], stdout: 'right\n' }, { systems });
  assert.deepEqual(
    [
      outcome.passed,
      outcome.failed,
      ...outcome.systems.map(({ name, results }) => [name, results[0]?.status]),
    ],
    [1, 0, ['old', 'passed'], ['new', 'failed']],
  );
  assert.equal(outcome.systems[1]?.results[0]?.system, 'new');
  assert.ok(existsSync(join(artifacts, 'logs/systems/new/command/one.diff')));
  const failure = samplesFailure(outcome, 'far', artifacts);
  assert.match((failure?.fix ?? []).join('\n'), /`systems: \[old\]`/);
  const served = await run(
    t,
    { server: { port: 1, start: 1, ask: [] } },
    {
      systems,
      client: `cat >/dev/null; echo '{"outcome": "asked", "answers": [], "terminated": true, "exit": {"status": 0}}'`,
    },
  );
  assert.deepEqual(
    served.outcome.systems.map(({ results }) => results.length),
    [0, 0],
  );
});

test('where the expectation may be what is wrong, the line that states another is told', async (t) => {
  const status = await run(t, { args: ['-c', 'echo numbers, please >&2; exit 2'] });
  assert.match(
    status.text,
    /write `status: 2` into the test; if it lacks arguments or input, `args` or `stdin`/,
  );
  const output = await run(t, { args: ['-c', 'echo one'], stdout: 'two\n' });
  assert.match(output.text, /If the output is right, write it as `stdout`/);
});
