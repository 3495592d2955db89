import type { BlockerPattern } from '../domain/blocker.ts';

/** An entry that fits an output, and the text that its patterns' named groups found there. */
export interface Match {
  readonly pattern: BlockerPattern;
  readonly groups: Readonly<Record<string, string>>;
  /** Where in the output it was found first. */
  readonly at: number;
}

/** Lines that a blocker shows. */
const MOST_LINES = 40;
/** Characters of a line that it shows: a linker's command line is its whole input. */
const LONGEST_LINE = 600;

/**
 * Entries of the catalogue that fit an output, what is printed earlier first. An entry that another one names in `before`
 * is a consequence of it and left out.
 */
export function matchesOf(catalogue: readonly BlockerPattern[], log: string): readonly Match[] {
  const output = withoutStatus(log);
  const found = catalogue.flatMap((pattern) => matchOf(pattern, output) ?? []);
  return found
    .filter((one) => !found.some((other) => other.pattern.before.includes(one.pattern.code)))
    .sort((a, b) => a.at - b.at);
}

/**
 * Blanks in place of CMake's status lines (`-- Package 'x' not found`): each is the answer to a question that it goes on
 * after, whatever the answer is. Errors have no dashes.
 */
function withoutStatus(log: string): string {
  return log.replaceAll(/^[ \t]*-- .*$/gm, (line) => ' '.repeat(line.length));
}

function matchOf(pattern: BlockerPattern, output: string): Match | undefined {
  if (pattern.without.some((one) => one.test(output))) return undefined;
  const first = pattern.match
    .map((one) => one.exec(output))
    .filter((one) => one !== null)
    .sort((a, b) => a.index - b.index)[0];
  if (first === undefined) return undefined;
  return { pattern, groups: groupsOf(pattern, output), at: first.index };
}

/** The first text that each named group found. */
function groupsOf(pattern: BlockerPattern, output: string): Readonly<Record<string, string>> {
  const groups: Record<string, string> = {};
  for (const one of [...pattern.match, ...pattern.lines]) {
    for (const [name, text] of Object.entries(one.exec(output)?.groups ?? {})) {
      // Tools put names into backticks, which no command or recipe has.
      if (text !== undefined) groups[name] ??= text.replaceAll('`', '');
    }
  }
  return groups;
}

/** The verbatim lines that matter: those that a pattern finds, with what belongs to them. */
export function linesOf({ pattern }: Match, log: string): readonly string[] {
  const output = withoutStatus(log);
  const lines = output.split('\n');
  const starts = startsOf(lines);
  const wanted = new Set<number>();
  for (const one of [...pattern.match, ...pattern.lines]) {
    for (const found of output.matchAll(new RegExp(one.source, `${one.flags}g`))) {
      const first = lineAt(starts, found.index);
      const last = lineAt(starts, found.index + Math.max(0, found[0].length - 1));
      for (let line = first; line <= last + pattern.after; line += 1) wanted.add(line);
      if (wanted.size > MOST_LINES * 4) break;
    }
  }
  return shown(
    [...wanted]
      .filter((index) => index < lines.length)
      .sort((a, b) => a - b)
      .map((index) => lines[index] as string),
  );
}

/** Lines as a blocker shows them: each once, none empty, not too many and not too long. */
export function shown(lines: readonly string[]): readonly string[] {
  const some = lines.filter((line) => line.trim() !== '');
  return [...new Set(some)]
    .slice(0, MOST_LINES)
    .map((line) => (line.length > LONGEST_LINE ? `${line.slice(0, LONGEST_LINE)}…` : line.trimEnd()));
}

function startsOf(lines: readonly string[]): readonly number[] {
  let at = 0;
  return lines.map((line) => {
    const start = at;
    at += line.length + 1;
    return start;
  });
}

function lineAt(starts: readonly number[], index: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((starts[middle] as number) <= index) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Fills values in for `{name}`; undefined where one of them is not known. */
export function fill(template: string, values: Readonly<Record<string, string>>): string | undefined {
  let whole = true;
  const text = template.replace(/\{([a-z_]+)\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) whole = false;
    return value ?? '';
  });
  return whole ? text : undefined;
}
