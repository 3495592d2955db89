import type { TierTable } from '../domain/tier-table.ts';
import { axis, COLORS, draw, grid } from './draw.ts';

/** Launch and step of each tier, both axes logarithmic: what is left and below is better. An SVG element. */
export function tiersChart({ tiers, workload }: TierTable): string {
  const dots = tiers.flatMap((tier) => {
    if ('absent' in tier) return [];
    return [{ name: tier.name, value: [tier.launch, tier.steps[workload] ?? 0] }];
  });
  const value = (name: string, nameGap: number, values: readonly number[]): object => ({
    ...axis(name),
    type: 'log',
    nameGap,
    min: Math.min(...values) / 1.5,
    max: Math.max(...values) * 1.5,
    axisLabel: {
      color: COLORS.ink,
      fontSize: 15,
      formatter: (n: number) => String(Number(n.toPrecision(2))),
    },
  });
  return draw({
    id: 'tiers',
    title: 'Launch and step of each tier',
    description: dots
      .map(
        ({ name, value: [launch = 0, step = 0] }) =>
          `${name}: launch ${launch.toFixed(1)} ms, step ${step.toFixed(0)} ns`,
      )
      .join('. '),
    height: 420,
    option: {
      grid: grid({ left: 92, right: 110, top: 20, height: 330 }),
      xAxis: value(
        'launch, ms of CPU time',
        36,
        dots.map((dot) => dot.value[0] ?? 1),
      ),
      yAxis: value(
        `step of ${workload}, ns`,
        64,
        dots.map((dot) => dot.value[1] ?? 1),
      ),
      series: [
        {
          type: 'scatter',
          symbolSize: 11,
          itemStyle: { color: COLORS.series[0], opacity: 1 },
          label: { show: true, position: 'right', formatter: '{b}', color: COLORS.ink, fontSize: 14 },
          labelLayout: { hideOverlap: false, moveOverlap: 'shiftY' },
          data: dots,
        },
      ],
    },
  });
}
