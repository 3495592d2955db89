import type { UpgradeReport } from '../domain/upgrade.ts';
import { correctsText, usedIn } from '../report/actions/outdated.ts';
import { beyond, countText, differenceRows, resultTexts, upgradeTitle } from '../report/actions/upgrade.ts';
import { paragraphs, tableText } from './table.ts';

/** What an upgrade came to, for a terminal, a pipe or a log; `upgradeSummary` is the same as Markdown. */
export function upgradeText(
  { kept, locks, recipes, upgraded, left, unknown }: UpgradeReport,
  columns?: number,
): string {
  const table = (head: readonly string[], rows: readonly (readonly string[])[]): string =>
    rows.length === 0 ? '' : `\n${tableText([head, ...rows], columns)}`;
  const versions = upgraded.map((one) => [
    ...[one.name, one.version, one.newest ?? '', usedIn(one), correctsText(one)],
  ]);
  const results = recipes.map((one) => {
    const { bundle, samples, changed } = resultTexts(one);
    return [one.recipe, bundle, samples, changed.join(', ')];
  });
  const stays = [
    ...left.map((one) => `not upgraded: ${one.name} ${one.version}, ${beyond(one)} (${usedIn(one)})`),
    ...unknown.map((line) => `not compared: ${line}`),
  ];
  return [
    paragraphs([upgradeTitle(kept, locks)], columns),
    table(['source', 'from', 'to', 'in', 'corrects'], versions),
    table(['recipe', 'bundle', 'samples', 'other than before'], results),
    ...locks.map(
      ({ id, differences }) =>
        `\n${paragraphs([`${id}: ${countText(differences)}`], columns)}${tableText([['package', 'from', 'to'], ...differenceRows(differences)], columns)}`,
    ),
    stays.length === 0 ? '' : `\n${paragraphs(stays, columns)}`,
  ].join('');
}
