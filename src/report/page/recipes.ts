import type { Report, StageReport } from '../../domain/report.ts';
import { formatBytes } from '../../domain/units.ts';
import { duration } from '../rows.ts';
import { hostStartText, sumOf, systemText } from '../systems.ts';
import { type Content, type Html, html, idOf } from './html.ts';
import type { RecipeArtifacts } from './load.ts';

const SIGNS: Readonly<Record<string, string>> = {
  passed: '✓',
  measured: '≠',
  failed: '✗',
  blocked: '■',
  error: '■',
};

/** A line for each recipe: how it went. */
export function recipesSection(recipes: readonly RecipeArtifacts[]): Html {
  const rows = recipes.map(
    ({
      report,
    }) => html`<tr><th scope="row"><a href="#${idOf('about', report.recipe)}">${report.recipe}</a></th>
<td><code>${report.target.triple}</code></td>
<td class="status ${report.status}"><span aria-hidden="true">${SIGNS[report.status]}</span> ${report.status}</td>
<td class="number">${1 + (report.systems ?? []).length}</td>
<td class="number">${sumOf(report, 'passed') - sumOf(report, 'declared')}</td><td class="number">${sumOf(report, 'declared')}</td>
<td class="number">${sumOf(report, 'failed')}</td><td class="number">${sumOf(report, 'skipped')}</td>
<td class="number">${duration(report.ms)}</td><td class="number">${report.bundle === undefined ? '' : formatBytes(report.bundle.size)}</td>
<td><time datetime="${report.finished}">${report.finished.slice(0, 16).replace('T', ' ')}</time></td></tr>
`,
  );
  return html`<div class="scroll" role="region" aria-label="Recipes" tabindex="0"><table class="runs">
<thead><tr><th scope="col">recipe</th><th scope="col">target</th><th scope="col">run</th><th scope="col" class="number">systems</th><th scope="col" class="number">equal</th><th scope="col" class="number">declared</th><th scope="col" class="number">differ</th><th scope="col" class="number">skipped</th><th scope="col" class="number">took</th><th scope="col" class="number">bundle</th><th scope="col">ended (UTC)</th></tr></thead>
<tbody>${rows}</tbody></table></div>
${recipes.map(({ report }) => about(report))}`;
}

/** What a recipe was made from. */
function about(report: Report): Html {
  const { python, pythonCode, systemData, reference, toolchain, sysroot, engine, host, bundle } = report;
  const versions = Object.entries({ ...toolchain?.versions, ...sysroot?.versions });
  const facts: readonly (readonly [string, Content])[] = [
    ['Target', html`<code>${report.target.triple}</code>`],
    [
      'Python',
      python === undefined
        ? undefined
        : `${[python.version, python.variant, python.linkage].filter(Boolean).join(', ')} ${python.libpython}. ${python.why}`,
    ],
    ['Python packages', pythonCode === undefined ? undefined : packagesText(pythonCode)],
    ['Data of a system', systemData === undefined ? undefined : dataText(systemData)],
    ['Reference', reference === undefined ? undefined : nameOfReference(reference)],
    [
      'Bundle',
      bundle === undefined
        ? undefined
        : html`<code>${bundle.file}</code><br><code class="digest">${bundle.digest}</code>`,
    ],
    ['Engine', engine === undefined ? undefined : `${engine.name} ${engine.version}, ${engine.detail}`],
    ['Systems', systemsOf(report)],
    ['Host', `${host.machine}, ${host.cores} cores`],
    ['Start on the host', hostOf(report)],
    [
      'Packages',
      versions.length === 0 ? undefined : versions.map(([name, version]) => `${name} ${version}`).join(', '),
    ],
    ['Plan', html`<code class="digest">${report.plan}</code>`],
  ];
  const shown = facts.filter(([, value]) => value !== undefined);
  const notices = report.notices.map(
    ({ level, message, code }) =>
      html`<li class="${level}">${message} <small><code>${code}</code></small></li>`,
  );
  return html`<details id="${idOf('about', report.recipe)}"><summary>${report.recipe}: what it was made from</summary>
<dl>${shown.map(([name, value]) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>
${notices.length === 0 ? '' : html`<h4>Notices</h4><ul class="notices">${notices}</ul>`}</details>
`;
}

function nameOfReference({ version, architecture, pointerWidth }: NonNullable<Report['reference']>): string {
  return pointerWidth === 32 ? `${version}, 32-bit (${architecture})` : version;
}

/** Where the samples ran, and how they went on each. */
function systemsOf({ recipe, system, samples, systems = [] }: Report): Content {
  if (systems.length === 0) return system === undefined ? undefined : `${system.name}: ${system.description}`;
  const own = { name: system?.name ?? recipe, samples };
  return html`<ul>${[own, ...systems].map((one) => html`<li>${one.name}: ${systemText(one)}</li>`)}</ul>`;
}

function hostOf(report: Report): Content {
  const { cures = [], lines = [] } = report.hostStart ?? {};
  const text = hostStartText(report);
  if (text === undefined) return undefined;
  return html`outside of any sandbox it ${text}${lines.length === 0 ? '' : html`<pre tabindex="0">${lines.join('\n')}</pre>`}${cures.map((one) => html`<p>Cure: ${one}</p>`)}`;
}

function packagesText({ packages, files }: NonNullable<Report['pythonCode']>): string {
  const names = packages.map(({ name, version }) => `${name} ${version}`);
  const own = files === 0 ? [] : [`${files} ${files === 1 ? 'file' : 'files'} of \`python.paths\``];
  return [...names, ...own].join(', ');
}

function dataText(data: NonNullable<Report['systemData']>): string {
  return data.map((one) => `${one.data} (${one.package} ${one.version})`).join(', ');
}

/** When each stage ran, and for how long: bars on one line of time for each recipe. */
export function timelineSection(recipes: readonly RecipeArtifacts[]): Html {
  return html`${recipes.map(
    ({
      report,
    }) => html`<details${recipes.length === 1 ? html` open` : ''}><summary>${report.recipe}: ${duration(report.ms)}${fromStore(report.stages)}</summary>
<div class="scroll" role="region" aria-label="Stages of ${report.recipe}" tabindex="0"><table class="timeline">
<thead><tr><th scope="col">stage</th><th scope="col">outcome</th><th scope="col" class="number">time</th><th scope="col"><span class="hidden">when</span></th></tr></thead>
<tbody>${stageRows(report)}</tbody></table></div></details>
`,
  )}`;
}

function stageRows({ stages, ms }: Report): readonly Html[] {
  const end = Math.max(1, ms, ...stages.map((stage) => (stage.start ?? 0) + stage.ms));
  const percent = (part: number): string => ((100 * part) / end).toFixed(2);
  return [...stages]
    .sort((a, b) => (a.start ?? 0) - (b.start ?? 0))
    .map(
      (
        stage,
      ) => html`<tr title="${stage.detail ?? ''}"><th scope="row">${stage.name}</th><td>${OUTCOMES[stage.outcome]}</td><td class="number">${duration(stage.ms)}</td><td class="bar"><span class="${stage.outcome}" style="--from:${percent(stage.start ?? 0)}%;--size:${percent(stage.ms)}%"></span></td></tr>
`,
    );
}

const OUTCOMES: Readonly<Record<StageReport['outcome'], string>> = {
  hit: 'from the store',
  done: 'done',
  failed: 'failed',
  skipped: 'skipped',
};

function fromStore(stages: readonly StageReport[]): string {
  const hits = stages.filter(({ outcome }) => outcome === 'hit').length;
  return `, ${hits} of ${stages.length} stages from the store`;
}
