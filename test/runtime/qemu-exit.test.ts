import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { defined } from '../../src/domain/defined.ts';
import { readExit } from '../../src/runtime/runtime.ts';

interface Fixture {
  readonly name: string;
  readonly emulator?: string;
  readonly status?: number;
  readonly signal?: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly by: 'program' | 'emulator';
  readonly why?: string;
  /** What of stderr is the program's own. */
  readonly left?: string;
}

const { runs } = JSON.parse(
  readFileSync(new URL('../fixtures/emulator/runs.json', import.meta.url), 'utf8'),
) as { runs: readonly Fixture[] };

for (const run of runs) {
  test(`ended by the ${run.by}: ${run.name}`, () => {
    const cause = readExit(startedBy(run.emulator), exitOf(run));
    assert.deepEqual([cause.by, cause.why], [run.by, run.why]);
    if (run.left !== undefined) assert.equal(Buffer.from(cause.stderr).toString(), run.left);
  });
}

test("an emulator's message is removed from bytes that are no UTF-8 without changing them", () => {
  const line = 'qemu: uncaught target signal 6 (Aborted) - core dumped\n';
  const stderr = Buffer.concat([
    Buffer.from([0xff, 0xc3, 0x28, 0x0a]),
    Buffer.from(line),
    Buffer.from([0xfe]),
  ]);
  const cause = readExit(startedBy('qemu-aarch64'), {
    signal: 'SIGABRT',
    stdout: Buffer.alloc(0),
    stderr,
    ms: 1,
  });
  assert.deepEqual([...cause.stderr], [0xff, 0xc3, 0x28, 0x0a, 0xfe]);
  assert.deepEqual(cause.messages, [line.trimEnd()]);
});

test("a child's signal does not stand for the emulator's own, nor a child's fault for the program's", () => {
  const child = 'qemu: uncaught target signal 11 (Segmentation fault) - core dumped\n';
  const output = (stderr: string) => ({ stdout: Buffer.alloc(0), stderr: Buffer.from(stderr), ms: 1 });
  const aborted = readExit(startedBy('qemu-aarch64'), { signal: 'SIGABRT', ...output(child) });
  assert.equal(aborted.by, 'emulator');
  assert.match(aborted.why ?? '', /did not say/);
  const fault = 'qemu-aarch64: QEMU internal SIGSEGV {code=MAPERR, addr=0x20}';
  const went = readExit(startedBy('qemu-aarch64'), { status: 1, ...output(`${fault}\nchild died\n`) });
  assert.deepEqual(
    [went.by, went.started],
    ['program', `qemu-aarch64 failed itself in a program that was started by this one: ${fault}`],
  );
  const crashed = readExit(startedBy('qemu-aarch64'), { status: 1, ...output(child) });
  assert.deepEqual([crashed.by, crashed.started, crashed.stderr.length], ['program', undefined, 0]);
});

const live = spawnSync('qemu-x86_64', ['--version']).status === 0 && process.arch === 'x64';

test("an abort under the qemu of this machine is the program's", {
  skip: !live && 'no qemu-x86_64 here',
}, () => {
  const run = spawnSync('qemu-x86_64', ['/bin/sh', '-c', 'echo own >&2; kill -ABRT $$'], { cwd: '/' });
  const cause = readExit(startedBy('qemu-x86_64'), {
    signal: run.signal as string,
    stdout: run.stdout,
    stderr: run.stderr,
    ms: 1,
  });
  assert.deepEqual([run.signal, cause.by, cause.stderr.toString()], ['SIGABRT', 'program', 'own\n']);
});

test('a file that the qemu of this machine cannot start ends by the emulator', {
  skip: !live && 'no qemu-x86_64 here',
}, () => {
  const run = spawnSync('qemu-aarch64', ['/bin/sh', '-c', 'exit 0'], { cwd: '/' });
  const exit = { status: run.status as number, stdout: run.stdout, stderr: run.stderr, ms: 1 };
  assert.equal(readExit(startedBy('qemu-aarch64'), exit).by, 'emulator');
});

function startedBy(emulator: string | undefined) {
  return emulator === undefined ? ({ kind: 'native' } as const) : ({ kind: 'qemu-user', emulator } as const);
}

function exitOf({ status, signal, stdout, stderr }: Fixture) {
  return {
    ...defined({ status, signal }),
    stdout: Buffer.from(stdout),
    stderr: Buffer.from(stderr),
    ms: 1,
  };
}
