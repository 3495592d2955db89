import type { BlockerSummary, Ladder, LadderStep } from '../../domain/blocker.ts';
import { duration } from '../rows.ts';
import { address, clip, type Html, html } from './html.ts';
import type { RecipeArtifacts } from './load.ts';

const LINES_SHOWN = 6_000;

/** What stopped recipes, as the tools printed it, and what fixes it. */
export function blockersSection(recipes: readonly RecipeArtifacts[]): Html | undefined {
  const some = recipes.filter(({ blockers }) => blockers.length > 0);
  if (some.length === 0) return undefined;
  return html`${some.map(
    ({ report, folder, blockers }) =>
      html`<h3>${report.recipe}</h3>${blockers.map((one) => blocker(one, folder))}`,
  )}`;
}

function blocker(one: BlockerSummary, folder: string): Html {
  const base = folder === '' ? '' : `${folder}/`;
  const { samples = [] } = one;
  return html`<article class="blocker"><h4>${one.title} <small><code>${one.code}</code> in ${one.stage}</small></h4>
<pre tabindex="0">${clip(one.lines.join('\n'), LINES_SHOWN).shown}</pre>
<p>${one.because}</p>
${one.cure === undefined ? '' : html`<p>Fix: <code>${one.cure}</code></p>`}
${samples.length === 0 ? '' : html`<p>Samples: ${samples.join(', ')}</p>`}
<p><a href="${address(base + one.file)}">${one.file}</a> · <a href="${address(base + one.log)}">${one.log}</a></p></article>
`;
}

/** From nothing provisioned to samples that run: which step fixes which blocker. */
export function ladderSection(ladders: readonly Ladder[]): Html | undefined {
  return ladders.length === 0 ? undefined : html`${ladders.map(ladderTable)}`;
}

const OUTCOMES: Readonly<Record<Ladder['outcome'], string>> = {
  runs: 'at its end every sample equals the reference',
  differs: 'at its end the samples run, and some differ',
  blocked: 'no step was left',
};

function ladderTable(ladder: Ladder): Html {
  return html`<h3>${ladder.recipe}</h3>
<p>${ladder.steps.length} steps in ${duration(ladder.ms)}: ${OUTCOMES[ladder.outcome]}.</p>
<div class="scroll" role="region" aria-label="Steps of ${ladder.recipe}" tabindex="0"><table class="ladder">
<thead><tr><th scope="col" class="number">step</th><th scope="col">adds</th><th scope="col">fixes</th><th scope="col">then stopped by</th></tr></thead>
<tbody>${ladder.steps.map(stepRow)}</tbody></table></div>
`;
}

function stepRow({ number, title, adds, command, cures, blocker: stop }: LadderStep): Html {
  return html`<tr><th scope="row" class="number">${number}</th>
<td><details class="inner"><summary>${title}</summary><ul>${adds.map((one) => html`<li><code>${one}</code></li>`)}</ul><p>Tried: <code>${command}</code></p></details></td>
<td>${cures === undefined ? '' : html`<code>${cures}</code>`}</td>
<td>${
    stop === undefined
      ? html`<span class="status passed">nothing</span>`
      : html`<details class="inner"><summary><code>${stop.code}</code> <small>${stop.title}</small></summary><pre tabindex="0">${clip(stop.lines.join('\n'), LINES_SHOWN).shown}</pre></details>`
  }</td></tr>
`;
}
