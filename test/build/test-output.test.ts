import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readTests } from '../../src/build/test-output.ts';

const STDERR = `   Compiling mini v0.1.0 (/job/project)
    Finished \`release\` profile [optimized] target(s) in 1.02s
     Running unittests src/main.rs (/job/target/t/release/deps/mini-12ab)
     Running tests/all.rs (/job/target/t/release/deps/all-34cd)
`;

test('the output of libtest gives a result for each test of each program', () => {
  const stdout = `
running 3 tests
test tests::adds ... ok
test tests::fails ... FAILED
test tests::slow ... ignored, takes an hour

failures:

---- tests::fails stdout ----

thread 'tests::fails' panicked at src/main.rs:9:5:
assertion failed: false

failures:
    tests::fails

test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.00s


running 1 test
test panics - should panic ... ok

test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
`;
  assert.deepEqual(readTests({ stdout, stderr: STDERR, passed: false }), [
    { name: 'src/main.rs/tests::adds', status: 'passed', said: '' },
    {
      name: 'src/main.rs/tests::fails',
      status: 'failed',
      said: "thread 'tests::fails' panicked at src/main.rs:9:5:\nassertion failed: false",
    },
    { name: 'src/main.rs/tests::slow', status: 'skipped', said: 'takes an hour' },
    { name: 'tests/all.rs/panics', status: 'passed', said: '' },
  ]);
});

test('a test program that crashes is a failure, even if its earlier tests passed', () => {
  const tests = readTests({
    stdout: '\nrunning 2 tests\ntest a ... ok\n',
    stderr: `${STDERR}error: test failed\n  process didn't exit successfully (signal: 11, SIGSEGV)\n`,
    passed: false,
  });
  assert.deepEqual(
    tests.map(({ name, status }) => [name, status]),
    [
      ['tests-1/a', 'passed'],
      ['cargo-test', 'failed'],
    ],
  );
  assert.match(tests[1]?.said ?? '', /SIGSEGV/);
});

test('a custom harness counts as one test', () => {
  assert.deepEqual(readTests({ stdout: 'all good\n', stderr: STDERR, passed: true }), [
    { name: 'cargo-test', status: 'passed', said: '' },
  ]);
});
