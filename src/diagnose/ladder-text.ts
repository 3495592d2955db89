import type { Ladder, LadderStep } from '../domain/blocker.ts';

/** The ladder as Markdown: a table, then each step with the output of the tool that stopped it. */
export function ladderMarkdown(ladder: Ladder): string {
  const { recipe, target, steps } = ladder;
  const rows = steps.map(
    ({ number, title, cures, blocker }) =>
      `| ${number} | ${cell(number === 0 ? title : `+ ${title}`)} | ${cures === undefined ? '' : `\`${cures}\``} | ${blocker === undefined ? '' : `\`${blocker.code}\``} |`,
  );
  return [
    `# From nothing to running: ${recipe} (${target})`,
    '',
    `${ending(ladder)}`,
    '',
    '| step | what is there | fixes | what then stops it |',
    '| ---: | --- | --- | --- |',
    ...rows,
    '',
    ...steps.flatMap(section),
    '## Versions',
    '',
    ...Object.entries(ladder.versions).map(([name, version]) => `- ${name} ${version}`),
    '',
  ].join('\n');
}

/** How it ended, in one sentence. */
export function ending({ outcome, steps, totals, target }: Ladder): string {
  const added = steps.filter(({ adds }) => adds.length > 0).length;
  const last = steps.at(-1)?.blocker;
  if (outcome === 'blocked') {
    return `Blocked on ${target} after ${added} steps: ${last === undefined ? 'the reason is not known' : last.title}.`;
  }
  const samples =
    totals === undefined
      ? ''
      : `: ${totals.passed} of ${totals.samples} samples equal the reference${totals.skipped > 0 ? `, ${totals.skipped} skipped` : ''}${totals.failed > 0 ? `, ${totals.failed} differ` : ''}`;
  return `Runs on ${target} after ${added} steps${samples}.`;
}

function section({ number, title, adds, command, ms, cures, blocker }: LadderStep): readonly string[] {
  return [
    `## Step ${number}: ${title}`,
    '',
    ...adds.map((one) => `- \`${one.replaceAll('`', "'")}\``),
    ...(adds.length > 0 ? [''] : []),
    `\`${command}\`, ${(ms / 1000).toFixed(1)} s.${cures === undefined ? '' : ` Fixes \`${cures}\`.`}`,
    '',
    ...(blocker === undefined
      ? ['Nothing stops it.', '']
      : [
          `Stopped: **${blocker.title}** (\`${blocker.code}\`). ${blocker.because}`,
          '',
          fence(blocker.lines),
          ...blocker.lines,
          fence(blocker.lines),
          '',
          ...(blocker.cure === undefined ? [] : [`Fix by hand: \`${blocker.cure}\``, '']),
        ]),
  ];
}

/** More backquotes than any line begins with. */
function fence(lines: readonly string[]): string {
  const longest = Math.max(2, ...lines.map((line) => /`*/.exec(line.trimStart())?.[0].length ?? 0));
  return '`'.repeat(longest + 1);
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|');
}

/** The same for a terminal: one line a step. */
export function ladderText({ steps }: Pick<Ladder, 'steps'>): string {
  const lines = steps.map(({ number, name, title, blocker }) => {
    const what = number === 0 ? title : name === 'start' ? 'the program is built' : `+ ${title}`;
    return `${String(number).padStart(2)}  ${what.padEnd(48)}${blocker === undefined ? 'goes on' : blocker.code}`;
  });
  return `${lines.join('\n')}\n`;
}
