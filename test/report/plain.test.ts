import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import type { Event } from '../../src/events.ts';
import { noticeText } from '../../src/report/plain.ts';
import { createRenderer } from '../../src/report/renderer.ts';
import { assertGolden } from '../support/golden.ts';
import { SAMPLES } from '../support/report.ts';

const GOLDEN = fileURLToPath(new URL('../fixtures/golden/plain.txt', import.meta.url));
const DEMO = fileURLToPath(new URL('../support/live-demo.ts', import.meta.url));

/** Events of a run, with the seconds at which they come. */
const RUN: readonly (readonly [second: number, event: Event])[] = [
  [0, { type: 'stage-started', stage: 'toolchain', title: 'Toolchain llvm', at: 0 }],
  [0, { type: 'stage-started', stage: 'sysroot', title: 'Sysroot far-python', at: 0 }],
  [1, { type: 'stage-progress', stage: 'toolchain', done: 1, total: 115, unit: 'packages' }],
  [
    11,
    {
      type: 'stage-progress',
      stage: 'toolchain',
      done: 100_000_000,
      total: 272_000_000,
      unit: 'bytes',
      rate: 9_050_000,
    },
  ],
  [
    12,
    {
      type: 'stage-progress',
      stage: 'toolchain',
      done: 40,
      total: 115,
      unit: 'packages',
      detail: 'libllvm19',
    },
  ],
  [12, { type: 'stage-progress', stage: 'sysroot', done: 3, unit: 'packages' }],
  [21, { type: 'stage-progress', stage: 'toolchain', done: 80, total: 115, unit: 'packages' }],
  [
    22,
    {
      type: 'notice',
      level: 'warning',
      code: 'fetch/mirror',
      message: 'A mirror answered 404;\nthe next one has it.',
    },
  ],
  [
    23,
    { type: 'stage-finished', stage: 'sysroot', outcome: 'hit', at: 23_000, detail: '58 packages, 544.2 MB' },
  ],
  [
    95,
    {
      type: 'stage-finished',
      stage: 'toolchain',
      outcome: 'done',
      at: 95_000,
      detail: '115 packages, 1.3 GB',
    },
  ],
  [96, { type: 'stage-started', stage: 'build', title: 'Build isolate', at: 96_000 }],
  [96, { type: 'command', stage: 'build', line: 'cargo build --locked --offline' }],
  [
    97,
    {
      type: 'stage-output',
      stage: 'build',
      stream: 'stderr',
      text: '   Compiling pyo3 v0.30.1\n  Building 1/40\r  Building 2/40',
    },
  ],
  [97, { type: 'stage-output', stage: 'build', stream: 'stdout', text: 'from a build script\n' }],
  [
    98,
    {
      type: 'stage-output',
      stage: 'build',
      stream: 'stderr',
      text: '\r\u001b[31m  Building 40/40\u001b[0m\nwithout a newline',
    },
  ],
  [
    99,
    {
      type: 'stage-finished',
      stage: 'build',
      outcome: 'failed',
      at: 99_000,
      detail: 'The runner does not compile.',
    },
  ],
  [99, { type: 'stage-started', stage: 'run', title: 'Samples', at: 99_000 }],
  ...SAMPLES.map((result): [number, Event] => [100, { type: 'sample-finished', result, cached: false }]),
  [100, { type: 'notice', level: 'info', code: 'store/wait', message: 'Another run makes this; waiting.' }],
  [101, { type: 'stage-output', stage: 'run', stream: 'stdout', text: 'cut off' }],
];

test('in a pipe each event is one line, and progress at most one every ten seconds', async () => {
  const short = await rendered('plain', false);
  const verbose = await rendered('plain', true);
  assertGolden(GOLDEN, `== plain\n${short}\n== verbose\n${verbose}`);
  assert.doesNotMatch(short + verbose, /[^\P{Cc}\n]/u, 'no control characters, no colours');
});

test('colours where they are wanted add nothing but escape sequences', async () => {
  const colored = await rendered('plain', true, true);
  assert.notEqual(colored, stripVTControlCharacters(colored));
  assert.equal(stripVTControlCharacters(colored), await rendered('plain', true));
});

test('quiet prints nothing: failure and summary line are printed by the command', async () => {
  assert.equal(await rendered('quiet', true), '');
});

test('a reader that goes away does not end the run', () => {
  const run = spawnSync(
    '/bin/sh',
    ['-c', `'${process.execPath}' '${DEMO}' plain passes 0.2 | head -n 1; exit 0`],
    { encoding: 'utf8' },
  );
  assert.equal(run.stdout, 'toolchain: Toolchain llvm\n');
  assert.equal(run.stderr, '');
});

async function rendered(kind: 'plain' | 'quiet', verbose: boolean, color = false): Promise<string> {
  const out = new PassThrough();
  let second = 0;
  const renderer = createRenderer(kind, {
    out: out as unknown as NodeJS.WriteStream,
    err: process.stderr,
    color,
    verbose,
    now: () => second * 1000,
  });
  for (const [at, event] of RUN) {
    second = at;
    renderer.emit(event);
  }
  await renderer.finish();
  return (out.read() as Buffer | null)?.toString() ?? '';
}

test('the terminal shows the first entries of what a shipped Python is known for, and all of what somebody set', () => {
  const entries = Array.from({ length: 40 }, (_, index) => `setting number ${index}`);
  const textOf = (code: string): string =>
    noticeText({ type: 'notice', level: 'info', code, message: `Known: ${entries.join('; ')}.` }, false);
  const brief = textOf('sysroot/differences');
  assert.match(brief, /setting number 0; .*; and \d+ more \(report\.json\)\. \[sysroot\/differences\]/);
  const [, more] = /and (\d+) more/.exec(brief) ?? [];
  assert.equal(brief.split('; ').length - 1 + Number(more), entries.length);
  assert.ok(textOf('build/cargo-config').includes(entries.join('; ')));
});

test('what several stages notice is told once', () => {
  const out = new PassThrough();
  const streams = {
    out: out as unknown as NodeJS.WriteStream,
    err: process.stderr,
    color: false,
    verbose: false,
  };
  const renderer = createRenderer('plain', streams);
  for (const message of ['a link', 'another link', 'a link'])
    renderer.emit({ type: 'notice', level: 'warning', code: 'build/link-outside', message });
  const shown = (out.read() as Buffer).toString();
  assert.deepEqual(shown.trimEnd().split('\n'), [
    'warning: a link [build/link-outside]',
    'warning: another link [build/link-outside]',
  ]);
});
