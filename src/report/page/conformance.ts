import type { Conformance, ModuleResult, TestDifference } from '../../domain/conformance.ts';
import { type Content, clip, type Html, html } from './html.ts';

/** Differences of a recipe that are listed; characters of each message. */
const LISTED = 200;
const MESSAGE_SHOWN = 1_500;

/** CPython's own tests: a line for each recipe, and what is worse than on the reference. */
export function conformanceSection(results: readonly Conformance[]): Html | undefined {
  if (results.length === 0) return undefined;
  const rows = results.map(
    ({ recipe, totals, python }) => html`<tr><th scope="row">${recipe}</th><td>${python}</td>
<td class="status ${totals.worse > totals.declared ? 'failed' : 'passed'}">${totals.conforming} of ${totals.modules}</td>
<td class="number">${totals.reference.passed}</td><td class="number">${totals.target.passed}</td><td class="number">${totals.target.skipped}</td>
<td class="number">${totals.worse - totals.declared}</td><td class="number">${totals.declared}</td></tr>
`,
  );
  return html`<div class="scroll" role="region" aria-label="CPython's own tests by recipe" tabindex="0"><table class="conformance">
<thead><tr><th scope="col">recipe</th><th scope="col">CPython</th><th scope="col">modules that conform</th><th scope="col" class="number">passed on the reference</th><th scope="col" class="number">passed here</th><th scope="col" class="number">skipped here</th><th scope="col" class="number">worse here</th><th scope="col" class="number">declared</th></tr></thead>
<tbody>${rows}</tbody></table></div>
${results.map(modulesOf)}`;
}

function modulesOf(conformance: Conformance): Html {
  const { recipe, modules } = conformance;
  const all = modules.flatMap(({ differences }) => differences).sort((a, b) => weight(a) - weight(b));
  const left = all.length - LISTED;
  return html`<details><summary>${recipe}: modules and differences</summary>
<div class="scroll" role="region" aria-label="Modules on ${recipe}" tabindex="0"><table>
<thead><tr><th scope="col">module</th><th scope="col">reference: passed, failed, skipped</th><th scope="col">target: passed, failed, skipped</th><th scope="col">verdict</th></tr></thead>
<tbody>${modules.map(moduleRow)}</tbody></table></div>
${all.slice(0, LISTED).map(difference)}
${left > 0 ? html`<p class="cut">${left} more differences are in conformance.json.</p>` : ''}</details>
`;
}

function moduleRow({ name, conforms, reference, target }: ModuleResult): Html {
  const counts = (one: ModuleResult['target']): string => `${one.passed}, ${one.failed}, ${one.skipped}`;
  const verdict = target.end === 'done' || target.end === 'skipped' ? '' : ` (${target.end})`;
  return html`<tr><th scope="row">${name}</th><td>${counts(reference)}</td><td>${counts(target)}</td><td class="status ${conforms ? 'passed' : 'failed'}">${conforms ? 'conforms' : 'worse'}${verdict}</td></tr>
`;
}

/** What matters most comes first. */
function weight({ kind, declared }: TestDifference): number {
  return kind !== 'worse' ? 2 : declared === undefined ? 0 : 1;
}

function difference({ test, kind, reference, target, message, declared }: TestDifference): Content {
  const outcomes = `${reference ?? 'not there'} on the reference, ${target ?? 'not there'} here`;
  const title = html`<code>${test}</code> <small>${kind === 'worse' && declared !== undefined ? 'declared' : kind}: ${outcomes}</small>`;
  if (message === undefined && declared === undefined) return html`<p class="plain">${title}</p>`;
  return html`<details class="inner"><summary>${title}</summary>
${declared === undefined ? '' : html`<p>Declared: ${declared}</p>`}
${message === undefined ? '' : html`<pre tabindex="0">${clip(message, MESSAGE_SHOWN).shown}</pre>`}</details>
`;
}
