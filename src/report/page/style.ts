/**
 * The page's looks. Colours are those of the drawings (src/charts/draw.ts), by the same names. No script: a cell opens its
 * detail as a popover, and the filter is a rule.
 */
export const STYLE = `
:root{color-scheme:light dark;--chart-ink:#1b1f24;--chart-muted:#57606a;--chart-grid:#d8dee4;--chart-paper:#fff;
--chart-1:#0b5cad;--chart-2:#b3420b;--chart-3:#2a7a2e;--chart-4:#7a3fa0;
--soft:#f4f6f8;--good:#176b2c;--good-soft:#e3f4e6;--bad:#b42318;--bad-soft:#fde8e6;--warn:#8a5300;--warn-soft:#fff1d6;--link:#0b5cad}
@media (prefers-color-scheme:dark){:root{--chart-ink:#e6edf3;--chart-muted:#9da7b1;--chart-grid:#30363d;--chart-paper:#0d1117;
--chart-1:#6cb2ff;--chart-2:#ff9e64;--chart-3:#7ed483;--chart-4:#d2a3f5;
--soft:#161b22;--good:#7ed483;--good-soft:#12301a;--bad:#ff9086;--bad-soft:#3d1614;--warn:#f0b866;--warn-soft:#35260b;--link:#6cb2ff}}
*{box-sizing:border-box}
html{scroll-padding-top:1rem}
body{margin:0;background:var(--chart-paper);color:var(--chart-ink);font:1rem/1.55 system-ui,-apple-system,"Segoe UI",sans-serif;overflow-wrap:break-word}
header,main,footer{max-width:76rem;margin:0 auto;padding:0 1.25rem}
header{padding-top:2.25rem}
h1{font-size:1.6rem;line-height:1.2;margin:0 0 .4rem;letter-spacing:-.01em}
h2{font-size:1.2rem;margin:3rem 0 .75rem;padding-top:.9rem;border-top:1px solid var(--chart-grid)}
h3{font-size:1rem;margin:1.5rem 0 .5rem}
h4{font-size:.95rem;margin:1rem 0 .4rem}
small{font-size:.85em;font-weight:400;color:var(--chart-muted)}
p{margin:.5rem 0;max-width:46rem}
.lead{font-size:1.1rem}
.muted,footer,caption{color:var(--chart-muted)}
footer{padding-top:2rem;padding-bottom:3rem;font-size:.875rem}
a{color:var(--link);text-underline-offset:.15em}
:focus-visible{outline:3px solid var(--chart-1);outline-offset:2px;border-radius:3px}
.skip{position:absolute;left:-999rem}
.skip:focus{left:1rem;top:1rem;padding:.5rem 1rem;background:var(--chart-paper);z-index:9}
.hidden{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:.25rem 1.25rem;padding:0;margin:1rem 0 0}
code,pre{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;font-size:.85em}
code{overflow-wrap:anywhere}
pre{background:var(--soft);border:1px solid var(--chart-grid);border-radius:6px;padding:.75rem 1rem;margin:.5rem 0;overflow:auto;max-height:60vh;line-height:1.45;tab-size:4}
.scroll{overflow-x:auto;border:1px solid var(--chart-grid);border-radius:6px;margin:.75rem 0;max-width:100%;position:relative}
table{border-collapse:collapse;font-size:.9rem;width:100%}
th,td{padding:.4rem .75rem;text-align:left;vertical-align:top;border-bottom:1px solid var(--chart-grid)}
tbody:last-child tr:last-child>*{border-bottom:0}
thead th{background:var(--soft);font-weight:600;white-space:nowrap;color:var(--chart-muted);font-size:.8rem}
.conformance thead th{white-space:normal;vertical-align:bottom}
tbody th{font-weight:500}
.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
time{white-space:nowrap}
.status{font-weight:600;white-space:nowrap}
.status.passed{color:var(--good)}.status.failed,.status.blocked,.status.error{color:var(--bad)}
.legend{list-style:none;display:flex;flex-wrap:wrap;gap:.3rem 1.25rem;padding:0;margin:.5rem 0}
.legend .cell{padding:0 .45rem;border-radius:4px}
.cell.passed{color:var(--good)}
.cell.declared{color:var(--warn);background:var(--warn-soft)}
.cell.failed{color:var(--bad);background:var(--bad-soft)}
.cell.skipped{color:var(--chart-muted);background:var(--soft)}
.matrix{width:auto;min-width:100%}
.matrix th[scope=row]{position:sticky;left:0;background:var(--chart-paper);z-index:1;font:.85rem ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;border-right:1px solid var(--chart-grid)}
.matrix thead th:first-child{position:sticky;left:0;z-index:2;border-right:1px solid var(--chart-grid)}
.matrix td{text-align:center;padding:0;min-width:3.25rem;vertical-align:middle;font-weight:600}
.matrix thead th+th{text-align:center}
.matrix .tier th{background:var(--soft);padding:.3rem .75rem;font-weight:600}
.matrix .tier span{position:sticky;left:.75rem}
.matrix button{all:unset;box-sizing:border-box;display:block;width:100%;padding:.35rem .75rem;line-height:1.35;cursor:pointer;text-align:center}
.matrix button:hover{text-decoration:underline;background:color-mix(in srgb,currentColor 12%,transparent)}
.matrix button:focus-visible{outline:3px solid var(--chart-1);outline-offset:-3px}
body:has(#only-other:checked) .matrix .same{display:none}
.detail{width:min(56rem,calc(100vw - 1.5rem));max-height:calc(100vh - 2rem);overflow:auto;border:1px solid var(--chart-grid);border-radius:8px;padding:1.25rem;background:var(--chart-paper);color:var(--chart-ink);box-shadow:0 1rem 3rem rgb(0 0 0/.3)}
.detail::backdrop{background:rgb(0 0 0/.35)}
.detail h3{margin:0 5rem .5rem 0}
.close{position:absolute;top:1rem;right:1rem;font:inherit;font-size:.85rem;padding:.25rem .75rem;border:1px solid var(--chart-grid);border-radius:6px;background:var(--soft);color:inherit;cursor:pointer}
.diff .add{color:var(--good)}.diff .del{color:var(--bad)}.diff .hunk,.diff .file{color:var(--chart-muted)}
.cut{color:var(--warn)}
details{margin:.5rem 0}
details>summary{cursor:pointer;padding:.25rem 0;font-weight:500}
details.inner{margin:0}details.inner>summary{font-weight:400;padding:.1rem 0}
dl{display:grid;grid-template-columns:max-content minmax(0,1fr);gap:.25rem 1.25rem;font-size:.9rem;margin:.5rem 0 1rem}
dt{color:var(--chart-muted)}dd{margin:0}
.digest{font-size:.75em;color:var(--chart-muted)}
.notices{font-size:.9rem;padding-left:1.2rem;max-width:60rem}.notices .warning{color:var(--warn)}
.plain{padding-left:1rem;max-width:none}
.timeline .bar{width:60%;min-width:12rem;vertical-align:middle}
.timeline .bar span{display:block;height:.7rem;min-width:2px;margin-left:min(var(--from),calc(100% - 2px));width:var(--size);border-radius:2px;background:var(--chart-1)}
.timeline .bar .hit{background:var(--chart-3)}.timeline .bar .failed{background:var(--bad)}
.timeline td,.timeline th{white-space:nowrap}
figure{margin:1rem 0 2rem}
.chart{display:block;width:100%;max-width:45rem;height:auto}
figcaption{margin:.5rem 0;max-width:46rem}
.conclusion{font-size:1.05rem;border-left:3px solid var(--chart-1);padding-left:1rem}
.blocker{border:1px solid var(--chart-grid);border-left:3px solid var(--bad);border-radius:6px;padding:.25rem 1rem .5rem;margin:.75rem 0}
.runs code{white-space:nowrap}.ladder td{min-width:10rem;width:33%}.ladder td pre{white-space:pre-wrap;overflow-wrap:anywhere}.ladder ul{padding-left:1.1rem;margin:.3rem 0}
@media (max-width:40rem){header,main,footer{padding-left:.9rem;padding-right:.9rem}
th,td{padding:.4rem .5rem}.matrix th[scope=row]{min-width:8.5rem;max-width:11rem;font-size:.78rem}.matrix td{min-width:2.75rem}
dl{grid-template-columns:minmax(0,1fr)}dt{margin-top:.4rem}.detail{padding:1rem}}
@media print{.skip,nav,.detail,label{display:none}.scroll{overflow:visible}}
`;
