import type { EChartsOption } from 'echarts';
import { init } from 'echarts/dist/echarts.esm.min.mjs';

/** Colours as CSS custom properties, so that one drawing works in light and dark mode (`CHART_STYLE`). */
export const COLORS = {
  ink: 'var(--chart-ink)',
  muted: 'var(--chart-muted)',
  grid: 'var(--chart-grid)',
  paper: 'var(--chart-paper)',
  series: ['var(--chart-1)', 'var(--chart-2)', 'var(--chart-3)', 'var(--chart-4)'],
} as const;

const LIGHT =
  '--chart-ink:#1b1f24;--chart-muted:#57606a;--chart-grid:#d8dee4;--chart-paper:#ffffff;' +
  '--chart-1:#0b5cad;--chart-2:#b3420b;--chart-3:#2a7a2e;--chart-4:#7a3fa0';
const DARK =
  '--chart-ink:#e6edf3;--chart-muted:#9da7b1;--chart-grid:#30363d;--chart-paper:#0d1117;' +
  '--chart-1:#6cb2ff;--chart-2:#ff9e64;--chart-3:#7ed483;--chart-4:#d2a3f5';

/** CSS of the colours; a page with charts includes it once. A page with a theme switch sets `data-theme`. */
export const CHART_STYLE =
  `:root{${LIGHT}}` +
  `@media (prefers-color-scheme:dark){:root:not([data-theme=light]){${DARK}}}` +
  `:root[data-theme=dark]{${DARK}}`;

export interface Drawing {
  /** Unique on a page: the prefix of all identifiers in the drawing. Letters, digits and dashes. */
  readonly id: string;
  /** The accessible name. */
  readonly title: string;
  readonly description: string;
  /** In the drawing's own units; the drawing scales to its container. */
  readonly width?: number;
  readonly height: number;
  readonly option: EChartsOption;
}

/** Default width in the drawing's own units. Text is sized to stay readable on a phone, at two thirds of that in pixels. */
const WIDTH = 560;

/** An SVG element that scales to its container's width and takes its colours from `CHART_STYLE`. */
export function draw({ id, title, description, width = WIDTH, height, option }: Drawing): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width, height });
  try {
    chart.setOption({
      animation: false,
      color: [...COLORS.series],
      textStyle: { color: COLORS.ink, fontFamily: 'system-ui, sans-serif', fontSize: 16 },
      ...option,
    });
    return named(chart.renderToSVGString(), { id, title, description, width, height });
  } finally {
    chart.dispose();
  }
}

/**
 * Replaces the identifiers of the library, which it numbers by process: equal data then give equal drawings, and the
 * drawings of a page do not share identifiers. Removes attributes that serve scripts only.
 */
function named(
  svg: string,
  {
    id,
    title,
    description,
    width,
    height,
  }: { id: string; title: string; description: string; width: number; height: number },
): string {
  const head =
    `<svg ${/xmlns="[^"]*"/.exec(svg)?.[0]} viewBox="0 0 ${width} ${height}" class="chart" role="img" ` +
    `aria-labelledby="${id}-title ${id}-desc"><title id="${id}-title">${escaped(title)}</title>` +
    `<desc id="${id}-desc">${escaped(description)}</desc>`;
  return (
    svg
      .replace(/^<svg[^>]*>/, head)
      .replace(/<style\s*>.*?<\/style>/gs, '')
      .replace(/ (?:class|xml:space|pointer-events|ecmeta_\w+)="[^"]*"/g, (attribute) =>
        attribute === ' class="chart"' ? attribute : '',
      )
      // Lines without an area and clip areas, which the library fills with black.
      .replaceAll('fill="#000"', 'fill="none"')
      .replace(/\bzr\d+-/g, `${id}-`)
      .replace(/\s*\n\s*/g, '\n')
  );
}

/** A drawing as a standalone file. */
export function standalone(svg: string): string {
  const style = `<style>${CHART_STYLE}svg{background:var(--chart-paper)}</style>`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n${svg.replace('</desc>', `</desc>${style}`)}\n`;
}

/** Escapes text and attribute values of XML and HTML. */
export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.codePointAt(0)};`);
}

/** A value or category axis in the common colours. */
export function axis(name: string): object {
  return {
    name,
    nameLocation: 'middle',
    nameTextStyle: { color: COLORS.muted, fontSize: 16 },
    axisLine: { lineStyle: { color: COLORS.muted } },
    axisTick: { lineStyle: { color: COLORS.muted } },
    axisLabel: { color: COLORS.ink, fontSize: 15 },
    splitLine: { lineStyle: { color: COLORS.grid } },
    minorSplitLine: { show: false },
  };
}

/** Text widths are estimated without a screen, so the gaps between names are wide. */
export function legend(): object {
  return {
    top: 0,
    left: 0,
    itemWidth: 18,
    itemGap: 32,
    borderColor: COLORS.grid,
    textStyle: { color: COLORS.ink, fontSize: 16 },
  };
}

/** The position of a grid's own area, without the names of its axes. */
export function grid(area: {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly height: number;
}): object {
  return { ...area, outerBoundsMode: 'none' };
}
