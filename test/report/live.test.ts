import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Screen } from '../support/screen.ts';

const DEMO = fileURLToPath(new URL('../support/live-demo.ts', import.meta.url));
const COLUMNS = 80;
const SKIP = spawnSync('script', ['--version']).status !== 0 && 'no script(1) here to make a pseudo terminal';

test('on a terminal stages are shown side by side, then the outcome of each', { skip: SKIP }, async () => {
  const { screen, frames } = await terminal('passes');
  assert.deepEqual(timeless(screen.lines), [
    '✔ Toolchain llvm  115 packages, 1.3 GB (T)',
    '✔ Sysroot debian-trixie-python3.13 with a name…  58 packages, 544.2 MB (T)',
    '✔ Build isolate for far-unknown-linux-gnu  isolate, 31.2 MB (T)',
    '✔ Samples on far-unknown-linux-gnu  42 of 42 equal (T)',
    'warning: A mirror answered 404; the next one has the file. [fetch/mirror]',
    'closing line: passes',
  ]);
  assert.ok(screen.cursorVisible && !screen.wrapped && screen.colored);
  const both =
    /Toolchain llvm {2}\d+ of 115 packages, \d+\.\d MB of 272\.0 MB, 12\.3 MB\/s {2}\d.*\n.*Sysroot .*… {2}\d+\.\d MB of 123\.0 MB/;
  assert.ok(
    frames.some((lines) => both.test(lines.join('\n'))),
    'two stages ran side by side',
  );
});

test('samples that fail are listed as they come, and counted beyond ten', { skip: SKIP }, async () => {
  const { screen, frames } = await terminal('fails');
  const lines = timeless(screen.lines);
  assert.equal(lines[3], '✖ Samples on far-unknown-linux-gnu  42 of 42 equal (T)');
  assert.equal(lines[4], '✖ dynamic/sample_3: stdout differs from line 3 on');
  assert.deepEqual(lines.slice(13, 15), [
    '✖ dynamic/sample_30: stdout differs from line 3 on',
    '✖ … and 4 more',
  ]);
  assert.ok(!screen.wrapped);
  assert.ok(
    frames.some((one) => /of 42 samples/.test(one.join()) && /✖ dynamic\/sample_3:/.test(one.join())),
  );
});

test('Ctrl-C leaves a clean terminal', { skip: SKIP }, async () => {
  const { screen } = await terminal('interrupted', /Build isolate/);
  assert.deepEqual(
    timeless(screen.lines)
      .slice(2)
      .filter((line) => !line.startsWith('warning:')),
    ['↓ Build isolate for far-unknown-linux-gnu  (stopped)', 'closing line: interrupted'],
  );
  assert.ok(screen.cursorVisible);
});

test('a warm run shows its outcome and nothing before it', { skip: SKIP }, async () => {
  const { screen, frames } = await terminal('warm');
  assert.deepEqual(screen.lines, [
    ...['toolchain', 'sysroot', 'build', 'run'].map(
      (name) => `✔ Stage ${name}  115 packages, 1.3 GB (cached)`,
    ),
    'closing line: warm',
  ]);
  assert.ok(!frames.flat().some((line) => /[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]/.test(line)));
});

test('NO_COLOR turns colours off', { skip: SKIP }, async () => {
  const { screen } = await terminal('passes', undefined, 'NO_COLOR=1');
  assert.ok(!screen.colored);
});

/** Runs the scripted run on a pseudo terminal of 80 columns; `interruptAt`: presses Ctrl-C when this is on the screen. */
async function terminal(how: string, interruptAt?: RegExp, environment = '') {
  const command = `stty cols ${COLUMNS} rows 40; ${environment} exec '${process.execPath}' '${DEMO}' live ${how} 0.35`;
  const { NO_COLOR: _, ...env } = process.env;
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    env: { ...env, SHELL: '/bin/sh', TERM: 'xterm' },
  });
  const screen = new Screen(COLUMNS);
  const frames: (readonly string[])[] = [];
  let pressed = false;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    // The terminal's own echo of the key is no output of ours.
    screen.write(text.replaceAll('^C', ''));
    frames.push(screen.lines);
    if (interruptAt === undefined || pressed || !screen.lines.some((line) => interruptAt.test(line))) return;
    pressed = true;
    child.stdin.write('\u0003');
  });
  await new Promise((resolve) => child.on('close', resolve));
  return { screen, frames };
}

/** Times differ from run to run. */
function timeless(lines: readonly string[]): readonly string[] {
  return lines.map((line) => line.replace(/\(\d+(\.\d)? s\)/, '(T)'));
}
