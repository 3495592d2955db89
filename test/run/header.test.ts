import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Failure } from '../../src/failure.ts';
import { type Header, readHeader } from '../../src/run/header.ts';
import { isFor } from '../../src/run/python-conditions.ts';

test('a script without a header has none', () => {
  assert.equal(read('print(1)\n'), undefined);
  assert.equal(read(''), undefined);
  assert.equal(
    read('#!/usr/bin/env python3\n# plain comment\nprint(1)\n# /// sample\n# title: too late\n# ///\n'),
    undefined,
  );
});

test('every key of a header is read', () => {
  const header = read(
    [
      '#!/usr/bin/env python3',
      '# -*- coding: utf-8 -*-',
      '',
      '# /// sample',
      '# title: Ledger with exact money',
      '# tier: realworld',
      '# requires: threads, module:os.path',
      `# argv: --currency EUR "two words" 'it is'`,
      '# stdin: |',
      '#   deposit 10.00',
      '#',
      '#     indented  ',
      '# timeout: 2.5',
      '# differs-on: musl: libc names its locales differently: so be it',
      '# differs-on: far, wasi : sys.maxsize',
      '# ///',
      'print(1)',
    ].join('\n'),
  );
  assert.deepEqual(header, {
    title: 'Ledger with exact money',
    tier: 'realworld',
    requires: ['threads', 'module:os.path'],
    argv: ['--currency', 'EUR', 'two words', 'it is'],
    stdin: 'deposit 10.00\n\n  indented  \n',
    timeoutSeconds: 2.5,
    knownDifferences: [
      { on: ['musl'], reason: 'libc names its locales differently: so be it' },
      { on: ['far', 'wasi'], reason: 'sys.maxsize' },
    ],
  });
});

test('a header may have a byte-order mark, CRLF, trailing blanks and empty lines', () => {
  const header = read(
    '\ufeff\r\n# licence\r\n# /// sample \t\r\n#\r\n# title: A  \r\n# stdin: |-\r\n#   a\r\n#   b\r\n#\r\n# /// \r\n',
  );
  assert.deepEqual(header, { title: 'A', stdin: 'a\nb\n', knownDifferences: [] });
});

test('a block ends before the next key; without a final newline when asked', () => {
  assert.equal(sample('stdin: |-', '  a', '  b', 'timeout: 3').stdin, 'a\nb');
  assert.equal(sample('stdin: |', '  # not a comment', '').stdin, '# not a comment\n\n');
});

test('versions of Python are conditions, quoted or not', () => {
  assert.equal(sample('python: >=3.12').python, '>=3.12');
  assert.equal(sample('python: ">=3.12, <3.15"').python, '>=3.12, <3.15');
  const holds = (version: string, python: string): boolean => isFor({ python }, version);
  assert.ok(holds('3.14', '>=3.9') && holds('3.12', '>=3.12, <3.15') && holds('3.14', '!=3.13'));
  assert.ok(isFor({}, '3.11'));
  assert.ok(!holds('3.9', '>=3.12') && !holds('3.15', '>=3.12, <3.15') && !holds('3.13', '!=3.13'));
});

test('arguments are split as a shell does, with nothing expanded', () => {
  const argv = (line: string): unknown => sample(`argv: ${line}`).argv;
  assert.deepEqual(sample('argv:').argv, []);
  assert.deepEqual(argv(`a  b\tc`), ['a', 'b', 'c']);
  assert.deepEqual(argv(`'' ""`), ['', '']);
  assert.deepEqual(argv(`x'a b'"c d"e`), ['xa bc de']);
  assert.deepEqual(argv(String.raw`'a\b' "a\b\"\\" a\ b \\ \'`), [
    String.raw`a\b`,
    `${String.raw`a\b"`}\\`,
    'a b',
    '\\',
    "'",
  ]);
  assert.deepEqual(argv('$HOME *.py ~ `id` "$X" ünï'), ['$HOME', '*.py', '~', '`id`', '$X', 'ünï']);
});

