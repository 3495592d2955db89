import { join } from 'node:path';
import { judge, summary } from '../advise/judge.ts';
import type { Invocation, Outcome } from '../commands/command.ts';
import type { Advice } from '../domain/advice.ts';
import type { JudgedAdvice, JudgedScript } from '../domain/judged-advice.ts';
import { ok, type Result } from '../domain/result.ts';
import type { Sample } from '../domain/sample.ts';
import { collectSamples } from '../run/collect.ts';
import { withTemporaryFolder } from '../store/scratch.ts';
import { judgedText, percent } from './advise-text.ts';
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

/** `provision bench advise`: how often advice on scripts that nothing was fitted to is right. */
export async function benchAdvise(invocation: Invocation): Promise<Result<Outcome>> {
  const { context, positionals } = invocation;
  const names = positionals.slice(1);
  const counted = countOption(invocation, 'rounds', 1);
  if (!counted.ok) return counted;
  const rounds = counted.value ?? ROUNDS;
  const held = join(context.settings.home, 'runner', 'bench', 'advise');
  const samples = await collectSamples([held], { timeoutSeconds: SECONDS });
  if (!samples.ok) return samples;
  const started = Date.now();
  return withTemporaryFolder(context.settings.store, 'bench', (folder) =>
    withTiers(context, { make: false, folder, ...(names.length > 0 ? { names } : {}) }, async (tiers) => {
      const calibrations = await calibrate(tiers, { folder });
      if (!calibrations.ok) return calibrations;
      const judged: JudgedScript[] = [];
      for (const sample of samples.value) {
        const one = await judgeScript(tiers, calibrations.value, sample, { rounds, folder });
        if (!one.ok) return one;
        judged.push(one.value);
        const { take, regret, best } = one.value.advised;
        const message = `${sample.name}: ${take}, ${percent(regret)} above ${best}`;
        context.emit({ type: 'notice', level: 'info', code: 'bench/advised', message });
      }
      const json: JudgedAdvice = {
        ...measuredBy(context, started),
        what: 'advise',
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
      return written.ok ? ok({ text: judgedText(json), json }) : written;
    }),
  );
}

async function judgeScript(
  tiers: OpenTiers,
  calibrations: Calibrations,
  sample: Sample,
  { rounds, folder }: { readonly rounds: number; readonly folder: string },
): Promise<Result<JudgedScript>> {
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
function alwaysOf(judged: readonly JudgedScript[]) {
  const names = Object.keys(judged[0]?.costs ?? {});
  const able = names.filter((name) => judged.every(({ costs }) => costs[name] !== undefined));
  return Object.fromEntries(
    able.map((name) => [name, summary(judged.map(({ costs }) => judge(costs, name)))]),
  );
}
