import { allResults, type Report } from '../domain/report.ts';
import type { SampleResult } from '../domain/sample.ts';
import type { Failure } from '../failure.ts';

/** Kinds of failure in which nothing could be compared: an `<error>`, where a difference is a `<failure>`. */
const ERRORS = ['emulator-crash', 'reference-failed'];

/**
 * The samples as JUnit's XML, in the form that CI servers read: docs/junit.xsd. A run that
 * stopped before its samples is one test case with an error, so that it is seen.
 */
export function junitXml(report: Report): string {
  const cases = [...allResults(report).map((sample) => sampleCase(report, sample)), ...stoppedCase(report)];
  const count = (element: string): number => cases.filter((xml) => xml.includes(`<${element}`)).length;
  const attributes = attributesOf({
    name: report.recipe,
    tests: cases.length,
    failures: count('failure '),
    errors: count('error '),
    skipped: count('skipped '),
    time: seconds(report.ms),
    timestamp: report.started.replace(/\.\d+Z?$|Z$/, ''),
  });
  const totals = attributesOf({
    tests: cases.length,
    failures: count('failure '),
    errors: count('error '),
    time: seconds(report.ms),
  });
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites${totals}>`,
    `  <testsuite${attributes}>`,
    ...cases,
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

/** Where there are several systems, the class names the one that the sample ran on. */
function sampleCase({ recipe, system, systems = [] }: Report, sample: SampleResult): string {
  const ms = (sample.target?.ms ?? 0) + (sample.reference?.ms ?? 0);
  const inside = sampleElements(sample);
  const on = sample.system ?? (systems.length > 0 && sample.by === undefined ? system?.name : undefined);
  const classname = [recipe, ...(on === undefined ? [] : [on]), sample.tier].join('.');
  return testCase({ classname, name: sample.name, time: seconds(ms) }, inside);
}

function sampleElements(sample: SampleResult): string {
  const { status, kind = '', reason = '', diff = '', cures = [] } = sample;
  if (status === 'skipped') return `<skipped${attributesOf({ message: reason })}/>`;
  if (status === 'passed')
    return (sample.declared ?? [])
      .map((why) => `<system-out>${xmlText(`declared: ${why}`)}</system-out>`)
      .join('');
  const element = ERRORS.includes(kind) ? 'error' : 'failure';
  const text = cures.length === 0 ? diff : [diff.trimEnd(), ...cures, ''].join('\n');
  return `<${element}${attributesOf({ type: kind, message: reason })}>${xmlText(text)}</${element}>`;
}

function stoppedCase(report: Report): readonly string[] {
  const { failure, stages, recipe } = report;
  if (failure === undefined || failure.code.startsWith('samples/')) return [];
  const stage = stages.findLast(({ outcome }) => outcome === 'failed')?.name ?? 'provision';
  const text = textOf(failure);
  const inside = `<error${attributesOf({ type: failure.code, message: failure.what })}>${xmlText(text)}</error>`;
  return [testCase({ classname: `${recipe}.pipeline`, name: stage, time: seconds(0) }, inside)];
}

function textOf(failure: Failure): string {
  return [failure.what, failure.why, ...(failure.evidence ?? []), ...failure.fix, ...(failure.see ?? [])]
    .filter((line) => line !== undefined)
    .join('\n');
}

function testCase(attributes: Readonly<Record<string, string | number>>, inside: string): string {
  const open = `    <testcase${attributesOf(attributes)}`;
  return inside === '' ? `${open}/>` : `${open}>${inside}</testcase>`;
}

function attributesOf(attributes: Readonly<Record<string, string | number>>): string {
  return Object.entries(attributes)
    .map(
      ([name, value]) =>
        ` ${name}="${xmlText(String(value)).replaceAll('\n', '&#10;').replaceAll('\t', '&#9;')}"`,
    )
    .join('');
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}

/**
 * Text in XML 1.0: markup escaped, and what the `Char` production (section 2.2) leaves out as `\u{…}`. A carriage return
 * would be read back as a newline (section 2.11): it is written as a reference.
 */
function xmlText(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll(
      /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu,
      (char) => `\\u{${(char.codePointAt(0) as number).toString(16)}}`,
    )
    .replaceAll('\r', '&#13;');
}
