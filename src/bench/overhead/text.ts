import type { Estimate } from '../../domain/measured.ts';
import type {
  ConfigurationResult,
  FactorEffect,
  NoiseMeasurement,
  OverheadReport,
  WorkloadName,
} from '../../domain/overhead.ts';
import { signed } from '../amortize-text.ts';
import { WORKLOADS } from './factors.ts';

const NAME = 30;
const COLUMN = 24;

/** The configurations, what each factor explains, the noise and the conclusion, within 80 columns. */
export function overheadText(data: OverheadReport): string {
  return [
    `Tax against ${data.reference}: CPU time of the work alone, in points (per cent),`,
    `median of ${data.rounds} interleaved runs after ${data.warmUp} warm-up, with the 95 % interval`,
    '',
    row('configuration', ['loop', 'amortize']),
    ...data.cells.map((configuration) => configurationRow(configuration)),
    '',
    ...countLines(data),
    row('change, all else equal', ['loop', 'amortize']),
    ...factorRows(data.factors),
    ...(data.factors.length === 0 ? ['  no two configurations differ in one factor alone'] : []),
    '',
    ...noiseRows(data.noise),
    ...wrapped(data.conclusion),
    '',
  ].join('\n');
}

function row(name: string, columns: readonly string[]): string {
  return name.padEnd(NAME) + columns.map((column) => column.padStart(COLUMN)).join('');
}

function configurationRow({ name, workloads, exact }: ConfigurationResult): string {
  const columns = WORKLOADS.map((workload) => range(workloads[workload].tax));
  return `${row(name, columns)}${exact ? '' : '\n  its output differs from the reference'}`;
}

function range({ value, low, high }: Estimate): string {
  return `${signed(value, 1)} (${signed(low, 1)} to ${signed(high, 1)})`;
}

function countLines({ cells, counter }: OverheadReport): readonly string[] {
  if (counter === undefined) return ['Instructions were not counted.', ''];
  const number = (configuration: ConfigurationResult, workload: WorkloadName): string => {
    const count = configuration.workloads[workload].instructions;
    return count === undefined ? '?' : `${signed(count.tax, 1)} (${count.isolate.toFixed(1)})`;
  };
  return [
    `Instructions by ${counter.program}, points (and the count for one round)`,
    ...wrapped(`${counter.why}`).map((line) => `  ${line}`),
    row('configuration', ['loop', 'amortize']),
    ...cells.map((configuration) =>
      row(
        configuration.name,
        WORKLOADS.map((workload) => number(configuration, workload)),
      ),
    ),
    '',
  ];
}

function factorRows(factors: readonly FactorEffect[]): readonly string[] {
  const changes = [...new Set(factors.map(nameOf))];
  return changes.map((name) => {
    const of = (workload: WorkloadName): FactorEffect | undefined =>
      factors.find((factor) => nameOf(factor) === name && factor.workload === workload);
    return row(
      name,
      WORKLOADS.map((workload) => {
        const found = of(workload);
        return found === undefined ? '' : range(found.points);
      }),
    );
  });
}

function nameOf({ factor, from, to }: FactorEffect): string {
  return factor === 'linkage+pie' ? `${from} → ${to}` : `${factor}: ${from} → ${to}`;
}

function noiseRows(noise: readonly NoiseMeasurement[]): readonly string[] {
  if (noise.length === 0) return [];
  const [first] = noise;
  const sources = [...new Set(noise.map(({ source }) => source))];
  return [
    row(`noise: what varies (${first?.cell})`, ['loop', 'amortize']),
    ...sources.map((source) =>
      row(
        `  ${source}`,
        WORKLOADS.map((workload) => {
          const found = noise.find((one) => one.source === source && one.workload === workload);
          return found === undefined ? '' : `±${found.spread.toFixed(1)}`;
        }),
      ),
    ),
    '',
  ];
}

/** Wraps at blanks to at most 80 columns. */
function wrapped(text: string): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= 78)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
