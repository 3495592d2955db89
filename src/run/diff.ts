import { type StructuredPatchHunk, structuredPatch } from 'diff';
import { visiblePair } from './visible.ts';

const CONTEXT_LINES = 3;
/** Lines and characters of a line that a diff shows; the whole outputs are among the logs. */
const MAX_LINES = 120;
const MAX_COLUMNS = 300;
/** Bytes of each output, from shortly before the first difference, that are compared line by line. */
const MAX_BYTES = 256 * 1024;
/** Beyond these, finding the smallest diff of two outputs that have little in common takes too long. */
const MAX_EDITS = 2000;
const MAX_MILLISECONDS = 1000;

/** Unified diff of one stream, reference against target; the outputs are known to differ. `side` names the former. */
export function unifiedDiff(
  stream: string,
  reference: Uint8Array,
  target: Uint8Array,
  side: 'reference' | 'expected' = 'reference',
): string {
  const from = contextStart(reference, target);
  const [old, now] = [windowOf(reference, from), windowOf(target, from)];
  const [before, after] = visiblePair(old, now);
  const patch = structuredPatch('', '', before, after, undefined, undefined, {
    context: CONTEXT_LINES,
    maxEditLength: MAX_EDITS,
    timeout: MAX_MILLISECONDS,
  });
  const skipped = newlines(reference.subarray(0, from));
  const lines =
    patch === undefined ? firstDifference(before, after, skipped) : hunkLines(patch.hunks, skipped);
  const shown = cutLines(lines.slice(0, MAX_LINES));
  const left = lines.length - shown.length;
  const whole = from + old.length >= reference.length && from + now.length >= target.length;
  return [
    `--- ${side} ${stream}`,
    `+++ target ${stream}`,
    ...shown,
    ...(left > 0 ? [`… ${left} more lines`] : []),
    ...(whole ? [] : ['… compared up to here; the outputs go on']),
    '',
  ].join('\n');
}

/** Where the line begins that stands a few lines before the first difference. */
function contextStart(a: Uint8Array, b: Uint8Array): number {
  let start = firstDifferentByte(a, b);
  for (let lines = 0; lines <= CONTEXT_LINES && start > 0; lines++) start = a.lastIndexOf(0x0a, start - 1);
  return start > 0 ? start + 1 : 0;
}

/** The bytes from an offset on that are compared, whole lines where that is possible. */
function windowOf(bytes: Uint8Array, from: number): Uint8Array {
  const window = bytes.subarray(from, from + MAX_BYTES);
  if (from + window.length >= bytes.length) return window;
  const end = window.lastIndexOf(0x0a) + 1;
  return end === 0 ? window : window.subarray(0, end);
}

/** Number of the first line that differs, from 1. */
export function firstDifferentLine(a: Uint8Array, b: Uint8Array): number {
  return 1 + newlines(a.subarray(0, firstDifferentByte(a, b)));
}

function firstDifferentByte(a: Uint8Array, b: Uint8Array): number {
  const end = Math.min(a.length, b.length);
  let index = 0;
  while (index < end && a[index] === b[index]) index += 1;
  return index;
}

function newlines(bytes: Uint8Array): number {
  let count = 0;
  for (const byte of bytes) if (byte === 0x0a) count += 1;
  return count;
}

function hunkLines(hunks: readonly StructuredPatchHunk[], skipped: number): readonly string[] {
  return hunks.flatMap(({ oldStart, oldLines, newStart, newLines, lines }) => [
    range(skipped + oldStart, oldLines, skipped + newStart, newLines),
    ...lines,
  ]);
}

/** A side of no lines is numbered by the line before it, as diff(1) does. */
function range(oldStart: number, oldLines: number, newStart: number, newLines: number): string {
  const side = (start: number, lines: number): string => `${lines === 0 ? start - 1 : start},${lines}`;
  return `@@ -${side(oldStart, oldLines)} +${side(newStart, newLines)} @@`;
}

/** Where two outputs have too little in common: the lines at which they part, and what follows on each side. */
function firstDifference(before: string, after: string, skipped: number): readonly string[] {
  const [old, now] = [before.split('\n'), after.split('\n')];
  let first = 0;
  while (first < old.length && old[first] === now[first]) first += 1;
  const start = Math.max(0, first - CONTEXT_LINES);
  const side = Math.floor((MAX_LINES - 10) / 2);
  const removed = old.slice(first, first + side);
  const added = now.slice(first, first + side);
  return [
    range(
      skipped + start + 1,
      first - start + removed.length,
      skipped + start + 1,
      first - start + added.length,
    ),
    ...old.slice(start, first).map((line) => ` ${line}`),
    ...removed.map((line) => `-${line}`),
    ...added.map((line) => `+${line}`),
    '… the outputs have little in common from here on',
  ];
}

/** Shortens long lines; of a removed and an added line that stand against each other, to where they begin to differ. */
function cutLines(lines: readonly string[]): readonly string[] {
  return lines.map((line, index) => {
    if (line.length <= MAX_COLUMNS || !/^[-+ ]/.test(line)) return line;
    const other = counterpart(lines, index);
    const same = other === undefined ? 0 : commonPrefix(line, other);
    const from = same > MAX_COLUMNS / 2 ? same - 40 : 1;
    const to = from + MAX_COLUMNS;
    return `${line[0]}${from > 1 ? '…' : ''}${line.slice(from, to)}${to < line.length ? '…' : ''} (${line.length - 1} characters)`;
  });
}

/** The line across in a block of removed lines followed by added ones. */
function counterpart(lines: readonly string[], index: number): string | undefined {
  const sign = lines[index]?.[0];
  if (sign === ' ') return undefined;
  const isMine = (i: number): boolean => lines[i]?.[0] === sign;
  let first = index;
  while (isMine(first - 1)) first -= 1;
  let end = index + 1;
  while (isMine(end)) end += 1;
  if (sign === '-') return lines[end]?.[0] === '+' ? lines[end + (index - first)] : undefined;
  let removed = first;
  while (lines[removed - 1]?.[0] === '-') removed -= 1;
  const other = lines[removed + (index - first)];
  return other?.[0] === '-' ? other : undefined;
}

/** Length of what is equal after the sign, plus one for the sign. */
function commonPrefix(a: string, b: string): number {
  let length = 1;
  while (length < a.length && a[length] === b[length]) length += 1;
  return length;
}
