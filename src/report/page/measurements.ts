import type { Amortization, AmortizationFit } from '../../domain/amortization.ts';
import type { Estimate } from '../../domain/measured.ts';
import type { OverheadReport } from '../../domain/overhead.ts';
import type { TierTable } from '../../domain/tier-table.ts';
import { type Html, html, trusted } from './html.ts';
import type { Measured } from './load.ts';

/** Where an isolate pays: time over rounds for each recipe that was measured. */
export async function amortizationSection(
  measured: readonly Measured<Amortization>[],
): Promise<Html | undefined> {
  if (measured.length === 0) return undefined;
  const figures = await Promise.all(measured.map(amortizationFigure));
  return html`${figures}`;
}

async function amortizationFigure({ data, svg }: Measured<Amortization>): Promise<Html> {
  const title = `Amortization on ${data.recipe}`;
  const drawing =
    svg === undefined
      ? trusted((await import('../../charts/amortization.ts')).amortizationChart(data))
      : image(svg, `${title}: the numbers are in the table below`);
  const rows = data.points.map(
    ({ rounds, python, isolate, delta, ratio, exact }) =>
      html`<tr><th scope="row" class="number">${rounds}</th><td class="number">${fixed(python.median)}</td><td class="number">${fixed(isolate.median)}</td><td class="number">${fixed(delta)}</td><td class="number">${ratio.toFixed(3)}</td><td>${exact ? 'equal' : 'differs'}</td></tr>
`,
  );
  return html`<figure><h3>${data.recipe} <small>${data.target.triple}, ${data.runner}</small></h3>
${drawing}
<figcaption>${data.fit === undefined ? '' : fitText(data.fit)}</figcaption>
<details><summary>Numbers</summary><div class="scroll" role="region" aria-label="Numbers of ${data.recipe}" tabindex="0"><table>
<thead><tr><th scope="col" class="number">M</th><th scope="col" class="number">python3, ms</th><th scope="col" class="number">isolate, ms</th><th scope="col" class="number">difference, ms</th><th scope="col" class="number">ratio</th><th scope="col">output</th></tr></thead>
<tbody>${rows}</tbody></table></div></details></figure>
`;
}

function fitText({ launchSaving, tax, crossover }: AmortizationFit): string {
  const launch = `Launch: ${signed(launchSaving, 2, 'ms', ['longer', 'shorter'])} than python3's. `;
  const step = `Each round: ${signed(scaled(tax, 100), 1, '%', ['shorter', 'longer'])}. `;
  if (crossover.kind !== 'at')
    return `${launch}${step}${crossover.kind === 'isolate-always-faster' ? 'The isolate' : 'python3'} is faster at every M.`;
  const beyond = crossover.beyond === 'python' ? 'python3' : 'the isolate';
  return `${launch}${step}Both take equally long at M = ${Math.round(crossover.rounds)}; beyond it ${beyond} is faster.`;
}

/** What the per-opcode tax is made of. */
export async function taxSection(tax: Measured<OverheadReport> | undefined): Promise<Html | undefined> {
  if (tax === undefined) return undefined;
  const { data, svg } = tax;
  const drawing =
    svg === undefined
      ? trusted((await import('../../charts/overhead.ts')).overheadChart(data))
      : image(svg, 'What the per-opcode tax is made of: the numbers are in the table below');
  const rows = data.factors.map(
    ({ factor, from, to, workload, points, pairs }) =>
      html`<tr><th scope="row">${factor}: ${from} → ${to}</th><td>${workload}</td><td class="number">${range(points, 1)}</td><td class="number">${pairs.length}</td></tr>
`,
  );
  return html`<p class="conclusion">${data.conclusion}</p>
<figure>${drawing}
<figcaption>Points of CPU time against ${data.reference}${data.counter === undefined ? '' : `; instructions by ${data.counter.program}`}.</figcaption>
<details><summary>Numbers</summary><div class="scroll" role="region" aria-label="Points of each factor" tabindex="0"><table>
<thead><tr><th scope="col">change</th><th scope="col">workload</th><th scope="col" class="number">points (95 %)</th><th scope="col" class="number">pairs</th></tr></thead>
<tbody>${rows}</tbody></table></div></details></figure>
`;
}

/** All ways to run a script, side by side. */
export async function tiersSection(tiers: Measured<TierTable> | undefined): Promise<Html | undefined> {
  if (tiers === undefined) return undefined;
  const { data, svg } = tiers;
  const drawing =
    svg === undefined
      ? trusted((await import('../../charts/tiers.ts')).tiersChart(data))
      : image(svg, 'Launch and step of each tier: the numbers are in the table below');
  const rows = data.tiers.map((tier) =>
    'absent' in tier
      ? html`<tr><th scope="row">${tier.name}</th><td colspan="5">${tier.absent}</td></tr>
`
      : html`<tr><th scope="row">${tier.name}</th><td class="number">${fixed(tier.launch)}</td><td class="number">${tier.steps[data.workload]?.toFixed(0) ?? '–'}</td><td class="number">${(tier.memory / 1024).toFixed(1)}</td><td class="number">${tier.size === undefined ? '–' : (tier.size / 1e6).toFixed(1)}</td><td class="number">${tier.samples === undefined ? '–' : `${tier.samples.equal} of ${tier.samples.all}`}</td></tr>
`,
  );
  return html`<figure>${drawing}
<details><summary>Numbers</summary><div class="scroll" role="region" aria-label="Numbers of each tier" tabindex="0"><table>
<thead><tr><th scope="col">tier</th><th scope="col" class="number">launch, ms</th><th scope="col" class="number">step, ns</th><th scope="col" class="number">memory, MB</th><th scope="col" class="number">size, MB</th><th scope="col" class="number">samples equal</th></tr></thead>
<tbody>${rows}</tbody></table></div></details></figure>
`;
}

/** A drawing as an image: nothing in it can run or load anything, and it follows light and dark by itself. */
function image(svg: string, alternative: string): Html {
  return html`<img class="chart" alt="${alternative}" src="data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')}">`;
}

/** `4.00 (3.80 to 4.20) ms shorter`: `shorter` or `longer` instead of a sign. */
function signed(
  estimate: Estimate,
  digits: number,
  unit: string,
  [negative, positive]: readonly [string, string],
): string {
  if (estimate.value >= 0) return `${range(estimate, digits)} ${unit} ${positive}`;
  const { value, low, high } = estimate;
  return `${range({ value: -value, low: -high, high: -low }, digits)} ${unit} ${negative}`;
}

function range({ value, low, high }: Estimate, digits: number): string {
  return `${value.toFixed(digits)} (${low.toFixed(digits)} to ${high.toFixed(digits)})`;
}

function scaled({ value, low, high }: Estimate, by: number): Estimate {
  return { value: value * by, low: low * by, high: high * by };
}

function fixed(ms: number): string {
  return ms.toFixed(Math.abs(ms) < 100 ? 2 : 0);
}
