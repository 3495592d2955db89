import type { Outdated, OutdatedReport } from '../../domain/outdated.ts';
import { code, plainText, table } from './markdown.ts';

/** What is outdated, as Markdown. */
export function outdatedSummary({
  outdated,
  incompatible = [],
  compared,
  unknown,
  gone,
}: OutdatedReport): string {
  const rows = outdated.map((one) => [
    code(one.name),
    plainText(one.version),
    plainText(one.newest ?? (one.yanked === true ? 'yanked' : '')),
    plainText(one.security ?? ''),
    plainText(usedIn(one)),
    plainText(correctsText(one)),
  ]);
  return [
    `## ${outdated.length === 0 ? '✅ Nothing is outdated' : `🕰️ ${outdated.length} outdated`}`,
    '',
    plainText(`Compared: ${compared.join(', ')}.`),
    '',
    ...(rows.length === 0
      ? []
      : table(['source', 'version', 'newest', 'security update', 'in', 'corrects'], rows)),
    ...gone.map(({ name, suite }) => `- ${code(name)} is no longer in ${plainText(suite)}`),
    ...incompatible.map(
      ({ name, version, newest }) =>
        `- incompatible: ${code(name)} ${plainText(version)} has ${plainText(newest)}`,
    ),
    ...unknown.map((line) => `- not compared: ${plainText(line)}`),
    '',
  ].join('\n');
}

/** Vulnerabilities that are named; the whole list is in the JSON. */
const NAMED = 4;

/** What a newer version corrects, in a few words. */
export function correctsText({ fixes = [] }: Outdated): string {
  const more = fixes.length - NAMED;
  return [...fixes.slice(0, NAMED), ...(more > 0 ? [`${more} more`] : [])].join(', ');
}

/** Where it is used, in a few words. */
export function usedIn({ shipped, kind, where }: Outdated): string {
  const role = shipped ? 'shipped' : kind === 'runtime' ? 'runtime' : 'tools';
  return `${role}: ${where.join(', ')}`;
}
