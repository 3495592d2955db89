import { stripVTControlCharacters } from 'node:util';
import type { CommandTest } from '../domain/definitions.ts';
import { type Difference, describeExit, stopped } from './compare.ts';
import { firstDifferentLine, unifiedDiff } from './diff.ts';
import type { Run } from './observe.ts';

/** Lines of standard error that are shown: a traceback ends with what matters. */
const STDERR_LINES = 14;

/** What a recipe states in place of a reference, as a run; standard error and what it leaves out are as they came. */
export function expectedRun({ stdout, status }: CommandTest, target: Run): Run {
  return {
    stdout: stdout === undefined ? target.stdout : Buffer.from(stdout),
    stderr: target.stderr,
    exit: { status },
    ms: 0,
    end: 'itself',
    emulator: [],
    cached: true,
  };
}

/** How a run differs from what the recipe expects of it, with the end of what it said on standard error. */
export function compareExpected(command: CommandTest, expected: Run, target: Run): Difference | undefined {
  const said = stderrOf(target);
  const outputs =
    Buffer.compare(expected.stdout, target.stdout) === 0
      ? ''
      : unifiedDiff('stdout', expected.stdout, target.stdout, 'expected');
  const shown = `${said}${outputs}`;
  const diff = shown === '' ? {} : { diff: shown };
  const end = stopped(expected, target, command.timeoutSeconds);
  if (end !== undefined) return { kind: end.kind, reason: end.reason, ...diff };
  const exits = describeExit(target.exit) !== describeExit(expected.exit);
  if (!exits && outputs === '') return undefined;
  const reasons = [
    ...(exits ? [`${describeExit(target.exit)}, expected was ${describeExit(expected.exit)}`] : []),
    ...(outputs === ''
      ? []
      : [`stdout differs from line ${firstDifferentLine(expected.stdout, target.stdout)} on`]),
    ...lastWords(target),
  ];
  return { kind: exits ? 'exit-differs' : 'output-differs', reason: reasons.join('; '), ...diff };
}

/** The end of what a run said on standard error, titled; empty where it said nothing. */
export function stderrOf(run: Run): string {
  const lines = linesOf(run);
  if (lines.length === 0) return '';
  const left = lines.length - STDERR_LINES;
  const title =
    left > 0 ? `stderr of the program, its last ${STDERR_LINES} lines:` : 'stderr of the program:';
  return [title, ...lines.slice(-STDERR_LINES), ''].join('\n');
}

/** The line that names an exception, a panic, or the error that `main` returned. */
function lastWords(run: Run): readonly string[] {
  const lines = linesOf(run);
  const start = lines.findLastIndex((line) => line.startsWith('Traceback (most recent call last)'));
  const named =
    start < 0
      ? lines.findLast((line) => /^Error: |^thread '.*' (?:\(\d+\) )?panicked at /.test(line))
      : lines.slice(start + 1).find((line) => /^\S/.test(line));
  return named === undefined ? [] : [named.replace(/[.:]$/, '')];
}

function linesOf({ stderr }: Run): readonly string[] {
  const text = stripVTControlCharacters(Buffer.from(stderr).toString('utf8')).trimEnd();
  return text === '' ? [] : text.split('\n');
}
