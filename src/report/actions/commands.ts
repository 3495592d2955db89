/**
 * Workflow commands: lines by which a step speaks to GitHub Actions (its documentation, "Workflow commands"). How
 * values are escaped is in no document: it is what the runner undoes (actions/runner, ActionCommand.cs).
 */

export interface Annotation {
  readonly level: 'error' | 'warning' | 'notice';
  readonly message: string;
  readonly title?: string;
  /** Relative to the repository. */
  readonly file?: string;
  /** From 1. */
  readonly line?: number;
  readonly column?: number;
}

export function annotation({ level, message, title, file, line, column }: Annotation): string {
  return command(level, { file, line, col: column, title }, message);
}

export function groupStart(title: string): string {
  return command('group', {}, title);
}

export const GROUP_END = '::endgroup::';

/** Commands that make the runner write `***` for a secret; of one with several lines each line is a secret. */
export function masks(secret: string): readonly string[] {
  const lines = secret.split(/\r?\n/).filter((line) => line.trim() !== '');
  return lines.map((line) => command('add-mask', {}, line));
}

/**
 * A line of another program, escaped so that the runner takes nothing in it for a command: those begin with `::` or
 * hold `##[`, the older form, anywhere.
 */
export function escapeCommands(line: string): string {
  return line.replace(/^([^\S\n]*):(?=:)/gm, '$1: ').replaceAll('##[', '## [');
}

function command(
  name: string,
  properties: Readonly<Record<string, string | number | undefined>>,
  data: string,
): string {
  const given = Object.entries(properties).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key}=${escapeProperty(String(value))}`],
  );
  return `::${name}${given.length === 0 ? '' : ` ${given.join(',')}`}::${escapeData(data)}`;
}

function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

/** Colon and comma end a property. */
function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
