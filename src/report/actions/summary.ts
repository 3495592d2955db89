import type { BlockerSummary } from '../../domain/blocker.ts';
import { allResults, namedOn, type Report } from '../../domain/report.ts';
import type { SampleResult } from '../../domain/sample.ts';
import { formatBytes } from '../../domain/units.ts';
import type { Failure } from '../../failure.ts';
import { duration } from '../rows.ts';
import { countedText, countTests, summaryLine } from '../summary-line.ts';
import { hostStartText, systemText } from '../systems.ts';
import { block, code, details, plainText, table } from './markdown.ts';

const MARKS = { passed: '✅', measured: '📏', failed: '❌', blocked: '⛔', error: '💥' } as const;
const SAMPLE_MARKS = { passed: '✅', failed: '❌', skipped: '⏭️' } as const;

/** Lines of a diff that are shown; the whole is among the logs. */
const MAX_DIFF = 60;

/** A run as Markdown: how it went, what stopped it, what differs, every sample, every stage. */
export function reportSummary(report: Report): string {
  const { recipe, status, target, failure } = report;
  return [
    `## ${MARKS[status]} ${plainText(recipe)} on ${code(target.triple)}`,
    '',
    plainText(summaryLine(report)),
    '',
    ...figures(report),
    ...blockerPart(report.blockers),
    ...(failure === undefined || status === 'failed' ? [] : ['', ...failurePart(stripped(failure, report))]),
    ...differPart(allResults(report)),
    ...samplesPart(report),
    ...stagesPart(report),
    '',
  ].join('\n');
}

/** What stopped an attempt that was made to be stopped. */
export function blockersSummary(recipe: string, blockers: readonly BlockerSummary[]): string {
  const head = `## ${plainText(recipe)}, nothing provisioned`;
  return [head, ...(blockers.length === 0 ? ['', 'Nothing stops it.'] : blockerPart(blockers)), ''].join(
    '\n',
  );
}

/** What stopped a command before there was anything to report. */
export function failureSummary(command: string, failure: Failure): string {
  return [`## 💥 ${code(`provision ${command}`)}`, '', ...failurePart(failure), ''].join('\n');
}

/** Several recipes in one table. */
export function matrixSummary(reports: readonly Report[], missing: readonly string[]): string {
  const rows = reports.map((report) => [
    plainText(report.recipe),
    code(report.target.triple),
    `${MARKS[report.status]} ${report.status}`,
    samplesCell(report),
    report.blockers.map((one) => code(one.code)).join('<br>') || plainText(report.failure?.code ?? ''),
    duration(report.ms),
    report.bundle === undefined ? '' : formatBytes(report.bundle.size),
  ]);
  const lost = missing.map((recipe) => [plainText(recipe), '', '💥 no report', '', '', '', '']);
  return [
    '## Provisioned',
    '',
    ...table(['recipe', 'target', 'status', 'samples', 'stopped by', 'time', 'bundle'], [...rows, ...lost]),
    ...reports.flatMap((one) => blockerPart(one.blockers, `Blockers of ${plainText(one.recipe)}`)),
    '',
  ].join('\n');
}

/** A blocker shows what the tool printed: once is enough. */
function stripped(failure: Failure, report: Report): Failure {
  if (report.blockers.length === 0) return failure;
  const { evidence: _, ...rest } = failure;
  return rest;
}

function figures(report: Report): readonly string[] {
  const { samples, ms, bundle, engine, python } = { ...report, samples: samplesCell(report) };
  const start = hostStartText(report);
  const rows = [
    [noun(report.samples), samples],
    ...(report.systems ?? []).map((one) => [`on ${one.name}`, plainText(systemText(one))]),
    ...(start === undefined ? [] : [['this machine', plainText(start)]]),
    ['time', duration(ms)],
    ...(bundle === undefined ? [] : [['bundle', `${code(bundle.file)}, ${formatBytes(bundle.size)}`]]),
    ...(python === undefined
      ? []
      : [['Python', plainText([python.version, python.variant, python.linkage].filter(Boolean).join(', '))]]),
    ...(engine === undefined ? [] : [['engine', plainText(`${engine.name} ${engine.version}`)]]),
  ];
  return table(['', ''], rows);
}

