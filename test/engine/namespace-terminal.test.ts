import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before, test } from 'node:test';
import {
  answerIn,
  type Bench,
  ENV,
  makeBench,
  type ProgramAnswer,
  programCommand,
  quoted,
  removeBench,
  sleepers,
  until,
} from '../support/sandboxes.ts';
import { CTRL_C, CTRL_Z, NO_TERMINAL, onTerminal, type Terminal } from '../support/terminal.ts';

let bench: Bench;
before(async () => {
  bench = await makeBench();
});
after(() => removeBench(bench));

interface Ended extends Omit<Terminal, 'ended'> {
  readonly ended: Promise<ProgramAnswer>;
}

/** A program of its own on a new terminal, its sandbox running a command with that terminal. */
function inSandbox(argv: readonly [string, ...string[]], more = ''): Ended {
  const command = {
    argv,
    stdio: 'inherit',
    env: { ...ENV, PS1: 'in> ', TERM: 'dumb', 'odd-name': 'kept' },
  } as const;
  const line = programCommand(bench, { spec: {}, command }).map(quoted).join(' ');
  const terminal = onTerminal(`${line}; ${more}`);
  return { ...terminal, ended: terminal.ended.then(answerIn) };
}

test('a shell owns the terminal: its size, job control, and Ctrl-C for what runs in it', {
  skip: NO_TERMINAL,
}, async () => {
  const terminal = inSandbox(['bash', '--norc', '-i']);
  await terminal.shows('in> ');
  terminal.type('stty size; echo name=$(env | head -c 100000 | wc -l)\n');
  await terminal.shows('33 77');
  terminal.type('env\n');
  await terminal.shows('odd-name=kept');
  terminal.type(`echo start; sleep ${bench.seconds}1\n`);
  await until('it sleeps', () => sleepers(bench, '1').length > 0);
  terminal.type(CTRL_C);
  await until('it is ended', () => sleepers(bench, '1').length === 0);
  terminal.type('echo status=$?.\n');
  await terminal.shows('status=130.');
  terminal.type(`sleep ${bench.seconds}2\n`);
  await until('it sleeps', () => sleepers(bench, '2').length > 0);
  terminal.type(CTRL_Z);
  await terminal.shows('Stopped');
  terminal.type('kill %1; wait; exit 3\n');
  await terminal.shows('exit');
  terminal.type('exit 3\n');
  const { exit } = await terminal.ended;
  assert.deepEqual([exit?.status, exit?.signal, exit?.stdout], [3, undefined, '']);
});

test('Ctrl-C reaches a program that handles it and not us, and the terminal is ours again afterwards', {
  skip: NO_TERMINAL,
}, async () => {
  const script = `
    trap "echo caught" INT
    echo ready
    while :; do
      if read -r line; then echo "read $line"; fi
      if [ "$line" = last ]; then exit 9; fi
    done`;
  const terminal = inSandbox(['sh', '-c', script], 'read -r after; echo "back $after"');
  await terminal.shows('ready');
  terminal.type(CTRL_C);
  await terminal.shows('caught');
  terminal.type('one\n');
  await terminal.shows('read one');
  terminal.type(CTRL_Z);
  terminal.type('two\n');
  await terminal.shows('read two');
  terminal.type('last\n');
  await terminal.shows('read last');
  terminal.type('words\n');
  await terminal.shows('back words');
  const { exit, failure } = await terminal.ended;
  assert.deepEqual([exit?.status, failure], [9, undefined]);
});

test('Ctrl-C ends a program without handlers, as its signal and not as an interruption of ours', {
  skip: NO_TERMINAL,
}, async () => {
  const terminal = inSandbox(['sh', '-c', `echo ready; sleep ${bench.seconds}3`]);
  await terminal.shows('ready');
  await until('it sleeps', () => sleepers(bench, '3').length > 0);
  terminal.type(CTRL_C);
  const { exit } = await terminal.ended;
  assert.deepEqual([exit?.signal, exit?.status], ['SIGINT', undefined]);
  assert.deepEqual(sleepers(bench, '3'), []);
});

test('without a terminal the streams are handed over as they are', () => {
  const [file, ...args] = programCommand(bench, {
    spec: {},
    command: { argv: ['sh', '-c', 'cat; echo error >&2; exit 139'], stdio: 'inherit' },
  });
  const output = execFileSync(file, args, {
    input: 'through\n',
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  assert.match(output, /^through\n\{/);
  assert.equal(answerIn(output).exit?.status, 139);
});
