import type { TierTable } from '../domain/tier-table.ts';
import { axis, COLORS, draw, grid } from './draw.ts';

const LINE = 28;

/** Launch of each tier, and below it the step of each, both on logarithmic axes: what is left is better. An SVG element. */
export function tiersChart({ tiers, workload }: TierTable): string {
  const measured = tiers.flatMap((tier) =>
    'absent' in tier ? [] : [{ name: tier.name, launch: tier.launch, step: tier.steps[workload] }],
  );
  const names = measured.map(({ name }) => name).reverse();
  const height = LINE * Math.max(1, names.length) + 10;
  const category = (gridIndex: number): object => ({
    ...axis(''),
    type: 'category',
    gridIndex,
    data: names,
    axisLabel: { color: COLORS.ink, fontSize: 15, interval: 0 },
  });
  const value = (gridIndex: number, name: string, values: readonly number[]): object => ({
    ...axis(name),
    type: 'log',
    gridIndex,
    nameGap: 34,
    min: Math.min(...values) / 1.5,
    max: Math.max(...values) * 1.5,
    axisLabel: {
      color: COLORS.ink,
      fontSize: 15,
      formatter: (n: number) => String(Number(n.toPrecision(2))),
    },
  });
  const launches = measured.map(({ launch }) => launch);
  const steps = measured.flatMap(({ step }) => step ?? []);
  return draw({
    id: 'tiers',
    title: 'Launch and step of each tier',
    description: measured
      .map(
        ({ name, launch, step }) =>
          `${name}: launch ${launch.toFixed(1)} ms, step ${step?.toFixed(0) ?? 'of other output'} ns`,
      )
      .join('. '),
    height: 2 * height + 170,
    option: {
      grid: [
        grid({ left: 150, right: 70, top: 10, height }),
        grid({ left: 150, right: 70, top: height + 90, height }),
      ],
      xAxis: [
        value(0, 'launch, ms of CPU time', launches),
        value(1, `step of ${workload}, ns of CPU time`, steps),
      ],
      yAxis: [category(0), category(1)],
      series: [
        dots(
          0,
          measured.map(({ name, launch }) => [launch, name]),
          (ms) => ms.toFixed(1),
        ),
        dots(
          1,
          measured.flatMap(({ name, step }) => (step === undefined ? [] : [[step, name]])),
          (ns) => ns.toFixed(0),
        ),
      ],
    },
  });
}

function dots(
  index: number,
  data: readonly (readonly [number, string])[],
  text: (value: number) => string,
): object {
  return {
    type: 'scatter',
    xAxisIndex: index,
    yAxisIndex: index,
    symbolSize: 10,
    itemStyle: { color: COLORS.series[index], opacity: 1 },
    label: {
      show: true,
      position: 'right',
      formatter: ({ value: [value = 0] }: { readonly value: readonly [number, string] }) => text(value),
      color: COLORS.ink,
      fontSize: 14,
    },
    data,
  };
}