/** Mistake → its location and message. Line 1 opens, line 2 holds the title, line 3 is the first given here. */
const MISTAKES: readonly (readonly [name: string, lines: readonly string[], at: string, said: RegExp])[] = [
  ['an unknown key', ['requirs: threads'], '3:3', /Unknown key "requirs".*requires/],
  ['a key given twice', ['timeout: 3', 'timeout: 4'], '4:3', /"timeout" is given twice/],
  ['an empty value', ['tier:'], '3:3', /"tier" has no value/],
  ['no key line', ['Timeout: 3'], '3:1', /form `key: value`/],
  ['a key without a space', ['tier:any'], '3:1', /form `key: value`/],
  ['an indented line', ['  deposit'], '3:1', /outside of a block/],
  ['an unknown tier', ['tier: dynamc'], '3:9', /Unknown tier "dynamc".*`dynamic`/],
  ['no condition on Python', ['python: 3.14'], '3:11', /"3\.14" is no condition.*`>=3\.12`/],
  ['half a condition', ['python: >=3.12,'], '3:11', /is no condition/],
  ['an unknown facility', ['requires: threads, socket'], '3:22', /Unknown facility "socket".*`sockets`/],
  ['an empty facility', ['requires: threads,'], '3:21', /Unknown facility ""/],
  ['a module without a name', ['requires: module:'], '3:13', /"module:" names no module/],
  ['a module that is no name', ['requires: module:a..b'], '3:13', /names no module/],
  ['an open quote', ['argv: a "b'], '3:11', /double quote/],
  ['an open single quote', [`argv: a'b`], '3:10', /single quote/],
  ['a backslash at the end', ['argv: a\\'], '3:10', /backslash/],
  ['stdin on the line', ['stdin: hello'], '3:10', /given as a block/],
  ['an empty block', ['stdin: |', 'timeout: 3'], '3:10', /block of standard input is empty/],
  ['no time', ['timeout: soon'], '3:12', /"soon" is no time limit/],
  ['no time at all', ['timeout: 0'], '3:12', /"0" is no time limit/],
  ['too much time', ['timeout: 3601'], '3:12', /"3601" is no time limit/],
  ['a negative time', ['timeout: -1'], '3:12', /"-1" is no time limit/],
  ['a difference without a reason', ['differs-on: musl'], '3:15', /names and a reason/],
  ['a difference with an empty reason', ['differs-on: musl:'], '3:15', /names and a reason/],
  ['a difference with an empty name', ['differs-on: musl,: why'], '3:15', /names and a reason/],
];

for (const [name, lines, at, said] of MISTAKES) {
  test(`mistake: ${name}`, () => {
    const failure = mistakes(header('title: A', ...lines))[0] as Failure;
    assert.equal(failure.code, 'usage/sample-header');
    assert.equal(`${failure.at?.line}:${failure.at?.column}`, at);
    assert.match(`${failure.what} ${failure.fix.join(' ')}`, said);
    assert.equal(
      failure.at?.text,
      header('title: A', ...lines).split('\n')[(failure.at?.line as number) - 1],
    );
  });
}

test('mistake: no title', () => {
  const [failure] = mistakes(header('tier: any'));
  assert.equal(failure?.at?.line, 1);
  assert.match(failure?.what as string, /no title/);
});

test('mistake: a title of more than 80 characters, not UTF-16 units', () => {
  assert.equal(sampleTitle('😀'.repeat(80)), '😀'.repeat(80));
  const [failure] = mistakes(header(`title: ${'😀'.repeat(81)}`));
  assert.match(failure?.what as string, /81 characters/);
});

test('mistake: the header does not end', () => {
  for (const text of [
    '# /// sample\n# title: A\nprint(1)\n# ///\n',
    '# /// sample\n# title: A',
    '\n# /// sample\n\n# ///\n',
  ]) {
    const [failure, ...others] = mistakes(text);
    assert.match(failure?.what as string, /does not end/);
    assert.equal(failure?.at?.line, text.split('\n').indexOf('# /// sample') + 1);
    assert.deepEqual(others, []);
  }
});

test('mistake: a line that has something other than a space after the #', () => {
  const [failure] = mistakes('# /// sample\n#title: A\n# title: B\n# ///\n');
  assert.equal(failure?.at?.line, 2);
  assert.match(failure?.what as string, /`#` and one space/);
});

test('mistake: a header in a script that is not UTF-8; without a header any bytes are a script', () => {
  const latin1 = Buffer.from('# /// sample\n# title: caf\u00e9\n# ///\n', 'latin1');
  const result = readHeader(latin1, 'x.py');
  assert.equal(result.ok, false);
  if (!result.ok) assert.deepEqual([result.error.at?.line, result.error.at?.column], [1, 1]);
  assert.deepEqual(readHeader(Buffer.from('# coding: latin-1\n# caf\u00e9\n', 'latin1'), 'x.py'), {
    ok: true,
    value: undefined,
  });
});

test('all mistakes of a header are reported together, in order', () => {
  const found = mistakes('# /// sample\n# tier: evry\n#x\n# timeout: never\n# colour: red\n# ///\n');
  assert.deepEqual(
    found.map(({ at }) => `${at?.file}:${at?.line}:${at?.column}`),
    ['x.py:1:1', 'x.py:2:9', 'x.py:3:1', 'x.py:4:12', 'x.py:5:3'],
  );
});

function header(...contents: readonly string[]): string {
  return [
    '# /// sample',
    ...contents.map((content) => (content === '' ? '#' : `# ${content}`)),
    '# ///',
    '',
  ].join('\n');
}

function sample(...contents: readonly string[]): Header {
  return read(header('title: A', ...contents)) as Header;
}

function sampleTitle(title: string): string | undefined {
  return read(header(`title: ${title}`))?.title;
}

function read(text: string): Header | undefined {
  const result = readHeader(Buffer.from(text), 'x.py');
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}

function mistakes(text: string): readonly Failure[] {
  const result = readHeader(Buffer.from(text), 'x.py');
  assert.equal(result.ok, false, 'a mistake must be found');
  return result.ok ? [] : [result.error, ...(result.error.also ?? [])];
}
