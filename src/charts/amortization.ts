import type { Amortization, Crossover } from '../domain/amortization.ts';
import { axis, COLORS, draw, grid, legend } from './draw.ts';

/** Time launch to exit over M for both sides, and below it their ratio. An SVG element (see `draw`). */
export function amortizationChart(data: Amortization): string {
  const { points, recipe } = data;
  const rounds = points.map((point) => point.rounds);
  const ends = { min: Math.min(...rounds), max: Math.max(...rounds) };
  const ratios = points.map(({ ratio }) => ratio);
  const crossing = data.fit?.crossover;
  const at =
    crossing?.kind === 'at' && crossing.rounds >= ends.min && crossing.rounds <= ends.max
      ? crossing.rounds
      : undefined;
  const x = (gridIndex: number, name: string): object => ({
    ...axis(name),
    type: 'log',
    gridIndex,
    ...ends,
    nameGap: 32,
    axisLabel: { color: COLORS.ink, fontSize: 15, formatter: power },
  });
  return draw({
    id: `amortize-${slug(recipe)}`,
    title: `Amortization on ${recipe}`,
    description: describe(data),
    height: 520,
    option: {
      legend: legend(),
      grid: [
        grid({ left: 92, right: 26, top: 44, height: 230 }),
        grid({ left: 92, right: 26, top: 344, height: 120 }),
      ],
      xAxis: [x(0, ''), x(1, 'rounds of the workload (M)')],
      yAxis: [
        { ...axis('ms, launch to exit'), type: 'log', gridIndex: 0, nameGap: 64 },
        {
          ...axis('isolate ÷ python3'),
          type: 'value',
          gridIndex: 1,
          nameGap: 64,
          min: Math.min(0.9, Math.floor(Math.min(...ratios) * 10) / 10),
          max: Math.max(1.1, Math.ceil(Math.max(...ratios) * 10) / 10),
        },
      ],
      series: [
        line(
          'python3',
          points.map(({ rounds: m, python }) => [m, python.median]),
          { color: 1, symbol: 'rect' },
        ),
        line(
          'isolate',
          points.map(({ rounds: m, isolate }) => [m, isolate.median]),
          { color: 0, symbol: 'circle' },
          at,
        ),
        {
          ...line(
            'ratio',
            points.map(({ rounds: m, ratio }) => [m, ratio]),
            { color: 0, symbol: 'circle' },
            at,
          ),
          xAxisIndex: 1,
          yAxisIndex: 1,
        },
        // Equal speed.
        {
          type: 'line',
          xAxisIndex: 1,
          yAxisIndex: 1,
          symbol: 'none',
          silent: true,
          data: [
            [ends.min, 1],
            [ends.max, 1],
          ],
          lineStyle: { color: COLORS.series[1], width: 1.5, type: 'dashed' },
        },
      ],
    },
  });
}

function line(
  name: string,
  data: readonly (readonly number[])[],
  style: { readonly color: number; readonly symbol: string },
  crossing?: number,
): object {
  const color = COLORS.series[style.color];
  return {
    // The ratio is named by its axis.
    ...(name === 'ratio' ? {} : { name }),
    type: 'line',
    data,
    symbol: style.symbol,
    symbolSize: 7,
    lineStyle: { color, width: 2 },
    itemStyle: { color },
    ...(crossing === undefined
      ? {}
      : {
          markLine: {
            silent: true,
            symbol: 'none',
            data: [{ xAxis: crossing }],
            lineStyle: { color: COLORS.muted, type: 'dotted', width: 1.5 },
            label: {
              show: name === 'ratio',
              formatter: `M ≈ ${whole(crossing)}`,
              color: COLORS.ink,
              fontSize: 15,
            },
          },
        }),
  };
}

function describe({ points, fit }: Amortization): string {
  const first = points[0];
  const last = points.at(-1);
  const ends =
    first === undefined || last === undefined
      ? ''
      : `At M = ${first.rounds} the isolate takes ${first.ratio.toFixed(2)} of python3's time, at M = ${last.rounds} ${last.ratio.toFixed(2)}. `;
  return fit === undefined ? ends.trim() : `${ends}Crossover: ${crossoverText(fit.crossover)}`;
}

/** One sentence. */
export function crossoverText(crossover: Crossover): string {
  if (crossover.kind === 'isolate-always-faster') return 'The isolate is faster at every M.';
  if (crossover.kind === 'python-always-faster') return 'python3 is faster at every M.';
  const { rounds, low, high, beyond } = crossover;
  const to = high === null ? 'no bound' : whole(high);
  const then = beyond === 'python' ? 'python3' : 'the isolate';
  return `M ≈ ${whole(rounds)} (95 %: ${whole(low)} to ${to}); beyond it ${then} is faster.`;
}

function whole(value: number): string {
  return Math.round(value).toLocaleString('en');
}

function power(value: number): string {
  const exponent = Math.round(Math.log10(value));
  return value < 1000
    ? String(value)
    : `10${[...String(exponent)].map((digit) => '⁰¹²³⁴⁵⁶⁷⁸⁹'[Number(digit)]).join('')}`;
}

/** A recipe's name as part of an identifier. */
function slug(name: string): string {
  return name.replace(/[^A-Za-z0-9]+/g, '-');
}
