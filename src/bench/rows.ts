import type { Invocation } from '../commands/command.ts';
import { err, ok, type Result } from '../domain/result.ts';

/** A line of a bench's table. */
export interface Row {
  readonly what: string;
  /** Milliseconds, median. */
  readonly ms: number;
  readonly runs: readonly number[];
  readonly against?: {
    readonly what: string;
    readonly ms: number;
    readonly runs: readonly number[];
    readonly ratio: number;
  };
  readonly goal: string;
  /** Whether the goal is met; absent where the row is informative and has no bound. */
  readonly met?: boolean;
  readonly note?: string;
}

/** `--rounds`: runs of each side. Failure: `usage/rounds`. */
export function roundsOf({ values }: Invocation): Result<number> {
  const rounds = Number(values.rounds ?? 3);
  if (Number.isInteger(rounds) && rounds >= 1) return ok(rounds);
  return err({
    code: 'usage/rounds',
    what: `--rounds takes a whole number from 1, not "${String(values.rounds)}".`,
    fix: [],
  });
}

export function table(title: string, rows: readonly Row[]): string {
  const lines = rows.flatMap((row) => [
    `${row.met === undefined ? '·' : row.met ? '✓' : '✗'} ${row.what}: ${row.ms === 0 ? row.note : seconds(row.ms)}   (goal: ${row.goal})`,
    ...(row.against === undefined
      ? []
      : [
          `    against ${row.against.what}: ${seconds(row.against.ms)}, ratio ${row.against.ratio.toFixed(2)}`,
        ]),
    ...(row.ms === 0
      ? []
      : [`    runs: ${row.runs.map(seconds).join(', ')}${row.note === undefined ? '' : `; ${row.note}`}`]),
  ]);
  return `${title}: medians, both sides interleaved in one run\n${lines.join('\n')}\n`;
}

export function seconds(ms: number): string {
  return ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
