import { countTests } from '../summary-line.ts';
import { sumOf } from '../systems.ts';
import { blockersSection, ladderSection } from './blockers.ts';
import { conformanceSection } from './conformance.ts';
import { differencesSection } from './differences.ts';
import { type Content, type Html, html, trusted } from './html.ts';
import type { Artifacts, RecipeArtifacts } from './load.ts';
import { matrixSection } from './matrix.ts';
import { amortizationSection, taxSection, tiersSection } from './measurements.ts';
import { recipesSection, timelineSection } from './recipes.ts';
import { STYLE } from './style.ts';

/** Nothing is loaded and nothing runs, whatever a program printed. */
const POLICY =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

interface Section {
  readonly id: string;
  readonly title: string;
  /** One sentence: what is seen. */
  readonly about: string;
  readonly body: Html;
}

/** `report.html`: one file with what the artifacts of all recipes hold. */
export async function renderPage(artifacts: Artifacts): Promise<string> {
  const { recipes, unreadable } = artifacts;
  const sections = await sectionsOf(artifacts);
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>provision: ${titleOf(recipes)}</title>
<link rel="icon" href="data:,">
<style>${trusted(STYLE)}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the report</a>
<header>
<h1>Provisioned builds of programs that embed CPython</h1>
<p class="lead">${verdict(recipes)}</p>
${newest(recipes)}
<nav aria-label="Sections"><ul>${sections.map(({ id, title }) => html`<li><a href="#${id}">${title}</a></li>`)}</ul></nav>
</header>
<main id="main" tabindex="-1">
${unreadable.length === 0 ? '' : html`<p class="cut">Not shown: ${unreadable.map(({ file, why }) => `${file} (${why})`).join('; ')}.</p>`}
${sections.map(
  ({ id, title, about, body }) => html`<section aria-labelledby="${id}"><h2 id="${id}">${title}</h2>
<p class="muted">${about}</p>
${body}</section>
`,
)}</main>
<footer><p>${tool(recipes)}This page is one file; it loads nothing and runs nothing. Addresses of logs lead to files beside it.</p></footer>
</body>
</html>
`;
  return page.text;
}

async function sectionsOf(artifacts: Artifacts): Promise<readonly Section[]> {
  const { recipes, ladders, conformances, amortizations, tax, tiers } = artifacts;
  const sections: readonly (Omit<Section, 'body'> & { readonly body: Html | undefined })[] = [
    {
      id: 'recipes',
      title: 'Recipes',
      about: 'What was built, and how its samples compare with the reference interpreter.',
      body: recipes.length === 0 ? html`<p>No recipe has been run yet.</p>` : recipesSection(recipes),
    },
    {
      id: 'samples',
      title: 'Samples',
      about:
        'Standard output, standard error and exit status of each script, against CPython; tests state themselves what is right. What is not equal, or fails, opens.',
      body: recipes.length === 0 ? undefined : matrixSection(recipes),
    },
    {
      id: 'blockers',
      title: 'Blockers',
      about: 'What stopped a build, as the tool that stopped printed it, and what fixes it.',
      body: blockersSection(recipes),
    },
    {
      id: 'ladder',
      title: 'What provisioning fixes',
      about:
        'From nothing provisioned to a program that runs: each step, the blocker it fixes, and what comes next.',
      body: ladderSection(ladders),
    },
    {
      id: 'timeline',
      title: 'Provisioning',
      about: 'When each stage of the last run worked; stages that do not need each other run side by side.',
      body: recipes.length === 0 ? undefined : timelineSection(recipes),
    },
    {
      id: 'amortization',
      title: 'Amortization',
      about: 'Time from launch to exit of the isolate and of python3 over M rounds of one workload.',
      body: await amortizationSection(amortizations),
    },
    {
      id: 'tax',
      title: 'The per-opcode tax',
      about: 'How many points of it each way of linking and building explains.',
      body: await taxSection(tax),
    },
    {
      id: 'tiers',
      title: 'Tiers',
      about:
        'What a run costs in each way to run a script: CPU time of the launch, and of a step of one workload.',
      body: await tiersSection(tiers),
    },
    {
      id: 'differences',
      title: 'Differences, by cause',
      about:
        'What another implementation of Python does differently, measured: what is equal but for text counts as different.',
      body: differencesSection(recipes, conformances),
    },
    {
      id: 'conformance',
      title: "CPython's own tests",
      about: 'Modules of Lib/test through the bundle, test by test against the reference interpreter.',
      body: conformanceSection(conformances),
    },
  ];
  return sections.flatMap(({ body, ...section }) => (body === undefined ? [] : [{ ...section, body }]));
}

function titleOf(recipes: readonly RecipeArtifacts[]): string {
  const [only] = recipes;
  return recipes.length === 1 && only !== undefined ? only.report.recipe : `${recipes.length} recipes`;
}

function verdict(recipes: readonly RecipeArtifacts[]): Content {
  const sum = (key: 'passed' | 'failed' | 'skipped' | 'declared'): number =>
    recipes.reduce((total, { report }) => total + sumOf(report, key), 0);
  const stopped = recipes.filter(({ report }) => report.status === 'blocked' || report.status === 'error');
  const { tests, passed, failed } = countTests(recipes.flatMap(({ report }) => report.samples));
  const equal = sum('passed') - sum('declared') - passed;
  const differ = sum('failed') - failed;
  const parts = [
    // Without any sample there is nothing that could equal it.
    ...(tests > 0 && equal + differ + sum('declared') === 0
      ? []
      : [`${equal} results equal the reference byte for byte`]),
    ...(tests > 0 ? [`${passed} of ${tests} tests pass`] : []),
    ...(sum('declared') > 0 ? [`${sum('declared')} differ as declared`] : []),
    ...(differ > 0 ? [`${differ} differ`] : []),
    ...(failed > 0 ? [`${failed} ${failed === 1 ? 'test fails' : 'tests fail'}`] : []),
    ...(sum('skipped') > 0 ? [`${sum('skipped')} are skipped`] : []),
    ...(stopped.length > 0 ? [`${stopped.map(({ report }) => report.recipe).join(', ')} stopped`] : []),
  ];
  return `${recipes.length} ${recipes.length === 1 ? 'recipe' : 'recipes'}: ${parts.join(', ')}.`;
}

function newest(recipes: readonly RecipeArtifacts[]): Content {
  const last = recipes
    .map(({ report }) => report.finished)
    .sort()
    .at(-1);
  return last === undefined
    ? ''
    : html`<p class="muted">Last run: <time datetime="${last}">${last.slice(0, 16).replace('T', ' ')} UTC</time></p>`;
}

function tool(recipes: readonly RecipeArtifacts[]): string {
  const versions = [...new Set(recipes.map(({ report }) => `${report.tool.name} ${report.tool.version}`))];
  return versions.length === 0 ? '' : `Made by ${versions.join(', ')}. `;
}
