import type { FactorEffect, OverheadReport, WorkloadName } from '../domain/overhead.ts';
import { axis, COLORS, draw, grid, legend } from './draw.ts';

const WORKLOADS: readonly { readonly name: WorkloadName; readonly title: string }[] = [
  { name: 'loop', title: 'integer loop' },
  { name: 'amortize', title: 'amortize workload' },
];

/** The effect of each factor in points, with its spread; below it the overhead of each configuration. An SVG element. */
export function overheadChart(data: OverheadReport): string {
  const changes = [...new Set(data.factors.map(changeOf))].reverse();
  const configurations = [...data.cells].reverse();
  const above = 40 * Math.max(1, changes.length) + 10;
  const below = 38 * Math.max(1, configurations.length) + 10;
  const category = (gridIndex: number, names: readonly string[]): object => ({
    ...axis(''),
    type: 'category',
    gridIndex,
    data: [...names],
    splitLine: { show: false },
    axisLabel: { color: COLORS.ink, fontSize: 15, width: 168, overflow: 'break', interval: 0 },
  });
  const value = (gridIndex: number, name: string): object => ({
    ...axis(name),
    type: 'value',
    gridIndex,
    nameGap: 32,
  });
  return draw({
    id: 'tax',
    title: 'What the per-opcode tax is made of',
    description: data.conclusion,
    height: above + below + 174,
    option: {
      legend: legend(),
      grid: [
        grid({ left: 220, right: 20, top: 40, height: above }),
        grid({ left: 220, right: 20, top: above + 110, height: below }),
      ],
      xAxis: [value(0, 'points that the change adds'), value(1, 'tax against python3, points')],
      yAxis: [
        category(0, changes),
        category(
          1,
          configurations.map(({ name }) => name),
        ),
      ],
      series: WORKLOADS.flatMap(({ name, title }, index) => {
        const factors = data.factors.filter(({ workload }) => workload === name);
        return [
          ...dots(
            title,
            0,
            index,
            factors.map((factor) => [
              factor.points.value,
              changeOf(factor),
              factor.points.low,
              factor.points.high,
            ]),
          ),
          ...dots(
            title,
            1,
            index,
            configurations.map((configuration) => {
              const { tax } = configuration.workloads[name];
              return [tax.value, configuration.name, tax.low, tax.high];
            }),
          ),
        ];
      }),
    },
  });
}

type Dot = readonly [value: number, category: string, low: number, high: number];

/** A dot with an error bar for each category; the two workloads are shifted apart. */
function dots(name: string, axisIndex: number, index: number, data: readonly Dot[]): readonly object[] {
  const color = COLORS.series[index];
  const shift = index === 0 ? -6 : 6;
  return [
    {
      name,
      type: 'scatter',
      xAxisIndex: axisIndex,
      yAxisIndex: axisIndex,
      symbol: index === 0 ? 'circle' : 'rect',
      symbolSize: 9,
      symbolOffset: [0, shift],
      itemStyle: { color, opacity: 1 },
      data: data.map(([value, category]) => [value, category]),
      // The zero line.
      ...(index === 0
        ? {
            markLine: {
              silent: true,
              symbol: 'none',
              label: { show: false },
              lineStyle: { color: COLORS.muted, type: 'solid', width: 1 },
              data: [{ xAxis: 0 }],
            },
          }
        : {}),
    },
    {
      type: 'custom',
      xAxisIndex: axisIndex,
      yAxisIndex: axisIndex,
      data: data.map(([value, category, low, high]) => [value, category, low, high]),
      encode: { x: [0, 2, 3], y: 1 },
      silent: true,
      renderItem: (_: unknown, api: Api) => {
        const [from, y] = api.coord([api.value(2), api.value(1)]);
        const [to] = api.coord([api.value(3), api.value(1)]);
        return {
          type: 'line',
          shape: { x1: from, x2: to, y1: y + shift, y2: y + shift },
          style: { stroke: color, lineWidth: 2 },
        };
      },
    },
  ];
}

/** What the library gives a drawing of ours. */
interface Api {
  value(dimension: number): number;
  coord(point: readonly [number, number]): [number, number];
}

function changeOf({ factor, from, to }: FactorEffect): string {
  return factor === 'linkage+pie' ? `${from} → ${to}` : `${factor}: ${from} → ${to}`;
}
