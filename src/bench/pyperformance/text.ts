import type { Pyperformance } from '../../domain/pyperformance.ts';

const COLUMNS = [34, 12, 12, 8] as const;

/** The table, within 80 columns. */
export function pyperformanceText({
  recipe,
  reference,
  clock,
  mean,
  bound,
  benchmarks,
  left,
}: Pyperformance): string {
  const rows = benchmarks.map(({ name, python, isolate, ratio }) => [
    name,
    milliseconds(python.median),
    milliseconds(isolate.median),
    ratio.value.toFixed(3),
  ]);
  const runs = benchmarks[0]?.python.runs.length ?? 0;
  return [
    `pyperformance of ${recipe} against ${reference}: ${clock === 'cpu' ? 'CPU' : 'wall'} time of one loop`,
    `medians of ${runs} interleaved processes of each; ratio: median by iteration`,
    '',
    ...[['', 'python3 ms', 'isolate ms', 'ratio'], ...rows].map(line),
    '',
    ...(mean === undefined ? [] : [meanLine(mean, benchmarks.length, bound)]),
    ...(left.length === 0 ? [] : ['', `Not measured (${left.length}):`]),
    ...left.map(({ name, by, reason }) => `  ${name}: ${by === 'isolate' ? `${recipe}: ` : ''}${reason}`),
    '',
  ].join('\n');
}

function meanLine({ value, low, high }: NonNullable<Pyperformance['mean']>, count: number, bound?: number) {
  const said = `Geometric mean of ${count}: ${value.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)})`;
  if (bound === undefined) return said;
  return `${said}, bound ≤ ${bound.toFixed(2)}: ${value <= bound ? 'reached' : 'missed'}`;
}

function milliseconds(ms: number): string {
  return ms.toFixed(ms < 1 ? 5 : 2);
}

function line(cells: readonly string[]): string {
  return cells
    .map((cell, i) => (i === 0 ? cell.padEnd(COLUMNS[0]) : cell.padStart(COLUMNS[i] ?? cell.length + 2)))
    .join('')
    .trimEnd();
}
