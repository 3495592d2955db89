/** Where a quote or a backslash has nothing after it, counted from 0 in the text. */
export interface Unfinished {
  readonly index: number;
  readonly what: 'single quote' | 'double quote' | 'backslash';
}

/**
 * Splits a line into arguments as a POSIX shell does (Shell Command Language, 2.2 Quoting), with nothing expanded: `$`, `*`,
 * `~` and backquotes mean themselves. Within double quotes a backslash quotes only `"` and `\`.
 */
export function splitArgv(text: string): readonly string[] | Unfinished {
  const words: string[] = [];
  let word: string | undefined;
  for (let i = 0; i < text.length; i++) {
    const char = text[i] as string;
    if (char === ' ' || char === '\t') {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (char === "'" || char === '"') {
      const part = quoted(text, i);
      if (part === undefined) return { index: i, what: char === "'" ? 'single quote' : 'double quote' };
      word = (word ?? '') + part.value;
      i = part.end;
    } else if (char === '\\') {
      if (i + 1 === text.length) return { index: i, what: 'backslash' };
      i += 1;
      word = (word ?? '') + text[i];
    } else {
      word = (word ?? '') + char;
    }
  }
  return word === undefined ? words : [...words, word];
}

function quoted(text: string, start: number): { readonly value: string; readonly end: number } | undefined {
  const quote = text[start];
  let value = '';
  for (let i = start + 1; i < text.length; i++) {
    const char = text[i] as string;
    if (char === quote) return { value, end: i };
    const next = text[i + 1];
    if (quote === '"' && char === '\\' && (next === '"' || next === '\\')) {
      value += next;
      i += 1;
    } else {
      value += char;
    }
  }
  return undefined;
}
