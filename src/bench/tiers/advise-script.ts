import { err, ok, type Result } from '../../domain/result.ts';
import type { Sample } from '../../domain/sample.ts';
import type { Mount } from '../../engine/engine.ts';
import { compare } from '../../run/compare.ts';
import { Inputs, type SampleInputs } from '../../run/inputs.ts';
import { commandOf, observe, type Run, type SampleExecutor } from '../../run/observe.ts';
import { executorOf } from '../../run/run.ts';
import { SUITE_AT } from '../../runtime/instance.ts';
import type { CommandRun } from '../interleave.ts';
import { type Advised, adviceFrom } from './advice.ts';
import type { Calibrations } from './calibrate.ts';
import { openTierBenches, type TierBenches, type Trial } from './measure.ts';
import type { OpenTier, OpenTiers } from './open.ts';
import { PROFILE_MOUNT, type Profile, profileScript } from './profile.ts';
import { endless, noSyntax } from './refusals.ts';

export interface AdviseOptions {
  readonly calls: number;
  /** Runs in each tier. */
  readonly rounds: number;
  /** Folder for logs. */
  readonly folder: string;
}

/**
 * Runs a script in the reference and in every tier, compares every byte, and says which tier to take.
 * Fails with `samples/advise-endless` where it does not end in the reference, and `usage/script-syntax`.
 */
export async function adviseScript(
  tiers: OpenTiers,
  calibrations: Calibrations,
  sample: Sample,
  options: AdviseOptions,
): Promise<Result<Advised>> {
  const { session, reference, others } = tiers;
  const { context, store } = session;
  const executor = executorOf(context, store, { engine: session.engine });
  const inputs = await new Inputs([sample]).of(sample);
  const expected = await observe(executor, reference.instance, sample, inputs);
  if (!expected.ok) return expected;
  if (expected.value.end !== 'itself') return err(endless(sample, expected.value));
  const opened = await openScript(tiers, sample, options.folder);
  if (!opened.ok) return opened;
  await using benches = opened.value;
  const trial = trialOf(reference, sample);
  const seen = await lookAt(benches, reference, trial);
  if (!seen.ok) return seen;
  const { profile, varies } = seen.value;
  if (profile !== undefined && 'error' in profile) return err(noSyntax(sample.file, profile.error));
  const compared =
    varies === undefined ? await compareAll(executor, others, sample, inputs, expected.value) : ok([]);
  if (!compared.ok) return compared;
  const equal = compared.value.flatMap(({ tier, difference }) => (difference === undefined ? [tier] : []));
  const runs = await benches.run({ script: trial }, countOf([reference, ...equal], options));
  if (!runs.ok) return runs;
  const differences = new Map(
    compared.value.map(({ tier, difference }) => [tier.definition.name, difference]),
  );
  return ok(
    adviceFrom(
      tiers,
      calibrations,
      { sample, profile, varies, differences, runs: runs.value },
      options.calls,
    ),
  );
}

function countOf(tiers: readonly OpenTier[], { rounds }: AdviseOptions) {
  return { rounds, warmUp: 0, tiers: tiers.map(({ definition }) => definition.name) };
}

function suiteOf({ suite, file }: Sample, { folder }: SampleInputs): Mount {
  return folder
    ? { kind: 'source', source: suite, at: SUITE_AT }
    : { kind: 'source', source: file, at: `${SUITE_AT}${file.slice(suite.length)}` };
}

/** The sandboxes of all tiers with a script and what lies beside it, as samples see them. */
export async function openScript(
  tiers: OpenTiers,
  sample: Sample,
  folder: string,
): Promise<Result<TierBenches>> {
  const inputs = await new Inputs([sample]).of(sample);
  const mounts = [suiteOf(sample, inputs), PROFILE_MOUNT(tiers.session.context.settings.home)];
  return openTierBenches(tiers, tiers.others, { mounts, folder });
}

/** The script as samples see it. */
export function trialOf({ instance }: OpenTier, sample: Sample): Trial {
  const [script = '', ...args] = commandOf(instance, sample).argv.slice(instance.command.length);
  return { script, args, stdin: sample.stdin };
}

interface Seen {
  readonly profile: Profile | undefined;
  /** What two runs in the reference differ in. */
  readonly varies: string | undefined;
}

/** What the script does in the reference, and whether it does the same twice. */
async function lookAt(benches: TierBenches, reference: OpenTier, trial: Trial): Promise<Result<Seen>> {
  const { name } = reference.definition;
  const profile = await profileScript(benches.of(name), reference, trial);
  if (!profile.ok) return profile;
  const twice = await benches.run({ script: trial }, { rounds: 2, warmUp: 0, tiers: [name] });
  if (!twice.ok) return twice;
  const [one, other] = twice.value.get(name)?.script ?? [];
  return ok({
    profile: profile.value,
    varies: one === undefined || other === undefined ? undefined : variation(one, other),
  });
}

function variation(one: CommandRun, other: CommandRun): string | undefined {
  if (one.digest === other.digest) return undefined;
  if (one.status !== other.status) return 'its exit status';
  return one.stdout !== other.stdout ? 'standard output' : 'standard error';
}

interface Compared {
  readonly tier: OpenTier;
  readonly difference: string | undefined;
}

async function compareAll(
  executor: SampleExecutor,
  tiers: readonly OpenTier[],
  sample: Sample,
  inputs: SampleInputs,
  expected: Run,
): Promise<Result<readonly Compared[]>> {
  const all = await Promise.all(
    tiers.map(async (tier): Promise<Result<Compared>> => {
      const run = await observe(executor, tier.instance, sample, inputs);
      if (!run.ok) return run;
      return ok({ tier, difference: compare(expected, run.value, sample.timeoutSeconds)?.reason });
    }),
  );
  const failed = all.find((one) => !one.ok);
  if (failed !== undefined && !failed.ok) return failed;
  return ok(all.flatMap((one) => (one.ok ? [one.value] : [])));
}
