import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import type { Failure } from '../../src/failure.ts';
import { formatFailure } from '../../src/report/failure.ts';
import { columnsOf, truncate, wrap } from '../../src/report/text.ts';
import { assertGolden } from '../support/golden.ts';

const GOLDEN = fileURLToPath(new URL('../fixtures/golden/failures.txt', import.meta.url));

const LONG_LINE = `\tdescription: 漢字 ${'lorem ipsum '.repeat(10)}, jobs: "two", more: text that goes on and on to the right of it`;

const FAILURES: Readonly<Record<string, Failure>> = {
  'the least': { code: 'usage/no-samples', what: 'No samples are given.', fix: [] },
  'a place in a file': {
    code: 'recipe/unknown-key',
    what: 'Unknown key "sampels".',
    at: { file: 'recipes/far.yaml', line: 12, column: 3, text: '  sampels: ../runner/samples' },
    fix: ['Did you mean `samples`?', 'See docs/recipe-reference.md.'],
  },
  'tabs, wide characters and a long line before the column': {
    code: 'recipe/type',
    what: 'A number is needed here.',
    at: {
      file: 'a.yaml',
      line: 7,
      column: LONG_LINE.indexOf('"two"') + 1,
      text: LONG_LINE,
    },
    fix: [],
    also: [
      {
        code: 'recipe/type',
        what: 'A number is needed here.',
        at: { file: 'a.yaml', line: 8, column: 6, text: '\t漢字: "three"' },
        fix: [],
      },
    ],
  },
  'everything, and long': {
    code: 'engine/user-namespaces',
    what: 'User namespaces are not allowed on this machine, so that the namespace engine cannot make a sandbox in which the toolchain runs.',
    why: 'The kernel setting that Ubuntu 24.04 ships restricts unprivileged user namespaces to programs with a profile of their own.',
    evidence: [
      'unshare: \u001b[31mwrite failed\u001b[0m /proc/self/uid_map: Operation not permitted',
      '',
      '\tindented\u0007',
    ],
    fix: [
      'Allow them until the next boot: `sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0 kernel.unprivileged_userns_clone=1`',
      'Or install Docker, and run the same command again with `--engine docker`.',
    ],
    see: [
      'artifacts/far/logs/engine.log',
      '/a/path/that/is/longer/than/any/line/of/eighty/columns/can/ever/be/on/a/terminal.log',
    ],
  },
  'much evidence, many failures': {
    code: 'build/compile',
    what: 'The runner does not compile.',
    evidence: Array.from({ length: 60 }, (_, i) => `line ${i + 1}`),
    fix: ['Fix it.'],
    also: Array.from(
      { length: 25 },
      (_, i): Failure => ({ code: 'build/compile', what: `Mistake ${i + 2}.`, fix: [] }),
    ),
  },
};

test('failures are formatted for 80 columns', () => {
  const shown = Object.entries(FAILURES).map(
    ([name, failure]) => `== ${name}\n${formatFailure(failure, { color: false, width: 80 })}`,
  );
  assertGolden(GOLDEN, shown.join('\n'));
});

test('colours add nothing but escape sequences; without them there is none', () => {
  for (const failure of Object.values(FAILURES)) {
    const plain = formatFailure(failure, { color: false, width: 80 });
    const colored = formatFailure(failure, { color: true, width: 80 });
    assert.equal(stripVTControlCharacters(colored), plain);
    assert.notEqual(colored, plain);
    assert.doesNotMatch(plain, /[^\P{Cc}\n]/u);
  }
});

test('the caret is below its column', () => {
  for (const { at, also = [] } of Object.values(FAILURES)) {
    for (const position of [at, ...also.map((one) => one.at)]) {
      if (position?.text === undefined) continue;
      const lines = formatFailure(
        { code: 'plan/x', what: 'x', fix: [], at: position },
        { color: false, width: 80 },
      ).split('\n');
      const caret = lines.findIndex((line) => line.trimEnd().endsWith('^'));
      const before = columnsOf((lines[caret] as string).slice(0, -1));
      const rest = (lines[caret - 1] as string).slice(
        [...(lines[caret - 1] as string)].findIndex(
          (_, i, all) => columnsOf(all.slice(0, i).join('')) === before,
        ),
      );
      assert.equal(rest.slice(0, 3), position.text.slice(position.column - 1, position.column + 2));
    }
  }
});

test('lines are no longer than the width, but for commands and paths', () => {
  const { evidence, see, fix, ...failure } = FAILURES['everything, and long'] as Failure;
  for (const width of [40, 60, 80, 120]) {
    const lines = formatFailure({ ...failure, fix: fix.slice(1) }, { color: false, width }).split('\n');
    assert.ok(
      lines.every((line) => columnsOf(line) <= width),
      lines.find((line) => columnsOf(line) > width),
    );
  }
  assert.ok(evidence !== undefined && see !== undefined);
});

test('text is wrapped, truncated and measured by columns', () => {
  assert.deepEqual(wrap('aa bb `c d e f` gg', 6), ['aa bb', '`c d e f`', 'gg']);
  assert.deepEqual(wrap('one\ntwo', 80), ['one', 'two']);
  assert.deepEqual(wrap('', 80), ['']);
  assert.equal(columnsOf('a漢😀e\u0301\u200d'), 6);
  assert.equal(columnsOf('\u001b[31mred\u001b[0m'), 3);
  assert.equal(truncate('abcdef', 6), 'abcdef');
  assert.equal(truncate('abcdefg', 6), 'abcde…');
  assert.equal(truncate('漢字漢字', 6), '漢字…');
  assert.equal(truncate('abc', 0), '');
});
