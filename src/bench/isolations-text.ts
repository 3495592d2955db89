import type { CommandRun } from './interleave.ts';
import { median } from './measure.ts';

/** Runs of one isolation: equal indices are the same round. */
export interface Trial {
  /** A few empty scripts in turn, and many. */
  readonly few: readonly CommandRun[];
  readonly many: readonly CommandRun[];
  /** The amortization workload once, and with many rounds. */
  readonly short: readonly CommandRun[];
  readonly long: readonly CommandRun[];
  /** Two loops one after the other, and at the same time. */
  readonly inTurn: readonly CommandRun[];
  readonly atOnce: readonly CommandRun[];
  /** One script that waits, and several at the same time. */
  readonly alone: readonly CommandRun[];
  readonly together: readonly CommandRun[];
}

export interface IsolationRow {
  readonly isolation: string;
  /** Milliseconds for one empty script, from nothing to nothing: CPU time of all that takes part, and wall time. */
  readonly launchCpu: number;
  readonly launchWall: number;
  /** Nanoseconds of CPU time for one round of the workload. */
  readonly step: number;
  /** kB: highest resident memory of a process with one script, and what one more script adds to it. */
  readonly memory: number;
  readonly memoryEach: number;
  /** kB by which the largest process grew from a few scripts to many. */
  readonly growth: number;
  /** Wall time of two loops in turn to that of both at once. */
  readonly speedUp: number;
}

/** How often things are done in a trial. */
interface Sizes {
  readonly few: number;
  readonly many: number;
  readonly together: number;
  readonly steps: number;
}

/** The goals: milliseconds of CPU time for an interpreter, speed-up on two processors. */
const LAUNCH_GOAL = 2;
const SPEED_UP_GOAL = 1.8;

export function rowsOf(
  trials: Readonly<Record<string, Trial>>,
  { few, many, together, steps }: Sizes,
): readonly IsolationRow[] {
  return Object.entries(trials).map(([isolation, trial]) => {
    const each = (key: 'cpu' | 'wall'): number => difference(trial.few, trial.many, key) / (many - few);
    const shared = isolation.startsWith('interpreter');
    const memory = median(trial.alone.map(({ peak }) => peak));
    return {
      isolation,
      launchCpu: each('cpu'),
      launchWall: each('wall'),
      step: (difference(trial.short, trial.long, 'cpu') * 1e6) / (steps - 1),
      memory,
      memoryEach: shared ? difference(trial.alone, trial.together, 'peak') / (together - 1) : memory,
      growth: difference(trial.few, trial.many, 'peak'),
      speedUp: median(trial.inTurn.map(({ wall }, i) => wall / (trial.atOnce[i] as CommandRun).wall)),
    };
  });
}

/** Median of what the second took more than the first in the same round. */
function difference(
  first: readonly CommandRun[],
  second: readonly CommandRun[],
  key: 'cpu' | 'wall' | 'peak',
): number {
  return median(first.map((run, i) => (second[i] as CommandRun)[key] - run[key]));
}

export function isolationText(recipe: string, many: number, rows: readonly IsolationRow[]): string {
  const head = ['', 'launch CPU', 'wall', 'step', 'memory', 'each more', 'growth', 'speed-up'];
  const mb = (kb: number): string => `${(kb / 1024).toFixed(1)} MB`;
  const lines = rows.map((row) => [
    row.isolation,
    `${row.launchCpu.toFixed(2)} ms`,
    `${row.launchWall.toFixed(2)} ms`,
    `${row.step.toFixed(0)} ns`,
    ...[mb(row.memory), mb(row.memoryEach), mb(row.growth)],
    `${row.speedUp.toFixed(2)}×`,
  ]);
  const widths = head.map((_, i) => Math.max(...[head, ...lines].map((line) => (line[i] as string).length)));
  const table = [head, ...lines].map((line) =>
    line
      .map((word, i) => (i === 0 ? word.padEnd(widths[i] as number) : word.padStart(widths[i] as number)))
      .join('  '),
  );
  const fresh = rows.find(({ isolation }) => isolation === 'interpreter, fresh');
  return [
    `Scripts apart from each other on ${recipe}: ${many} empty ones in turn, two loops on two processors`,
    '',
    ...table,
    '',
    ...(fresh === undefined ? [] : goals(fresh)),
    '',
  ].join('\n');
}

function goals({ launchCpu, speedUp }: IsolationRow): readonly string[] {
  const said = (met: boolean): string => (met ? 'met' : 'missed');
  return [
    `an interpreter from its creation to its end: goal ≤ ${LAUNCH_GOAL} ms CPU: ${said(launchCpu <= LAUNCH_GOAL)}`,
    `two at once: goal ≥ ${SPEED_UP_GOAL}×: ${said(speedUp >= SPEED_UP_GOAL)}`,
  ];
}
