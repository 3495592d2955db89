import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { assertGolden } from '../support/golden.ts';

/**
 * Fails where what stands between `<!-- name… -->` and `<!-- /name -->` of a document is not `text`; `UPDATE_GOLDEN=1`
 * writes it.
 */
export function assertSection(file: string, name: string, text: string): void {
  const document = readFileSync(file, 'utf8');
  const pattern = new RegExp(`(<!-- ${name}\\b[^>]*-->\\n)[\\s\\S]*?(<!-- /${name} -->)`);
  assert.match(document, pattern, `${file} has no section ${name}`);
  assertGolden(
    file,
    document.replace(pattern, (_, start: string, end: string) => `${start}\n${text.trim()}\n\n${end}`),
  );
}

/** A table of Markdown. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}
