import type { Outdated, OutdatedReport } from '../../domain/outdated.ts';
import { code, plainText, table } from './markdown.ts';

/** What is outdated, as Markdown. */
export function outdatedSummary({ outdated, compared, unknown, gone }: OutdatedReport): string {
  const rows = outdated.map((one) => [
    code(one.name),
    plainText(one.version),
    plainText(one.newest ?? ''),
    plainText(one.security ?? ''),
    plainText(one.fixes?.join(', ') ?? ''),
    plainText(usedIn(one)),
  ]);
  return [
    `## ${outdated.length === 0 ? '✅ Nothing is outdated' : `🕰️ ${outdated.length} outdated`}`,
    '',
    plainText(`Compared: ${compared.join(', ')}.`),
    '',
    ...(rows.length === 0
      ? []
      : table(['source', 'version', 'newest', 'security update', 'corrects', 'in'], rows)),
    ...gone.map(({ name, suite }) => `- ${code(name)} is no longer in ${plainText(suite)}`),
    ...unknown.map((line) => `- not compared: ${plainText(line)}`),
    '',
  ].join('\n');
}

/** Where it is used, in a few words. */
export function usedIn({ shipped, kind, where }: Outdated): string {
  const role = shipped ? 'shipped' : kind === 'runtime' ? 'runtime' : 'tools';
  return `${role}: ${where.join(', ')}`;
}
