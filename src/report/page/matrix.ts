import { defined } from '../../domain/defined.ts';
import type { Observation, SampleResult } from '../../domain/sample.ts';
import { KINDS } from '../differences.ts';
import { address, type Content, clip, type Html, html } from './html.ts';
import type { RecipeArtifacts } from './load.ts';

/** Characters of all diffs together; each gets an equal part of it within the bounds below. */
const DIFF_BUDGET = 500_000;
const DIFF_LEAST = 600;
const DIFF_MOST = 24_000;

/** Characters of what a program printed, where there is no diff. */
const OUTPUT_SHOWN = 2_000;

const TIERS = ['any', 'dynamic', 'realworld', 'user'] as const;

const LEGEND = [
  ['passed', '✓', 'equal, byte for byte'],
  ['declared', '≈', 'differs as declared'],
  ['failed', '✗', 'differs'],
  ['skipped', '–', 'skipped'],
] as const;

interface Row {
  readonly name: string;
  readonly title: string;
  readonly tier: string;
  /** In the order of the columns. */
  readonly results: readonly (SampleResult | undefined)[];
}

/** A recipe on one system. */
interface Column {
  readonly recipe: RecipeArtifacts;
  readonly samples: readonly SampleResult[];
  /** Where the recipe has several, or the one has a name. */
  readonly system?: string;
}

function columnsOf(recipes: readonly RecipeArtifacts[]): readonly Column[] {
  return recipes.flatMap((recipe): readonly Column[] => {
    const { samples, system, systems = [] } = recipe.report;
    return [
      { recipe, samples, ...(systems.length === 0 ? {} : defined({ system: system?.name })) },
      ...systems.map((one) => ({ recipe, samples: one.samples, system: one.name })),
    ];
  });
}

function titleOf({ recipe, system }: Column): string {
  return [recipe.report.recipe, ...(system === undefined ? [] : [system])].join(', ');
}

/** Samples × recipes and their systems. What differs, is declared or was skipped opens its details. */
export function matrixSection(recipes: readonly RecipeArtifacts[]): Html {
  const columns = columnsOf(recipes);
  const rows = rowsOf(columns);
  if (rows.length === 0) return html`<p>No samples were run.</p>`;
  const diffs = rows.flatMap(({ results }) => results).filter((one) => one?.diff !== undefined).length;
  const room = Math.max(DIFF_LEAST, Math.min(DIFF_MOST, Math.floor(DIFF_BUDGET / Math.max(1, diffs))));
  const details: Html[] = [];
  const cell = (row: Row, i: number): Html => {
    const result = row.results[i];
    const column = columns[i] as Column;
    if (result === undefined) return html`<td class="cell none"><span class="hidden">not run</span></td>`;
    const look = lookOf(result);
    if (look.opens === false)
      return html`<td class="cell ${look.kind}" title="${look.word}"><span aria-hidden="true">${look.sign}</span><span class="hidden">${look.word}</span></td>`;
    const id = `detail-${details.length + 1}`;
    details.push(detail(id, column, result, look.word, room));
    return html`<td class="cell ${look.kind}"><button type="button" popovertarget="${id}" title="${look.word}"><span aria-hidden="true">${look.sign}</span><span class="hidden">${look.word}: ${row.name} on ${titleOf(column)}</span></button></td>`;
  };
  const bodies = tiersOf(rows).map(
    (tier) => html`<tbody>
<tr class="tier"><th scope="rowgroup" colspan="${columns.length + 1}"><span>${tier}</span></th></tr>
${rows
  .filter((row) => row.tier === tier)
  .map(
    (
      row,
    ) => html`<tr class="${isSame(row) ? 'same' : 'other'}"><th scope="row" title="${row.name}: ${row.title}">${shortName(row)}</th>${columns.map((_, i) => cell(row, i))}</tr>
`,
  )}</tbody>
`,
  );
  return html`<ul class="legend">${LEGEND.map(([kind, sign, word]) => html`<li><span class="cell ${kind}" aria-hidden="true">${sign}</span> ${word}</li>`)}</ul>
<p><label><input type="checkbox" id="only-other"> Only samples that are not equal everywhere</label></p>
<div class="scroll" role="region" aria-label="Samples by recipe and system" tabindex="0"><table class="matrix">
<thead><tr><th scope="col">sample</th>${columns.map(({ recipe: { report }, system }) => html`<th scope="col"><span>${report.recipe}${system === undefined ? '' : html` <small>${system}</small>`}</span></th>`)}</tr></thead>
${bodies}</table></div>
${details}`;
}

