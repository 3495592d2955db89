import parse from 'spdx-expression-parse';

/** Ways of writing that manifests have, and the expressions that they mean. */
const SPELLINGS: readonly (readonly [RegExp, string])[] = [
  // Cargo's former syntax (The Cargo Book, "The license and license-file fields").
  [/\s*\/\s*/g, ' OR '],
  [/^\s*(?:The )?MIT License\s*$/i, 'MIT'],
  [/^\s*Apache(?: Software)?(?: License,?)?(?: Version)? 2(?:\.0)?\s*$/i, 'Apache-2.0'],
  [/^\s*BSD[ -]3[ -]Clause\s*(?:License)?\s*$/i, 'BSD-3-Clause'],
  [/^\s*BSD[ -]2[ -]Clause\s*(?:License)?\s*$/i, 'BSD-2-Clause'],
  [/^\s*MPL[ -]?2(?:\.0)?\s*$/i, 'MPL-2.0'],
  [/^\s*(?:PSF|PSFL|Python Software Foundation License)\s*$/i, 'PSF-2.0'],
];

/** The licence expression that a manifest's text is or means; undefined where it is neither. */
export function licenceExpression(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const candidates = [text.trim(), ...SPELLINGS.map(([pattern, to]) => text.replace(pattern, to).trim())];
  return candidates.find(isExpression);
}

/** Whether it is an expression of the SPDX specification, annex D, with identifiers of the licence list. */
function isExpression(text: string): boolean {
  try {
    parse(text);
    return true;
  } catch {
    return false;
  }
}

/** Whether it is one identifier of the licence list. */
export function isListed(text: string): boolean {
  if (!isExpression(text)) return false;
  const parsed = parse(text);
  return 'license' in parsed && parsed.license === text && !text.startsWith('LicenseRef-');
}
