import { axis, COLORS, draw, grid, legend } from './draw.ts';

/** A stage on the line of time. */
export interface TimelineStage {
  readonly name: string;
  /** Milliseconds from the beginning of the run. */
  readonly start: number;
  /** Milliseconds, wall. */
  readonly ms: number;
  readonly outcome: 'hit' | 'done' | 'failed';
}

const LOOK: Readonly<Record<TimelineStage['outcome'], { readonly color: string; readonly title: string }>> = {
  done: { color: COLORS.series[0], title: 'done' },
  hit: { color: COLORS.series[2], title: 'from the store' },
  failed: { color: COLORS.series[1], title: 'failed' },
};

/** When each stage ran, one below the other in the order given. An SVG element. `id`: as `Drawing` has it. */
export function timelineChart(stages: readonly TimelineStage[], id = 'timeline'): string {
  const height = 26 * Math.max(1, stages.length) + 10;
  const rows = [...stages].reverse();
  const used = (['done', 'hit', 'failed'] as const).filter((outcome) =>
    stages.some((stage) => stage.outcome === outcome),
  );
  return draw({
    id,
    title: 'Stages of the run',
    description: stages
      .map(({ name, ms, outcome }) => `${name}: ${secondsText(ms)}, ${LOOK[outcome].title}`)
      .join('; '),
    height: height + 84,
    option: {
      legend: { ...legend(), itemWidth: 14, data: used.map((outcome) => LOOK[outcome].title) },
      grid: grid({ left: 92, right: 70, top: 30, height }),
      xAxis: { ...axis('seconds'), type: 'value', nameGap: 26, min: 0 },
      yAxis: {
        ...axis(''),
        type: 'category',
        data: rows.map(({ name }) => name),
        splitLine: { show: false },
        axisLabel: { color: COLORS.ink, fontSize: 12, interval: 0 },
      },
      series: [
        // Carries each bar to its beginning.
        {
          type: 'bar',
          stack: 'time',
          silent: true,
          itemStyle: { color: 'none' },
          data: rows.map(({ start }) => start / 1000),
        },
        ...used.map((outcome) => ({
          name: LOOK[outcome].title,
          type: 'bar' as const,
          stack: 'time',
          barWidth: 14,
          barMinHeight: 2,
          itemStyle: { color: LOOK[outcome].color },
          data: rows.map((stage) =>
            stage.outcome === outcome
              ? {
                  value: stage.ms / 1000,
                  label: {
                    show: true,
                    position: 'right' as const,
                    formatter: secondsText(stage.ms),
                    color: COLORS.muted,
                    fontSize: 12,
                  },
                }
              : '-',
          ),
        })),
      ],
    },
  });
}

function secondsText(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
