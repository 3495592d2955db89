import type { Conformance } from '../domain/conformance.ts';
import type { Divergence, DivergenceKind } from '../domain/divergence.ts';
import { namedOn, type Report } from '../domain/report.ts';
import type { SampleResult } from '../domain/sample.ts';
import { table } from './actions/markdown.ts';
import { printable } from './text.ts';

/** What differs for one cause. */
export interface DifferenceGroup {
  readonly kind: DivergenceKind;
  /** `unknown` where nothing in the file of causes fits. */
  readonly id: string;
  /** One sentence without a full stop. */
  readonly what: string;
  readonly members: readonly DifferenceMember[];
}

export interface DifferenceMember {
  readonly name: string;
  /** The line by which the cause was recognised. */
  readonly line?: string;
  /** Further causes that fit, by name. */
  readonly also: readonly string[];
}

/** How a kind is called in tables, the worst first. */
export const KINDS: Readonly<Record<DivergenceKind, string>> = {
  crashes: 'crashes',
  hangs: 'hangs',
  'lacks-module': 'lacks a module',
  differs: 'differs',
  text: 'equal but for text',
};

type Diverging = { readonly name: string; readonly divergence?: Divergence };

/** What differs, by kind and cause: the worst kind first, then the cause with most. */
export function groupDifferences(results: readonly Diverging[]): readonly DifferenceGroup[] {
  const groups = new Map<string, { group: Omit<DifferenceGroup, 'members'>; members: DifferenceMember[] }>();
  for (const { name, divergence } of results) {
    if (divergence === undefined) continue;
    const { kind, causes } = divergence;
    const [first, ...others] = causes;
    const { id = 'unknown', what = 'Nothing that is known here' } = first ?? {};
    const key = `${kind} ${id} ${what}`;
    const entry = groups.get(key) ?? { group: { kind, id, what }, members: [] };
    const line = first?.line === undefined ? {} : { line: first.line };
    entry.members.push({ name, ...line, also: others.map((one) => one.id) });
    groups.set(key, entry);
  }
  const order = Object.keys(KINDS);
  return [...groups.values()]
    .map(({ group, members }) => ({ ...group, members }))
    .sort((a, b) => order.indexOf(a.kind) - order.indexOf(b.kind) || b.members.length - a.members.length);
}

/** The samples of a run, with those of further systems that go otherwise there. */
export function diverging(report: Pick<Report, 'samples' | 'systems'>): readonly Diverging[] {
  const own = new Map(report.samples.map((one) => [one.name, signature(one)]));
  const others = (report.systems ?? []).flatMap(({ samples }) =>
    samples.filter((one) => signature(one) !== own.get(one.name)),
  );
  return [...report.samples, ...others].map((one) => ({ ...one, name: namedOn(one) }));
}

function signature({ divergence }: SampleResult): string {
  return JSON.stringify([divergence?.kind, divergence?.causes.map(({ id }) => id)]);
}

/** Kind → how many, the equal ones first. */
export function countKinds(
  results: readonly Diverging[],
  equal: number,
): readonly (readonly [string, number])[] {
  const of = (kind: DivergenceKind): number =>
    results.filter(({ divergence }) => divergence?.kind === kind).length;
  const kinds = Object.entries(KINDS).toReversed() as [DivergenceKind, string][];
  return [['equal', equal], ...kinds.map(([kind, word]) => [word, of(kind)] as const)];
}

/** `differences.md` of a recipe that measures: what was run, how much of it is equal, and what differs by cause. */
export function differencesText(report: Report | undefined, conformance: Conformance | undefined): string {
  const recipe = report?.recipe ?? conformance?.recipe ?? '';
  return [
    `# Differences of ${recipe} from the reference`,
    '',
    'Equal is what prints the same bytes and ends in the same way. What is equal but for text (tracebacks, messages, representations) is',
    'shown as that, and is not equal.',
    '',
    ...(report === undefined ? [] : samplesPart(report)),
    ...(conformance === undefined ? [] : conformancePart(conformance)),
  ].join('\n');
}

function samplesPart(report: Report): readonly string[] {
  const results = diverging(report);
  const equal = report.totals.passed;
  const python = report.python === undefined ? '' : ` on ${report.python.version}`;
  const reference = report.reference === undefined ? '' : `, against CPython ${report.reference.version}`;
  return [
    `## Samples${python}${reference}`,
    '',
    ...table(['samples', 'count'], rowsOf(countKinds(report.samples, equal), report.totals.skipped)),
    '',
    ...groupDifferences(results).flatMap(groupPart),
  ];
}

function conformancePart({ modules, totals, python }: Conformance): readonly string[] {
  const counts = countKinds(modules, totals.conforming);
  return [
    `## CPython's own tests (${python})`,
    '',
    `Of ${totals.reference.passed} tests that pass on the reference, ${totals.target.passed} pass here; ${totals.worse} are worse.`,
    '',
    ...table(['modules', 'count'], rowsOf(counts, 0)),
    '',
    ...groupDifferences(modules).flatMap(groupPart),
  ];
}

function rowsOf(counts: readonly (readonly [string, number])[], skipped: number): readonly string[][] {
  const all = skipped === 0 ? counts : [...counts, ['skipped', skipped] as const];
  return all.map(([word, count]) => [word, String(count)]);
}

function groupPart({ kind, id, what, members }: DifferenceGroup): readonly string[] {
  return [
    `### ${KINDS[kind]}: ${harmless(what)} (${members.length})`,
    '',
    `Cause: ${code(id)}.`,
    '',
    ...members.map(
      ({ name, line, also }) =>
        `- ${code(name)}${line === undefined ? '' : `: ${code(line)}`}${also.length === 0 ? '' : ` (also ${also.map(code).join(', ')})`}`,
    ),
    '',
  ];
}

/** Text of our own, with a name in it that a program printed. */
function harmless(text: string): string {
  return printable(text).replaceAll(/[<>&]/g, (char) => `&#${char.charCodeAt(0)};`);
}

/** A code span, whatever is in it (CommonMark, "Code spans"): its fence is longer than any in it. */
function code(text: string): string {
  const longest = Math.max(0, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  const fence = '`'.repeat(longest + 1);
  const gap = longest > 0 ? ' ' : '';
  return `${fence}${gap}${printable(text)}${gap}${fence}`;
}
