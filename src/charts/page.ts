import { CHART_STYLE, escaped } from './draw.ts';

/** A self-contained page with one drawing and its data as a table. */
export function chartPage(title: string, svg: string, table: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title>
<style>${CHART_STYLE}
body{margin:0 auto;padding:16px;max-width:760px;background:var(--chart-paper);color:var(--chart-ink);font-family:system-ui,sans-serif}
h1{font-size:1.2rem}svg{width:100%;height:auto}pre{overflow-x:auto;font-size:.85rem;line-height:1.4}
</style>
</head>
<body>
<main>
<h1>${escaped(title)}</h1>
${svg}
<pre tabindex="0">${escaped(table)}</pre>
</main>
</body>
</html>
`;
}
