import { join } from 'node:path';
import { ok, type Result } from '../../domain/result.ts';
import type { Mount } from '../../engine/engine.ts';
import { SCRATCH_AT } from '../../runtime/instance.ts';
import { type Bench, type CommandRun, openBench } from '../interleave.ts';
import type { OpenTier, OpenTiers } from './open.ts';

/** A script as a sandbox sees it. */
export interface Trial {
  readonly script: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
}

/** Tier → trial → its runs. */
export type Runs = ReadonlyMap<string, Readonly<Record<string, readonly CommandRun[]>>>;

/** Sandboxes of several tiers, each in a root that it starts in. */
export interface TierBenches extends AsyncDisposable {
  /**
   * Runs every trial in every tier, one tier after the other, and that `rounds` times: what disturbs the machine for
   * longer than a round disturbs all. Each run begins in an empty working folder.
   */
  run(trials: Readonly<Record<string, Trial>>, count: Count): Promise<Result<Runs>>;
  /** Runs one command in the root of a tier. */
  readonly of: (tier: string) => Bench;
}

export interface Count {
  readonly rounds: number;
  readonly warmUp: number;
  /** Tiers; absent: all. */
  readonly tiers?: readonly string[];
}

/** Opens a sandbox for each tier. The failures are those of the engine. */
export async function openTierBenches(
  { session, reference }: Pick<OpenTiers, 'session' | 'reference'>,
  tiers: readonly OpenTier[],
  { mounts, folder }: { readonly mounts: readonly Mount[]; readonly folder: string },
): Promise<Result<TierBenches>> {
  const engine = await session.engine();
  if (!engine.ok) return engine;
  const benches = new Map<string, Bench>();
  await using stack = new AsyncDisposableStack();
  for (const tier of new Set([reference, ...tiers])) {
    const { name } = tier.definition;
    const opened = await openBench(session.context, {
      engine: engine.value,
      rootfs: tier.rootfs,
      reference: tier.driver,
      targets: new Map([[name, tier.instance]]),
      mounts,
      log: join(folder, `bench-${name}.log`),
    });
    if (!opened.ok) return opened;
    benches.set(name, stack.use(opened.value));
  }
  const owned = stack.move();
  return ok({
    run: (trials, count) => runAlternately(benches, trials, count),
    of: (tier) => benchOf(benches, tier),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  });
}

async function runAlternately(
  benches: ReadonlyMap<string, Bench>,
  trials: Readonly<Record<string, Trial>>,
  { rounds, warmUp, tiers = [...benches.keys()] }: Count,
): Promise<Result<Runs>> {
  const all = new Map(tiers.map((tier) => [tier, Object.fromEntries(Object.keys(trials).map(emptyList))]));
  for (let round = 0; round < warmUp + rounds; round += 1) {
    for (const tier of tiers) {
      const ran = await benchOf(benches, tier).run(commandsOf(benches, tier, trials), {
        rounds: 1,
        warmUp: 0,
      });
      if (!ran.ok) return ran;
      if (round < warmUp) continue;
      for (const [name, runs] of Object.entries(ran.value)) all.get(tier)?.[name]?.push(...runs);
    }
  }
  return ok(all);
}

function emptyList(name: string): [string, CommandRun[]] {
  return [name, []];
}

function benchOf(benches: ReadonlyMap<string, Bench>, tier: string): Bench {
  const bench = benches.get(tier);
  if (bench === undefined) throw new Error(`the tier ${tier} is not open`);
  return bench;
}

function commandsOf(
  benches: ReadonlyMap<string, Bench>,
  tier: string,
  trials: Readonly<Record<string, Trial>>,
) {
  const command = benchOf(benches, tier).targets.get(tier);
  if (command === undefined) throw new Error(`the bench has no ${tier}`);
  return Object.fromEntries(
    Object.entries(trials).map(([name, { script, args = [], env, stdin = '' }]) => {
      const { argv, ...rest } = command(script, env);
      return [name, { ...rest, argv: [...argv, ...args], stdin, keep: true, empty: SCRATCH_AT }];
    }),
  );
}
