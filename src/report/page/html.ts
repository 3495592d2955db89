/** Text that is markup already. Only `html` makes it. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Content = Html | string | number | undefined | readonly Content[];

/** Markup with values in it: strings are data and escaped, in text and in attributes in double quotes. */
export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Html {
  return new Html(strings.map((part, i) => (i === 0 ? part : rendered(values[i - 1]) + part)).join(''));
}

/** Markup made elsewhere, its data escaped already: a style sheet, a drawing. */
export function trusted(text: string): Html {
  return new Html(shown(text));
}

function rendered(value: Content): string {
  if (value === undefined) return '';
  if (value instanceof Html) return value.text;
  return Array.isArray(value) ? value.map(rendered).join('') : escaped(String(value));
}

/** Controls, what turns the direction of writing, halves of pairs: a page may show them, not obey them. */
const HARMFUL = /(?![\t\n])[\p{Cc}\p{Cs}\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffe\uffff]/gu;

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function escaped(text: string): string {
  return shown(text).replace(/[&<>"']/g, (char) => ENTITIES[char] as string);
}

function shown(text: string): string {
  return text.replace(HARMFUL, (char) => `\\u{${(char.codePointAt(0) as number).toString(16)}}`);
}

/** A text of at most so many characters, whole lines where that is possible, and how many lines were left out. */
export function clip(text: string, characters: number): { readonly shown: string; readonly left: number } {
  if (text.length <= characters) return { shown: text, left: 0 };
  const end = text.lastIndexOf('\n', characters);
  const shown = text.slice(0, end > 0 ? end + 1 : characters);
  return { shown, left: text.slice(shown.length).trimEnd().split('\n').length };
}

/** A path below the page as an address. */
export function address(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}

/** Text of data as the name of an element: unique where the parts are. */
export function idOf(...parts: readonly string[]): string {
  return parts
    .map((part) => part.replace(/[^A-Za-z0-9]/g, (char) => `_${char.codePointAt(0)?.toString(16)}-`))
    .join('--');
}
