import { cpus } from 'node:os';
import { join, relative } from 'node:path';
import { completed, type TierCosts } from '../../advise/cost.ts';
import type { Samples } from '../../advise/mixture.ts';
import { err, ok, type Result } from '../../domain/result.ts';
import type { Workload } from '../../domain/tier.ts';
import type { Failure } from '../../failure.ts';
import { SUITE_AT } from '../../runtime/instance.ts';
import { digestFile } from '../../store/digest.ts';
import { fingerprint } from '../../store/fingerprint.ts';
import { fitLine } from '../fit.ts';
import type { CommandRun } from '../interleave.ts';
import { median } from '../measure.ts';
import { openTierBenches, type Runs, type Trial } from './measure.ts';
import type { OpenTier, OpenTiers } from './open.ts';
import { PROFILE_MOUNT, profileScript } from './profile.ts';

/** What was fitted to the workloads in a tier. */
export type Calibration = {
  readonly costs: TierCosts;
  /** Peak resident memory of a script that does nothing, kB. */
  readonly memory: number;
  /** Names of the workloads whose output differs from the reference's. */
  readonly differing: readonly string[];
};

export interface Calibrations {
  /** Tier → what was fitted. */
  readonly of: ReadonlyMap<string, Calibration>;
  /** Workload → what its time in the reference goes into. */
  readonly signatures: Readonly<Record<string, Samples>>;
}

const ROUNDS = 5;
const EMPTY = 'empty';
const EMPTY_SCRIPT = 'tiers/empty.py';

/**
 * The costs of the reference and of tiers: read from the store, or measured where it lacks them or `anew` is said. What is
 * measured at another time than the reference's kept costs is scaled by what the reference takes now.
 */
export async function calibrate(
  tiers: OpenTiers,
  { folder, anew = false, rounds = ROUNDS }: CalibrateOptions,
): Promise<Result<Calibrations>> {
  const { session, workloads, reference, others } = tiers;
  const { store } = session;
  const digests = await Promise.all(workloads.map(async ({ script }) => (await digestFile(script)).digest));
  const keyOf = (tier: OpenTier) => fingerprint(inputsOf(tier, workloads, digests));
  const all = [reference, ...others];
  const kept = new Map<string, Kept>();
  for (const tier of anew ? [] : all) {
    const value = await store.readResult<Kept>(keyOf(tier));
    if (value !== undefined) kept.set(tier.definition.name, value);
  }
  const { name } = reference.definition;
  const missing = all.filter(({ definition }) => !kept.has(definition.name));
  if (missing.length > 0) {
    const measured = await measure(tiers, missing, { folder, rounds });
    if (!measured.ok) return measured;
    const now = measured.value.get(name) as Kept;
    const before = kept.get(name) ?? now;
    for (const tier of missing) {
      const own = measured.value.get(tier.definition.name) as Kept;
      const value = {
        ...own,
        costs: scaled(own.costs, now.costs, before.costs),
        signatures: before.signatures,
      };
      kept.set(tier.definition.name, value);
      const written = await store.writeResult(keyOf(tier), value);
      if (!written.ok) return written;
    }
  }
  return ok({ of: kept, signatures: (kept.get(name) as Kept).signatures });
}

export interface CalibrateOptions {
  readonly folder: string;
  readonly anew?: boolean;
  readonly rounds?: number;
}

type Kept = Calibration & { readonly signatures: Readonly<Record<string, Samples>> };

function inputsOf(tier: OpenTier, workloads: readonly Workload[], digests: readonly string[]) {
  return {
    kind: 'costs of a tier',
    format: 1,
    runtime: tier.instance.key,
    env: tier.instance.env,
    workloads: workloads.map(({ name, rounds }, i) => [name, digests[i] as string, [...rounds]]),
    // A faster processor is not faster at all of them alike.
    processor: cpus()[0]?.model ?? '',
  };
}

