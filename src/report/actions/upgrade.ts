import type { Outdated } from '../../domain/outdated.ts';
import { formatBytes } from '../../domain/units.ts';
import type { RunFacts, UpgradedLock, UpgradedRecipe, UpgradeReport } from '../../domain/upgrade.ts';
import { code, details, plainText, table } from './markdown.ts';
import { correctsText, usedIn } from './outdated.ts';

/** What an upgrade came to, as Markdown: the text of a pull request. */
export function upgradeSummary({ kept, locks, recipes, upgraded, left, unknown }: UpgradeReport): string {
  return [
    `## ${kept ? '' : '❌ '}${upgradeTitle(kept, locks)}`,
    '',
    ...(upgraded.length === 0 ? [] : [...versions(upgraded), '']),
    ...(recipes.length === 0 ? [] : [...results(recipes), '']),
    ...locks.flatMap((lock) => [...packages(lock), '']),
    ...left.map(
      (one) =>
        `- not upgraded: ${code(one.name)} ${plainText(one.version)}, ${plainText(beyond(one))} (${plainText(usedIn(one))})`,
    ),
    ...unknown.map((line) => `- not compared: ${plainText(line)}`),
    '',
  ].join('\n');
}

/** What there is of something that was not locked anew, and who takes it. */
export function beyond({ kind, newest, security, why }: UpgradeReport['left'][number]): string {
  const what =
    newest ??
    (kind === 'crate' ? 'yanked, and cargo has no other' : `${security} in the security updates alone`);
  return why === undefined ? what : `${what}: ${why}`;
}

export function upgradeTitle(kept: boolean, locks: readonly UpgradedLock[]): string {
  if (!kept) return 'Newer packages do not pass: the locks stay as they are';
  const count = locks.reduce((sum, { differences }) => sum + differences.length, 0);
  if (count === 0) return 'Nothing to upgrade';
  return `Newer packages: ${count} in ${locks.length} ${locks.length === 1 ? 'lock' : 'locks'}`;
}

function versions(upgraded: readonly Outdated[]): readonly string[] {
  const rows = upgraded.map((one) => [
    code(one.name),
    plainText(one.version),
    plainText(one.newest ?? ''),
    plainText(usedIn(one)),
    plainText(correctsText(one)),
  ]);
  return table(['source', 'from', 'to', 'in', 'corrects'], rows);
}

function results(recipes: readonly UpgradedRecipe[]): readonly string[] {
  const rows = recipes.map((one) => {
    const { bundle, samples, changed } = resultTexts(one);
    return [code(one.recipe), bundle, samples, changed.map(plainText).join('<br>')];
  });
  return table(['recipe', 'bundle', 'samples', 'other than before'], rows);
}

/** What a recipe came to before and after, in a few words. */
export function resultTexts({ before, after }: UpgradedRecipe) {
  return {
    bundle: sizes(before, after),
    samples: `${totals(before)} → ${totals(after)}`,
    changed: changed(before, after),
  };
}

function sizes(before: RunFacts | undefined, after: RunFacts | undefined): string {
  const [from, to] = [before?.bundle?.size, after?.bundle?.size];
  if (from === undefined || to === undefined)
    return [from, to].map((size) => (size === undefined ? 'none' : formatBytes(size))).join(' → ');
  const sign = to >= from ? '+' : '−';
  return `${formatBytes(from)} → ${formatBytes(to)} (${sign}${formatBytes(Math.abs(to - from))})`;
}

function totals(facts: RunFacts | undefined): string {
  if (facts === undefined) return 'not run';
  const { passed, samples, failed, skipped } = facts.totals;
  const more = [...(failed > 0 ? [`${failed} differ`] : []), ...(skipped > 0 ? [`${skipped} skipped`] : [])];
  return [`${passed} of ${samples} equal`, ...more].join(', ');
}

/** Names of the samples whose outcome is another one. */
function changed(before: RunFacts | undefined, after: RunFacts | undefined): readonly string[] {
  const was = new Map((before?.samples ?? []).map(({ name, status }) => [name, status]));
  return (after?.samples ?? [])
    .filter(({ name, status }) => was.has(name) && was.get(name) !== status)
    .map(({ name, status }) => `${name}: ${was.get(name)} → ${status}`);
}

function packages({ id, differences }: UpgradedLock): readonly string[] {
  const rows = differenceRows(differences).map((row) => row.map(plainText));
  return details(`${code(id)}: ${countText(differences)}`, table(['package', 'from', 'to'], rows));
}

/** Package, version before and version now. */
export function differenceRows(differences: UpgradedLock['differences']): readonly (readonly string[])[] {
  return differences.map(({ name, architecture, from = '', to = '' }) => [
    architecture === undefined ? name : `${name}:${architecture}`,
    from,
    to,
  ]);
}

export function countText({ length }: UpgradedLock['differences']): string {
  return `${length} ${length === 1 ? 'package' : 'packages'}`;
}
