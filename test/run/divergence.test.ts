// How a difference of another implementation of Python is classified: by rules of one's own here, and below by those that are shipped, on
// outputs that RustPython really gave.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DivergenceRules } from '../../src/domain/divergence.ts';
import { divergenceOf } from '../../src/run/divergence.ts';
import type { Run } from '../../src/run/observe.ts';

const RULES: DivergenceRules = {
  crash: ["^thread '[^'\\n]*' panicked at (.+(?:\\n.*)?)"],
  module: ["^ModuleNotFoundError: No module named '([^'\\n]+)'"],
  text: [
    { id: 'addresses', what: 'Addresses differ', pattern: '0x[0-9a-f]+', with: '0x0' },
    { id: 'message', what: 'Messages differ', pattern: '^(\\w+Error): .*', with: '$1' },
  ],
  causes: [
    { id: 'frames', what: 'Frames are others', when: ['^[+-].*frame'] },
    { id: 'sums', what: 'Sums are others', when: ['^\\+sum'] },
  ],
};

function run(stdout: string, more: Partial<Run> = {}): Run {
  return {
    ...{ stdout: Buffer.from(stdout), stderr: Buffer.from(''), exit: { status: 0 }, ms: 1 },
    ...{ end: 'itself', emulator: [], cached: false },
    ...more,
  };
}

function classify(reference: Run, target: Run): readonly string[] | undefined {
  const found = divergenceOf({ reference, target }, RULES);
  return found && [found.kind, ...found.causes.map(({ id }) => id)];
}

test('what differs in text alone is that, by the rules that it takes, and by no other', () => {
  assert.deepEqual(classify(run('a 0x7f\n'), run('a 0x55\n')), ['text', 'addresses']);
  const [theirs, ours] = ['ValueError: no\n', 'ValueError: not at all\n'];
  assert.deepEqual(classify(run(theirs), run(ours)), ['text', 'message']);
  assert.deepEqual(classify(run(`0x1 ${theirs}`), run(`0x1 ${ours}`)), ['differs']);
  assert.deepEqual(classify(run(`0x1\n${theirs}`), run(`0x2\n${ours}`)), ['text', 'addresses', 'message']);
});

test('another exit status is never text alone', () => {
  const target = run('a 0x55\n', { exit: { status: 1 } });
  assert.deepEqual(classify(run('a 0x7f\n'), target), ['differs']);
});

test('a difference has every cause that fits its lines, in the order of the file, with the line; else none', () => {
  const found = divergenceOf(
    { reference: run('sum 1\nframe a\nsame\n'), target: run('sum 2\nframe b\nsame\n') },
    RULES,
  );
  assert.deepEqual(found, {
    kind: 'differs',
    causes: [
      { id: 'frames', what: 'Frames are others', line: '-frame a' },
      { id: 'sums', what: 'Sums are others', line: '+sum 2' },
    ],
  });
  assert.deepEqual(classify(run('one\n'), run('two\n')), ['differs']);
  // What both print is no difference.
  assert.deepEqual(classify(run('frame a\none\n'), run('frame a\ntwo\n')), ['differs']);
});

const PANIC =
  "thread 'main' panicked at src/vm.rs:12:5:\nindex out of bounds\nnote: run with `RUST_BACKTRACE=1`\n";

test("a panic is told from an exception of Python's, and from a script that prints the words of one", () => {
  const panicked = run('', { stderr: Buffer.from(PANIC), exit: { status: 101 } });
  const found = divergenceOf({ reference: run('1\n'), target: panicked }, RULES);
  assert.deepEqual(found, {
    kind: 'crashes',
    causes: [{ id: 'panic', what: 'The interpreter panics', line: 'src/vm.rs:12:5: index out of bounds' }],
  });
  const raised = run('', {
    stderr: Buffer.from('Traceback (most recent call last):\nRuntimeError: panicked\n'),
    exit: { status: 1 },
  });
  assert.deepEqual(classify(run('1\n'), raised), ['differs']);
  const printed = (out: string) => run(out, { stderr: Buffer.from(PANIC) });
  assert.deepEqual(classify(printed('1\n'), printed('2\n')), ['differs']);
});

test('a signal that ends the interpreter is a crash, unless the reference ends by it, too', () => {
  const ended = (signal: string) => run('', { exit: { signal } });
  assert.deepEqual(classify(run(''), ended('SIGSEGV')), ['crashes', 'signal']);
  assert.deepEqual(classify(ended('SIGABRT'), run('x', { exit: { signal: 'SIGABRT' } })), ['differs']);
  // A script that ends itself so.
  assert.deepEqual(classify(run(''), ended('SIGTERM')), ['differs']);
});

test('a module that the reference has is named', () => {
  const stderr = (text: string) => run('', { stderr: Buffer.from(text), exit: { status: 1 } });
  const found = divergenceOf(
    { reference: run('ok\n'), target: stderr("ModuleNotFoundError: No module named '_ssl'\n") },
    RULES,
  );
  assert.equal(found?.kind, 'lacks-module');
  assert.match(found?.causes[0]?.what ?? '', /`_ssl`/);
  const both = stderr("ModuleNotFoundError: No module named 'nowhere'\n");
  assert.deepEqual(classify(both, run('x', { stderr: both.stderr, exit: { status: 1 } })), ['differs']);
});

test('a run that had to be stopped hangs; one whose reference did not end says nothing of the implementation', () => {
  assert.deepEqual(classify(run('1\n'), run('1\n', { end: 'time' })), ['hangs', 'time-limit']);
  assert.deepEqual(classify(run('1\n'), run('sum\n', { end: 'output' })), ['hangs', 'output-limit', 'sums']);
  assert.deepEqual(classify(run('1\n'), run('', { end: 'disk' })), ['hangs', 'disk-limit']);
  assert.equal(classify(run('1\n', { end: 'time' }), run('1\n')), undefined);
  assert.equal(classify(run('1\n'), run('', { end: 'emulator' })), undefined);
});
