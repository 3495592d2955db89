/** A word as a POSIX shell takes it; single quotes, in which nothing is special. */
export function shellWord(text: string): string {
  return /^[\w./+@%,:=-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
