import type { JudgedAdvice, JudgementSummary } from '../domain/judged-advice.ts';

/** The scripts with what was advised, and how often that was right; within 80 columns. */
export function judgedText(data: JudgedAdvice): string {
  const { rounds, advised, fromReference, always, scripts, goals } = data;
  const head = ['script', 'equal', 'advised', 'best', 'regret'];
  const line = ([script = '', equal = '', take = '', best = '', regret = '']: readonly string[]): string =>
    `${script.slice(0, 20).padEnd(21)}${equal.padStart(5)}  ${take.padEnd(16)}${best.padEnd(16)}${regret.padStart(8)}`;
  const rows = scripts.map(({ script, equal, advised: { take, best, regret } }) =>
    line([script, String(equal), take, best, percent(regret)]),
  );
  const result = ({ right, regret }: JudgementSummary): string =>
    `right ${percent(right)}, mean regret ${percent(regret)}`;
  const met = advised.right >= goals.right && advised.regret <= goals.regret;
  return [
    `Advice on ${scripts.length} scripts, judged by CPU time, medians of ${rounds} alternating runs`,
    '',
    ...[line(head), ...rows],
    '',
    `${met ? '✓' : '✗'} advised: ${result(advised)} (goals: ${percent(goals.right)}, ${percent(goals.regret)})`,
    `· from the run in the reference alone: ${result(fromReference)}`,
    ...Object.entries(always).map(([name, one]) => `· always ${name}: ${result(one)}`),
    '',
  ].join('\n');
}

export function percent(value: number): string {
  return `${(value * 100).toFixed(1)} %`;
}