async function measure(
  tiers: OpenTiers,
  missing: readonly OpenTier[],
  { folder, rounds }: { readonly folder: string; readonly rounds: number },
): Promise<Result<ReadonlyMap<string, Kept>>> {
  const { session, workloads, reference } = tiers;
  const { home } = session.context.settings;
  const source = join(home, 'runner', 'bench');
  const mounts = [{ kind: 'source', source, at: SUITE_AT } as const, PROFILE_MOUNT(home)];
  const opened = await openTierBenches(tiers, missing, { mounts, folder });
  if (!opened.ok) return opened;
  await using benches = opened.value;
  const runs = await benches.run(trialsOf(workloads, source), { rounds, warmUp: 1 });
  if (!runs.ok) return runs;
  const { name } = reference.definition;
  const failed = failureOf(runs.value, name);
  if (failed !== undefined) return err(failed);
  const signatures: Record<string, Samples> = {};
  for (const { name: workload, script, variable, rounds: sizes } of workloads) {
    const trial = { script: seenAt(source, script), env: { [variable]: String(sizes.at(-1)) } };
    const profile = await profileScript(benches.of(name), reference, trial);
    if (!profile.ok) return profile;
    if (profile.value !== undefined && 'samples' in profile.value)
      signatures[workload] = profile.value.samples;
  }
  const expected = runs.value.get(name) ?? {};
  const own = calibrationOf(workloads, expected, expected);
  const costs = [...runs.value].map(([tier, ran]): [string, Kept] => {
    const one = calibrationOf(workloads, ran, expected);
    return [tier, { ...one, costs: completed(one.costs, own.costs, one.differing), signatures }];
  });
  return ok(new Map(costs));
}

function trialsOf(workloads: readonly Workload[], source: string): Readonly<Record<string, Trial>> {
  const sized = workloads.flatMap(({ name, script, variable, rounds }) =>
    rounds.map((count): [string, Trial] => [
      trialName(name, count),
      { script: seenAt(source, script), env: { [variable]: String(count) } },
    ]),
  );
  return { [EMPTY]: { script: `${SUITE_AT}/${EMPTY_SCRIPT}` }, ...Object.fromEntries(sized) };
}

function seenAt(source: string, script: string): string {
  return `${SUITE_AT}/${relative(source, script)}`;
}

function trialName(workload: string, rounds: number): string {
  return `${workload} ${rounds}`;
}

function calibrationOf(
  workloads: readonly Workload[],
  runs: Readonly<Record<string, readonly CommandRun[]>>,
  expected: Readonly<Record<string, readonly CommandRun[]>>,
): Calibration {
  const empty = runs[EMPTY] ?? [];
  const cpu = (name: string): number => median((runs[name] ?? []).map((run) => run.cpu));
  const digest = (all: typeof runs, name: string): string | undefined => all[name]?.[0]?.digest;
  return {
    costs: {
      launch: cpu(EMPTY),
      steps: Object.fromEntries(
        workloads.map(({ name, rounds }) => {
          const { step } = fitLine(rounds.map((count) => [count, cpu(trialName(name, count))]));
          // Less than nothing is what noise makes of a step that is too short to be seen.
          return [name, Math.max(step, 1e-9)];
        }),
      ),
    },
    memory: median(empty.map((run) => run.peak)),
    differing: workloads
      .filter(({ name, rounds }) =>
        rounds.some(
          (count) => digest(runs, trialName(name, count)) !== digest(expected, trialName(name, count)),
        ),
      )
      .map(({ name }) => name),
  };
}

function scaled(costs: TierCosts, now: TierCosts, before: TierCosts): TierCosts {
  return {
    ...costs,
    launch: (costs.launch * before.launch) / now.launch,
    steps: Object.fromEntries(
      Object.entries(costs.steps).map(([name, step]) => [
        name,
        (step * (before.steps[name] ?? 1)) / (now.steps[name] ?? 1),
      ]),
    ),
  };
}

/** A workload that fails in the reference is a mistake in it. */
function failureOf(runs: Runs, reference: string): Failure | undefined {
  const failed = Object.entries(runs.get(reference) ?? {}).find(([, [run]]) => run?.status !== 0);
  if (failed === undefined) return undefined;
  const [name, [run]] = failed;
  return {
    code: 'engine/bench-run',
    what: `The workload ${name} ended with status ${run?.status} in the reference.`,
    fix: ['Check the reference: `provision doctor`.'],
    evidence: (run?.stderr ?? '').trimEnd().split('\n').slice(-5),
  };
}