function samplesCell(report: Report): string {
  const { totals, samples } = report;
  if (totals.samples === 0) return '';
  const parts = [countedText(report)];
  const { failed } = countTests(samples);
  if (totals.failed > failed) parts.push(`${totals.failed - failed} differ`);
  if (failed > 0) parts.push(`${failed} fail`);
  if (totals.skipped > 0) parts.push(`${totals.skipped} skipped`);
  return parts.join(', ');
}

function blockerPart(blockers: readonly BlockerSummary[], title = 'Blockers'): readonly string[] {
  if (blockers.length === 0) return [];
  const rows = blockers.map((one) => [
    code(one.code),
    plainText(one.stage),
    plainText(`${one.title}. ${one.because}`),
    one.cure === undefined ? '' : code(one.cure),
  ]);
  return [
    '',
    `### ${title}`,
    '',
    ...table(['blocker', 'stage', 'what it is', 'fix'], rows),
    ...blockers.flatMap((one) => ['', ...details(code(one.code), [block(one.lines.join('\n'))])]),
  ];
}

function failurePart(failure: Failure): readonly string[] {
  return [failure, ...(failure.also ?? [])].flatMap(({ code: name, what, why, at, fix, evidence = [] }) => [
    `**${code(name)}** ${plainText(what)}${at === undefined ? '' : ` (${code(`${at.file}:${at.line}:${at.column}`)})`}`,
    '',
    ...(why === undefined ? [] : [plainText(why), '']),
    ...fix.map((one) => `- ${plainText(one)}`),
    ...(evidence.length === 0 ? [] : ['', ...details('What the tool printed', [block(evidence.join('\n'))])]),
    '',
  ]);
}

function differPart(samples: readonly SampleResult[]): readonly string[] {
  const failed = samples.filter(({ status }) => status === 'failed');
  if (failed.length === 0) return [];
  return [
    '',
    failed.every(({ by }) => by !== undefined) ? '### Tests that fail' : '### Samples that differ',
    '',
    ...table(
      ['sample', 'how', 'why'],
      failed.map((one) => [code(namedOn(one)), plainText(one.kind ?? ''), plainText(one.reason ?? '')]),
    ),
    ...failed.flatMap((one) =>
      one.diff === undefined ? [] : ['', ...details(code(namedOn(one)), [block(firstLines(one.diff))])],
    ),
  ];
}

function samplesPart({ samples, systems = [] }: Report): readonly string[] {
  if (samples.length === 0) return [];
  const marks = (name: string): readonly string[] =>
    systems.map((system) => {
      const status = system.samples.find((one) => one.name === name)?.status;
      return status === undefined ? '' : SAMPLE_MARKS[status];
    });
  const rows = samples.map(({ name, status, reason, declared = [], target }) => [
    code(name),
    `${SAMPLE_MARKS[status]} ${status}`,
    ...marks(name),
    plainText(reason ?? declared.map((why) => `declared: ${why}`).join('\n')),
    target === undefined ? '' : duration(target.ms),
  ]);
  return [
    '',
    ...details(
      `All ${samples.length} ${noun(samples)}`,
      table(['sample', 'status', ...systems.map(({ name }) => name), 'why', 'time'], rows),
    ),
  ];
}

function stagesPart({ stages }: Report): readonly string[] {
  const rows = stages.map(({ name, outcome, ms, detail = '' }) => [
    plainText(name),
    outcome === 'hit' ? 'cached' : outcome,
    duration(ms),
    plainText(detail),
  ]);
  return ['', ...details('Stages', table(['stage', 'outcome', 'time', 'what'], rows))];
}

function firstLines(text: string): string {
  const lines = text.split('\n');
  if (lines.length <= MAX_DIFF) return text;
  return [...lines.slice(0, MAX_DIFF), `… ${lines.length - MAX_DIFF} more lines`].join('\n');
}

/** A library has tests alone. */
function noun(samples: Report['samples']): 'samples' | 'tests' {
  return samples.length > 0 && samples.every(({ by }) => by !== undefined) ? 'tests' : 'samples';
}
