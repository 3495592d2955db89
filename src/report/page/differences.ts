import type { Conformance } from '../../domain/conformance.ts';
import { countKinds, type DifferenceGroup, diverging, groupDifferences, KINDS } from '../differences.ts';
import { type Html, html } from './html.ts';
import type { RecipeArtifacts } from './load.ts';

/** What recipes measured that are to measure it: counts, and what differs by cause. Undefined: no recipe did. */
export function differencesSection(
  recipes: readonly RecipeArtifacts[],
  conformances: readonly Conformance[],
): Html | undefined {
  const samples = recipes
    .filter(({ report }) => report.status === 'measured')
    .map(({ report }) =>
      part(
        `${report.recipe}: samples`,
        countKinds(report.samples, report.totals.passed),
        groupDifferences(diverging(report)),
      ),
    );
  const modules = conformances
    .filter((one) => one.modules.some(({ divergence }) => divergence !== undefined))
    .map(({ recipe, modules: all, totals }) =>
      part(`${recipe}: CPython's own tests`, countKinds(all, totals.conforming), groupDifferences(all)),
    );
  const parts = [...samples, ...modules];
  return parts.length === 0 ? undefined : html`${parts}`;
}

function part(
  title: string,
  counts: readonly (readonly [string, number])[],
  groups: readonly DifferenceGroup[],
): Html {
  const words = counts.filter(([, count]) => count > 0).map(([word, count]) => `${count} ${word}`);
  return html`<details open><summary>${title}: ${words.join(', ')}</summary>
<div class="scroll" role="region" aria-label="Differences of ${title}" tabindex="0"><table>
<thead><tr><th scope="col">how</th><th scope="col">cause</th><th scope="col" class="number">count</th><th scope="col">which</th></tr></thead>
<tbody>${groups.map(row)}</tbody></table></div></details>
`;
}

function row({ kind, id, what, members }: DifferenceGroup): Html {
  const which = members.map(
    ({ name, line }) => html`<li>${name}${line === undefined ? '' : html`: <code>${line}</code>`}</li>`,
  );
  return html`<tr><td>${KINDS[kind]}</td><td>${what} <small><code>${id}</code></small></td><td class="number">${members.length}</td><td><details class="inner"><summary>show</summary><ul>${which}</ul></details></td></tr>
`;
}
