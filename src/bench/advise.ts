import { join } from 'node:path';
import { type Judgement, judge, summary } from '../advise/judge.ts';
import type { Invocation, Outcome } from '../commands/command.ts';
import type { Advice } from '../domain/advice.ts';
import { ok, type Result } from '../domain/result.ts';
import type { Sample } from '../domain/sample.ts';
import { collectSamples } from '../run/collect.ts';
import { withTemporaryFolder } from '../store/scratch.ts';
import { artifactsOf, measuredBy, writeFiles } from './artifacts.ts';
import { median } from './measure.ts';
import { countOption } from './options.ts';
import { adviseScript, openScript, trialOf } from './tiers/advise-script.ts';
import { type Calibrations, calibrate } from './tiers/calibrate.ts';
import { type OpenTiers, withTiers } from './tiers/open.ts';

const ROUNDS = 7;
/** Runs that an advice is given from, as `provision advise` has them. */
const TRIALS = 3;
const SECONDS = 60;
const GOALS = { right: 0.9, regret: 0.05 };

/** A script, what was advised for it, and what its tiers cost when measured anew. */
interface Judged {
  readonly script: string;
  readonly equal: number;
  /** Milliseconds of CPU time, medians. */
  readonly costs: Readonly<Record<string, number>>;
  readonly advised: Judgement & { readonly take: string };
  /** What the run in the reference alone would have advised. */
  readonly fromReference: Judgement & { readonly take: string };
  /** Without any advice. */
  readonly reference: Judgement;
}

/** `provision bench advise`: how often advice on scripts that nothing was fitted to is right. */
export async function benchAdvise(invocation: Invocation): Promise<Result<Outcome>> {
  const { context } = invocation;
  const counted = countOption(invocation, 'rounds', 1);
  if (!counted.ok) return counted;
  const rounds = counted.value ?? ROUNDS;
  const held = join(context.settings.home, 'runner', 'bench', 'advise');
  const samples = await collectSamples([held], { timeoutSeconds: SECONDS });
  if (!samples.ok) return samples;
  const started = Date.now();
  return withTemporaryFolder(context.settings.store, 'bench', (folder) =>
    withTiers(context, { make: false, folder }, async (tiers) => {
      const calibrations = await calibrate(tiers, { folder });
      if (!calibrations.ok) return calibrations;
      const judged: Judged[] = [];
      for (const sample of samples.value) {
        const one = await judgeScript(tiers, calibrations.value, sample, { rounds, folder });
        if (!one.ok) return one;
        judged.push(one.value);
        const message = `${sample.name}: ${one.value.advised.take}, ${percent(one.value.advised.regret)} above the best`;
        context.emit({ type: 'notice', level: 'info', code: 'bench/advised', message });
      }
      const json = {
        ...measuredBy(context, started),
        what: 'advise' as const,
        ...{ reference: tiers.reference.definition.name, rounds, warmUp: 0, trials: TRIALS, goals: GOALS },
        advised: summary(judged.map(({ advised }) => advised)),
        fromReference: summary(judged.map(({ fromReference }) => fromReference)),
        withoutAdvice: summary(judged.map(({ reference }) => reference)),
        always: alwaysOf(judged),
        scripts: judged,
      };
      const written = await writeFiles(artifactsOf(invocation), {
        'advise.json': `${JSON.stringify(json, null, 2)}\n`,
      });
      return written.ok ? ok({ text: textOf(json), json }) : written;
    }),
  );
}

async function judgeScript(
  tiers: OpenTiers,
  calibrations: Calibrations,
  sample: Sample,
  { rounds, folder }: { readonly rounds: number; readonly folder: string },
): Promise<Result<Judged>> {
  const advised = await adviseScript(tiers, calibrations, sample, { calls: 1, rounds: TRIALS, folder });
  if (!advised.ok) return advised;
  const { advice, fromReference } = advised.value;
  const equal = equalIn(advice);
  const opened = await openScript(tiers, sample, folder);
  if (!opened.ok) return opened;
  await using benches = opened.value;
  const trial = trialOf(tiers.reference, sample);
  const runs = await benches.run({ script: trial }, { rounds, warmUp: 1, tiers: equal });
  if (!runs.ok) return runs;
  const costs = Object.fromEntries(
    equal.map((name) => [name, median((runs.value.get(name)?.script ?? []).map((run) => run.cpu))]),
  );
  return ok({
    script: sample.name,
    equal: equal.length,
    costs,
    advised: { take: advice.take, ...judge(costs, advice.take) },
    fromReference: { take: fromReference, ...judge(costs, fromReference) },
    reference: judge(costs, tiers.reference.definition.name),
  });
}

function equalIn({ tiers }: Advice): readonly string[] {
  return tiers.flatMap((tier) => (tier.state === 'equal' ? [tier.name] : []));
}

/** The same tier for every script, of those that give the right bytes for all. */
function alwaysOf(judged: readonly Judged[]) {
  const names = Object.keys(judged[0]?.costs ?? {});
  const able = names.filter((name) => judged.every(({ costs }) => costs[name] !== undefined));
  return Object.fromEntries(
    able.map((name) => [name, summary(judged.map(({ costs }) => judge(costs, name)))]),
  );
}

interface Summary {
  readonly right: number;
  readonly regret: number;
}

interface Figures {
  readonly rounds: number;
  readonly advised: Summary;
  readonly fromReference: Summary;
  readonly always: Readonly<Record<string, Summary>>;
  readonly scripts: readonly Judged[];
}

/** Within 80 columns. */
function textOf({ rounds, advised, fromReference, always, scripts }: Figures): string {
  const head = ['script', 'equal', 'advised', 'best', 'regret'];
  const line = ([script = '', equal = '', take = '', best = '', regret = '']: readonly string[]): string =>
    `${script.padEnd(20)}${equal.padStart(5)}  ${take.padEnd(16)}${best.padEnd(16)}${regret.padStart(8)}`;
  const rows = scripts.map(({ script, equal, advised: { take, best, regret } }) =>
    line([script, String(equal), take, best, percent(regret)]),
  );
  const result = ({ right, regret }: Summary): string =>
    `right ${percent(right)}, mean regret ${percent(regret)}`;
  const met = advised.right >= GOALS.right && advised.regret <= GOALS.regret;
  return [
    `Advice on ${scripts.length} scripts, judged by CPU time, medians of ${rounds} alternating runs`,
    '',
    ...[line(head), ...rows],
    '',
    `${met ? '✓' : '✗'} advised: ${result(advised)} (goals: ${percent(GOALS.right)}, ${percent(GOALS.regret)})`,
    `· from the run in the reference alone: ${result(fromReference)}`,
    ...Object.entries(always).map(([name, one]) => `· always ${name}: ${result(one)}`),
    '',
  ].join('\n');
}

function percent(value: number): string {
  return `${(value * 100).toFixed(1)} %`;
}
