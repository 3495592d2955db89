import { join } from 'node:path';
import { defined } from '../domain/defined.ts';
import { ok, type Result } from '../domain/result.ts';
import type { TierDefinition, TierKind, Tiers } from '../domain/tier.ts';
import { TIERS } from './json-schema.ts';
import { load } from './load.ts';
import type { TiersFile } from './schemas.ts';

/** Reads `tiers/tiers.yaml`. */
export async function loadTiers(home: string): Promise<Result<Tiers>> {
  const loaded = await load<TiersFile, Tiers>(join(home, 'tiers', 'tiers.yaml'), TIERS, (read) => ({
    workloads: Object.entries(read.workloads).map(([name, { script, variable, rounds }]) => ({
      ...{ name, variable, rounds },
      script: join(home, script),
    })),
    tiers: Object.entries(read.tiers).map(([name, tier]) => tierOf(home, name, tier)),
  }));
  return loaded.ok ? ok(loaded.value.value) : loaded;
}

function tierOf(home: string, name: string, tier: TiersFile['tiers'][string]): TierDefinition {
  const { description, env } = tier;
  return { name, description, env, how: kindOf(home, tier) };
}

function kindOf(home: string, tier: TiersFile['tiers'][string]): TierKind {
  const { reference, recipe, python, image, program, gone } = tier;
  if (gone !== undefined) return { kind: 'gone', why: gone };
  if (image !== undefined && program !== undefined) return { kind: 'image', image, program };
  if (reference !== undefined) return { kind: 'interpreter', python: reference };
  if (recipe === undefined) throw new Error('the schema lets no tier be without a way');
  return {
    kind: 'recipe',
    recipe: recipe.includes('/') ? join(home, recipe) : recipe,
    ...defined({ python }),
  };
}
