/**
 * Words of a POSIX shell command (XCU 2.2, quoting). They are quoted nowhere else: a word with a character that a shell may
 * treat specially is put in single quotes, in which nothing is special.
 */

/** Characters that no shell treats specially; `=` and `~` are not among them at the beginning of a word. */
const PLAIN = /^[\w@%+:,./-][\w@%+=:,./-]*$/;

/** A word, quoted always: for scripts whose text must not depend on what a word holds. */
export function quoteWord(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}

/** A word, quoted where it has to be. */
export function shellWord(word: string): string {
  return PLAIN.test(word) ? word : quoteWord(word);
}

/** A command, as it is typed; a command whose first word holds `=` would be an assignment and is quoted. */
export function shellCommand(argv: readonly string[]): string {
  const [command = '', ...words] = argv;
  const first = command.includes('=') ? quoteWord(command) : shellWord(command);
  return [first, ...words.map(shellWord)].join(' ');
}

/** A word as fish takes it: in its single quotes a backslash and a quote are escaped. */
export function fishWord(word: string): string {
  return `'${word.replace(/[\\']/g, '\\$&')}'`;
}
