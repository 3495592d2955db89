import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { REPOSITORY, temporaryFolder } from '../support/cli.ts';
import { screenOf, terminalSvg } from './terminal-svg.ts';

function shown(output: string, columns = 20): readonly string[] {
  return screenOf(output, columns).map((line) => line.map(({ text }) => text).join(''));
}

test('a line that was drawn again is shown as it was last', () => {
  assert.deepEqual(shown('one\r\ntwo\r\n\u001b[2A\u001b[2KONE\r\n\u001b[1B'), ['ONE', 'two']);
});

test('a line that is longer than the terminal continues on the next one', () => {
  assert.deepEqual(shown('abcdefgh', 5), ['abcde', 'fgh']);
});

test('colours and weights are kept for each character', () => {
  const [line] = screenOf('\u001b[32m✔\u001b[39m \u001b[1mok\u001b[0m', 20);
  assert.deepEqual(
    line?.map(({ style }) => [style.colour, style.bold]),
    [
      ['green', false],
      [undefined, false],
      [undefined, true],
      [undefined, true],
    ],
  );
});

test('an escape sequence that the picture cannot show is an error', () => {
  assert.throws(() => screenOf('\u001b[5n', 20), /escape sequence/);
});

test('the picture is well-formed XML, whatever was printed', (t) => {
  const file = join(temporaryFolder(t), 'picture.svg');
  writeFileSync(file, terminalSvg('a < b', 'echo "<&>"', '<&>\r\n', 20));
  execFileSync('xmllint', ['--noout', file], { stdio: 'pipe' });
  execFileSync('xmllint', ['--noout', join(REPOSITORY, 'docs', 'aarch64.svg')], { stdio: 'pipe' });
});

test('the capture in the README is of the command that it shows, and ends with the samples equal', () => {
  const picture = readFileSync(join(REPOSITORY, 'docs', 'aarch64.svg'), 'utf8');
  assert.match(picture, />\.\/provision aarch64</);
  assert.match(picture, /samples equal the reference on aarch64-unknown-linux-gnu/);
  assert.match(picture, /prefers-color-scheme: dark/);
});
