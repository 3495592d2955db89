import type { Divergence, DivergenceCause, DivergenceRules, TextRule } from '../domain/divergence.ts';
import { describeExit } from './compare.ts';
import type { Run } from './observe.ts';
import type { Runs } from './result.ts';

/** Characters of a line that a cause shows. */
const SHOWN_LINE = 300;

/** Signals that end a program that failed by itself (signal(7), "Core"). */
const CRASH_SIGNALS = ['SIGABRT', 'SIGBUS', 'SIGFPE', 'SIGILL', 'SIGSEGV', 'SIGTRAP'];

/**
 * How the target's run differs from the reference's, and why; undefined where that says nothing of the implementation: the reference
 * did not end by itself, or an emulator failed.
 */
export function divergenceOf({ reference, target }: Runs, rules: DivergenceRules): Divergence | undefined {
  if (reference.end !== 'itself' || target.end === 'emulator') return undefined;
  const lines = differingLines(textOf(reference), textOf(target));
  const known = causesIn(lines, rules);
  if (target.end !== 'itself') return { kind: 'hangs', causes: [stoppedBy(target), ...known] };
  const crash = crashOf({ reference, target }, rules);
  if (crash !== undefined) return { kind: 'crashes', causes: [crash, ...known] };
  const module = moduleLackedIn(lines, rules, known);
  if (module !== undefined) return { kind: 'lacks-module', causes: [module, ...known] };
  const text = textOnly({ reference, target }, rules.text);
  if (text !== undefined) return { kind: 'text', causes: text };
  return { kind: 'differs', causes: known };
}

function stoppedBy({ end }: Run): DivergenceCause {
  if (end === 'time') return { id: 'time-limit', what: 'It runs into the time limit' };
  return end === 'output'
    ? { id: 'output-limit', what: 'It prints without an end' }
    : { id: 'disk-limit', what: 'It fills the disk' };
}

/** The interpreter failed: it says so itself, which an exception of Python's does not, or a signal ended it. */
function crashOf({ reference, target }: Runs, { crash }: DivergenceRules): DivergenceCause | undefined {
  const said = textOf(reference);
  // A script that prints such words itself prints them on both.
  const panic = firstMatch(
    Buffer.from(target.stderr).toString('utf8'),
    crash,
    (found) => !said.includes(found),
  );
  if (panic !== undefined)
    return { id: 'panic', what: 'The interpreter panics', line: shortened(panic[1] ?? panic[0]) };
  if ('status' in target.exit || !CRASH_SIGNALS.includes(target.exit.signal)) return undefined;
  if (describeExit(target.exit) === describeExit(reference.exit)) return undefined;
  return { id: 'signal', what: `The interpreter is ended by ${target.exit.signal}` };
}

/** A module that is missed on the target alone, and not for one of the known causes for which a module is missed that is there. */
export function moduleLackedIn(
  lines: string,
  { module, causes }: Pick<DivergenceRules, 'module' | 'causes'>,
  known: readonly DivergenceCause[],
): DivergenceCause | undefined {
  const there = causes.filter(({ moduleIsThere }) => moduleIsThere === true);
  if (known.some(({ id }) => there.some((one) => one.id === id))) return undefined;
  const found = firstMatch(addedLines(lines), module);
  if (found === undefined) return undefined;
  const name = found[1] ?? '';
  return { id: 'module', what: `It has no module \`${name}\``, line: shortened(found[0]) };
}

/** The causes that fit, in the order of their file. `lines`: as `differingLines` returns them. */
export function causesIn(
  lines: string,
  { causes }: Pick<DivergenceRules, 'causes'>,
): readonly DivergenceCause[] {
  return causes.flatMap(({ id, what, when }) => {
    const found = firstMatch(lines, when);
    return found === undefined ? [] : [{ id, what, line: shortened(wholeLines(found)) }];
  });
}

/** The text of a crash in what a run said, for runs of which only that is kept. */
export function crashIn(
  text: string,
  { crash }: Pick<DivergenceRules, 'crash'>,
): DivergenceCause | undefined {
  const found = firstMatch(text, crash);
  return found && { id: 'panic', what: 'The interpreter panics', line: shortened(found[1] ?? found[0]) };
}

/** The rules by which both are equal once they are applied: those without which they are not. Undefined: they are not equal. */
function textOnly(
  { reference, target }: Runs,
  rules: readonly TextRule[],
): readonly DivergenceCause[] | undefined {
  if (describeExit(reference.exit) !== describeExit(target.exit)) return undefined;
  const equal = (some: readonly TextRule[]): boolean =>
    (['stdout', 'stderr'] as const).every(
      (name) => applied(reference[name], some) === applied(target[name], some),
    );
  if (!equal(rules)) return undefined;
  let needed = [...rules];
  for (const rule of rules) {
    const fewer = needed.filter((one) => one !== rule);
    if (equal(fewer)) needed = fewer;
  }
  return needed.map(({ id, what }) => ({ id, what }));
}

function applied(stream: Uint8Array, rules: readonly TextRule[]): string {
  return rules.reduce(
    (text, rule) => text.replace(new RegExp(rule.pattern, 'gmu'), rule.with),
    Buffer.from(stream).toString('utf8'),
  );
}

/** Lines that one side has and the other has not, the reference's with `-`, the target's with `+` before them. */
function differingLines(reference: string, target: string): string {
  const [theirs, ours] = [reference, target].map((text) => text.split('\n')) as [string[], string[]];
  const [has, have] = [new Set(theirs), new Set(ours)];
  return [
    ...theirs.filter((line) => !have.has(line)).map((line) => `-${line}`),
    ...ours.filter((line) => !has.has(line)).map((line) => `+${line}`),
  ].join('\n');
}

function addedLines(lines: string): string {
  return lines
    .split('\n')
    .flatMap((line) => (line.startsWith('+') ? [line.slice(1)] : []))
    .join('\n');
}

function textOf({ stdout, stderr }: Run): string {
  return [stdout, stderr].map((bytes) => Buffer.from(bytes).toString('utf8')).join('\n');
}

function firstMatch(
  text: string,
  patterns: readonly string[],
  counts: (found: string) => boolean = () => true,
): RegExpExecArray | undefined {
  for (const pattern of patterns) {
    for (const found of text.matchAll(new RegExp(pattern, 'gmu'))) if (counts(found[0])) return found;
  }
  return undefined;
}

/** The lines that a match is in. */
function wholeLines({ 0: text, index, input }: RegExpExecArray): string {
  const end = input.indexOf('\n', index + text.length);
  return input.slice(input.lastIndexOf('\n', index) + 1, end < 0 ? undefined : end);
}

function shortened(line: string): string {
  const one = line.replaceAll(/\s*\n\s*/g, ' ').trim();
  return one.length <= SHOWN_LINE ? one : `${one.slice(0, SHOWN_LINE)}…`;
}
