import type { TierRow, TierTable } from '../../domain/tier-table.ts';

const WIDTHS = [17, 10, 12, 12, 12, 9] as const;
const HEAD = ['tier', 'launch ms', 'step ns', 'memory MB', 'size MB', 'equal'];

/** The table of tiers, within 80 columns; what cannot be measured follows with the reason. */
export function tiersText(table: TierTable): string {
  const { tiers, reference, rounds, workload } = table;
  const first = tiers.find(({ name }) => name === reference);
  const rows = tiers.flatMap((tier) => ('absent' in tier ? [] : [rowOf(tier, workload)]));
  const steps = first === undefined || 'absent' in first ? [] : Object.keys(first.steps);
  return [
    `Tiers: CPU time (user and system), medians of ${rounds} alternating ${rounds === 1 ? 'run' : 'runs'}`,
    `step: one round of \`${workload}\``,
    '',
    line(HEAD),
    ...rows,
    '',
    `Steps of the workloads against ${reference}'s`,
    '',
    stepsLine('tier', steps),
    ...tiers.flatMap((tier) =>
      'absent' in tier || first === undefined || 'absent' in first
        ? []
        : [
            stepsLine(
              tier.name,
              steps.map((name) => ratio(tier.steps[name], first.steps[name])),
            ),
          ],
    ),
    '',
    ...tiers.flatMap(absentLines),
    ...tiers.flatMap((tier) =>
      'absent' in tier || tier.differing.length === 0
        ? []
        : [`${tier.name}: other output than ${reference}: ${tier.differing.join(', ')}`],
    ),
    '',
  ].join('\n');
}

function rowOf(tier: Exclude<TierRow, { absent: string }>, workload: string): string {
  const { name, launch, steps, memory, size, samples } = tier;
  return line([
    name,
    launch.toFixed(1),
    steps[workload]?.toFixed(0) ?? '–',
    (memory / 1024).toFixed(1),
    size === undefined ? '–' : (size / 1e6).toFixed(1),
    samples === undefined ? '–' : `${samples.equal}/${samples.all}`,
  ]);
}

function line(cells: readonly string[]): string {
  return cells.map((cell, i) => (i === 0 ? cell.padEnd(WIDTHS[0]) : cell.padStart(WIDTHS[i] ?? 9))).join('');
}

const STEP_WIDTH = 10;
const SHORTEST = 3;

/** Ten columns at most fit beside the name. */
function stepsLine(name: string, cells: readonly string[]): string {
  const width = Math.min(STEP_WIDTH, Math.floor((80 - WIDTHS[0]) / Math.max(cells.length, 1)));
  const cut = Math.max(width - 1, SHORTEST);
  return `${name.padEnd(WIDTHS[0])}${cells.map((cell) => cell.slice(0, cut).padStart(width)).join('')}`;
}

function ratio(value: number | undefined, reference: number | undefined): string {
  return value === undefined || reference === undefined ? '–' : (value / reference).toFixed(2);
}

function absentLines(tier: TierRow): readonly string[] {
  if (!('absent' in tier)) return [];
  const { name, absent, command } = tier;
  const what = command === undefined ? absent : `${absent}: \`${command}\``;
  return wrapped(`${name}: ${what}`);
}

/** Lines of 80 columns; what follows the first is indented. */
function wrapped(text: string): readonly string[] {
  const lines: string[] = [];
  let current = '';
  for (const word of text.split(' ')) {
    const next = current === '' ? word : `${current} ${word}`;
    if (next.length <= 80) current = next;
    else {
      lines.push(current);
      current = `  ${word}`;
    }
  }
  return [...lines, current];
}
