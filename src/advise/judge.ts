import type { Judgement, JudgementSummary } from '../domain/judged-advice.ts';

/** What more than the best still counts as right. */
const TOLERANCE = 0.05;

/** Judges an advice by what each tier was measured to cost; a tier that may not be taken is not among them. */
export function judge(costs: Readonly<Record<string, number>>, taken: string): Judgement {
  const [first, ...others] = Object.entries(costs);
  const own = costs[taken];
  if (first === undefined || own === undefined) throw new Error(`${taken} was not measured`);
  const [best, least] = others.reduce((lowest, one) => (one[1] < lowest[1] ? one : lowest), first);
  const regret = own / least - 1;
  return { best, regret, right: regret <= TOLERANCE };
}

/** Share of right ones, and mean regret. */
export function summary(all: readonly Judgement[]): JudgementSummary {
  const mean = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / Math.max(values.length, 1);
  return {
    right: mean(all.map(({ right }) => (right ? 1 : 0))),
    regret: mean(all.map(({ regret }) => regret)),
  };
}
