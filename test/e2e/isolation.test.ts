// Several scripts in one process, each in an interpreter of its own: the same bytes as in processes, and what a fault takes with it.
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { deflateSync } from 'node:zlib';
import { collectSamples } from '../../src/run/collect.ts';
import { isFor } from '../../src/run/python-conditions.ts';
import { provision, REPOSITORY, SHARED_STORE, temporaryFolder } from '../support/cli.ts';

/** Those that cannot run in an interpreter that is not the only one, with what CPython refuses them. */
const NEEDS_PROCESS = {
  'dynamic/signals_by_hand': 'signal handlers',
  'realworld/line_editing': 'daemon threads',
  'realworld/terminal_windows': 'module _curses',
  'realworld/tls_request': 'daemon threads',
};

const LOST =
  'An interpreter cannot hold a crash, `os._exit` or a signal to its own process; --isolate=process can';
const both = (how: string): string =>
  `  the process of the interpreters ${how}: 2 scripts ran in it, one of which ended it. ${LOST}`;

/** Each script beside two that do nothing wrong, and how the three end. */
const FAULTS: Readonly<Record<string, readonly [script: string, ...expected: readonly string[]]>> = {
  exits: ['raise SystemExit("words")\n', 'exited0 exited1 exited0'],
  endless: ['while True: pass\n', 'exited0 timed-out exited0'],
  stubborn: [
    'while True:\n  try:\n    while True: pass\n  except BaseException: pass\n',
    'exited0 timed-out exited0',
  ],
  stuck: ['sum(range(10**13))\n', 'exited0 timed-out exited0'],
  thread: [
    'import threading\ndef f():\n  while True: pass\nthreading.Thread(target=f).start()\n',
    'exited0 timed-out exited0',
  ],
  memory: ['bytearray(1 << 60)\n', 'exited0 exited1 exited0'],
  refused: ['import os\nos.fork()\n', 'exited0 exited1 exited0'],
  crash: [
    'import ctypes\nctypes.string_at(0)\n',
    'lost lost exited0',
    both('was ended by signal 11 (SIGSEGV)'),
  ],
  leaves: ['import os\nos._exit(3)\n', 'lost lost exited0', both('exited with status 3')],
  signals: [
    'import os, time\nos.kill(os.getpid(), 15)\ntime.sleep(9)\n',
    'lost lost exited0',
    both('was ended by signal 15 (SIGTERM)'),
  ],
};

test('scripts in interpreters of one process print what they print in processes; faults stay where CPython can hold them', async (t) => {
  const folder = temporaryFolder(t, 'provision isolation ö ');
  const collected = await collectSamples([join(REPOSITORY, 'runner', 'samples')], { timeoutSeconds: 60 });
  assert.ok(collected.ok);
  const samples = collected.value.filter((sample) => isFor(sample, '3.13'));
  assert.ok(samples.length > 60);
  const given = {
    samples: samples.map(({ name, file, argv, stdin }) => ({
      ...{ name, argv, stdin },
      text: readFileSync(file, 'utf8'),
    })),
    // It has not ended when the others do.
    faults: {
      good: 'import time\ntime.sleep(0.3)\n',
      ...Object.fromEntries(Object.entries(FAULTS).map(([name, [script]]) => [name, script])),
    },
  };
  const driver = readFileSync(join(REPOSITORY, 'test/fixtures/isolation/driver.py'), 'utf8');
  const packed = deflateSync(JSON.stringify(given)).toString('base64');
  const program = `${driver}\nmain(json.loads(zlib.decompress(base64.b64decode("${packed}"))))\n`;
  const expected = [
    ...Object.entries(NEEDS_PROCESS).map(([name, why]) => `interpreter: ${name}: ${why}`),
    'interpreter: all others equal',
    'fork: all others equal',
    ...Object.entries(FAULTS).flatMap(([name, [, endings, ...why]]) => [`${name}: ${endings}`, ...why]),
    'grown: 300 True',
    '',
  ].join('\n');
  const commands = [{ name: 'isolation', args: ['-'], stdin: program, stdout: expected, timeout: 300 }];
  const recipe = {
    ...{
      schema: 1,
      description: 'Scripts apart from each other.',
      target: 'x86_64',
      python: { from: 'packages' },
    },
    project: { path: join(REPOSITORY, 'runner'), bin: 'isolate' },
    ...{ samples: { path: join(REPOSITORY, 'runner/samples/any/containers.py') }, tests: { commands } },
  };
  writeFileSync(join(folder, 'provision.yaml'), JSON.stringify(recipe));
  const ran = await provision(['run', 'provision.yaml', '--no-host'], { cwd: folder, store: SHARED_STORE });
  assert.equal(ran.status, 0, ran.stdout + ran.stderr);
});