function rowsOf(columns: readonly Column[]): readonly Row[] {
  const byColumn = columns.map(({ samples }) => new Map(samples.map((one) => [one.name, one])));
  const names = [...new Set(byColumn.flatMap((results) => [...results.keys()]))].sort();
  return names.map((name) => {
    const results = byColumn.map((some) => some.get(name));
    const first = results.find((one) => one !== undefined);
    return { name, title: first?.title ?? '', tier: first?.tier ?? '', results };
  });
}

function tiersOf(rows: readonly Row[]): readonly string[] {
  const there = [...new Set(rows.map(({ tier }) => tier))];
  const known: readonly string[] = TIERS;
  return [...known.filter((tier) => there.includes(tier)), ...there.filter((tier) => !known.includes(tier))];
}

/** The tier stands above; a long name may go on in the next line after a part of it. */
function shortName({ name, tier }: Row): Html {
  const short = name.startsWith(`${tier}/`) ? name.slice(tier.length + 1) : name;
  return html`${short.split('_').map((part, i) => (i === 0 ? part : html`_<wbr>${part}`))}`;
}

function isSame({ results }: Row): boolean {
  return results.every((one) => one === undefined || lookOf(one).kind === 'passed');
}

interface Look {
  readonly kind: 'passed' | 'declared' | 'failed' | 'skipped';
  readonly sign: string;
  readonly word: string;
  readonly opens: boolean;
}

function lookOf({ status, by, declared = [] }: SampleResult): Look {
  const test = by !== undefined;
  if (status === 'failed')
    return { kind: 'failed', sign: '✗', word: test ? 'fails' : 'differs', opens: true };
  if (status === 'skipped') return { kind: 'skipped', sign: '–', word: 'skipped', opens: true };
  if (declared.length > 0) return { kind: 'declared', sign: '≈', word: 'differs as declared', opens: true };
  return { kind: 'passed', sign: '✓', word: test ? 'passes' : 'equal', opens: false };
}

function detail(id: string, column: Column, result: SampleResult, word: string, room: number): Html {
  const {
    name,
    title,
    reason,
    cures = [],
    declared = [],
    divergence,
    diff,
    target,
    reference,
    logs = [],
  } = result;
  const { folder } = column.recipe;
  const base = folder === '' ? '' : `${folder}/`;
  const links = logs.map((log) => html`<li><a href="${address(base + log)}">${log}</a></li>`);
  return html`<div popover id="${id}" class="detail" role="dialog" aria-labelledby="${id}-title">
<button type="button" class="close" popovertarget="${id}" popovertargetaction="hide" autofocus>Close</button>
<h3 id="${id}-title">${name} <small>on ${titleOf(column)}: ${word}</small></h3>
<p>${title}</p>
${reason === undefined ? '' : html`<p><strong>${reason}</strong></p>`}
${divergence === undefined ? '' : html`<p>Measured: ${[KINDS[divergence.kind], ...divergence.causes.map(({ what }) => what)].join('; ')}</p>`}
${cures.map((one) => html`<p>Cure: ${one}</p>`)}
${declared.map((one) => html`<p>Declared: ${one}</p>`)}
${diff === undefined ? outputs(target, reference) : diffBlock(diff, room)}
${links.length === 0 ? '' : html`<p>Everything that was printed:</p><ul>${links}</ul>`}
</div>
`;
}

/** A unified diff, its lines marked; where it is cut, how much is left. */
function diffBlock(diff: string, room: number): Html {
  const { shown, left } = clip(diff, room);
  const lines = shown.split('\n').map((line) => {
    const kind = line.startsWith('@@')
      ? 'hunk'
      : /^(?:---|\+\+\+)/.test(line)
        ? 'file'
        : MARKS[line[0] ?? ''];
    return kind === undefined ? html`${line}\n` : html`<span class="${kind}">${line}</span>\n`;
  });
  const cut =
    left === 0 ? '' : html`<p class="cut">${left} more lines are not shown: the page would be too large.</p>`;
  return html`<pre class="diff" tabindex="0">${lines}</pre>${cut}`;
}

const MARKS: Readonly<Record<string, string>> = { '+': 'add', '-': 'del' };

function outputs(target: Observation | undefined, reference: Observation | undefined): Content {
  if (target === undefined) return '';
  const ended = (one: Observation): string =>
    'status' in one.exit ? `exit status ${one.exit.status}` : one.exit.signal;
  const block = (title: string, text: string): Content =>
    text === '' ? '' : html`<p>${title}</p><pre tabindex="0">${clip(text, OUTPUT_SHOWN).shown}</pre>`;
  return html`<p>Target: ${ended(target)}${reference === undefined ? '' : html`; reference: ${ended(reference)}`}</p>
${block('Standard error of the target', target.encoding === 'utf8' ? target.stderr : '')}
${(target.emulator ?? []).map((line) => html`<p><code>${line}</code></p>`)}`;
}
