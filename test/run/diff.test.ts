import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { firstDifferentLine, unifiedDiff } from '../../src/run/diff.ts';
import { visible } from '../../src/run/visible.ts';
import { assertGolden } from '../support/golden.ts';

const GOLDEN = fileURLToPath(new URL('../fixtures/golden/diffs.txt', import.meta.url));

/** Pairs in which a plain diff would show nothing, too much, or something that breaks a terminal. */
const PAIRS: readonly (readonly [
  name: string,
  reference: string | Uint8Array,
  target: string | Uint8Array,
])[] = [
  ['one line changed', numbered(1, 12), numbered(1, 12).replace('line 6', 'line six')],
  ['far apart', numbered(1, 60), numbered(1, 60).replace('line 30', 'line thirty').replace('line 50\n', '')],
  ['no newline at the end', 'a\nb\n', 'a\nb'],
  ['nothing on the target', 'a\nb\n', ''],
  ['nothing on the reference', '', 'a\n'],
  ['carriage returns', 'a\nb\n', 'a\r\nb\n'],
  ['blanks at the end of a line', 'a\nb\n', 'a \nb\t\n'],
  ['bytes that are no UTF-8', 'caf\u00e9\n', Buffer.from('caf\u00e9\n', 'latin1')],
  ['a byte against the text of its escape', '\\xff\n', Buffer.from([0xff, 0x0a])],
  ['composed against combining', 'caf\u00e9\n', 'cafe\u0301\n'],
  ['a no-break space', 'a b\n', 'a\u00a0b\n'],
  ['a zero-width joiner', 'ab\n', 'a\u200db\n'],
  ['colours', 'red\n', '\u001b[31mred\u001b[0m\n'],
  ['null bytes', 'a\n', 'a\0\n'],
  ['other scripts stay as they are', 'नमस्ते दुनिया\n日本\n', 'नमस्ते\n日本\n'],
  ['one long line', `${'x'.repeat(5000)}y${'z'.repeat(500)}\n`, `${'x'.repeat(5000)}Y${'z'.repeat(500)}\n`],
  ['a long line against a short one', `${'ab'.repeat(400)}\n`, 'ab\n'],
];

test('a diff shows what differs in text, bytes, blanks and ends of lines', () => {
  const shown = PAIRS.map(([name, a, b]) => `== ${name}\n${unifiedDiff('stdout', bytes(a), bytes(b))}`);
  assertGolden(GOLDEN, shown.join('\n'));
});

test('every difference is visible: no pair of removed and added lines looks the same', () => {
  for (const [name, a, b] of PAIRS) {
    const lines = unifiedDiff('stdout', bytes(a), bytes(b)).split('\n').slice(3);
    const of = (sign: string): string =>
      lines
        .filter((line) => line.startsWith(sign))
        .map((line) => line.slice(1).normalize('NFC'))
        .join('\n');
    const marker = lines.some((line) => line.startsWith('\\ No newline'));
    assert.ok(of('-') !== of('+') || marker, name);
    assert.doesNotMatch(
      lines.join('\n'),
      /[^\P{Cc}\n]/u,
      `${name}: a control character would reach the terminal`,
    );
  }
});

test('outputs of megabytes with nothing in common are cut, and quickly', () => {
  const noise = (seed: number): Buffer =>
    Buffer.from(
      Array.from({ length: 400_000 }, (_, i) => `${(i * 7919 + seed) % 1_000_003} text\n`).join(''),
    );
  const started = performance.now();
  const diff = unifiedDiff('stdout', noise(1), noise(2));
  assert.ok(performance.now() - started < 60_000);
  assert.ok(diff.length < 40_000, `${diff.length} characters`);
  assert.match(diff, /little in common/);
  assert.match(diff, /the outputs go on/);
});

test('a small difference after megabytes of equal lines is found at its line', () => {
  const equal = 'the same line again\n'.repeat(300_000);
  const diff = unifiedDiff('stderr', Buffer.from(`${equal}a\n`), Buffer.from(`${equal}b\n`));
  assert.match(diff, /^--- reference stderr\n\+\+\+ target stderr\n@@ -299998,4 \+299998,4 @@\n/);
  assert.match(diff, /\n-a\n\+b\n$/);
});

test('a diff of one empty and one large output is cut', () => {
  const diff = unifiedDiff('stdout', Buffer.from('a\n'), Buffer.from(`a\n${'y\n'.repeat(4_000_000)}`));
  assert.ok(diff.split('\n').length < 130);
  assert.match(diff, /the outputs go on/);
});

test('the first line that differs is found by its number', () => {
  const first = (a: string, b: string): number => firstDifferentLine(Buffer.from(a), Buffer.from(b));
  assert.equal(first('a\nb\nc', 'a\nb\nd'), 3);
  assert.equal(first('', 'a'), 1);
  assert.equal(first('a\n', 'a\nb'), 2);
});

test('well-formed UTF-8 is kept, overlong forms and surrogates are not', () => {
  assert.equal(visible(Buffer.from('aé€😀')), 'aé€😀');
  assert.equal(visible(Buffer.from([0xc0, 0x80])), '\\xc0\\x80');
  assert.equal(visible(Buffer.from([0xed, 0xa0, 0x80])), '\\xed\\xa0\\x80');
  assert.equal(visible(Buffer.from([0xf4, 0x90, 0x80, 0x80])), '\\xf4\\x90\\x80\\x80');
  assert.equal(visible(Buffer.from([0xe2, 0x82])), '\\xe2\\x82');
});

function numbered(from: number, to: number): string {
  return Array.from({ length: to - from + 1 }, (_, i) => `line ${from + i}\n`).join('');
}

function bytes(text: string | Uint8Array): Uint8Array {
  return typeof text === 'string' ? Buffer.from(text) : text;
}
