import type { EChartsOption } from 'echarts';
import { init } from 'echarts/dist/echarts.esm.min.mjs';

/** Colours as CSS custom properties, so that one drawing serves light and dark (`CHART_STYLE`). */
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

/** CSS of the colours; a page that draws charts has it once. A page with a switch of its own sets `data-theme`. */
export const CHART_STYLE =
  `:root{${LIGHT}}` +
  `@media (prefers-color-scheme:dark){:root:not([data-theme=light]){${DARK}}}` +
  `:root[data-theme=dark]{${DARK}}`;

export interface Drawing {
  /** Unique on a page: names inside the drawing begin with it. Letters, digits and dashes. */
  readonly id: string;
  /** Read out in place of the drawing. */
  readonly title: string;
  readonly description: string;
  /** Units of the drawing's own, as wide as a phone: it scales to the place that it is put in. */
  readonly width?: number;
  readonly height: number;
  readonly option: EChartsOption;
}

/** Width of a drawing in its own units. Text is large for it, so that it can be read where a phone has two thirds of that in pixels. */
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
 * The library numbers what it draws by process, and marks it for scripts; names of ours make equal drawings equal and
 * keep those of a page apart.
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
      // Lines without an area, and areas that only clip: painted black where nothing else is said.
      .replaceAll('fill="#000"', 'fill="none"')
      .replace(/\bzr\d+-/g, `${id}-`)
      .replace(/\s*\n\s*/g, '\n')
  );
}

/** A drawing as a file of its own. */
export function standalone(svg: string): string {
  const style = `<style>${CHART_STYLE}svg{background:var(--chart-paper)}</style>`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n${svg.replace('</desc>', `</desc>${style}`)}\n`;
}

/** For text and attribute values of XML and HTML. */
export function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (c) => `&#${c.codePointAt(0)};`);
}

/** A value axis or category axis in the house's colours. */
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

/** Further keys go beside these. Widths of text are guesses where there is no screen: names stand well apart. */
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

/** Where a grid's own area lies; names of its axes are outside. */
export function grid(place: {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly height: number;
}): object {
  return { ...place, outerBoundsMode: 'none' };
}
