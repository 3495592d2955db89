/** `` `a`, `b` and `c` `` */
export function list(words: readonly string[], last = 'and'): string {
  const quoted = words.map((word) => `\`${word}\``);
  return quoted.length < 2 ? quoted.join('') : `${quoted.slice(0, -1).join(', ')} ${last} ${quoted.at(-1)}`;
}

export function article(noun: string): string {
  return /^[aeiou]/.test(noun) ? `an ${noun}` : `a ${noun}`;
}

export function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Foreign text within a sentence: short, and without control characters that a terminal would interpret. */
export function shorten(text: string): string {
  const shown = text.replaceAll(/\p{Cc}/gu, '\ufffd');
  return shown.length > 60 ? `${shown.slice(0, 60)}…` : shown;
}
