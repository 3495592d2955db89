// Quoting, against the shells themselves.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { quoteWord, shellCommand, shellWord } from '../../src/domain/shell.ts';

const HOSTILE = [
  '',
  ' ',
  "'",
  "''",
  "it's",
  '"',
  '\\',
  "\\'",
  '\n',
  'a\nb',
  '\t',
  '$HOME',
  '$(id)',
  '`id`',
  '~',
  '~root',
  'a~b',
  '=',
  '=ls',
  'A=b',
  'a=~root',
  '-n',
  '--',
  '*',
  '?',
  '[a-z]',
  '{a,b}',
  '!',
  '!!',
  '#',
  'a#b',
  ';',
  '&',
  '|',
  '<',
  '>',
  '(',
  ')',
  'ü',
  '日本',
  'a b',
  '%s',
  '@',
  '^',
  '/usr/bin:/bin',
  'C:\\dir',
  'x'.repeat(10_000),
];

/** What a shell makes of the words of a command: each ended by a zero byte. */
function read(script: string): readonly string[] {
  const { stdout, status, stderr } = spawnSync('/bin/sh', ['-c', script], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return stdout.split('\0').slice(0, -1);
}

for (const [name, quote] of Object.entries({ shellWord, quoteWord })) {
  test(`sh reads every word that ${name} wrote as it was`, () => {
    assert.deepEqual(read(`printf '%s\\0' ${HOSTILE.map(quote).join(' ')}`), HOSTILE);
  });
}

test('words are quoted only where a shell could treat them specially', () => {
  for (const plain of ['a', 'a.b', '/usr/bin/cc', '-Wl,-rpath', '--a=b', 'x86:1', 'a@b', '100%', '+x'])
    assert.equal(shellWord(plain), plain);
  assert.equal(shellWord(''), "''");
  assert.equal(shellWord('=ls'), "'=ls'", 'zsh looks for a program of that name');
  assert.equal(quoteWord('a'), "'a'");
});

test('a command whose name looks like an assignment is a command', () => {
  const { stderr, status } = spawnSync('/bin/sh', ['-c', shellCommand(['A=b', 'x'])], { encoding: 'utf8' });
  assert.equal(status, 127);
  assert.match(stderr, /A=b/);
  assert.equal(shellCommand(['cargo', 'build', '--cfg=a b']), "cargo build '--cfg=a b'");
});
