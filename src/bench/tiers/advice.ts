import { choose } from '../../advise/choose.ts';
import { roundsOf, workOf } from '../../advise/cost.ts';
import { candidateOf, type Estimate, estimate } from '../../advise/estimate.ts';
import { mixtureOf, type Samples } from '../../advise/mixture.ts';
import type { Advice, AdvisedTier, ScriptProfile } from '../../domain/advice.ts';
import { defined } from '../../domain/defined.ts';
import type { Sample } from '../../domain/sample.ts';
import type { CommandRun } from '../interleave.ts';
import { median } from '../measure.ts';
import type { Calibration, Calibrations } from './calibrate.ts';
import type { Runs } from './measure.ts';
import type { OpenTiers } from './open.ts';
import type { Profile } from './profile.ts';

/** What was seen of a script. */
export interface Observed {
  readonly sample: Sample;
  /** Absent: it ended in a way that leaves none. */
  readonly profile: Exclude<Profile, { error: unknown }> | undefined;
  /** What two runs in the reference differ in. */
  readonly varies: string | undefined;
  /** Tier → in what it differs from the reference; undefined: in nothing. */
  readonly differences: ReadonlyMap<string, string | undefined>;
  /** Runs in the reference and in the tiers that differ in nothing. */
  readonly runs: Runs;
}

/** An advice, and the tier that the run in the reference alone would have advised. */
export interface Advised {
  readonly advice: Advice;
  readonly fromReference: string;
}

export function adviceFrom(
  tiers: OpenTiers,
  { of, signatures }: Calibrations,
  seen: Observed,
  calls: number,
): Advised {
  const { name } = tiers.reference.definition;
  const own = (of.get(name) as Calibration).costs;
  const measured = median(cpuTimes(seen.runs, name));
  const samples: Samples = seen.profile?.samples ?? {};
  const shares = mixtureOf(samples, signatures);
  const work = workOf(measured, shares, own);
  const estimates: readonly Estimate[] = [
    { name, costs: own, predicted: measured, measured, perCall: measured },
    ...tiers.others.flatMap(({ definition: { name: tier } }) => {
      if (!seen.runs.has(tier)) return [];
      const runs = cpuTimes(seen.runs, tier);
      const { costs } = of.get(tier) as Calibration;
      return [estimate(tier, costs, { work, runs, measured: median(runs) }, own)];
    }),
  ];
  const choice = choose(
    estimates.map((one) => candidateOf(one, 'perCall')),
    calls,
  );
  const alone = choose(
    estimates.map((one) => candidateOf(one, 'predicted')),
    calls,
  );
  const totals = new Map(choice?.ranked.map(({ candidate, ms }) => [candidate.name, ms]));
  const known = Object.values(samples).some((value) => value > 0);
  return {
    fromReference: alone?.take.name ?? name,
    advice: {
      schema: 1,
      script: seen.sample.file,
      args: seen.sample.argv,
      calls,
      profile: profileOf(seen, name, { steps: Math.round(roundsOf(work)), shares: known ? shares : {} }),
      take: choice?.take.name ?? name,
      ...defined({ varies: seen.varies }),
      tiers: [...estimates.map((one) => equalRow(one, totals)), ...otherRows(tiers, seen)],
      crossovers: choice?.crossovers ?? [],
    },
  };
}

function runsIn(runs: Runs, tier: string): readonly CommandRun[] {
  return runs.get(tier)?.script ?? [];
}

function cpuTimes(runs: Runs, tier: string): readonly number[] {
  return runsIn(runs, tier).map(({ cpu }) => cpu);
}

function profileOf(
  { runs, profile }: Observed,
  reference: string,
  work: Pick<ScriptProfile, 'steps' | 'shares'>,
): ScriptProfile {
  const { modules, extensions, threads } = profile ?? {};
  return {
    ms: median(cpuTimes(runs, reference)),
    memory: median(runsIn(runs, reference).map(({ peak }) => peak)),
    ...work,
    ...defined({ modules, extensions, threads }),
  };
}

function equalRow(one: Estimate, totals: ReadonlyMap<string, number>): AdvisedTier {
  const { name, predicted, measured, perCall, costs } = one;
  const total = totals.get(name) ?? perCall;
  return {
    name,
    state: 'equal',
    predicted,
    measured,
    perCall,
    total,
    launch: Math.min(costs.launch, perCall),
  };
}

function otherRows({ others, absent }: OpenTiers, { runs, differences }: Observed): readonly AdvisedTier[] {
  const compared = others
    .filter(({ definition }) => !runs.has(definition.name))
    .map(({ definition: { name } }): AdvisedTier => {
      const why = differences.get(name);
      return why === undefined ? { name, state: 'not-compared' } : { name, state: 'differs', why };
    });
  const missing = absent.map(
    ({ name, why, command }): AdvisedTier => ({ name, state: 'absent', why, ...defined({ command }) }),
  );
  return [...compared, ...missing];
}
