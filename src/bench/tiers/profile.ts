import { join } from 'node:path';
import type { Samples } from '../../advise/mixture.ts';
import { ok, type Result } from '../../domain/result.ts';
import type { Mount } from '../../engine/engine.ts';
import { SCRATCH_AT } from '../../runtime/instance.ts';
import type { Bench } from '../interleave.ts';
import type { Trial } from './measure.ts';
import type { OpenTier } from './open.ts';

const PROFILE_AT = '/job/profile.py';

/** What a sandbox needs for `profileScript`. */
export const PROFILE_MOUNT = (home: string): Mount => ({
  kind: 'source',
  source: join(home, 'src', 'bench', 'tiers', 'profile.py'),
  at: PROFILE_AT,
});

/** What profile.py prints. */
export type Profile =
  | {
      /** Milliseconds of CPU time, and what they went into. */
      readonly ms: number;
      readonly samples: Samples;
      /** Modules that the script imports. */
      readonly modules: number;
      readonly extensions: readonly string[];
      /** Threads that it starts. */
      readonly threads: number;
    }
  | { readonly error: readonly [kind: string, message: string, line: number | null] };

/** Runs a script in the reference with samples of what it does; undefined where it ends in a way that leaves none. */
export async function profileScript(
  bench: Bench,
  { definition, instance }: OpenTier,
  { script, args = [], env, stdin = '' }: Trial,
): Promise<Result<Profile | undefined>> {
  const command = bench.targets.get(definition.name)?.(script, { ...instance.env, ...env });
  if (command === undefined) throw new Error(`the bench has no ${definition.name}`);
  const argv = [...command.argv.slice(0, -1), PROFILE_AT, script, ...args];
  const profile = { ...command, argv, stdin, keep: true, empty: SCRATCH_AT };
  const ran = await bench.run({ profile }, { rounds: 1, warmUp: 0 });
  if (!ran.ok) return ran;
  const text = ran.value.profile?.[0]?.stdout ?? '';
  try {
    return ok(JSON.parse(text) as Profile);
  } catch {
    return ok(undefined);
  }
}
