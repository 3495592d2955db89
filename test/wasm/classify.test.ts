import assert from 'node:assert/strict';
import { test } from 'node:test';
import { classifyEmulatorExit } from '../../src/run/classify.ts';

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

test('a trap is the end of the program, and no exit status; what the engine wrote is not the program’s', () => {
  const blame = classifyEmulatorExit('wasmtime', exit(134, `own words\n${TRAP}`, 'out'));
  assert.equal(blame.by, 'program');
  assert.equal(blame.trap, 'wasm trap: wasm `unreachable` instruction executed');
  assert.equal(Buffer.from(blame.stderr).toString(), 'own words\n');
  assert.equal(blame.messages[0], 'Error: failed to run main module `/opt/module/isolate.cwasm`');
});

test('a Python exception and exit statuses of a program are its own, 134 among them', () => {
  const traceback = 'Traceback (most recent call last):\n  …\nRuntimeError: wasm trap: not one\n';
  for (const status of [0, 1, 2, 134]) {
    const blame = classifyEmulatorExit('wasmtime', exit(status, traceback));
    assert.deepEqual(
      [blame.by, blame.trap, Buffer.from(blame.stderr).toString()],
      ['program', undefined, traceback],
    );
  }
  const bad = exit(1, 'Error: bad input\n');
  assert.equal(classifyEmulatorExit('wasmtime', bad).by, 'program');
});

test('an engine that does not start the module is not the program’s fault', () => {
  const blame = classifyEmulatorExit(
    'wasmtime',
    exit(
      1,
      'Error: failed to instantiate `/m`\n\nCaused by:\n    memory minimum size of 640 pages exceeds memory limits\n',
    ),
  );
  assert.equal(blame.by, 'emulator');
  assert.match(
    blame.why ?? '',
    /^wasmtime did not start the program: failed to instantiate `\/m`: memory minimum size/,
  );
});

test('natively, the same text is the program’s', () => {
  assert.equal(classifyEmulatorExit(undefined, exit(134, TRAP)).trap, undefined);
});
