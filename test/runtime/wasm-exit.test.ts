import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readExit } from '../../src/runtime/runtime.ts';

const WASMTIME = { kind: 'wasmtime', emulator: 'wasmtime' } as const;

function exit(status: number, stderr: string, stdout = '') {
  return { status, stdout: Buffer.from(stdout), stderr: Buffer.from(stderr), ms: 1 };
}

// As the launcher of the locked version prints it.
const TRAP = `Error: failed to run main module \`/opt/module/isolate.cwasm\`

Caused by:
    error while executing at wasm backtrace:
    0:     0x31 - isolate.wasm!abort

Caused by:
    wasm trap: wasm \`unreachable\` instruction executed

`;

test('a trap ends the program without an exit status, and its message is removed from the program’s stderr', () => {
  const cause = readExit(WASMTIME, exit(134, `own words\n${TRAP}`, 'out'));
  assert.equal(cause.by, 'program');
  assert.equal(cause.trap, 'wasm trap: wasm `unreachable` instruction executed');
  assert.equal(Buffer.from(cause.stderr).toString(), 'own words\n');
  assert.equal(cause.messages[0], 'Error: failed to run main module `/opt/module/isolate.cwasm`');
});

test('an exception and an exit status of the program, 134 included, are the program’s own', () => {
  const traceback = 'Traceback (most recent call last):\n  …\nRuntimeError: wasm trap: not one\n';
  for (const status of [0, 1, 2, 134]) {
    const cause = readExit(WASMTIME, exit(status, traceback));
    assert.deepEqual(
      [cause.by, cause.trap, Buffer.from(cause.stderr).toString()],
      ['program', undefined, traceback],
    );
  }
  const bad = exit(1, 'Error: bad input\n');
  assert.equal(readExit(WASMTIME, bad).by, 'program');
});

test('a runtime that refuses the module is reported as the emulator’s failure', () => {
  const cause = readExit(
    WASMTIME,
    exit(
      1,
      'Error: failed to instantiate `/m`\n\nCaused by:\n    memory minimum size of 640 pages exceeds memory limits\n',
    ),
  );
  assert.equal(cause.by, 'emulator');
  assert.match(
    cause.why ?? '',
    /^wasmtime did not start the program: failed to instantiate `\/m`: memory minimum size/,
  );
});

test('the text of a trap printed by a native program is its own stderr', () => {
  assert.equal(readExit({ kind: 'native' }, exit(134, TRAP)).trap, undefined);
});
